//! Opens task files: what a good one becomes, and what the errors of bad ones name.

use std::path::Path;

use super::open;
use crate::error::Result;
use crate::join::Boundary;
use crate::options::TaskOptions;
use crate::score::{LengthNormalization, Match, Score, Ties};
use crate::task::Task;

/// A good task file, which the tests change.
const BASE: &str = "task: made
dataset_path: json
dataset_kwargs:
  data_files: {test: rows.jsonl, train: more.jsonl}
test_split: test
output_type: multiple_choice
doc_to_text: q
doc_to_target: gold
doc_to_choice: choices
";
const ROWS: &str = r#"{"q": "one", "choices": ["a", "bb"], "gold": 0, "text": "t", "n": 1}
{"q": "two", "choices": ["a", "bb"], "gold": 1, "text": "u", "n": 2}
"#;

/// `BASE` with the keys in `more` added or replaced.
fn yaml(more: &str) -> String {
    let key = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let replaced: Vec<String> = more.lines().filter(|line| !line.starts_with([' ', '-'])).map(key).collect();
    let mut kept = true;
    let base = BASE.lines().filter(|line| {
        if !line.starts_with(' ') {
            kept = !replaced.contains(&key(line));
        }
        kept
    });
    base.collect::<Vec<_>>().join("\n") + "\n" + more
}

/// Opens a task file with these contents, whose test split has these rows.
fn open_with(yaml: &str, rows: &str, setup: &TaskOptions<'_>) -> Result<Task> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("rows.jsonl"), rows).expect("writes");
    std::fs::write(path("more.jsonl"), ROWS).expect("writes");
    std::fs::write(path("task.yaml"), yaml).expect("writes");
    open(&path("task.yaml"), None, setup)
}

/// Opens `BASE` with the keys in `more` added or replaced.
fn open_base(more: &str) -> Result<Task> {
    open_with(&yaml(more), ROWS, &TaskOptions::default())
}

#[test]
fn a_task_has_the_score_and_texts_of_its_file() {
    let task = open_base("").expect("the base is good");
    assert_eq!((task.name.as_str(), task.items.len(), task.total), ("made", 2, 2));
    assert_eq!(task.default_score, Score::Choice { length: LengthNormalization::Sum, ties: Ties::First });
    assert_eq!((task.join.delimiter.as_str(), task.join.boundary), (" ", Boundary::Harness));
    assert_eq!((task.items[1].prompt.as_str(), task.items[1].gold, task.items[1].target()), ("two", 1, "bb"));
    let norm = open_base("metric_list: [{metric: acc_norm}, {metric: acc}]").expect("good");
    assert_eq!(norm.default_score, Score::Choice { length: LengthNormalization::PerCharacter, ties: Ties::First });
    let likelihood = "output_type: loglikelihood\ndoc_to_choice: null\ndoc_to_target: text\ntarget_delimiter: '->'";
    let likelihood = open_base(likelihood).expect("good");
    assert_eq!((likelihood.default_score, likelihood.join.delimiter.as_str()), (Score::Greedy, ""));
    let generate = "output_type: generate_until\ndoc_to_choice: null\ndoc_to_target: text\ngeneration_kwargs: {until: x, max_gen_toks: 5}
metric_list: [{metric: exact_match, ignore_case: true}]";
    let generate = open_base(generate).expect("good");
    let matching = Match::Equal { ignore_case: true, ignore_punctuation: false };
    assert_eq!(generate.default_score, Score::Generate { max_tokens: 5, matching });
    assert_eq!(generate.until, ["x"]);
}

