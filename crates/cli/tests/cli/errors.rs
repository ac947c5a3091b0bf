//! Requests that cannot be met end with exit code 2, and say what was expected and what was found.

use crate::bench::Bench;
use crate::items;

fn bench() -> Bench {
    let bench = Bench::new();
    items::open(&bench, 10);
    bench
}

#[test]
fn models_that_are_none() {
    let bench = bench();
    bench.refused("inspect nowhere", &["nowhere", "no such path"]);
    bench.refused("inspect some-org/some-name", &["hf:some-org/some-name"]);
    bench.refused("inspect open.jsonl", &["open.jsonl", "expected a folder or a .gguf file"]);
    bench.write("weights.bin", "");
    bench.refused("inspect weights.bin", &["weights.bin", "pickle", "safe_serialization=True"]);
    std::fs::create_dir(bench.path("pickled")).expect("creates");
    std::fs::copy(bench.path("model/config.json"), bench.path("pickled/config.json")).expect("copies");
    bench.write("pickled/pytorch_model.bin", "");
    bench.refused("inspect pickled", &["pytorch_model.bin", "safe_serialization=True"]);
    std::fs::copy(bench.path("model/config.json"), bench.path("config.gguf")).expect("copies");
    bench.refused("inspect config.gguf", &["config.gguf"]);
    let config = bench.read("model/config.json").replace("\"llama\"", "\"rwkv\"");
    bench.write("model/config.json", &config);
    let known = ["config.json", "`model_type`", "llama", "gpt_neox", "rwkv", "docs/adding-an-architecture.md"];
    bench.refused("inspect model", &known);
}

#[test]
fn settings_of_a_model_that_are_not_implemented() {
    let bench = bench();
    let config = bench.read("model/config.json");
    for (from, to, expected) in [
        (
            "\"rope_theta\": 10000.0",
            "\"rope_scaling\": {\"rope_type\": \"spiral\"}",
            ["rope_scaling.rope_type", "spiral"],
        ),
        ("\"rope_theta\": 10000.0", "\"hidden_act\": \"mish\"", ["hidden_act", "mish"]),
        (
            "\"rope_theta\": 10000.0",
            "\"layer_types\": [\"linear_attention\", \"a\", \"b\"]",
            ["layer_types", "linear_attention"],
        ),
    ] {
        bench.write("model/config.json", &config.replace(from, to));
        bench.refused("inspect model", &expected);
    }
}

#[test]
fn models_that_fill_masks_need_one() {
    let bench = bench();
    let golden = |name: &str| format!("{}/../../goldens/families/{name}", env!("CARGO_MANIFEST_DIR"));
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(format!("{}/{file}", golden("roberta")), bench.path(&format!("model/{file}"))).expect("copies");
    }
    for entry in std::fs::read_dir(bench.path("model")).expect("lists").filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("model-") || name.ends_with("index.json") {
            std::fs::remove_file(entry.path()).expect("removes");
        }
    }
    // The tokenizer is that of a larger vocabulary, which is said first.
    let ran = bench.run("eval model --task open.jsonl --score top1");
    assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    for words in ["are beyond the model's vocabulary of 96", "\nerror: ", "item `1`", "no mask token"] {
        assert!(ran.stderr.contains(words), "no `{words}` in {ran:?}");
    }
}

#[test]
fn edits_that_fit_nothing() {
    let bench = bench();
    let eval = "eval model --task open.jsonl --score top1";
    bench.refused(&format!("{eval} --edit L0.fc_inn@0.1"), &["`fc_inn`", "gate_proj", "fc_in,"]);
    bench.refused(&format!("{eval} --edit L3.fc_in@0.1"), &["no layer 3", "layers 0 to 2"]);
    bench.refused(&format!("{eval} --edit L0.fc_in@1.5"), &["L0.fc_in@1.5"]);
    bench.refused(&format!("{eval} --edit L0.k_proj@r17"), &["largest rank of k_proj is 16"]);
    bench.refused(&format!("{eval} --edit missing.yaml"), &["missing.yaml"]);
    bench.write("bad.yaml", "laser_recipe: 1\nedits:\n- {layer: 9, matrix: fc_in, keep: '0.1'}\n");
    bench.refused(&format!("{eval} --edit bad.yaml"), &["no layer 9"]);
    bench.refused("apply model --edit L0.nothing@0.1 --out new", &["`nothing`", "down_proj"]);
    bench.refused("spectrum model --matrices nothing", &["`nothing`", "down_proj"]);
    let search = "search model --task open.jsonl --score top1";
    bench.refused(&format!("{search} --matrices nothing"), &["`nothing`", "down_proj"]);
    bench.refused(&format!("{search} --matrices L0.fc_in"), &["--layers"]);
    bench.refused(&format!("{search} --layers 2-3"), &["--layers", "layers 0 to 2"]);
    bench.refused(&format!("{search} --rho 0.5,two"), &["--rho", "`two`"]);
    bench.refused(&format!("{search} --protocol hopeful"), &["--protocol", "hopeful"]);
    assert!(!bench.path("laser-run").exists(), "nothing is begun");
}

