//! Data files of every format, files of questions, and tasks of the harness in YAML.

use std::path::Path;

use laser::task::dataset::Records;
use laser::task::{QuestionSettings, Task, TaskOptions};
use laser_fuzz::damage::Damaged;
use laser_fuzz::target::Target;

use crate::support::{folder, golden, goldens, join, parts, write};

const JSON_WORDS: &[&str] = &[
    "\"question\"",
    "\"answer\"",
    "\"aliases\"",
    "\"choices\"",
    "\"gold\"",
    "\"id\"",
    "\"group\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "[[[[[[[[[[[[[[[[[[[[",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\u{2028}",
    "\n",
    "\r\n",
    "1e999",
    "-0",
    "NaN",
    "\"\"",
];

/// Reads the records of a file, leniently and strictly, and makes a task of them.
fn read(path: &Path) -> bool {
    let lenient = TaskOptions { skip_bad: true, ..TaskOptions::default() };
    let name = path.to_string_lossy();
    let read = Records::read(path).is_ok();
    read | Task::open(&name, None, &TaskOptions::default()).is_ok() | Task::open(&name, None, &lenient).is_ok()
}

/// Runs a target on files of one name.
fn run(name: &'static str, file: &str, executions: usize, inputs: Damaged, check: laser_fuzz::target::Check) {
    let folder = folder();
    let path = folder.path().join(file);
    Target { name, other_bytes: 0, executions, inputs }.run(check, |input| {
        write(&path, input);
        read(&path)
    });
}

#[test]
fn json_lines() {
    let seeds = vec![
        golden("harness/questions.jsonl"),
        b"{\"question\": \"a\", \"answer\": \"x\", \"aliases\": [\"y\"]}\n\n{\"question\": \"b\", \"answer\": \"z\", \"id\": 2}\n".to_vec(),
        b"{\"question\": \"a\", \"choices\": [\"x\", \"y\"], \"gold\": 1}\r\n{\"question\": \"b\", \"choices\": [\"x\", \"y\"], \"gold\": \"x\"}".to_vec(),
    ];
    run("jsonl", "x.jsonl", 6000, Damaged { seeds, words: JSON_WORDS }, bolero::check!());
}

/// Words of the layouts of questions.
const LAYOUT_WORDS: &[&str] = &[
    "\"prompt\"",
    "\"completion\"",
    "\"messages\"",
    "\"conversations\"",
    "\"role\": \"user\"",
    "\"role\": \"assistant\"",
    "\"content\"",
    "\"instruction\"",
    "\"input\"",
    "\"output\"",
    "\"answers\"",
    "\"answerKey\"",
    "\"label\"",
    "\"text\"",
    "\"stem\"",
    "\"target_scores\"",
    "\"sentence_good\"",
    "\"sentence_bad\"",
    "\"statement\"",
    "\"target_delimiter\"",
    "\"A\"",
    "\"B\"",
    "\"sol1\"",
    "['a', 'b']",
    "1.0",
    "1e300",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "\"\"",
    "\n",
    "[[[[[[[[[[[[[[[[[[[[",
];

#[test]
fn layouts_of_questions() {
    let folder = goldens().join("../tests/strangers/data");
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let expected = std::fs::read_to_string(path.with_extension("expected.json")).unwrap_or_default();
        // Files that are read as they come; those that are refused are no seeds.
        if path.extension().is_some_and(|ending| ending == "jsonl")
            && !expected.contains("\"error\"")
            && !expected.contains("arguments")
        {
            seeds.push(std::fs::read(path).expect("reads"));
        }
    }
    seeds.sort();
    run("layouts", "x.jsonl", 6000, Damaged { seeds, words: LAYOUT_WORDS }, bolero::check!());
}

#[test]
fn templates_of_questions() {
    let folder = folder();
    let path = folder.path().join("x.csv");
    write(&path, b"question,key,options,label\nWhat?,B,\"['x', 'y']\",1\nWhy?,A,\"['x', 'y']\",0\n");
    let seeds = vec![
        join(&["{{ question }} True or false?", "{{ 'true' if label == 1 else 'false' }}"]),
        join(&["question", "", "{{ ['x', 'y'] }}", "{{ label }}"]),
        join(&["{% for w in question.split() %}{{ w }} {% endfor %}", "['a', 'b']"]),
    ];
    let words = crate::templates::WORDS;
    let inputs = Damaged { seeds, words };
    Target { name: "question-template", other_bytes: 500, executions: 2000, inputs }.run(bolero::check!(), |input| {
        let mut texts = parts(input).map(|part| String::from_utf8_lossy(part).into_owned());
        let mut text = || texts.next().filter(|text| !text.is_empty());
        let questions = QuestionSettings {
            prompt: text(),
            answer: text(),
            choices: text(),
            gold: text(),
            ..QuestionSettings::default()
        };
        let setup = TaskOptions { skip_bad: true, questions: &questions, ..TaskOptions::default() };
        Task::open(&path.to_string_lossy(), None, &setup).is_ok()
    });
}

#[test]
fn json_documents() {
    let seeds = vec![
        b"[{\"question\": \"a\", \"answer\": \"x\"}, {\"question\": \"b\", \"answer\": \"\\u00e9\"}]".to_vec(),
        b"{\"notes\": [\"n\"], \"examples\": [{\"question\": \"a\", \"choices\": [\"x\", \"y\"], \"gold\": 0}]}"
            .to_vec(),
        b"{\"question\": \"a\", \"answer\": \"x\"}\n{\"question\": \"b\", \"answer\": \"y\"}\n".to_vec(),
    ];
    run("json", "x.json", 6000, Damaged { seeds, words: JSON_WORDS }, bolero::check!());
}

#[test]
fn tables() {
    let words = &[
        "\"",
        "\"\"",
        ",",
        "\t",
        "\r",
        "\n",
        "\r\n",
        "\u{feff}",
        "question",
        "answer",
        "[\"x\", \"y\"]",
        "choices",
        "gold",
        "\u{0}",
    ];
    let seeds = vec![
        golden("harness/sentences.csv"),
        b"\xef\xbb\xbfquestion,answer\r\n\"a, \"\"b\"\"\",1\r\n\"two\nlines\",2\r\n".to_vec(),
        b"question,choices,gold\na,\"[\"\"x\"\", \"\"y\"\"]\",1\n".to_vec(),
    ];
    run("csv", "x.csv", 1500, Damaged { seeds, words }, bolero::check!());
}

#[test]
fn parquet_files() {
    let names = ["nested", "nested-zstd-v2", "flat-plain", "flat-groups", "flat-pages-v2"];
    let seeds = names.iter().map(|name| golden(&format!("parquet/{name}.parquet"))).collect();
    let words = &["PAR1", "\u{15}\u{0}", "\u{19}\u{1c}", "\u{18}", "\u{26}", "\u{16}\u{fe}", "schema", "\u{0}"];
    run("parquet", "x.parquet", 750, Damaged { seeds, words }, bolero::check!());
}

const YAML_WORDS: &[&str] = &[
    "&a",
    "*a",
    "!!binary",
    "!function x",
    "---",
    "...",
    "<<: *a",
    "{",
    "}",
    "[",
    "]",
    "- ",
    "? ",
    "|",
    ">",
    "'",
    "\"",
    "#",
    "output_type: multiple_choice",
    "output_type: generate_until",
    "output_type: loglikelihood",
    "doc_to_choice: ",
    "num_fewshot: 3",
    "repeats: 1",
    "metric_list:",
    "filter_list:",
    "regex_pattern: \"(a+)+$\"",
    "group_select: 9",
    "function: take_first",
    "include: ",
    "{{question}}",
    "{% for x in range(9) %}",
    "{% endfor %}",
    "{{options.text}}",
    "test_split: test",
    "process_docs: !function y",
    ".nan",
    "null",
    "~",
    "\t",
];

/// Files that a task of the harness reads.
const DATA: [&str; 4] = ["questions.jsonl", "examples.jsonl", "sentences.csv", "lines.txt"];

#[test]
fn harness_tasks() {
    let folder = folder();
    for name in DATA {
        write(&folder.path().join(name), &golden(&format!("harness/{name}")));
    }
    write(&folder.path().join("choice_base.yaml"), &golden("harness/choice_base.yaml"));
    let path = folder.path().join("task.yaml");
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(goldens().join("harness")).expect("goldens") {
        let file = entry.expect("an entry").path();
        // The base names no task.
        if file.extension().is_some_and(|ending| ending == "yaml") && !file.ends_with("choice_base.yaml") {
            seeds.push(std::fs::read(file).expect("reads"));
        }
    }
    seeds.sort();
    let inputs = Damaged { seeds, words: YAML_WORDS };
    Target { name: "harness", other_bytes: 3000, executions: 1200, inputs }.run(bolero::check!(), |input| {
        write(&path, input);
        let name = path.to_string_lossy();
        let lenient = TaskOptions { skip_bad: true, num_fewshot: Some(1), ..TaskOptions::default() };
        let task = Task::open(&name, None, &TaskOptions::default());
        if let Ok(task) = &task {
            for (i, text) in ["a 12 #### 7", "", "\u{301}\n\n"].into_iter().enumerate() {
                task.filters.apply(text);
                task.filters.nth(i, text);
            }
        }
        task.is_ok() | Task::open(&name, None, &lenient).is_ok()
    });
}

#[test]
fn templates_of_harness_tasks() {
    let folder = folder();
    write(&folder.path().join("questions.jsonl"), &golden("harness/questions.jsonl"));
    let path = folder.path().join("task.yaml");
    let seeds = vec![
        join(&["Question: {{question}}\nAnswer:", "{{options.label.index(key)}}", "{{options.text}}"]),
        join(&[
            "{% for o in options.text %}{{loop.index}}) {{o}}\n{% endfor %}",
            "0",
            "{{[options.text[0], options.text[1]]}}",
        ]),
        join(&[
            "{% set w = question.split() %}{{w[1]}} {{w|length}}{{ question|regex_replace('[aeiou]', '')}}",
            "{{key}}",
            "{{options.label}}",
        ]),
    ];
    let words = crate::templates::WORDS;
    let inputs = Damaged { seeds, words };
    Target { name: "harness-template", other_bytes: 2000, executions: 2000, inputs }.run(bolero::check!(), |input| {
        let mut texts = parts(input).map(String::from_utf8_lossy);
        let mut text = |key: &str| {
            let text = texts.next().unwrap_or_default();
            format!("{key}: {}\n", serde_json::Value::from(text.as_ref()))
        };
        let yaml = format!(
            "task: t\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: questions.jsonl}}}}\ntest_split: test\n\
             output_type: multiple_choice\n{}{}{}",
            text("doc_to_text"),
            text("doc_to_target"),
            text("doc_to_choice")
        );
        write(&path, yaml.as_bytes());
        Task::open(&path.to_string_lossy(), None, &TaskOptions { skip_bad: true, ..TaskOptions::default() }).is_ok()
    });
}
