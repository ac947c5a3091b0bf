//! `push` and `reproduce-run` against a local server of the Hub's protocol: what is uploaded, that it can be made again from
//! there, and that nothing is committed where something fails.

use std::process::Command;

use serde_json::Value;

use crate::bench::{Bench, Ran, names};
use crate::items;
use crate::upload_server::{Behaviour, READER, UploadServer, WRITER};

const PLANTED: &str = "L1.gate_proj@0.1";
const REPOSITORY: &str = "me/better";
/// The files of every upload.
const FILES: [&str; 5] = ["README.md", "recipe.yaml", "report.html", "reproduce.json", "results.json"];
const DELTA: &str = "laser-delta.safetensors";

/// A bench with a task whose best edit is [`PLANTED`], and a server that has the model as `org/base`.
fn bench(behaviour: Behaviour) -> (Bench, UploadServer) {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 120);
    let server = UploadServer::start(behaviour);
    server.add("org/base", &bench.path("model"));
    (bench, server)
}

/// The binary with this server as the Hub, and a token.
fn command(bench: &Bench, server: &UploadServer, arguments: &str, token: &str) -> Command {
    let mut command = bench.command(arguments);
    command.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", &server.endpoint);
    if !token.is_empty() {
        command.env("HF_TOKEN", token);
    }
    command
}

fn ran(bench: &Bench, server: &UploadServer, arguments: &str, token: &str) -> Ran {
    Ran::new(arguments, command(bench, server, arguments, token).output().expect("the binary starts"))
}

#[track_caller]
fn done(bench: &Bench, server: &UploadServer, arguments: &str) -> Ran {
    let ran = ran(bench, server, arguments, WRITER);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    ran
}

/// Runs, and expects an exit status and words on standard error.
#[track_caller]
fn fails(bench: &Bench, server: &UploadServer, arguments: &str, token: &str, status: i32, words: &[&str]) {
    let ran = ran(bench, server, arguments, token);
    assert_eq!(ran.status.code(), Some(status), "{ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "no `{word}` in {ran:?}");
    }
}

/// Searches the model `name` into the folder `run`.
fn search(bench: &Bench, server: &UploadServer, model: &str) {
    let search = format!(
        "search {model} --task planted.jsonl --score top1 --strategy exhaustive --layers 1 --matrices fc_in --rho 0.5,0.1 --out run"
    );
    done(bench, server, &search);
    assert_eq!(bench.json("run/results.json")["best"]["edit"], PLANTED);
}

/// The checks of a `reproduce-run` with `--json`, each as `WHAT: OUTCOME`.
fn checks(text: &str) -> Vec<String> {
    let found: Value = serde_json::from_str(text).expect("JSON");
    let checks = found["checks"].as_array().expect("checks").iter();
    checks.map(|check| format!("{}: {}", check["of"].as_str().unwrap(), check["outcome"].as_str().unwrap())).collect()
}

