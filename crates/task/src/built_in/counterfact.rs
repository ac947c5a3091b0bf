//! CounterFact (ROME; Meng et al. 2022): prompts about named subjects that a fact completes, in two published layouts.
//!
//! A record of the original file (`requested_rewrite` with a template, subject and `target_true`, and
//! `paraphrase_prompts`) gives three items, as in the paper (`docs/method.md`, "Data sets and prompts"). A record of
//! the flat layout (`prompt`, `subject`, `ground_truth`) gives one item: its `rephrase_prompt` is not used, because it
//! mixes paraphrases with prompts that the fact does not complete.

use serde_json::Value;

use super::data_source::DataSource;
use super::info::TaskInfo;
use super::records::id;
use super::wording::suffix_after_mask;
use crate::dataset::{BadField, Record};
use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::options::{Profile, TaskOptions};
use crate::score::{Match, Score};
use crate::task::{Item, Task};
use laser_model::ModelKind;

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "counterfact",
    about: "facts about named subjects in the rewrite prompt and two paraphrases; one-word answers",
    source: "counterfact.json of the ROME project, or the flat copies derived from it (21,919 records, one prompt each)",
    licence: "MIT",
    size: 65_757,
    needs_data: true,
    quirks: &[
        "prompt and answer are not trimmed, and are encoded apart",
        "only the answer's first token counts, as trimmed lower-case text; the reference refuses longer answers",
        "Llama and Mistral generate 10 tokens instead, and prompt and continuation together must contain the answer",
    ],
    wordings: &[],
    hub: None,
    files: &[&["counterfact.json", "counterfact-*.json", "data/train-*.parquet"]],
    example: r#"{"case_id": 0, "requested_rewrite": {"prompt": "The mother tongue of {} is", "subject": "Danielle Darrieux",
        "target_true": {"str": "French"}}, "paraphrase_prompts": ["Danielle Darrieux, a native", "Danielle Darrieux spoke the language"]}"#,
    read,
};

/// Reads the task.
fn read(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let items = source.items(&INFO, setup, |record, _| items(record, setup))?;
    let generates = ["llama", "mistral"].iter().any(|family| setup.family.starts_with(family));
    let (score, boundary) = match (setup.profile, setup.kind) {
        (Profile::Clean, _) => (Score::GREEDY, Boundary::Joint),
        (Profile::Paper, ModelKind::Causal) if generates => {
            (Score::Generate { max_tokens: 10, matching: Match::PromptContinuation }, Boundary::Suffix)
        }
        (Profile::Paper, _) => (Score::TOP1, Boundary::Apart),
    };
    Ok(Task { join: Join::at(boundary), ..items.task(INFO.name, score)? })
}

/// Makes the items of one record: its prompt, then its paraphrases.
fn items(record: &Record, setup: &TaskOptions<'_>) -> Result<Vec<Item>, BadField> {
    let case = id(record, "case_id");
    if case.is_empty() {
        return Err(BadField::new("case_id", "expected a number, found none"));
    }
    let Some(rewrite) = record.fields.get("requested_rewrite") else {
        let (subject, prompt) = (record.text("subject")?, record.text("prompt")?);
        // This layout does not name the relation; facts with one template ask for the same.
        let relation = prompt.replace(subject, "{}");
        return Ok(vec![item(case, subject, prompt, record.text("ground_truth")?, &relation, setup)]);
    };
    let text = |value: &'_ Value, field: &str| match value.as_str() {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(BadField::new(field, format!("expected a text, found {value}"))),
    };
    let subject = text(&rewrite["subject"], "requested_rewrite.subject")?;
    let answer = text(&rewrite["target_true"]["str"], "requested_rewrite.target_true.str")?;
    let template = text(&rewrite["prompt"], "requested_rewrite.prompt")?;
    let relation = rewrite["relation_id"].as_str().unwrap_or(&template);
    let item = |id: String, prompt: &str| item(id, &subject, prompt, &answer, relation, setup);
    let mut items = vec![item(case.clone(), &template.replace("{}", &subject))];
    for (i, prompt) in record.texts("paraphrase_prompts")?.iter().enumerate() {
        items.push(item(format!("{case}p{}", i + 1), prompt));
    }
    Ok(items)
}

