//! Model folders with more than a model in them: what leads elsewhere is not copied, and what stands in place of a model
//! is named.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, names, number};
use crate::items;

const EDIT: &str = "L1.fc_in@0.1";
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab\nsize 538090408\n";
const PAGE: &str = "<!DOCTYPE html>\n<html><title>Sign in</title></html>\n";
const LORA: &str = r#"{"peft_type": "LORA", "base_model_name_or_path": "org/base-7b", "r": 8}"#;

fn bench() -> Bench {
    let bench = Bench::new();
    items::open(&bench, 40);
    bench
}

fn log_loss(bench: &Bench, arguments: &str) -> f64 {
    number(&bench.laser(&format!("eval {arguments} --task open.jsonl --score top1")), "scores.all.log_loss")
}

#[test]
fn files_that_lead_a_loader_elsewhere_are_left_out_and_named() {
    let bench = bench();
    let config = bench.read("model/config.json");
    let code = "  \"auto_map\": {\n    \"AutoModelForCausalLM\": \"org/other--modeling_x.X\"\n  },\n";
    bench.write("model/config.json", &config.replacen("{\n", &format!("{{\n{code}"), 1));
    fs::create_dir_all(bench.path("model/onnx")).expect("creates");
    let redirects = [
        ("adapter_config.json", LORA),
        ("adapter_model.safetensors", "x"),
        ("modeling_x.py", "raise SystemExit"),
        ("onnx/model.onnx", "x"),
        ("pytorch_model.bin", "x"),
        ("pytorch_model.bin.index.json", "{}"),
        ("quantize_config.json", "{\"bits\": 4}"),
        ("sha256-4d7a", "GGUF and more"), // GGUF without its ending
    ];
    for (name, text) in redirects.into_iter().chain([("notes.txt", "kept")]) {
        bench.write(&format!("model/{name}"), text);
    }
    let ran = bench.done(&format!("apply model --edit {EDIT} --out edited"));
    let written = bench.data(&format!("apply model --edit {EDIT} --out again"));
    assert_eq!(written["left_out"], serde_json::to_value(redirects.map(|(name, _)| name)).expect("names"));
    let notes = written["notes"].to_string();
    for words in [
        "left out adapter_config.json, adapter_model.safetensors: an adapter, with which loaders would take its base model",
        "left out quantize_config.json: settings of quantised weights",
        "left out modeling_x.py: code",
        "onnx/model.onnx, pytorch_model.bin, sha256-4d7a: unedited weights",
        "config.json: the key `auto_map` is removed",
    ] {
        assert!(notes.contains(words) && ran.stderr.contains(words), "no `{words}` in {notes}\n{ran:?}");
    }
    assert_eq!(bench.read("edited/config.json"), config, "all but the key stays, byte for byte");
    assert_eq!(bench.read("edited/notes.txt"), "kept");
    assert!(redirects.iter().all(|(name, _)| !bench.path("edited").join(name).exists()));
    assert!((log_loss(&bench, "edited") - log_loss(&bench, &format!("model --edit {EDIT}"))).abs() < 1e-5);

    // Reading warns: of the adapter, the quantisation and the code, when it is looked at and in the results.
    let warnings = ["`org/base-7b`", "quantize_config.json", "`auto_map` names code"];
    let inspected = bench.done("inspect model").stdout;
    let results = bench.laser("eval model --task open.jsonl --score top1")["notes"].to_string();
    assert!(
        warnings.iter().all(|words| inspected.contains(words) && results.contains(words)),
        "{inspected}\n{results}"
    );
    assert!(!bench.done("inspect edited").stdout.contains("note: "), "the copy has none of them");
}

#[test]
fn a_lora_folder_names_its_base_model() {
    let bench = bench();
    fs::create_dir(bench.path("lora")).expect("creates");
    bench.write("lora/adapter_config.json", LORA);
    bench.write("lora/adapter_model.safetensors", "x");
    let words = ["an adapter for the model `org/base-7b`", "hf:org/base-7b+adapter:"];
    bench.refused("inspect lora", &words);
    bench.refused("eval lora --task open.jsonl --score top1", &words);
    // Some trainers save the base model's configuration too.
    fs::copy(bench.path("model/config.json"), bench.path("lora/config.json")).expect("copies");
    bench.refused(&format!("apply lora --edit {EDIT} --out new"), &words);
    bench.refused("inspect lora/adapter_model.safetensors", &["an adapter", "BASE+adapter:DIR"]);
    bench.write("lora/adapter_config.json", "{");
    bench.refused("inspect lora", &["holds an adapter, not a model"]);
}

