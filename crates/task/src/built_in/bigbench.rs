//! Two tasks of BIG-bench (Srivastava et al. 2022), in the original `task.json` or in Hugging Face's layout.

use serde_json::Value;

use super::data_source::DataSource;
use super::info::TaskInfo;
use super::wording::{choice_item, clean_suffix_after_mask};
use crate::dataset::{BadField, Record};
use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::options::{Profile, TaskOptions};
use crate::score::{LengthNormalization, Match, Score, Ties};
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
    wordings: &[],
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
    wordings: &[],
    hub: None,
    files: &[
        &["task.json", "qa_wikidata/validation-*.parquet", "data/validation-*.parquet", "validation-*.parquet"],
        &["qa_wikidata/train-*.parquet", "data/train-*.parquet", "train-*.parquet"],
    ],
    example: r#"{"input": "The genre of \"Weird Al\" Yankovic is", "target": ["comedy", "parody"]}"#,
    read: wikidata,
};

/// Text before an input of epistemic_reasoning (`task_prefix` and `example_input_prefix` of its file). The inputs of
/// Hugging Face's copy contain it already.
const INSTRUCTION: &str = "Identify the relation between the following premises and hypotheses, choosing from the \
                           options 'entailment' or 'non-entailment'.\n\n";
/// Text after an input (`example_output_prefix`), which the inputs of Hugging Face's copy contain, too.
const QUESTION: &str = "\nRelation:";

/// The two choices of epistemic_reasoning.
const LABELS: [&str; 2] = ["entailment", "non-entailment"];

/// Reads epistemic_reasoning.
fn epistemic(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let items = source.items(&EPISTEMIC, setup, |record, _| {
        let (prompt, gold) = if record.fields.contains_key("inputs") {
            let targets = record.texts("targets")?;
            let gold = LABELS.iter().position(|label| targets == [*label]);
            let wrong =
                || BadField::new("targets", format!("expected one of {}, found {targets:?}", LABELS.join(", ")));
            (record.text("inputs")?.to_owned(), gold.ok_or_else(wrong)?)
        } else {
            let scores = record.value("target_scores")?;
            let gold = LABELS.iter().position(|label| scores[*label].as_f64() == Some(1.0));
            let wrong = || {
                BadField::new("target_scores", format!("expected one of {} with 1, found {scores}", LABELS.join(", ")))
            };
            (format!("{INSTRUCTION}{}{QUESTION}", record.text("input")?), gold.ok_or_else(wrong)?)
        };
        let suffix = clean_suffix_after_mask(setup);
        Ok(vec![Item { suffix, ..choice_item(prompt, &LABELS, gold) }])
    })?;
    let (length, ties) = match setup.profile {
        Profile::Clean => (LengthNormalization::PerCharacter, Ties::Wrong),
        Profile::Paper => (LengthNormalization::Sum, Ties::First),
    };
    Ok(Task {
        join: Join::of_profile(setup.profile, Boundary::Suffix),
        ..items.task(EPISTEMIC.name, Score::Choice { length, ties })?
    })
}

/// Reads qa_wikidata.
fn wikidata(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let mut seen = std::collections::BTreeSet::new();
    let items = source.items(&WIKIDATA, setup, |record, _| {
        let (input, mut targets) = if record.fields.contains_key("inputs") {
            (record.text("inputs")?, record.texts("targets")?)
        } else {
            (record.text("input")?, targets(record)?)
        };
        let Some(gold) = targets.first().cloned() else {
            return Err(BadField::new("targets", "expected at least one, found none"));
        };
        // The original file repeats 121 records; the Hugging Face copy does not.
        if !seen.insert((input.to_owned(), targets.clone())) {
            return Ok(Vec::new());
        }
        if setup.profile == Profile::Paper {
            // The reference code reads the Hugging Face copy and skips its records with several answers.
            if record.fields.contains_key("inputs") && targets.len() > 1 {
                return Ok(Vec::new());
            }
            targets = vec![gold];
        }
        let untrimmed = (setup.profile, setup.kind) == (Profile::Paper, ModelKind::Masked);
        let text = |text: &str| if untrimmed { text.to_owned() } else { text.trim().to_owned() };
        let suffix = clean_suffix_after_mask(setup);
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
        ..items.task(WIKIDATA.name, Score::Generate { max_tokens, matching })?
    })
}