#[test]
fn a_pushed_run_is_described_and_can_be_made_again_from_there() {
    let (bench, server) = bench(Behaviour::default());
    search(&bench, &server, "hf:org/base");
    let before = names(&bench.path("run"));
    let dry = done(&bench, &server, &format!("push run {REPOSITORY} --dry-run")).stdout;
    for name in FILES.iter().chain(&[DELTA, REPOSITORY, "would be uploaded"]) {
        assert!(dry.contains(name), "no {name} in {dry}");
    }
    assert!(server.files(REPOSITORY).is_none() && server.requests("POST").is_empty(), "a dry run sends nothing");

    let pushed = done(&bench, &server, &format!("push run {REPOSITORY}"));
    assert!(pushed.stdout.contains(&format!("{}/{REPOSITORY}", server.endpoint)), "{pushed:?}");
    assert_eq!(names(&bench.path("run")), before, "no draft stays");
    let files = server.files(REPOSITORY).expect("created");
    let mut expected: Vec<&str> = FILES.iter().copied().chain([DELTA]).collect();
    expected.sort_unstable();
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    for name in ["recipe.yaml", "results.json", "report.html"] {
        assert_eq!(files[name], std::fs::read(bench.path("run").join(name)).expect("reads"), "{name}");
    }

    let card = server.text(REPOSITORY, "README.md");
    for words in [
        "base_model: org/base",
        "tags:\n- laser\n",
        "# org/base, rank-reduced",
        "`gate_proj`",
        "The gain is real",
        "McNemar",
        "## Side effects\n\n- gains 0.04 nats a token on ordinary text (95 % ",
        &format!("laser apply hf:org/base@{} --edit {DELTA}", "0".repeat(39) + "1"),
        "laser reproduce-run me/better\n",
    ] {
        assert!(card.contains(words), "no `{words}` in {card}");
    }
    assert!(!card.contains("library_name"), "transformers cannot load a delta: {card}");

    let record: Value = serde_json::from_str(&server.text(REPOSITORY, "reproduce.json")).expect("JSON");
    assert_eq!((&record["laser_reproduce"], &record["edit"]), (&1.into(), &PLANTED.into()));
    assert_eq!(record["base_model"]["sha256"], bench.json("run/results.json")["manifest"]["model"]["sha256"]);
    assert_eq!(record["settings"]["matrices"], "fc_in");
    assert_eq!(record["tensors"][0]["tensor"], "model.layers.1.mlp.gate_proj.weight");
    assert_eq!(record["files"].as_array().map(Vec::len), Some(5));

    // The pushed delta is an edit like any other.
    std::fs::write(bench.path("pushed.safetensors"), &files[DELTA]).expect("writes");
    bench.done("apply model --edit pushed.safetensors --out better");
    bench.done("apply model --edit run/recipe.yaml --out same");
    for name in names(&bench.path("same")).iter().filter(|name| name.ends_with(".safetensors")) {
        let read = |folder: &str| std::fs::read(bench.path(folder).join(name)).expect("reads");
        assert_eq!(read("better"), read("same"), "{name}");
    }

    // Somebody else, with an empty cache.
    let mut again = command(&bench, &server, &format!("reproduce-run {REPOSITORY} --search --json"), "");
    again.env("LASER_CACHE", bench.path("elsewhere")).env("HF_HOME", bench.path("elsewhere"));
    let again = Ran::new("again", again.output().expect("starts"));
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    let tensor = "model.layers.1.mlp.gate_proj.weight";
    let expected = [
        "laser-delta.safetensors: same".to_owned(),
        "recipe.yaml: same".to_owned(),
        "results.json: same".to_owned(),
        "base model: same".to_owned(),
        format!("{tensor}, from the delta: same"),
        format!("{tensor}, computed again: same"),
        "results of the search, run again: same".to_owned(),
    ];
    assert_eq!(checks(&again.stdout), expected);
}

