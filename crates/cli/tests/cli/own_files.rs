//! A user's own files beyond their layout: standard input, paths with commas, misspelled names, lengths, and the text between
//! prompt and answer.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::bench::{Bench, number};

#[test]
fn a_file_may_come_from_standard_input() {
    let bench = Bench::new();
    let lines =
        "{\"question\": \"Sky is\", \"answer\": \"blue\"}\n{\"question\": \"Snow is\", \"answer\": \"white\"}\n";
    bench.write("q.jsonl", lines);
    let piped = |arguments: &str, input: &[u8]| {
        let mut child = bench.command(arguments).stdin(Stdio::piped()).spawn().expect("the binary starts");
        child.stdin.take().expect("a pipe").write_all(input).expect("writes");
        let output = child.wait_with_output().expect("ends");
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("UTF-8"),
            String::from_utf8(output.stderr).expect("UTF-8"),
        )
    };
    let eval = |task: &str| format!("eval model --task {task} --score greedy --json");
    let from_file = bench.data(&eval("q.jsonl").replace(" --json", ""));
    let table = b"question,answer\nSky is,blue\nSnow is,white\n";
    for (input, name) in [(lines.as_bytes(), "stdin.json"), (table, "stdin.csv")] {
        let (code, out, err) = piped(&eval("-"), input);
        assert_eq!(code, Some(0), "{err}");
        let found: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(found["laser"]["scores"], from_file["laser"]["scores"]);
        let (_, out, _) = piped("tasks show - --json", input);
        assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON")["name"], name);
    }
    let (code, _, err) = piped("eval model --task -", b"{\"question\": \"q\"}\n");
    assert!(code == Some(2) && err.contains("stdin.json: line 1, `answer`"), "{err}");
    // Nothing at all.
    bench.refused("eval model --task -", &["stdin.json", "at least one"]);
}

