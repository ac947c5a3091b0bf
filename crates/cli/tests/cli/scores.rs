//! Any score of items that suit it: what is written follows the score, not the shape of the items.

use serde_json::{Value, json};

use crate::bench::{Bench, number};
use crate::items;

/// Writes `mixed.jsonl`: open questions and questions with choices, the last choice right, in turn.
fn mixed(bench: &Bench, n: usize) {
    let row = |(i, prompt): (usize, String)| match i % 2 {
        0 => json!({"question": prompt, "answer": format!("abc{i}"), "aliases": ["xyz"]}),
        _ => json!({"question": prompt, "choices": ["ab", "cd", format!("ef{i}")], "gold": 2}),
    };
    let rows = items::prompts(n).into_iter().enumerate().map(row);
    bench.write("mixed.jsonl", &rows.map(|row| format!("{row}\n")).collect::<String>());
}

/// Evaluates a task under a score, with `--json` and `--out`; gives the row of results and the samples.
fn evaluated(bench: &Bench, task: &str, score: &str) -> (Value, Vec<Value>) {
    let out = format!("{task}-{score}");
    let data = bench.data(&format!("eval model --task {task} --score {score} --out {out}"));
    assert_eq!(data, bench.json(&format!("{out}/results.json")));
    let (name, row) = data["results"].as_object().expect("tasks").iter().next().expect("a task");
    let file = name.trim_end_matches(".jsonl").to_owned();
    (json!({"row": row, "config": data["configs"][name]}), bench.samples(&format!("{out}/samples_{file}.jsonl")))
}

const OPEN: [(&str, &str); 4] = [
    ("generate", "generate_until"),
    ("greedy", "loglikelihood"),
    ("top1", "loglikelihood"),
    ("perplexity", "loglikelihood_rolling"),
];

/// Checks the samples of items whose answers the score takes as open.
fn check_open(samples: &[Value], output_type: &str, answers: &[String]) {
    assert_eq!(samples.len(), answers.len());
    for (sample, answer) in samples.iter().zip(answers) {
        assert_eq!(sample["resps"].as_array().map(Vec::len), Some(1), "one request: {sample}");
        assert_eq!(sample["target"], **answer, "{sample}");
        let arguments = &sample["arguments"]["gen_args_0"];
        match output_type {
            "loglikelihood" => assert_eq!(arguments["arg_1"], format!(" {answer}")),
            "loglikelihood_rolling" => assert_eq!(arguments["arg_0"], **answer),
            _ => assert_eq!(sample["resps"][0][0], sample["laser"]["prediction"]),
        }
    }
}

#[test]
fn questions_with_choices_under_scores_of_open_answers() {
    let bench = Bench::new();
    items::choice(&bench, 12);
    let rows = bench.samples("choice.jsonl");
    let gold = |row: &Value| row["choices"][row["gold"].as_u64().expect("an index") as usize].clone();
    let answers: Vec<String> = rows.iter().map(|row| gold(row).as_str().expect("a text").to_owned()).collect();
    assert!(rows.iter().any(|row| row["gold"] == 2), "an index beyond the one answer that an open score looks at");
    for (score, output_type) in OPEN {
        let (found, samples) = evaluated(&bench, "choice.jsonl", score);
        assert_eq!(found["config"]["output_type"], output_type);
        check_open(&samples, output_type, &answers);
        if score != "perplexity" {
            let right = samples.iter().map(|sample| number(sample, "acc")).sum::<f64>() / 12.0;
            assert!((number(&found, "row.acc,none") - right).abs() < 1e-12, "{score}");
            let laser = samples.iter().map(|sample| number(sample, "laser.acc")).sum::<f64>() / 12.0;
            assert!((right - laser).abs() < 1e-12, "{score}");
        }
    }
    let (found, samples) = evaluated(&bench, "choice.jsonl", "choice");
    assert_eq!(found["config"]["output_type"], "multiple_choice");
    for (sample, row) in samples.iter().zip(&rows) {
        assert_eq!(sample["target"].as_str(), Some(row["gold"].to_string().as_str()), "the index of the right choice");
    }
}

#[test]
fn a_file_of_open_questions_and_questions_with_choices() {
    let bench = Bench::new();
    mixed(&bench, 10);
    let answers: Vec<String> = (0..10).map(|i| if i % 2 == 0 { format!("abc{i}") } else { format!("ef{i}") }).collect();
    for (score, output_type) in OPEN {
        let (found, samples) = evaluated(&bench, "mixed.jsonl", score);
        assert_eq!(found["config"]["output_type"], output_type);
        check_open(&samples, output_type, &answers);
    }
    let unset = bench.data("eval model --task mixed.jsonl --out unset");
    assert_eq!(unset["configs"]["mixed.jsonl"]["output_type"], "generate_until", "the score of a file with open ones");
    bench.refused("eval model --task mixed.jsonl --score choice", &["mixed.jsonl", "item `1`", "needs choices"]);
    let search = "search model --task mixed.jsonl --score greedy --layers 0 --matrices fc_in --rho 0.5";
    bench.data(&format!("{search} --split-fractions 0.4,0.3 --out run"));
}

#[test]
fn a_harness_task_under_a_score_of_another_kind() {
    let bench = Bench::new();
    let rows = (0..8).map(|i| format!("{}\n", json!({"q": format!("n {i}"), "c": ["ab", "cd", format!("ef{i}")]})));
    bench.write("rows.jsonl", &rows.collect::<String>());
    let yaml = "task: made\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n\
                doc_to_text: \"{{q}} is\"\ndoc_to_target: 2\ndoc_to_choice: c\noutput_type: multiple_choice\n";
    bench.write("made.yaml", yaml);
    let answers: Vec<String> = (0..8).map(|i| format!("ef{i}")).collect();
    for (score, output_type) in OPEN {
        let (found, samples) = evaluated(&bench, "made.yaml", score);
        assert_eq!(found["config"]["output_type"], output_type, "{score}");
        check_open(&samples, output_type, &answers);
    }
    let (found, samples) = evaluated(&bench, "made.yaml", "choice");
    assert_eq!(found["config"]["output_type"], "multiple_choice");
    assert!(
        samples.iter().all(|sample| sample["target"] == "2" && sample["resps"].as_array().map(Vec::len) == Some(3))
    );
}