#[test]
fn tasks_that_cannot_be_read() {
    let bench = bench();
    bench.refused("eval model --task world-fact", &["world-fact", "world-facts", "file of questions"]);
    bench.refused("eval model --task counterfact", &["--data", "counterfact"]);
    bench.refused("eval model --task open.jsonl --score best", &["--score", "top1", "`best`"]);
    bench.refused("eval model --task open.jsonl --score choice", &["item `1`", "needs choices"]);
    bench.refused("eval model --task open.jsonl --score top1 --match word", &["--match", "top1"]);
    bench.refused("eval model --task open.jsonl --split train", &["--split", "'train'", "validation"]);
    bench.refused("eval model --task open.jsonl --split-fractions 0.9,0.3", &["split fractions", "0.9"]);
    for (row, place) in [
        (r#"{"question": "q"}"#, "line 2, `answer`"),
        (r#"{"question": "q", "answer": []}"#, "line 2, `answer`"),
        (r#"{"question": "q", "answer": true}"#, "line 2, `answer`"),
        (r#"{"question": "q", "choices": ["a", "b"], "gold": 2}"#, "line 2, `gold`"),
        (r#"{"question": "q", "anwser": "a"}"#, "line 2, `anwser`"),
        (r#"{"question": "q""#, "line 2"),
    ] {
        bench.write("bad.jsonl", &format!("{{\"question\": \"q\", \"answer\": \"a\"}}\n{row}\n"));
        bench.refused("eval model --task bad.jsonl", &["bad.jsonl", place]);
    }
    bench.write("empty.jsonl", "\n");
    bench.refused("eval model --task empty.jsonl", &["empty.jsonl", "at least one"]);
    bench.write("long.jsonl", &format!("{{\"question\": \"{}\", \"answer\": \"a\"}}\n", "z".repeat(200)));
    bench.refused("eval model --task long.jsonl", &["item `1` (line 1)", "64 tokens"]);
    bench.refused("search model --task open.jsonl --score top1 --limit 1 --out run", &["open.jsonl", "split empty"]);
}

#[test]
fn settings_that_do_not_go_together() {
    let bench = bench();
    let eval = "eval model --task open.jsonl --score top1";
    bench.refused(&format!("{eval} --svd-seed 3"), &["--svd-seed", "--svd randomized"]);
    bench.refused(&format!("{eval} --svd exact --svd-seed 3"), &["--svd-seed", "--svd randomized"]);
    bench.refused(&format!("{eval} --svd fast"), &["--svd", "'fast'", "randomized"]);
    bench.refused(&format!("{eval} --device gpu"), &["--device", "`gpu`"]);
    bench.refused(&format!("{eval} --dtype f16"), &["--dtype", "f32"]);
    if !cfg!(feature = "cuda") {
        bench.refused(&format!("{eval} --device cuda"), &["--features cuda"]);
    }
    if !cfg!(feature = "metal") {
        bench.refused(&format!("{eval} --device metal"), &["--features metal"]);
    }
}

#[test]
fn folders_that_cannot_be_written_or_read() {
    let bench = bench();
    // Below a regular file, where not even the superuser can write.
    bench.refused("eval model --task open.jsonl --score top1 --out open.jsonl/run", &["open.jsonl/run"]);
    bench.refused("search model --task open.jsonl --score top1 --out open.jsonl/run", &["open.jsonl/run"]);
    bench.refused("report nowhere", &["nowhere/results.json"]);
    bench.write("results.json", "{}");
    bench.refused("report .", &["results.json", "base"]);
}

#[test]
fn the_command_line_itself() {
    let bench = bench();
    for wrong in ["", "evaluate", "eval model", "eval model --task open.jsonl --limit few", "apply --out x"] {
        let ran = bench.run(wrong);
        assert_eq!(ran.status.code(), Some(2), "{ran:?}");
        assert!(ran.stdout.is_empty() && ran.stderr.contains("--help"), "{ran:?}");
    }
    let help = bench.done("--help").stdout;
    for word in ["quickstart", "inspect", "search", "Exit codes: 0 done"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    assert!(bench.done("--version").stdout.starts_with("laser "));
}
