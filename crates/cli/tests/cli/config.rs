//! Configuration files, help, completions and man pages.

use crate::bench::Bench;
use crate::items;

const SEARCH: &str = "search model --task open.jsonl --score top1 --layers 1 --matrices fc_in --rho 0.5,0.1 \
                      --strategy exhaustive --no-side-effects";

fn bench() -> Bench {
    let bench = Bench::new();
    items::open(&bench, 60);
    bench
}

#[test]
fn a_file_gives_the_same_run_as_the_flags_and_the_command_line_wins() {
    let bench = bench();
    bench.done(&format!("{SEARCH} --out flags"));
    bench.write(
        "run.yaml",
        "model: model\ntask: [open.jsonl]\nscore: top1\nlayers: 1\nmatrices: fc_in\nrho: [0.5, 0.1]\n\
         strategy: exhaustive\nno-side-effects: true\nmax_trials:\nout: of_file\n",
    );
    bench.done("search --config run.yaml");
    assert_eq!(bench.settled("of_file/results.json"), bench.settled("flags/results.json"));
    bench.done("search --config run.yaml --rho 0.5 --out other");
    let of_file = bench.read("of_file/settings.yaml");
    assert!(of_file.contains("rho: 0.5,0.1") && of_file.contains("score: top1"), "{of_file}");
    assert!(bench.read("other/settings.yaml").contains("rho: '0.5'"), "{}", bench.read("other/settings.yaml"));

    for (text, expected) in [
        ("model: model\ntsak: open.jsonl\n", &["bad.yaml", "--tsak", "did you mean `task`?"][..]),
        ("model: model\nno-side-effects: 3\n", &["bad.yaml", "no-side-effects", "true or false", "3"]),
        ("model: model\ntask: {a: b}\n", &["bad.yaml", "task", "a: b"]),
        ("- model\n", &["bad.yaml", "max-time: 20m"]),
        ("command: eval\n", &["bad.yaml", "expected settings of laser search"]),
        ("a: [", &["bad.yaml"]),
    ] {
        bench.write("bad.yaml", text);
        bench.refused("search --config bad.yaml", expected);
    }
    bench.refused("search --config nowhere.yaml", &["nowhere.yaml"]);
}

#[test]
fn the_template_is_a_configuration_file() {
    let bench = bench();
    let template = bench.done("config search").stdout;
    for line in ["command: search", "# model:", "layers: '*'", "split-fractions: 0.4,0.2", "no-side-effects: false"] {
        assert!(template.lines().any(|other| other == line), "{line}: {template}");
    }
    bench.write("all.yaml", &template);
    bench.done(&format!("{SEARCH} --out flags"));
    bench.done(&format!("{SEARCH} --config all.yaml --out template"));
    assert_eq!(bench.settled("template/results.json"), bench.settled("flags/results.json"));
    bench.refused("config lab", &["search, ", "found `lab`"]);
}

#[test]
fn a_run_goes_on_with_its_own_settings() {
    let bench = bench();
    bench.refused("search --resume --out nowhere", &["--task"]);
    bench
        .refused(&format!("{SEARCH} --resume --out nowhere"), &["--resume", "nowhere", "expected the folder of a run"]);
    bench.done(&format!("{SEARCH} --out run"));
    let results = bench.settled("run/results.json");
    bench.done("search --resume --out run");
    assert_eq!(bench.settled("run/results.json"), results);
    bench.refused(&format!("{SEARCH} --out run"), &["--resume continues that run"]);
    bench.refused("search --resume --out run --rho 0.3", &["--rho was 0.5,0.1, is now 0.3"]);
    bench.refused("search --resume --out run --seed 5", &["--seed was 0, is now 5"]);
    assert_eq!(bench.settled("run/results.json"), results, "a refusal changes nothing");
    assert!(!bench.read("run/settings.yaml").contains("seed"), "nor the settings");
}

#[test]
fn help_is_short_or_whole_and_has_headings_and_examples() {
    let bench = Bench::new();
    let short = bench.done("search -h").stdout;
    let whole = bench.done("search --help").stdout;
    assert!(short.lines().count() < 72 && whole.lines().count() > 2 * short.lines().count(), "{short}");
    for text in ["Task:", "Search space:", "Output:", "Examples:", "laser search --resume --out run"] {
        assert!(short.contains(text), "{text}: {short}");
        assert!(whole.contains(text), "{text}: {whole}");
    }
    for text in ["Strategy:", "Budget:", "Proof:", "General:"] {
        assert!(whole.contains(text), "{text}: {whole}");
    }
    assert!(!whole.contains('\u{1b}'), "no colours without a terminal");
    assert!(bench.done("search --help --color always").stdout.contains('\u{1b}'));
    for shell in ["bash", "zsh", "fish"] {
        let script = bench.done(&format!("generate completions {shell}")).stdout;
        assert!(script.contains("laser") && script.contains("max-damage"), "{shell}");
    }
    bench.done("generate man --out pages");
    assert!(bench.read("pages/laser-search.1").contains("max\\-damage"));
    assert!(
        bench.read("pages/laser-corpus-count.1").starts_with(".ie"),
        "{}",
        bench.read("pages/laser-corpus-count.1")
    );
}

#[test]
fn values_are_taken_as_people_write_them() {
    let bench = bench();
    let edits = |arguments: &str| {
        let data = bench.data(&format!("search model --task open.jsonl --score top1 --dry-run {arguments}"));
        data["edits"].as_u64().expect("a number")
    };
    assert_eq!(edits("--layers 1 --matrices q,k,v --rho 50%,10%"), 6);
    assert_eq!(edits("--layers -1 --matrices q,k,v --rho 50%,10%"), 6);
    assert_eq!(edits("--layers 1- --matrices up --rho 1% --max-time 5min --memory 2GB"), 2);
    let edit =
        |edit: &str| bench.laser(&format!("eval model --task open.jsonl --score top1 --edit {edit}"))["edit"].clone();
    assert_eq!(edit("L-1.gate@10%"), "L2.gate_proj@0.1");
    bench.refused("eval model --task open.jsonl --edit L0.gate_prj@0.1", &["did you mean gate_proj?"]);
    bench.refused("eval model --task open.jsonl --threads 0", &["--threads"]);
    bench.refused("search model --task open.jsonl --layers 7-", &["--layers", "layers 0 to 2"]);
}

#[test]
fn a_dry_run_tries_nothing() {
    let bench = bench();
    let ran = bench.done(&format!("{SEARCH} --dry-run --out run"));
    for text in
        ["2: 1 layers × 1 matrices × 2 reductions", "exhaustive", "about", "iB of weights", "would write", "run"]
    {
        assert!(ran.stdout.contains(text), "{text}: {ran:?}");
    }
    assert!(ran.stderr.ends_with("a dry run: nothing was tried\n"), "{ran:?}");
    assert!(!bench.path("run").exists());
}