/// Answers of a record of the original file: one text or a list.
fn targets(record: &Record) -> Result<Vec<String>, BadField> {
    match record.value("target")? {
        Value::String(_) => Ok(vec![record.text("target")?.to_owned()]),
        _ => record.texts("target"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{
        items, prompts_of_all_setups, read as read_text, real_data, setup, without_records,
    };

    #[test]
    fn prompts_of_each_profile() {
        let prompt = "Identify the relation between the following premises and hypotheses, choosing from the options \
                      'entailment' or 'non-entailment'.\n\nPremise: James knows that it rains. Hypothesis: It rains.\nRelation:";
        let shown = ["[entailment]", "[mask].", "[entailment]", "[mask]"].map(|end| format!("{prompt} {end}"));
        assert_eq!(prompts_of_all_setups(&EPISTEMIC, None), shown);
        let shown = ["[comedy]", "[mask].", "[comedy]", "[mask]"];
        assert_eq!(
            prompts_of_all_setups(&WIKIDATA, None),
            shown.map(|end| format!("The genre of \"Weird Al\" Yankovic is {end}"))
        );
    }

    #[test]
    fn all_layouts_give_the_same_items() {
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
    fn scores_and_answers_of_the_paper() {
        let paper = setup(Profile::Paper, ModelKind::Causal);
        let text = r#"{"examples":[{"input":"P","target_scores":{"entailment":1,"non-entailment":0}}]}"#;
        let score =
            |setup: &TaskOptions<'_>| read_text(&EPISTEMIC, "t.json", text, setup).expect("epistemic").default_score;
        assert_eq!(score(&paper), Score::Choice { length: LengthNormalization::Sum, ties: Ties::First });
        assert_eq!(
            score(&TaskOptions::default()),
            Score::Choice { length: LengthNormalization::PerCharacter, ties: Ties::Wrong }
        );
        let records = "{\"inputs\":\" P is \",\"targets\":[\"a\",\"b\"]}\n{\"inputs\":\" Q is \",\"targets\":[\" c\"]}";
        let read = |kind| read_text(&WIKIDATA, "h.jsonl", records, &setup(Profile::Paper, kind)).expect("wikidata");
        let causal = read(ModelKind::Causal);
        assert_eq!(causal.default_score, Score::Generate { max_tokens: 10, matching: Match::PromptContinuation });
        assert_eq!(causal.join.boundary, Boundary::Suffix);
        let shown: Vec<_> = without_records(causal).into_iter().map(|item| (item.prompt, item.answers)).collect();
        assert_eq!(shown, [("Q is".to_owned(), vec!["c".to_owned()])]);
        let masked = read(ModelKind::Masked);
        assert_eq!((masked.items[0].prompt.as_str(), masked.items[0].target()), (" Q is ", " c"));
        assert_eq!(masked.default_score, Score::Generate { max_tokens: 5, matching: Match::Continuation });
    }

    #[test]
    fn real_data_has_the_published_size() {
        let Some(path) = real_data("bigbench/epistemic_reasoning/task.json") else { return };
        let task = Task::open(EPISTEMIC.name, Some(&path), &TaskOptions::default()).expect("epistemic");
        assert_eq!(task.items.len(), EPISTEMIC.size);
        assert_eq!(task.items.iter().filter(|item| item.gold == 0).count(), 741);
        let Some(path) = real_data("bigbench/qa_wikidata/task.json") else { return };
        for profile in [Profile::Clean, Profile::Paper] {
            let task = Task::open(WIKIDATA.name, Some(&path), &setup(profile, ModelKind::Causal)).expect("wikidata");
            assert_eq!(task.items.len(), WIKIDATA.size);
        }
    }
}
