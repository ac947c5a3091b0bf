//! Two tasks of BIG-bench, each as the original `task.json` or as Hugging Face's rows of it.

use serde_json::Value;

use super::info::TaskInfo;
use super::records::Source;
use super::wording::{clean_full_stop, one_of};
use crate::dataset::{BadField, Record};
use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::score::{Length, Match, Score, Ties};
use crate::setup::{Profile, TaskOptions};
use crate::task::{Item, Task};
use laser_model::ModelKind;

const LICENCE: &str = "Apache-2.0";

pub(super) const EPISTEMIC: TaskInfo = TaskInfo {
    name: "bigbench-epistemic",
    about: "whether one sentence about beliefs entails another",
    source: "BIG-bench epistemic_reasoning: task.json, or Hugging Face tasksource/bigbench",
    licence: LICENCE,
    size: 2000,
    needs_data: true,
    quirks: &[
        "log-loss is of the shortest run of last tokens that reads as the answer",
        "the two labels are compared by the sum of their tokens' log-probabilities, which favours the shorter one",
        "of equally likely labels the first, `entailment`, is chosen",
        "a masked model sees no full stop behind the masks, and its log-loss is divided by one too many",
        "the paper's items are the validation split followed by train, as in a folder with both; task.json has another order",
    ],
    hub: None,
    files: &[
        &["task.json", "epistemic_reasoning/validation-*.parquet", "data/validation-*.parquet", "validation-*.parquet"],
        &["epistemic_reasoning/train-*.parquet", "data/train-*.parquet", "train-*.parquet"],
    ],
    example: r#"{"input": "Premise: James knows that it rains. Hypothesis: It rains.",
        "target_scores": {"entailment": 1, "non-entailment": 0}}"#,
    read: epistemic,
};

pub(super) const WIKIDATA: TaskInfo = TaskInfo {
    name: "bigbench-wikidataqa",
    about: "Wikidata facts as sentences to complete; short free answers",
    source: "BIG-bench qa_wikidata: task.json, or Hugging Face tasksource/bigbench",
    licence: LICENCE,
    size: 20_321,
    needs_data: true,
    quirks: &[
        "log-loss is of the shortest run of last tokens that reads as the answer",
        "prompt and continuation together must contain the answer, also inside other words",
        "of several accepted answers only the first counts; rows of the Hugging Face copy that list several are left out",
        "a masked model's prompt and answer are not trimmed, no full stop follows its five masks, and its log-loss is \
         divided by one too many",
        "the paper's items are the validation split followed by train, as in a folder with both; task.json has another order",
    ],
    hub: None,
    files: &[
        &["task.json", "qa_wikidata/validation-*.parquet", "data/validation-*.parquet", "validation-*.parquet"],
        &["qa_wikidata/train-*.parquet", "data/train-*.parquet", "train-*.parquet"],
    ],
    example: r#"{"input": "The genre of \"Weird Al\" Yankovic is", "target": ["comedy", "parody"]}"#,
    read: wikidata,
};

/// What stands before and after an input of epistemic_reasoning (`task_prefix`, `example_input_prefix` and
/// `example_output_prefix` of its file); Hugging Face's rows have both.
const INSTRUCTION: &str = "Identify the relation between the following premises and hypotheses, choosing from the \
                           options 'entailment' or 'non-entailment'.\n\n";
const QUESTION: &str = "\nRelation:";

const LABELS: [&str; 2] = ["entailment", "non-entailment"];

fn epistemic(source: Source<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let made = source.items(&EPISTEMIC, setup, |row, _| {
        let (prompt, gold) = if row.fields.contains_key("inputs") {
            let targets = row.texts("targets")?;
            let gold = LABELS.iter().position(|label| targets == [*label]);
            let wrong =
                || BadField::new("targets", format!("expected one of {}, found {targets:?}", LABELS.join(", ")));
            (row.text("inputs")?.to_owned(), gold.ok_or_else(wrong)?)
        } else {
            let scores = row.value("target_scores")?;
            let gold = LABELS.iter().position(|label| scores[*label].as_f64() == Some(1.0));
            let wrong = || {
                BadField::new("target_scores", format!("expected one of {} with 1, found {scores}", LABELS.join(", ")))
            };
            (format!("{INSTRUCTION}{}{QUESTION}", row.text("input")?), gold.ok_or_else(wrong)?)
        };
        let suffix = clean_full_stop(setup);
        Ok(vec![Item { suffix, ..one_of(prompt, &LABELS, gold) }])
    })?;
    let (length, ties) = match setup.profile {
        Profile::Clean => (Length::PerCharacter, Ties::Wrong),
        Profile::Paper => (Length::Sum, Ties::First),
    };
    Ok(Task {
        join: Join::of_profile(setup.profile, Boundary::Suffix),
        ..made.task(EPISTEMIC.name, Score::Choice { length, ties })?
    })
}