/// Keys that are added to `BASE` or replaced in it, the key that the error names, and words of the reason.
const REFUSED: &[(&str, &str, &str)] = &[
    ("task: ''", "`task`", "expected a name"),
    ("task: null", "`task`", "expected a name"),
    ("task: [a, b]", "`task`", "a group"),
    ("process_docs: !function utils.f", "`process_docs`", "!function"),
    ("process_docs: f", "`process_docs`", "no Python"),
    ("process_results: f", "`process_results`", "metric_list"),
    ("use_prompt: 'promptsource:x'", "`use_prompt`", "doc_to_text"),
    ("class: X", "`class`", "no Python"),
    ("custom_dataset: f", "`custom_dataset`", "no Python"),
    ("doc_to_image: image", "`doc_to_image`", "texts only"),
    ("gen_prefix: x", "`gen_prefix`", "doc_to_text"),
    ("doc_to_txet: q", "`doc_to_txet`", "expected one of task, tag"),
    ("unsafe_code: true", "`unsafe_code`", "false"),
    ("repeats: 2", "`repeats`", "found 2"),
    ("output_type: loglikelihoods", "`output_type`", "loglikelihood_rolling"),
    ("output_type: loglikelihood", "`doc_to_choice`", "loglikelihood"),
    ("doc_to_choice: null", "`doc_to_choice`", "multiple_choice"),
    ("doc_to_choice: [1, 2]", "`doc_to_choice`", "found 1"),
    ("doc_to_text: 1", "`doc_to_text`", "several inputs"),
    ("doc_to_text: null", "`doc_to_text`", "template"),
    ("doc_to_text: '{{q'", "`doc_to_text`", "syntax"),
    ("doc_to_target: null", "`doc_to_target`", "an index"),
    ("doc_to_target: [1]", "`doc_to_target`", "found [1]"),
    ("description: 3", "`description`", "a text"),
    ("num_fewshot: -1", "`num_fewshot`", "from 0 up"),
    ("num_fewshot: 3", "`num_fewshot`", "for 3 examples"),
    ("num_fewshot: 1\nfewshot_split: dev", "`dataset_kwargs.data_files`", "a split `dev`, found test, train"),
    ("fewshot_config: {sampler: balanced}", "`fewshot_config.sampler`", "first_n"),
    ("fewshot_config: {samples: []}", "`fewshot_config.samples`", "sampler, split"),
    ("generation_kwargs: {do_sample: true}", "`generation_kwargs.do_sample`", "false"),
    ("generation_kwargs: {temperature: 0.7}", "`generation_kwargs.temperature`", "0"),
    ("generation_kwargs: {max_gen_toks: 0}", "`generation_kwargs.max_gen_toks`", "at least 1"),
    ("generation_kwargs: {top_p: 1}", "`generation_kwargs.top_p`", "max_gen_toks"),
    ("filter_list: [{name: x, filter: [{function: lowercase}]}]", "`filter_list[0].filter[0].function`", "take_first"),
    (
        "filter_list: [{name: x, filter: [{function: lowercase}, {function: take_first}]}]",
        "`filter_list[0].filter[0].function`",
        "likelihoods",
    ),
    ("filter_list: [{filter: [{function: take_first}]}]", "`filter_list[0].name`", "a text"),
    ("filter_list: [{name: x, filter: []}]", "`filter_list[0].filter`", "found none"),
    ("filter_list: x", "`filter_list`", "a list"),
    ("metric_list: []", "`metric_list`", "at least one"),
    ("metric_list: [{metric: f1}]", "`metric_list[0].metric`", "acc, acc_norm, exact_match"),
    ("metric_list: [{metric: perplexity}]", "`metric_list[0].metric`", "multiple_choice"),
    ("metric_list: [{metric: acc, aggregation: median}]", "`metric_list[0].aggregation`", "\"mean\""),
    ("metric_list: [{metric: acc, ignore_case: true}]", "`metric_list[0].ignore_case`", "higher_is_better"),
    ("metric_list: [{metric: acc}, {metric: acc}]", "`metric_list[1].metric`", "twice"),
    ("metric_list: [{metric: !function m.f}]", "`metric_list[0].metric`", "no Python"),
    ("metadata: 3", "`metadata`", "found 3"),
    ("dataset_path: null", "`dataset_path`", "json, csv, parquet, text"),
    ("dataset_path: allenai/ai2_arc", "`dataset_path`", "expected json, csv, parquet, text"),
    ("dataset_path: allenai/ai2_arc\ndataset_kwargs: null", "`dataset_path`", "as the data"),
    ("dataset_path: csv", "`dataset_kwargs.data_files`", ".csv or .tsv"),
    ("dataset_kwargs: {trust_remote_code: true}", "`dataset_kwargs.trust_remote_code`", "data_files"),
    ("dataset_kwargs: null", "`dataset_kwargs`", "`data_files`"),
    ("test_split: null", "`test_split`", "validation_split"),
    ("test_split: dev", "`dataset_kwargs.data_files`", "a split `dev`"),
    ("test_split: [test]", "`test_split`", "a text"),
];