#[test]
fn pointers_and_pages_in_place_of_files_are_named() {
    let bench = bench();
    let shard = "model/model-00002-of-";
    let shard =
        names(&bench.path("model")).into_iter().map(|name| format!("model/{name}")).find(|n| n.starts_with(shard));
    let shard = shard.expect("a second shard");
    for (file, text, words) in [
        (shard.as_str(), POINTER, ["Git LFS pointer to a file of 538090408 bytes", "git lfs pull"]),
        (shard.as_str(), PAGE, ["a web page in place of the file", "download the file again"]),
        (shard.as_str(), "Entry not found", ["a text in place of weights", "\"Entry not found\""]),
        ("model/model.safetensors.index.json", POINTER, ["Git LFS pointer", "git lfs pull"]),
        ("model/model.safetensors.index.json", PAGE, ["a web page", "download"]),
        ("model/config.json", POINTER, ["Git LFS pointer", "git lfs pull"]),
        ("model/config.json", PAGE, ["a web page", "download"]),
    ] {
        let before = fs::read(bench.path(file)).expect("reads");
        bench.write(file, text);
        bench.refused("eval model --task open.jsonl --score top1", &[&[file][..], &words].concat());
        fs::write(bench.path(file), before).expect("writes");
    }
    for text in [POINTER, PAGE] {
        bench.write("pointer.gguf", text);
        bench.refused("inspect pointer.gguf", &["pointer.gguf", "found a"]);
    }
    bench.done("inspect model");
    // Without a tokenizer a model can be looked at; a task needs one.
    for text in [POINTER, PAGE] {
        bench.write("model/tokenizer.json", text);
        bench.refused("eval model --task open.jsonl --score top1", &["tokenizer.json", "found a"]);
        bench.done("inspect model");
    }
}

#[cfg(unix)]
mod links {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_that_leaves_the_folder_is_refused_before_anything_is_written() {
        for (name, target) in
            [("link", "/etc/passwd"), ("folder", "/etc"), ("parent", ".."), ("sub/deep", "../../open.jsonl")]
        {
            let bench = bench();
            fs::create_dir(bench.path("model/sub")).expect("creates");
            symlink(target, bench.path("model").join(name)).expect("links");
            let words = [name, "leads out of the model folder", "cp -L"];
            bench.refused(&format!("apply model --edit {EDIT} --out new"), &words);
            let search = "search model --task open.jsonl --score top1 --write-model better";
            bench.refused(search, &words);
            assert!(!bench.path("new").exists() && !bench.path("laser-run").exists());
        }
        for file in ["config.json", "model.safetensors.index.json"] {
            let bench = bench();
            let [inside, outside] = [bench.path("model").join(file), bench.path("elsewhere.json")];
            fs::rename(&inside, &outside).expect("moves");
            symlink(&outside, &inside).expect("links");
            bench.refused(&format!("apply model --edit {EDIT} --out new"), &[file, "leads out of the model folder"]);
        }
    }

    #[test]
    fn links_within_the_folder_and_a_circle_do_no_harm() {
        let bench = bench();
        for (name, target) in [("again.json", "config.json"), ("loop", "loop"), ("circle", "."), ("nowhere", "gone")] {
            symlink(target, bench.path("model").join(name)).expect("links");
        }
        let written = bench.data(&format!("apply model --edit {EDIT} --out edited"));
        assert_eq!(written["left_out"], serde_json::json!(["circle", "loop", "nowhere"]));
        assert_eq!(bench.read("edited/again.json"), bench.read("model/config.json"));
        let kind = fs::symlink_metadata(bench.path("edited/again.json")).expect("is there").file_type();
        assert!(kind.is_file(), "a copy, no link");
    }

    #[test]
    fn a_snapshot_of_the_hugging_face_cache_is_copied_through_its_blobs() {
        let bench = bench();
        let repository = bench.path("hub/models--org--name");
        let snapshot = repository.join("snapshots/0123");
        fs::create_dir_all(&snapshot).expect("creates");
        fs::create_dir_all(repository.join("blobs")).expect("creates");
        for name in names(&bench.path("model")) {
            fs::rename(bench.path("model").join(&name), repository.join("blobs").join(format!("b-{name}")))
                .expect("moves");
            symlink(format!("../../blobs/b-{name}"), snapshot.join(&name)).expect("links");
        }
        let folder = "hub/models--org--name/snapshots/0123";
        let written = bench.data(&format!("apply {folder} --edit {EDIT} --out edited"));
        assert_eq!((&written["left_out"], &written["notes"]), (&serde_json::json!([]), &serde_json::json!([])));
        assert!((log_loss(&bench, "edited") - log_loss(&bench, &format!("{folder} --edit {EDIT}"))).abs() < 1e-5);
    }

