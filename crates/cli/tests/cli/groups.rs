//! Items that are not independent share a split, whether the file says so or not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::items;

const SEARCH: &str = "--score top1 --layers 0 --matrices fc_in --rho 0.5 --no-side-effects";
const COPIES: &str = "repeat the prompt of another one; copies stay in one split";

fn write(bench: &Bench, name: &str, rows: impl Iterator<Item = Value>) {
    bench.write(name, &rows.map(|row| format!("{row}\n")).collect::<String>());
}

/// Twenty questions, each asked three times in other blanks, without id and group.
fn thrice(bench: &Bench, name: &str) {
    let asked = items::prompts(20);
    let row = |i: usize| {
        let question = asked[i % 20].replace(' ', ["  ", " ", "\n "][i / 20]);
        json!({"question": question, "answer": format!("a{i}")})
    };
    write(bench, name, (0..60).map(row));
}

/// The splits of the samples of a run, by a key of each.
fn splits(bench: &Bench, run: &str, key: impl Fn(&Value) -> String) -> BTreeMap<String, BTreeSet<String>> {
    let mut splits = BTreeMap::<String, BTreeSet<String>>::new();
    for sample in bench.samples(&format!("{run}/samples.jsonl")) {
        splits.entry(key(&sample)).or_default().insert(sample["split"].to_string());
    }
    splits
}

fn asked(sample: &Value) -> String {
    sample["prompt"].as_str().expect("a text").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn notes(results: &Value) -> Vec<&str> {
    results["notes"].as_array().expect("notes").iter().filter_map(Value::as_str).collect()
}

#[test]
fn copies_of_a_question_stay_in_one_split() {
    let bench = Bench::new();
    thrice(&bench, "thrice.jsonl");
    let ran = bench.done(&format!("search model --task thrice.jsonl {SEARCH} --out run"));
    assert!(ran.stderr.contains(&format!("thrice.jsonl: 40 items {COPIES}")), "{ran:?}");
    let results = bench.json("run/results.json");
    assert!(notes(&results).contains(&format!("thrice.jsonl: 40 items {COPIES}").as_str()), "{results}");
    let found = splits(&bench, "run", asked);
    assert_eq!(found.len(), 20);
    assert!(found.values().all(|splits| splits.len() == 1), "{found:?}");
    let all: BTreeSet<&String> = found.values().flatten().collect();
    assert_eq!(all.len(), 3, "every split has some");
    // The samples of a question are resampled together, and an evaluation of one split has the same items.
    let groups: BTreeSet<String> =
        bench.samples("run/samples.jsonl").iter().map(|sample| sample["group"].to_string()).collect();
    assert_eq!(groups.len(), 20);
    bench.done("eval model --task thrice.jsonl --score top1 --split test --out test");
    let test: BTreeSet<String> = bench.evaluated("test", "thrice").iter().map(asked).collect();
    let of_search = found.iter().filter(|(_, splits)| splits.contains("\"test\"")).map(|(asked, _)| asked.clone());
    assert_eq!(test, of_search.collect());
}

#[test]
fn the_paper_divides_copies_and_says_so() {
    let bench = Bench::new();
    thrice(&bench, "thrice.jsonl");
    let results = bench.data(&format!("search model --task thrice.jsonl {SEARCH} --protocol paper --out run"));
    assert!(notes(&results).iter().any(|note| note.contains("without regard to groups")), "{results}");
    assert!(splits(&bench, "run", asked).values().any(|splits| splits.len() == 2));
}

#[test]
fn items_of_one_group_leave_splits_empty() {
    let bench = Bench::new();
    write(&bench, "one.jsonl", (0..60).map(|i| json!({"question": "what", "answer": format!("a{i}")})));
    write(&bench, "said.jsonl", (0..60).map(|i| json!({"question": format!("q {i}"), "answer": "a", "group": "g"})));
    write(&bench, "fact.jsonl", (0..60).map(|i| json!({"question": format!("q {i}"), "answer": "a", "subject": "s"})));
    for name in ["one.jsonl", "said.jsonl", "fact.jsonl"] {
        let ran = bench.run(&format!("search model --task {name} {SEARCH} --out {name}.run"));
        assert_eq!(ran.status.code(), Some(2), "{ran:?}");
        assert!(ran.stderr.contains(name) && ran.stderr.contains("all 60 items are in one group"), "{ran:?}");
        assert!(!ran.stderr.contains("give more items"), "{ran:?}");
        let eval = format!("eval model --task {name} --score top1 --split");
        let done: Vec<bool> = ["search", "validation", "test"]
            .map(|split| {
                let ran = bench.run(&format!("{eval} {split}"));
                let refused = ran.stderr.contains(&format!("all 60 items of {name} are in one group, which is in the"));
                assert_ne!(refused, ran.status.code() == Some(0), "{ran:?}");
                !refused
            })
            .to_vec();
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "the group is in one split");
    }
    write(&bench, "two.jsonl", (0..60).map(|i| json!({"question": format!("what {}", i % 2), "answer": "a"})));
    bench.refused(
        &format!("search model --task two.jsonl {SEARCH} --out two"),
        &["60 items in 2 groups", "give more groups"],
    );
}

