//! `ask`: a model and its edit side by side.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::bench::Bench;

#[test]
fn a_prompt_is_continued_with_and_without_the_edit() {
    let bench = Bench::new();
    let data: Value = bench.data("ask model the --edit L1.fc_in@0 --max-tokens 3 --top 4");
    for side in ["base", "edited"] {
        let next = data[side]["next"].as_array().expect("tokens");
        assert_eq!(next.len(), 4);
        let likely: Vec<f64> = next.iter().map(|token| token["probability"].as_f64().expect("a number")).collect();
        assert!(likely.is_sorted_by(|a, b| a >= b) && likely[0] > 0.0 && likely.iter().sum::<f64>() <= 1.0);
        // The text begins with the likeliest token.
        let text = data[side]["text"].as_str().expect("a text");
        assert!(text.starts_with(next[0]["text"].as_str().expect("a text")), "{data}");
    }
    assert_ne!(data["base"]["next"], data["edited"]["next"]);
    let alone = bench.data("ask model the --max-tokens 3 --top 4");
    assert_eq!((&alone["base"], &alone["edited"]), (&data["base"], &Value::Null));
    let text = bench.done("ask model the --edit L1.fc_in@0").stdout;
    assert!(text.contains("without the edit:") && text.contains("with L1.gate_proj@0:"), "{text}");
    assert!(!bench.path("laser-run").exists(), "no file is written");
}

#[test]
fn prompts_come_from_stdin_too() {
    let bench = Bench::new();
    let mut child = bench.command("ask model --max-tokens 2 --json").stdin(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("piped").write_all(b"one\ntwo\n").expect("writes");
    let output = child.wait_with_output().expect("ends");
    let lines: Vec<Value> =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.iter().map(|line| line["prompt"].clone()).collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn what_cannot_be_asked_is_said() {
    let bench = Bench::new();
    bench.refused("ask model hello --chat", &["chat template"]);
    bench.refused("ask model hello --edit L9.fc_in@0.1", &["layers 0 to 2"]);
    bench.refused("ask nowhere hello", &["nowhere"]);
}