fn wikidata(source: Source<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let mut seen = std::collections::BTreeSet::new();
    let made = source.items(&WIKIDATA, setup, |row, _| {
        let (input, mut targets) = if row.fields.contains_key("inputs") {
            (row.text("inputs")?, row.texts("targets")?)
        } else {
            (row.text("input")?, targets(row)?)
        };
        let Some(gold) = targets.first().cloned() else {
            return Err(BadField::new("targets", "expected at least one, found none"));
        };
        // The original file repeats 121 records, which the Hugging Face copy does not.
        if !seen.insert((input.to_owned(), targets.clone())) {
            return Ok(Vec::new());
        }
        if setup.profile == Profile::Paper {
            if row.fields.contains_key("inputs") && targets.len() > 1 {
                return Ok(Vec::new());
            }
            targets = vec![gold];
        }
        let untouched = (setup.profile, setup.kind) == (Profile::Paper, ModelKind::Masked);
        let text = |text: &str| if untouched { text.to_owned() } else { text.trim().to_owned() };
        let suffix = clean_full_stop(setup);
        let answers = targets.iter().map(|target| text(target)).collect();
        Ok(vec![Item { group: input.trim().to_owned(), prompt: text(input), suffix, answers, ..Item::default() }])
    })?;
    let max_tokens = if setup.kind == ModelKind::Masked { 5 } else { 10 };
    let matching = match (setup.profile, setup.kind) {
        (Profile::Clean, _) => Match::Word,
        (Profile::Paper, ModelKind::Causal) => Match::PromptContinuation,
        (Profile::Paper, ModelKind::Masked) => Match::Continuation,
    };
    Ok(Task {
        join: Join::of_profile(setup.profile, Boundary::Suffix),
        ..made.task(WIKIDATA.name, Score::Generate { max_tokens, matching })?
    })
}

/// The accepted answers of the original file: one text or a list.
fn targets(row: &Record) -> Result<Vec<String>, BadField> {
    match row.value("target")? {
        Value::String(_) => Ok(vec![row.text("target")?.to_owned()]),
        _ => row.texts("target"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{bare, four, items, read as read_text, real, setup};

    #[test]
    fn prompts_are_those_of_each_profile() {
        let prompt = "Identify the relation between the following premises and hypotheses, choosing from the options \
                      'entailment' or 'non-entailment'.\n\nPremise: James knows that it rains. Hypothesis: It rains.\nRelation:";
        let shown = ["[entailment]", "[mask].", "[entailment]", "[mask]"].map(|end| format!("{prompt} {end}"));
        assert_eq!(four(&EPISTEMIC, None), shown);
        let shown = ["[comedy]", "[mask].", "[comedy]", "[mask]"];
        assert_eq!(four(&WIKIDATA, None), shown.map(|end| format!("The genre of \"Weird Al\" Yankovic is {end}")));
    }

    #[test]
    fn layouts_agree() {
        let original = r#"{"examples":[{"input":"P","target_scores":{"entailment":0,"non-entailment":1}}]}"#;
        let hub = format!(
            r#"{{"idx":5,"inputs":{:?},"targets":["non-entailment"],"multiple_choice_targets":["entailment","non-entailment"],"multiple_choice_scores":[0,1]}}"#,
            format!("{INSTRUCTION}P{QUESTION}")
        );
        let original = items(&EPISTEMIC, "task.json", original);
        assert_eq!(items(&EPISTEMIC, "h.jsonl", &hub), original);
        assert_eq!(original[0].target(), "non-entailment");
        let original = items(&WIKIDATA, "task.json", r#"{"examples":[{"input":"P is","target":["a","b"]}]}"#);
        assert_eq!(items(&WIKIDATA, "h.jsonl", r#"{"inputs":"P is","targets":["a","b"]}"#), original);
        assert_eq!(original[0].answers, ["a", "b"]);
        let text = items(&WIKIDATA, "task.json", r#"{"examples":[{"input":"P is","target":"a"}]}"#);
        assert_eq!(text[0].answers, ["a"]);
    }

    #[test]
    fn the_papers_scores_and_answers() {
        let paper = setup(Profile::Paper, ModelKind::Causal);
        let text = r#"{"examples":[{"input":"P","target_scores":{"entailment":1,"non-entailment":0}}]}"#;
        let score =
            |setup: &TaskOptions<'_>| read_text(&EPISTEMIC, "t.json", text, setup).expect("epistemic").default_score;
        assert_eq!(score(&paper), Score::Choice { length: Length::Sum, ties: Ties::First });
        assert_eq!(score(&TaskOptions::default()), Score::Choice { length: Length::PerCharacter, ties: Ties::Wrong });
        let rows = "{\"inputs\":\" P is \",\"targets\":[\"a\",\"b\"]}\n{\"inputs\":\" Q is \",\"targets\":[\" c\"]}";
        let read = |kind| read_text(&WIKIDATA, "h.jsonl", rows, &setup(Profile::Paper, kind)).expect("wikidata");
        let causal = read(ModelKind::Causal);
        assert_eq!(causal.default_score, Score::Generate { max_tokens: 10, matching: Match::PromptContinuation });
        assert_eq!(causal.join.boundary, Boundary::Suffix);
        let shown: Vec<_> = bare(causal).into_iter().map(|item| (item.prompt, item.answers)).collect();
        assert_eq!(shown, [("Q is".to_owned(), vec!["c".to_owned()])]);
        let masked = read(ModelKind::Masked);
        assert_eq!((masked.items[0].prompt.as_str(), masked.items[0].target()), (" Q is ", " c"));
        assert_eq!(masked.default_score, Score::Generate { max_tokens: 5, matching: Match::Continuation });
    }

    #[test]
    fn the_real_sets_have_the_papers_sizes() {
        let Some(path) = real("bigbench/epistemic_reasoning/task.json") else { return };
        let task = Task::open(EPISTEMIC.name, Some(&path), &TaskOptions::default()).expect("epistemic");
        assert_eq!(task.items.len(), EPISTEMIC.size);
        assert_eq!(task.items.iter().filter(|item| item.gold == 0).count(), 741);
        let Some(path) = real("bigbench/qa_wikidata/task.json") else { return };
        for profile in [Profile::Clean, Profile::Paper] {
            let task = Task::open(WIKIDATA.name, Some(&path), &setup(profile, ModelKind::Causal)).expect("wikidata");
            assert_eq!(task.items.len(), WIKIDATA.size);
        }
    }
}