#[test]
fn facts_stay_together_where_the_file_names_their_subjects() {
    let bench = Bench::new();
    let fact = |i: usize| (format!("q {i} of"), format!("s{}", i % 20), format!("a{}", i % 20));
    write(&bench, "facts.jsonl", (0..60).map(fact).map(|(q, s, a)| json!({"question": q, "subject": s, "answer": a})));
    let table: String = (0..60).map(fact).map(|(q, s, a)| format!("{q},{s},{a}\n")).collect();
    bench.write("facts.csv", &format!("question,subject,answer\n{table}"));
    for name in ["facts.jsonl", "facts.csv"] {
        let results = bench.data(&format!("search model --task {name} {SEARCH} --out {name}.run"));
        let note = format!("{name}: 40 items repeat subject and answer of another one; they stay in one split");
        assert!(notes(&results).contains(&note.as_str()), "{results}");
        let found = splits(&bench, &format!("{name}.run"), |sample| sample["target"].to_string());
        assert!(found.len() == 20 && found.values().all(|splits| splits.len() == 1), "{found:?}");
    }
}

#[test]
fn copies_in_two_tasks_share_a_split() {
    let bench = Bench::new();
    items::open(&bench, 60); // two questions a group
    items::choice(&bench, 60); // the same questions
    let task = "--task open.jsonl,choice.jsonl";
    let results = bench.data(&format!("search model {task} {} --out run", SEARCH.replace("top1", "top1,choice")));
    assert!(notes(&results).contains(&format!("choice.jsonl: 60 items {COPIES}").as_str()), "{results}");
    assert!(!notes(&results).iter().any(|note| note.starts_with("open.jsonl")), "{results}");
    let found = splits(&bench, "run", asked);
    assert!(found.len() == 60 && found.values().all(|splits| splits.len() == 1), "{found:?}");
}

#[test]
fn examples_before_a_question_of_the_harness_do_not_hide_a_copy() {
    let bench = Bench::new();
    write(&bench, "rows.jsonl", (0..60).map(|i| json!({"q": format!("n {}", i % 20), "a": format!("x{i}")})));
    let yaml = "task: made\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n\
                doc_to_text: \"{{q}} is\"\ndoc_to_target: a\nfewshot_split: test\noutput_type: loglikelihood\n";
    bench.write("made.yaml", yaml);
    let results = bench.data(&format!("search model --task made.yaml --num-fewshot 2 {SEARCH} --out run"));
    assert!(notes(&results).contains(&format!("made: 40 items {COPIES}").as_str()), "{results}");
    let question = |sample: &Value| asked(sample).rsplit("n ").next().expect("the question").to_owned();
    let found = splits(&bench, "run", question);
    assert!(found.len() == 20 && found.values().all(|splits| splits.len() == 1), "{found:?}");
}

#[test]
fn a_search_is_not_resumed_with_other_groups() {
    let bench = Bench::new();
    // The subjects are no part of the prompts: they decide the groups alone.
    let facts = |subjects: usize| {
        let fact = move |i: usize| json!({"question": format!("q {i}"), "subject": i % subjects, "answer": "a"});
        write(&bench, "facts.jsonl", (0..60).map(fact));
    };
    let search = format!("search model --task facts.jsonl {SEARCH} --out run");
    facts(20);
    bench.done(&search);
    bench.done(&format!("{search} --resume"));
    facts(15);
    bench.refused(&format!("{search} --resume"), &["another run", "joined groups"]);
    facts(60);
    bench.refused(&format!("{search} --resume"), &["another run", "joined groups"]);
}