    #[test]
    fn a_name_that_is_not_utf8_is_left_out_with_a_note() {
        let bench = bench();
        let bad = |name: &[u8]| bench.path("model").join(Path::new(std::ffi::OsStr::from_bytes(name)));
        fs::write(bad(b"caf\xe9.txt"), "x").expect("writes");
        fs::create_dir(bad(b"d\xff")).expect("creates");
        fs::write(bad(b"d\xff").join("in.txt"), "x").expect("writes");
        let ran = bench.done(&format!("apply model --edit {EDIT} --out edited"));
        assert!(ran.stderr.contains("left out caf\u{fffd}.txt, d\u{fffd}: a name that is not UTF-8"), "{ran:?}");
        bench.done("eval model --task open.jsonl --score top1");
        let expected = names(&bench.path("model")).len() - 2 + 2; // less the two, with recipe and card
        assert_eq!(names(&bench.path("edited")).len(), expected);
    }
}

#[test]
fn targets_that_cannot_be_written_are_explained_before_the_work() {
    let bench = bench();
    let mut targets = vec![("open.jsonl/x".to_owned(), "open.jsonl is not a folder".to_owned())];
    if cfg!(target_os = "linux") {
        // Not even the superuser can write there; the system says "no such file or directory".
        targets.push(("/proc/x".to_owned(), "nothing can be created in /proc".to_owned()));
        targets.push(("/proc/x/y".to_owned(), "nothing can be created in /proc".to_owned()));
    }
    for (out, why) in &targets {
        let words = [out.as_str(), why, "choose a place that you may write to", "--out"];
        bench.refused(&format!("apply model --edit {EDIT} --out {out}"), &words);
        bench.refused(&format!("eval model --task open.jsonl --score top1 --out {out}"), &words);
        bench.refused(&format!("search model --task open.jsonl --score top1 --out {out}"), &words);
        bench.refused(
            &format!("search model --task open.jsonl --score top1 --write-model {out}"),
            &[words[0], words[1], "--write-model"],
        );
    }
    assert!(!bench.path("laser-run").exists());
}

#[test]
fn an_edit_that_removes_a_matrix_by_rounding_says_so() {
    let bench = bench();
    let edit = "L0.k_proj@0.05,L1.q_proj@0.1";
    let note = "L0.k_proj has rank 0: the edit removes the matrix: 0.05 of 16 rounds down to 0, and r1 keeps one";
    let evaluated = bench.laser(&format!("eval model --task open.jsonl --score top1 --edit {edit}"));
    assert!(evaluated["notes"].to_string().contains(note), "{}", evaluated["notes"]);
    let applied = bench.data(&format!("apply model --edit {edit} --out edited"));
    assert!(applied["notes"].to_string().contains(note), "{}", applied["notes"]);
    assert!(!applied["notes"].to_string().contains("q_proj"));
    for (reduction, cause) in [("bottom(0.01)", "rounds"), ("magnitude(0.01)", "rounds"), ("r0", ""), ("zero", "")] {
        let evaluated = bench.laser(&format!("eval model --task open.jsonl --score top1 --edit L0.k_proj@{reduction}"));
        let notes = evaluated["notes"].to_string();
        assert!(notes.contains("L0.k_proj has rank 0") && notes.contains(cause), "{reduction}: {notes}");
        assert_eq!(notes.contains("rounds"), !cause.is_empty(), "{reduction}: {notes}");
    }
}

#[test]
fn a_default_search_keeps_rank_one_and_the_paper_s_does_not() {
    let bench = bench();
    let search = |more: &str| -> Value {
        let search = "search model --task open.jsonl --score top1 --layers 0 --strategy exhaustive --no-side-effects";
        bench.data(&format!("{search} {more}"))
    };
    // Of 8 ρ: 0.01 of the five matrices of rank 32 rounds to 0, and 0.05 gives rank 1; of the two of rank 16, 0.05 and
    // 0.01 round to 0, and 0.1 gives rank 1.
    let default = search("--out default");
    assert_eq!(default["search"]["trials"], 5 * 7 + 2 * 6);
    let notes = default["notes"].to_string();
    assert!(
        notes.contains("0.01, 0.05 of the largest rank rounds down to 0") && notes.contains("rank 1 is"),
        "{notes}"
    );
    let paper = search("--protocol paper --out paper");
    assert_eq!(paper["search"]["trials"], 2 * 8, "the paper's list as it is");
    assert!(paper["notes"].to_string().contains("such edits remove the matrix"), "{}", paper["notes"]);
    let chosen = search("--rho 0.5,0.001 --out chosen");
    assert_eq!(chosen["search"]["trials"], 7 * 2, "a list that somebody chose stays");
    assert!(chosen["notes"].to_string().contains("0.001 of the largest rank rounds down to 0"), "{}", chosen["notes"]);
}