/// Makes the item of one prompt. In the reference code, the mask follows a prompt that ends in a space directly;
/// removing that space has the same effect, because the delimiter is a space.
fn item(id: String, subject: &str, prompt: &str, answer: &str, relation: &str, setup: &TaskOptions<'_>) -> Item {
    let (prompt, answer) = match (setup.profile, setup.kind) {
        (Profile::Clean, _) => (prompt.trim_end(), answer.trim()),
        (Profile::Paper, ModelKind::Causal) => (prompt, answer),
        (Profile::Paper, ModelKind::Masked) => (prompt.strip_suffix(' ').unwrap_or(prompt), answer),
    };
    Item {
        id,
        group: subject.trim().to_owned(),
        relation: relation.to_owned(),
        prompt: prompt.to_owned(),
        suffix: suffix_after_mask(setup),
        answers: vec![answer.to_owned()],
        ..Item::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{
        items as default_items, prompts_of_all_setups, read as read_text, real_data, setup, without_records,
    };

    const RECORD: &str = r#"[{"case_id":7,"requested_rewrite":{"prompt":"{} plays the ","subject":"Toko",
        "target_true":{"str":"guitar","id":"Q1"},"target_new":{"str":"piano","id":"Q2"}},
        "paraphrase_prompts":["So. Toko plays","On stage, Toko plays"],"neighborhood_prompts":[]}]"#;

    #[test]
    fn prompts_of_each_profile() {
        assert_eq!(
            prompts_of_all_setups(&INFO, None),
            [
                "The mother tongue of Danielle Darrieux is [French]",
                "The mother tongue of Danielle Darrieux is [mask].",
                "The mother tongue of Danielle Darrieux is [French]",
                "The mother tongue of Danielle Darrieux is [mask].",
            ]
        );
    }

    #[test]
    fn both_layouts_are_read() {
        let flat =
            r#"[{"case_id":7,"prompt":"Toko plays the ","subject":"Toko","ground_truth":"guitar","target_new":"x"}]"#;
        let (flat, original) = (default_items(&INFO, "f.json", flat), default_items(&INFO, "o.json", RECORD));
        assert_eq!(flat[..], original[..1]);
        let prompts: Vec<_> = original.iter().map(|i| (i.id.as_str(), i.prompt.as_str())).collect();
        assert_eq!(prompts, [("7", "Toko plays the"), ("7p1", "So. Toko plays"), ("7p2", "On stage, Toko plays")]);
        assert!(original.iter().all(|i| i.group == "Toko" && i.answers == ["guitar"]));
        assert!(original.iter().all(|i| i.relation == "{} plays the "));
        let named =
            default_items(&INFO, "o.json", &RECORD.replace(r#""subject""#, r#""relation_id":"P1303","subject""#));
        assert!(named.iter().all(|i| i.relation == "P1303"));
    }

    #[test]
    fn the_paper_trims_nothing_and_scores_by_family() {
        let read = |kind, family| {
            let setup = TaskOptions { family, ..setup(Profile::Paper, kind) };
            read_text(&INFO, "o.json", RECORD, &setup).expect("paper")
        };
        let causal = read(ModelKind::Causal, "gptj");
        assert_eq!(causal.items[0].prompt, "Toko plays the ");
        assert_eq!((causal.default_score, causal.join.boundary), (Score::TOP1, Boundary::Apart));
        // One space between prompt and mask, whether or not the prompt ends in one.
        let masked = read(ModelKind::Masked, "roberta");
        assert_eq!((masked.items[0].prompt.as_str(), masked.items[0].suffix.as_str()), ("Toko plays the", "."));
        let llama = read(ModelKind::Causal, "llama");
        let generate = Score::Generate { max_tokens: 10, matching: Match::PromptContinuation };
        assert_eq!((llama.default_score, llama.join.boundary), (generate, Boundary::Suffix));
        assert_eq!(without_records(llama), without_records(causal));
    }

    #[test]
    fn bad_records_name_the_field() {
        let read = |text: &str| read_text(&INFO, "f.json", text, &TaskOptions::default()).expect_err(text).to_string();
        for (text, field) in [
            (r#"[{"case_id":7,"prompt":"x"}]"#, "subject"),
            (r#"[{"case_id":7,"prompt":"x","subject":"y","ground_truth":" "}]"#, "ground_truth"),
            (r#"[{"prompt":"x","subject":"y","ground_truth":"z"}]"#, "case_id"),
            (r#"[{"case_id":7,"requested_rewrite":{"prompt":"{} x","subject":"y"}}]"#, "target_true"),
        ] {
            let error = read(text);
            assert!(error.contains("f.json") && error.contains(field), "{error}");
        }
    }

    #[test]
    fn the_flat_copy_has_all_records() {
        let Some(folder) = real_data("counterfact") else { return };
        let count = |part: &str| {
            let path = folder.join(format!("counterfact-{part}.json"));
            Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect(part).items.len()
        };
        assert_eq!(["train", "edit", "val"].map(count), [10_000, 10_000, 1919]);
    }
}