#[test]
fn a_comma_may_stand_in_a_path() {
    let bench = Bench::new();
    for name in ["facts,2024.jsonl", "more.jsonl"] {
        bench.write(name, "{\"question\": \"Sky is\", \"answer\": \"blue\"}\n");
    }
    let n = |tasks: &str| bench.laser(&format!("eval model --score top1 --task {tasks}"))["scores"]["all"]["n"].clone();
    assert_eq!(n("facts,2024.jsonl"), 1);
    assert_eq!(n("facts,2024.jsonl,more.jsonl"), 2);
    assert_eq!(n("more.jsonl,facts,2024.jsonl"), 2);
    bench.write("known,1000.json", r#"[{"known_id": 0, "subject": "sky", "attribute": "blue", "prompt": "Sky is"}]"#);
    assert_eq!(n("known-1000 --data known,1000.json"), 1);
    bench.refused("eval model --task facts,2025.jsonl", &["no such task", "found `facts`"]);
}

#[test]
fn a_misspelled_task_is_recognised() {
    let bench = Bench::new();
    for (written, meant) in [("world-fact", "world-facts"), ("counterfacts", "counterfact"), ("arc-esay", "arc-easy")] {
        bench.refused(&format!("eval model --task {written}"), &["no such task", &format!("did you mean `{meant}`?")]);
        bench.refused(&format!("tasks show {written}"), &["no such task", &format!("did you mean `{meant}`?")]);
    }
    let ran = bench.run("tasks show entirely-different");
    assert!(ran.stderr.contains("no such task: expected") && !ran.stderr.contains("did you mean"), "{ran:?}");
}

#[test]
fn settings_of_files_belong_to_files() {
    let bench = Bench::new();
    bench.write("q.jsonl", "{\"question\": \"Sky is\", \"answer\": \"blue\", \"n\": 1}\n");
    bench.refused("tasks show arc-easy --prompt x", &["--prompt", "only files of questions"]);
    bench.refused("eval model --task world-facts --gold x", &["--gold", "only files of questions"]);
    bench.refused("tasks show q.jsonl --records a", &["--records", "only a JSON document"]);
    bench.refused("tasks show q.jsonl --answer n --gold n", &["--answer", "either an answer"]);
    bench.refused("tasks show q.jsonl --choices n --prompt n", &["line 1, `choices`", "expected a list"]);
    // A template that nothing reads would change nothing without a word.
    bench.refused("tasks show q.jsonl --gold n", &["line 1, `choices`: expected this field"]);
    bench.write("s.jsonl", "{\"statement\": \"Snow is white.\", \"label\": 1}\n");
    bench.refused("tasks show s.jsonl --choices ['a','b']", &["line 1, `choices`", "does not read it"]);
    let results = bench.laser("eval model --task q.jsonl --score greedy --prompt question --target-delimiter =");
    let config = results["manifest"]["config"].to_string();
    assert!(config.contains("\"prompt\":\"question\"") && config.contains("\"target_delimiter\":\"=\""), "{results}");
}

#[test]
fn an_item_that_is_too_long_is_left_out_and_counted() {
    let bench = Bench::new();
    let row = |question: String| format!("{}\n", json!({"question": question, "answer": "a"}));
    let rows = [row("Sky".to_owned()), row("z".repeat(200)), row("Snow".to_owned())].concat();
    bench.write("long.jsonl", &rows);
    let eval = "eval model --task long.jsonl --score greedy";
    bench.refused(eval, &["long.jsonl", "item `2` (line 2)", "at most 64 tokens"]);
    let ran = bench.done(&format!("{eval} --skip-bad --json"));
    let words = ["long.jsonl: 1 row left out: long.jsonl: item `2` (line 2): expected at most 64 tokens"];
    assert!(ran.stderr.contains(words[0]), "{ran:?}");
    let results: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(results["laser"]["scores"]["all"]["n"], 2);
    bench.write("all.jsonl", &row("z".repeat(200)));
    bench.refused("eval model --task all.jsonl --skip-bad", &["all.jsonl", "all of them too long"]);
    // Of a YAML task, its targets stay beside its items.
    bench.write(
        "long.yaml",
        "task: long\ndataset_path: json\ndataset_kwargs: {data_files: {test: long.jsonl}}\ntest_split: test\n\
         output_type: multiple_choice\ndoc_to_text: question\ndoc_to_target: 0\ndoc_to_choice: [a, b]\n",
    );
    bench.done("eval model --task long.yaml --skip-bad --out long");
    let samples = bench.samples("long/samples_long.jsonl");
    let ids: Vec<&Value> = samples.iter().map(|sample| &sample["doc"]["question"]).collect();
    assert_eq!(ids, [&json!("Sky"), &json!("Snow")]);
}

#[test]
fn generated_texts_are_as_long_as_the_answers() {
    let bench = Bench::new();
    let row = |answer: &str| format!("{}\n", json!({"question": "Sky", "answer": answer, "id": answer}));
    // One token for each byte.
    bench.write("long.jsonl", &[row("blue"), row("of a pale blue colour")].concat());
    let notes = |flags: &str| {
        let results = bench.laser(&format!("eval model --task long.jsonl {flags}"));
        (results["notes"].to_string(), results["tasks"][0].clone())
    };
    let (text, _) = notes("");
    assert!(text.contains("up to 17 are generated (the setting `max-tokens`)") && !text.contains("never"), "{text}");
    let (text, _) = notes("--max-tokens 12");
    assert!(text.contains("1 of 2 items can never be right") && text.contains("the 12 tokens"), "{text}");
    assert!(!notes("--max-tokens 30").0.contains("max-tokens"));
    assert!(!notes("--score greedy").0.contains("max-tokens"));
}

#[test]
fn the_question_is_the_prompt_as_it_stands() {
    let bench = Bench::new();
    let ask = |question: &str, more: &str| {
        let name = "q.jsonl";
        let row = json!({"question": question, "answer": "blue"});
        bench.write(name, &format!("{row}\n"));
        bench.done(&format!("eval model --task {name} --out out --force {more}"));
        let sample = bench.evaluated("out", "q").remove(0);
        (sample["prompt"].as_str().expect("a prompt").to_owned(), number(&sample, "logprob"), sample)
    };
    let (prompt, with_line_end, _) = ask("Sky:\n", "--score greedy");
    assert_eq!(prompt, "Sky:\n");
    // A line end is read as part of the prompt: the answer has the same probability as after a delimiter of none.
    let (_, spelled, _) = ask("Sky:\n", "--score greedy --target-delimiter=");
    assert_eq!(with_line_end, spelled);
    let (_, without, _) = ask("Sky:", "--score greedy");
    assert!((with_line_end - without).abs() > 1e-6);
    // A blank at the end is the blank before the answer, whichever of the two brings it.
    let (prompt, ends_in_blank, _) = ask("Sky is ", "--score greedy");
    let (_, plain, _) = ask("Sky is", "--score greedy");
    assert_eq!((prompt.as_str(), ends_in_blank), ("Sky is ", plain));
    let results = bench.laser("eval model --task q.jsonl --score greedy");
    assert!(!results["notes"].to_string().contains("end in a blank"));
    bench.write("q.jsonl", &format!("{}\n", json!({"question": "Sky is ", "answer": "blue"})));
    let results = bench.laser("eval model --task q.jsonl --score top1");
    assert!(results["notes"].to_string().contains("1 question ends in a blank, which the score top1"), "{results}");
    // Generated texts follow the blank itself.
    let (_, _, generated) = ask("Sky is ", "--score generate");
    assert_eq!(generated["prompt"], "Sky is ");
    let delimited = ask("Sky is", "--score greedy --target-delimiter=").1;
    assert!((delimited - plain).abs() > 1e-6, "without a blank, the answer has other tokens");
}
