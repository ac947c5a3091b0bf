//! Files of questions as strangers bring them: every file in `tests/strangers/data` is read as the text beside it says
//! (`NAME.expected.json`), by the real binary, and answered by the tiny model.
//!
//! A text has `arguments` for the command; `layout`, `items`, `not_read`, `beside` and `notes`, as far as they matter; or `error`,
//! words of the refusal, and `skip_bad`, what comes of the same with `--skip-bad`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::Bench;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/strangers/data")
}

/// The files, each with what is expected of it.
fn files() -> Vec<(String, Value)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder()).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        if name.ends_with(".expected.json") {
            continue;
        }
        let stem = name.rsplit_once('.').expect("an extension").0;
        let expected = std::fs::read_to_string(folder().join(format!("{stem}.expected.json"))).expect(&name);
        let expected = serde_json::from_str(&expected).expect(stem);
        files.push((name, expected));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().map_or_else(Vec::new, |list| list.iter().map(|text| text.as_str().expect("a text")).collect())
}

/// Standard output and error of a command, and whether it was done.
fn run(bench: &Bench, before: &[&str], name: &str, expected: &Value, after: &[&str]) -> (String, String, bool) {
    let mut command = bench.command("");
    let arguments = [before, &[name], &texts(&expected["arguments"]), after].concat();
    let output = command.args(arguments).output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let done = output.status.success();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(!err.contains("panicked"), "{name}: {err}");
    assert!(done || (output.status.code() == Some(2) && out.is_empty()), "{name}: {out} {err}");
    (out, err, done)
}

#[track_caller]
fn check_words(name: &str, words: &Value, text: &str) {
    for word in texts(words) {
        assert!(text.contains(word), "{name}: no `{word}` in {text}");
    }
}

/// Every key of `expected` has this value in `found`.
fn check_item(name: &str, expected: &Value, found: &Value) {
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&found[key], value, "{name}: {key} of {found}");
    }
}

#[test]
fn files_are_read_as_they_come() {
    let bench = Bench::new();
    let files = files();
    assert!(files.len() > 40);
    for (name, expected) in &files {
        std::fs::copy(folder().join(name), bench.path(name)).expect("copies");
        let show = ["tasks", "show"];
        let (out, err, done) = run(&bench, &show, name, expected, &["--json"]);
        if let Some(error) = expected.get("error") {
            assert!(!done, "{name}: {out}");
            check_words(name, error, &err);
            if let Some(lenient) = expected.get("skip_bad") {
                check_lenient(&bench, name, expected, lenient);
            }
            continue;
        }
        assert!(done, "{name}: {err}");
        let found: Value = serde_json::from_str(&out).expect(name);
        let items = expected["items"].as_array().expect(name);
        assert_eq!(found["items"], items.len(), "{name}");
        for (expected, found) in items.iter().zip(found["first"].as_array().expect(name)) {
            check_item(name, expected, found);
        }
        if let Some(layout) = expected.get("layout") {
            assert_eq!(&found["layouts"][0]["name"], layout, "{name}");
        }
        for (key, of) in [("not_read", "not_read"), ("beside", "beside_the_records"), ("notes", "notes")] {
            if let Some(value) = expected.get(key) {
                assert_eq!(&found[of], value, "{name}: {key}");
            }
        }
        // The same for people: the first prompt stands in it, and the right choice is marked.
        let (out, err, done) = run(&bench, &show, name, expected, &[]);
        assert!(done && out.contains(&format!("{name}: {} item", items.len())), "{name}: {out} {err}");
        assert!(out.contains("read as \"") && out.contains("score: "), "{name}: {out}");
        for item in items.iter().take(3) {
            let line = item["prompt"].as_str().expect("a prompt").lines().next().unwrap_or_default();
            assert!(out.contains(line), "{name}: no `{line}` in {out}");
        }
    }
}

fn check_lenient(bench: &Bench, name: &str, expected: &Value, lenient: &Value) {
    let (out, err, done) = run(bench, &["tasks", "show"], name, expected, &["--json", "--skip-bad"]);
    if let Some(error) = lenient.get("error") {
        assert!(!done, "{name}: {out}");
        return check_words(name, error, &err);
    }
    let found: Value = serde_json::from_str(&out).expect(name);
    assert_eq!(found["items"], lenient["items"], "{name}");
    let skipped = found["skipped"].to_string();
    check_words(name, &lenient["skipped"], &skipped);
}

#[test]
fn files_are_answered_as_they_come() {
    let bench = Bench::new();
    // One run for all layouts of a kind would hide which file fails; one for each is quick with the tiny model.
    for (name, expected) in files().into_iter().filter(|(_, expected)| expected.get("error").is_none()) {
        std::fs::copy(folder().join(&name), bench.path(&name)).expect("copies");
        let n = expected["items"].as_array().expect("items").len();
        let (out, err, done) = run(&bench, &["eval", "model", "--task"], &name, &expected, &["--json"]);
        assert!(done, "{name}: {err}");
        let results: Value = serde_json::from_str(&out).expect(&name);
        assert_eq!(results["laser"]["scores"]["all"]["n"], n, "{name}");
        for name in texts(&expected["not_read"]) {
            assert!(err.contains("not read: ") && err.contains(name), "{err}");
        }
    }
}