#[test]
fn what_differs_is_named_and_the_exit_status_is_1() {
    let (bench, server) = bench(Behaviour::default());
    search(&bench, &server, "hf:org/base");
    done(&bench, &server, &format!("push run {REPOSITORY}"));
    let record = server.text(REPOSITORY, "reproduce.json");
    // Alone, the file is enough; nothing else is at hand then.
    std::fs::create_dir(bench.path("alone")).expect("creates");
    bench.write("alone/reproduce.json", &record);
    let alone = done(&bench, &server, "reproduce-run alone/reproduce.json --json");
    assert_eq!(checks(&alone.stdout).len(), 2, "{alone:?}");
    let mut parsed: Value = serde_json::from_str(&record).expect("JSON");
    let tensor = parsed["tensors"][0]["tensor"].as_str().expect("a name").to_owned();
    parsed["tensors"][0]["sha256"] = "0".repeat(64).into();
    bench.write("alone/reproduce.json", &parsed.to_string());
    fails(&bench, &server, "reproduce-run alone", "", 1, &["exit status 1", &tensor]);

    // Another base model, of the same shapes.
    let mut other = std::fs::read(bench.path("model/tokenizer.json")).expect("reads");
    other.push(b'\n');
    std::fs::create_dir(bench.path("other")).expect("creates");
    for name in names(&bench.path("model")) {
        std::fs::copy(bench.path("model").join(&name), bench.path("other").join(&name)).expect("copies");
    }
    std::fs::write(bench.path("other/tokenizer.json"), other).expect("writes");
    bench.write("alone/reproduce.json", &record);
    fails(&bench, &server, "reproduce-run alone --model other", "", 1, &["exit status 1: ", "base model"]);

    // Results that somebody changed, and a task that is another.
    let results = server.text(REPOSITORY, "results.json").replace("\"broken\": ", "\"broken\": 1");
    server.put(REPOSITORY, "results.json", results.as_bytes());
    fails(&bench, &server, &format!("reproduce-run {REPOSITORY}"), "", 1, &["results.json"]);
    let search = format!("reproduce-run {REPOSITORY} --search");
    fails(&bench, &server, &search, "", 1, &["results of the search, run again"]);
    let told = ran(&bench, &server, &search, "").stdout;
    assert!(told.contains("other values at test.broken"), "{told}");
    items::open(&bench, 60);
    let told = ran(&bench, &server, &format!("{search} --task open.jsonl"), "").stdout;
    assert!(told.contains("not run, because the items are others"), "{told}");
    server.put(REPOSITORY, DELTA, b"no tensors");
    fails(&bench, &server, &format!("reproduce-run {REPOSITORY}"), "", 1, &[DELTA]);
}

#[test]
fn a_base_model_on_this_machine_must_be_named_by_others() {
    let (bench, server) = bench(Behaviour::default());
    search(&bench, &server, "model");
    let pushed = done(&bench, &server, &format!("push run {REPOSITORY} --with none"));
    assert!(pushed.stderr.contains("a place on this machine"), "{pushed:?}");
    let files = server.files(REPOSITORY).expect("created");
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), FILES);
    let card = server.text(REPOSITORY, "README.md");
    for words in ["on the author's machine", "--model BASE_MODEL", "laser apply BASE_MODEL --edit recipe.yaml"] {
        assert!(card.contains(words), "no `{words}` in {card}");
    }
    assert!(!card.contains("base_model:"), "{card}");
    fails(&bench, &server, &format!("reproduce-run {REPOSITORY}"), "", 2, &["--model: needed", "SHA-256"]);
    done(&bench, &server, &format!("reproduce-run {REPOSITORY} --model model"));
    // In the folder of the run, the model is where the search found it; nothing was recorded of its tensors.
    let own = done(&bench, &server, "reproduce-run run --search --json");
    let own = checks(&own.stdout);
    assert!(own.contains(&"base model: same".to_owned()), "{own:?}");
    assert!(own.iter().any(|check| check.ends_with("computed again: not-compared")), "{own:?}");
    assert!(own.contains(&"results of the search, run again: same".to_owned()), "{own:?}");
}

#[test]
fn the_whole_model_is_uploaded_in_parts_and_attempts_are_repeated() {
    let (bench, server) = bench(Behaviour { chunk: Some(40_000), failures: 2, ..Behaviour::default() });
    search(&bench, &server, "model");
    done(&bench, &server, &format!("push run {REPOSITORY} --with dense --private"));
    assert!(server.is_private(REPOSITORY));
    assert!(!server.requests("PUT /storage/").is_empty() && !server.requests("POST /complete/").is_empty());
    bench.done("apply model --edit run/recipe.yaml --out same");
    let files = server.files(REPOSITORY).expect("created");
    for name in names(&bench.path("same")).iter().filter(|name| name.ends_with(".safetensors")) {
        assert_eq!(files[name], std::fs::read(bench.path("same").join(name)).expect("reads"), "{name}");
    }
    let card = server.text(REPOSITORY, "README.md");
    assert!(card.contains("library_name: transformers") && card.contains("from_pretrained(folder)"), "{card}");
    // Once more: what the Hub has is not sent again.
    let sent = server.requests("PUT").len();
    done(&bench, &server, &format!("push run {REPOSITORY} --with dense --private"));
    assert_eq!(server.requests("PUT").len(), sent);
}

