//! `results.json` and `trials.csv` are as `docs/results.md` and its JSON Schema say.

use serde_json::Value;

use crate::bench::Bench;
use crate::items;
use crate::schema::{check_evaluation, check_results};

const PLANTED: &str = "L1.gate_proj@0.1";

#[test]
fn results_of_all_kinds_of_searches_fit_the_schema() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 120);
    bench.write("text.txt", &"The quick brown fox jumps over the lazy dog. ".repeat(40));
    let task = "search model --task planted.jsonl --score top1";
    for (i, arguments) in [
        "--strategy gradient+race+greedy",
        "--strategy exhaustive --matrices fc_in --rho 0.1,0.05 --protocol paper",
        "--strategy spectral+race --matrices fc_in --candidates 3 --no-side-effects",
        "--matrices fc_in --rho band(0.1..0.4),0.5 --strategy race",
    ]
    .into_iter()
    .enumerate()
    {
        let results = bench.data(&format!("{task} {arguments} --out run{i}"));
        assert_eq!(results, bench.json(&format!("run{i}/results.json")));
        check_results(&results);
        let host = &results["manifest"]["host"];
        assert!(
            host["command"].as_str().is_some_and(|command| command.contains("laser search model --task")),
            "{host}"
        );
        assert!(results["manifest"]["date"].as_str().is_some_and(|date| date.ends_with('Z')));
    }
}

#[test]
fn results_of_texts_and_of_several_tasks_fit_the_schema() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 120);
    items::choice(&bench, 60);
    let texts = (0..40)
        .map(|i| format!("{{\"question\": \"none\", \"answer\": \"text {i} {}\"}}\n", "of letters ".repeat(1 + i % 5)));
    bench.write("texts.jsonl", &texts.collect::<String>());
    let three = "--task planted.jsonl,choice.jsonl,texts.jsonl --score top1,choice,perplexity";
    let two_guards = format!("{three} --guard choice.jsonl:1 --guard texts.jsonl:9");
    let texts = "--task texts.jsonl --score perplexity";
    let one_edit = "--strategy exhaustive --matrices fc_in --rho 0.1";
    for (i, (arguments, has_accuracy)) in [(&*two_guards, true), (three, true), (texts, false)].into_iter().enumerate()
    {
        let results = bench.data(&format!("search model {arguments} {one_edit} --out run{i}"));
        check_results(&results);
        assert_eq!(results["base"]["test"].get("acc").is_some(), has_accuracy, "{arguments}");
        let sample = bench.samples(&format!("run{i}/samples.jsonl")).pop().expect("a sample");
        assert_eq!(sample.get("acc"), None, "the last task is a text: {sample}");
        let page = bench.read(&format!("run{i}/report.html"));
        assert_eq!(page.contains("Accuracy of the unedited model"), has_accuracy, "{arguments}");
    }
    for arguments in [three, texts, "--task choice.jsonl --edit L1.fc_in@0.1", "--task planted.jsonl --split test"] {
        let evaluation = bench.data(&format!("eval model {arguments}"))["laser"].take();
        check_evaluation(&evaluation);
        assert!(
            evaluation["manifest"]["host"]["command"].as_str().is_some_and(|line| line.starts_with("laser eval model"))
        );
        let of_text = |scores: &Value| scores.as_object().expect("splits").values().all(|of| of.get("acc").is_none());
        assert_eq!(of_text(&evaluation["scores"]), arguments == texts, "{arguments}");
        let tasks = evaluation["tasks"].as_array();
        assert!(tasks.is_none_or(|tasks| of_text(&tasks[2]["scores"])), "{arguments}");
    }
}

#[test]
fn the_schema_refuses_what_it_should() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 60);
    let results = bench.data(
        "search model --task planted.jsonl --score top1 --matrices fc_in --rho 0.1 --strategy exhaustive --out run",
    );
    for (pointer, wrong) in [
        ("/verdict", Value::from("maybe")),
        ("/test/mcnemar_p", Value::from(1.5)),
        ("/base/test/n", Value::from("many")),
        ("/manifest/model/sha256", Value::from("abc")),
    ] {
        let mut changed = results.clone();
        *changed.pointer_mut(pointer).expect(pointer) = wrong;
        let refused = std::panic::catch_unwind(|| check_results(&changed));
        assert!(refused.is_err(), "{pointer}");
    }
}

#[test]
fn trials_csv_has_a_line_for_every_edit_of_the_space() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 120);
    let search = "search model --task planted.jsonl --score top1 --matrices fc_in,fc_out --rho 0.5,0.1,0.05";
    let results = bench.data(&format!("{search} --strategy gradient+race --candidates 4 --out run"));
    let text = bench.read("run/trials.csv");
    let lines: Vec<&str> = text.lines().collect();
    let header = "edit,layer,matrix,reduction,rank,prediction,items,accuracy,accuracy_change,log_loss,log_loss_change";
    assert_eq!((lines[0], lines.len()), (header, 1 + 18));
    let all = results["base"]["search"]["n"].as_u64().expect("a number").to_string();
    let fields: Vec<Vec<&str>> = lines[1..].iter().map(|line| line.split(',').collect()).collect();
    assert!(fields.iter().all(|line| !line[5].is_empty()), "the screen predicted every edit");
    assert_eq!(fields.iter().filter(|line| line[6] != "0").count(), 4, "{text}");
    let planted = fields.iter().find(|line| line[0] == PLANTED).expect("its line");
    assert_eq!((planted[6], planted[7]), (&*all, "1.0"));
}
