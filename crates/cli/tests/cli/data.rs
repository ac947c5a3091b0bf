//! Bad rows of a user's data: refused with file, place and field, or left out and counted. Never half-read.

use serde_json::json;

use crate::bench::Bench;
use crate::items;

/// A good row of every format, two of which stand before a bad one.
const LINES: [&str; 2] =
    [r#"{"id": "a", "question": "q", "answer": "x"}"#, r#"{"id": "b", "question": "r", "answer": "y"}"#];

/// Files with a bad row in third place: name, bytes, and what the message says of the row.
fn bad_files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let lines = |bad: &[u8]| [LINES[0].as_bytes(), LINES[1].as_bytes(), bad].join(&b'\n');
    let list = |bad: &str| format!("[{}, {}, {bad}]", LINES[0], LINES[1]).into_bytes();
    let table = |bad: &[u8]| [b"id,question,answer,choices,gold\na,q,x,,\nb,r,y,,\n", bad].concat();
    vec![
        ("missing.jsonl", lines(br#"{"question": "q"}"#), "line 3, `answer`: expected an answer"),
        ("missing.json", list(r#"{"answer": "q"}"#), "record 2, `question`: expected this field"),
        ("short.csv", table(b"c,s\n"), "line 4: expected 5 fields"),
        ("empty.jsonl", lines(br#"{"question": "q", "answer": " "}"#), "line 3, `answer`: expected a text"),
        ("empty.csv", table(b"c,s,,,\n"), "line 4, `answer`: expected a text"),
        (
            "beyond.json",
            list(r#"{"question": "q", "choices": ["a", "b"], "gold": 2}"#),
            "record 2, `gold`: expected an index",
        ),
        ("beyond.csv", table(br#"c,s,,"[""u"", ""v""]",2"#), "line 4, `gold`: expected an index"),
        ("bytes.jsonl", lines(b"{\"question\": \"\xff\", \"answer\": \"x\"}"), "line 3: expected UTF-8"),
        ("bytes.csv", table(b"c,\xff,z,,\n"), "line 4, `question`: expected UTF-8"),
        (
            "twice.jsonl",
            lines(br#"{"id": "a", "question": "q", "answer": "z"}"#),
            "line 3, `id`: expected each id once",
        ),
        ("twice.csv", table(b"b,s,z,,\n"), "twice.csv: line 3"),
        ("broken.jsonl", lines(br#"{"question": "#), "line 3: expected a JSON object"),
    ]
}

#[test]
fn a_bad_row_is_refused_with_its_place_or_left_out_and_counted() {
    let bench = Bench::new();
    for (name, bytes, place) in bad_files() {
        std::fs::write(bench.path(name), bytes).expect("writes");
        let eval = format!("eval model --task {name} --score greedy");
        bench.refused(&eval, &[name, place]);
        let ran = bench.done(&format!("{eval} --skip-bad --json"));
        let count = format!("{name}: 1 row left out: {name}: ");
        assert!(ran.stderr.contains(&count) && ran.stderr.contains(place), "{ran:?}");
        let results: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let results = &results["laser"];
        assert_eq!(results["scores"]["all"]["n"], 2, "{name}");
        let note = results["notes"][0].as_str().expect("a note");
        assert!(note.contains(&count) && note.contains(place), "{note}");
    }
}

#[test]
fn a_search_notes_what_was_left_out() {
    let bench = Bench::new();
    items::open(&bench, 20);
    let rows = format!("{}{{\"question\": \"q\"}}\n", bench.read("open.jsonl"));
    bench.write("some.jsonl", &rows);
    let search = "search model --task some.jsonl --score top1 --layers 0 --matrices fc_in --rho 0.5";
    bench.refused(search, &["some.jsonl: line 21, `answer`"]);
    let results = bench.data(&format!("{search} --skip-bad"));
    let notes = results["notes"].as_array().expect("notes");
    assert!(notes.iter().any(|note| note.as_str().is_some_and(|note| note.contains("1 row left out"))), "{notes:?}");
}

#[test]
fn nothing_but_bad_rows_is_refused_all_the_same() {
    let bench = Bench::new();
    bench.write("bad.jsonl", "{\"question\": \"q\"}\n{}\n");
    let words = ["bad.jsonl: rows: expected a good row, found 2 bad ones", "line 1, `answer`"];
    bench.refused("eval model --task bad.jsonl --skip-bad", &words);
    bench.write("broken.json", "[{\"question\": \"q\"");
    bench.refused("eval model --task broken.json --skip-bad", &["broken.json: line 1: expected JSON"]);
}

#[test]
fn questions_may_come_in_any_format() {
    let bench = Bench::new();
    bench.write("q.jsonl", &LINES.join("\n"));
    bench.write(
        "q.json",
        &json!({"examples": LINES.map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))})
            .to_string(),
    );
    bench.write("q.csv", "id,question,answer\na,q,x\nb,r,y\n");
    bench.write("q.tsv", "id\tquestion\tanswer\na\tq\tx\nb\tr\ty\n");
    let scores = |name: &str| bench.laser(&format!("eval model --task {name} --score greedy"))["scores"].clone();
    let lines = scores("q.jsonl");
    assert_eq!(lines["all"]["n"], 2);
    for name in ["q.json", "q.csv", "q.tsv"] {
        assert_eq!(scores(name), lines, "{name}");
    }
}

#[test]
fn data_of_the_hub_that_is_not_here() {
    let bench = Bench::new();
    let eval = "eval model --task counterfact --data";
    bench.refused(&format!("{eval} hf:org/name"), &["the data of counterfact", "--data", "hf:org/name", "offline"]);
    bench.refused(&format!("{eval} hf:a/b/c"), &["hf:a/b/c", "hf:ORG/NAME[@REV]"]);
}