#[test]
fn refusals_say_what_to_do_and_commit_nothing() {
    let (bench, server) = bench(Behaviour::default());
    search(&bench, &server, "model");
    let push = format!("push run {REPOSITORY}");
    fails(&bench, &server, &push, "", 2, &["HF_TOKEN", "hf auth login"]);
    fails(&bench, &server, &push, "hf_unknown", 2, &["401", "not accepted", "Invalid credentials"]);
    fails(&bench, &server, &push, READER, 2, &["403", "may not write to me/better", "You need the right to write"]);
    fails(&bench, &server, &format!("{push} --offline"), WRITER, 2, &["offline"]);
    fails(&bench, &server, "push run better", WRITER, 2, &["ORG/NAME", "no slash"]);
    fails(&bench, &server, &format!("push nowhere {REPOSITORY}"), WRITER, 2, &["nowhere", "no results.json"]);
    fails(&bench, &server, "reproduce-run nowhere", "", 2, &["nowhere", "reproduce.json"]);
    fails(&bench, &server, "reproduce-run org/base", "", 2, &["expected reproduce.json"]);
    fails(&bench, &server, &format!("{push} --model org/base/x"), WRITER, 2, &["--model"]);
    assert!(server.files(REPOSITORY).is_none(), "nothing was created");

    // A server that fails at any point before the commit leaves the branch as it was.
    for fail_at in ["/preupload/", "/info/lfs/objects/batch", "/storage/", "/info/lfs/verify", "/commit/"] {
        server.behave(Behaviour { fail_at: Some(fail_at), ..Behaviour::default() });
        fails(&bench, &server, &push, WRITER, 2, &["500", "the server failed", "may be run again"]);
        assert!(server.files(REPOSITORY).expect("created").is_empty(), "{fail_at}");
    }
    server.behave(Behaviour::default());
    fails(&bench, &server, &format!("{push} --private"), WRITER, 2, &["expected a private repository"]);
    // A token for this repository alone may not create one, and yet write to it.
    server.behave(Behaviour { creates_nothing: true, ..Behaviour::default() });
    done(&bench, &server, &push);
    assert_eq!(server.files(REPOSITORY).expect("written").len(), 6);
    fails(&bench, &server, "push run me/other", WRITER, 2, &["403"]);
}

#[test]
fn unfinished_runs_and_runs_without_an_edit_are_refused() {
    let (bench, server) = bench(Behaviour::default());
    search(&bench, &server, "model");
    let results = bench.read("run/results.json");
    std::fs::remove_file(bench.path("run/results.json")).expect("removes");
    fails(&bench, &server, "push run me/better", WRITER, 2, &["not finished", "resume"]);
    bench.write("run/results.json", &results);
    // A model that is not the one of the search.
    std::fs::write(bench.path("model/tokenizer_config.json"), "{}").expect("writes");
    fails(&bench, &server, "push run me/better", WRITER, 2, &["SHA-256", "name the model of the search"]);
    std::fs::remove_file(bench.path("model/tokenizer_config.json")).expect("removes");
    bench.done(&format!("eval model --task planted.jsonl --score top1 --edit {PLANTED} --out scored"));
    fails(&bench, &server, "push scored me/better", WRITER, 2, &["found that of an evaluation"]);
    let none = results.replace(&format!("\"edit\": \"{PLANTED}\""), "\"edit\": \"none\"");
    assert_ne!(none, results);
    bench.write("run/results.json", &none);
    fails(&bench, &server, "push run me/better", WRITER, 2, &["proposes no edit", "nothing to share"]);
    assert!(server.requests("POST").is_empty());
}