#[test]
fn errors_name_the_key_and_the_reason() {
    for &(more, place, word) in REFUSED {
        let error = open_base(more).expect_err(more).to_string();
        for word in ["task.yaml", place, word] {
            assert!(error.contains(word), "{more}: no {word} in: {error}");
        }
    }
    let generate = |pattern: &str| {
        let more = format!(
            "output_type: generate_until\ndoc_to_choice: null\nfilter_list:\n- name: x\n  filter: [{{function: regex, {pattern}}}, {{function: take_first}}]"
        );
        open_base(&more).expect_err(pattern).to_string()
    };
    for (pattern, word) in
        [("regex_pattern: '('", "regex_pattern`"), ("group_select: 1", "group_select`"), ("flags: 1", "flags`")]
    {
        assert!(generate(pattern).contains(word), "{}", generate(pattern));
    }
}

#[test]
fn bad_rows_are_errors_or_left_out() {
    for (row, place, word) in [
        (r#"{"q": "x", "choices": ["a"], "gold": 1}"#, "`doc_to_target`", "from 0 to 0"),
        (r#"{"q": "x", "choices": ["a"], "gold": "b"}"#, "`doc_to_target`", "found \"b\""),
        (r#"{"q": "x", "choices": ["a"]}"#, "`doc_to_target`", "found null"),
        (r#"{"q": "x", "choices": [], "gold": 0}"#, "`doc_to_choice`", "found none"),
        (r#"{"q": "x", "choices": ["a", 1], "gold": 0}"#, "`doc_to_choice`", "found 1"),
        (r#"{"q": "x", "choices": "a", "gold": 0}"#, "`doc_to_choice`", "a list"),
        (r#"{"q": 7, "choices": ["a"], "gold": 0}"#, "`doc_to_text`", "several inputs"),
        (r#"{"choices": ["a"], "gold": 0}"#, "`doc_to_text`", "found null"),
        (r#"{"q": "#, "line 2", ""),
    ] {
        let rows = format!("{}\n{row}\n{}\n", ROWS.lines().next().expect("a row"), ROWS.lines().nth(1).expect("a row"));
        let error = open_with(&yaml(""), &rows, &TaskOptions::default()).expect_err(row).to_string();
        for word in ["rows.jsonl", "line 2", place, word] {
            assert!(error.contains(word), "{row}: no {word} in: {error}");
        }
        let task = open_with(&yaml(""), &rows, &TaskOptions { skip_bad: true, ..TaskOptions::default() }).expect(row);
        assert_eq!((task.items.len(), task.skipped.len()), (2, 1), "{row}");
        assert!(task.skipped[0].contains("line 2"), "{}", task.skipped[0]);
    }
    let undefined = open_base("doc_to_text: '{{nothing}}'").expect_err("undefined").to_string();
    assert!(undefined.contains("rows.jsonl: line 1, `doc_to_text`: undefined"), "{undefined}");
}

#[test]
fn num_fewshot_0_of_a_file_cannot_be_overridden() {
    let setup = TaskOptions { num_fewshot: Some(1), ..TaskOptions::default() };
    let error = open_with(&yaml("num_fewshot: 0"), ROWS, &setup).expect_err("the harness keeps 0").to_string();
    assert!(error.contains("num-fewshot:") && error.contains("num_fewshot: 0"), "{error}");
}

#[test]
fn a_hub_data_set_is_read_from_a_local_copy() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("easy")).expect("creates");
    std::fs::write(path("easy/test-00000-of-00001.jsonl"), ROWS).expect("writes");
    std::fs::write(path("easy/dev.jsonl"), ROWS).expect("writes");
    let text = yaml(
        "dataset_path: some/set\ndataset_name: easy\ndataset_kwargs: null\nvalidation_split: validation\nnum_fewshot: 1",
    );
    std::fs::write(path("task.yaml"), &text).expect("writes");
    let open = |data: &Path| open(&path("task.yaml"), Some(data), &TaskOptions::default());
    assert_eq!(open(folder.path()).expect("a folder with the set's name").items.len(), 2);
    assert_eq!(open(&path("easy")).expect("the folder itself").items.len(), 2);
    // A single file is the split to evaluate, so there is no split for the examples.
    let error = open(&path("easy/dev.jsonl")).expect_err("no examples").to_string();
    assert!(error.contains("`validation`") && error.contains("one file"), "{error}");
    std::fs::write(path("task.yaml"), text.replace("num_fewshot: 1", "")).expect("writes");
    assert_eq!(open(&path("easy/dev.jsonl")).expect("none needed").items.len(), 2);
    std::fs::remove_file(path("easy/test-00000-of-00001.jsonl")).expect("removes");
    let error = open(folder.path()).expect_err("no such split").to_string();
    assert!(error.contains("split `test`") && error.contains("dev.jsonl"), "{error}");
}
