//! FEVER (Thorne et al. 2018): true and false claims about Wikipedia articles; claims labelled as lacking evidence are
//! left out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::data_source::DataSource;
use super::info::TaskInfo;
use super::records::id;
use super::wording::{end_sentence_for, suffix_after_mask, true_or_false_item};
use crate::dataset::{BadField, Record};
use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::options::{Profile, TaskOptions};
use crate::score::Score;
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "fever",
    about: "claims to be called true or false, each once, contradictory ones left out",
    source: "paper_dev.jsonl of fever.ai, Hugging Face EleutherAI/fever or fever/fever, or BIG-bench fact_checker/fever",
    licence: "CC BY-SA 3.0",
    size: 6510,
    needs_data: true,
    quirks: &[
        "prompt and answer are encoded apart",
        "the question ends in a full stop, and no full stop follows a masked model's mask",
        "the paper's 13,086 items are paper_dev followed by paper_test, as in a folder with both",
    ],
    wordings: &[],
    hub: None,
    files: &[
        &[
            "paper_dev.jsonl",
            "v1.0/paper_dev-*.parquet",
            "v1.0/paper_dev/*.parquet",
            "data/paper_dev-*.parquet",
            "paper_dev-*.parquet",
            "task.json",
        ],
        &[
            "paper_test.jsonl",
            "v1.0/paper_test-*.parquet",
            "v1.0/paper_test/*.parquet",
            "data/paper_test-*.parquet",
            "paper_test-*.parquet",
        ],
    ],
    example: r#"{"id": 137334, "label": "SUPPORTS", "claim": "Fox 2000 Pictures released the film Soul Food."}"#,
    read,
};

/// Reads the task: each claim once, in the order of first appearance; claims with both labels are left out.
fn read(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let mut labels: BTreeMap<String, bool> = BTreeMap::new();
    let mut contradictory = Vec::new();
    let mut items = source.items(&INFO, setup, |record, _| {
        let (claim, Some(label)) = (claim(record)?, label(record)?) else { return Ok(Vec::new()) };
        match labels.get(claim) {
            Some(known) if *known != label => contradictory.push(claim.to_owned()),
            Some(_) => {}
            None => {
                labels.insert(claim.to_owned(), label);
                return Ok(vec![item(id(record, "id"), claim, label, setup)]);
            }
        }
        Ok(Vec::new())
    })?;
    items.items.retain(|item| !contradictory.contains(&item.group));
    let join = Join::of_profile(setup.profile, Boundary::Apart);
    Ok(Task { join, ..items.task(INFO.name, Score::CHOICE)? })
}

/// Makes the item of one claim.
fn item(id: String, claim: &str, label: bool, setup: &TaskOptions<'_>) -> Item {
    let sentence = end_sentence_for(setup, claim);
    let (mark, suffix) = match setup.profile {
        Profile::Clean => ("?", suffix_after_mask(setup)),
        Profile::Paper => (".", String::new()),
    };
    let prompt = format!("Consider the following claim: {sentence} Is this claim true or false{mark} The claim is");
    Item { id, group: claim.to_owned(), suffix, ..true_or_false_item(prompt, label) }
}

/// The claim of a record; BIG-bench embeds it in a question.
fn claim(record: &Record) -> Result<&str, BadField> {
    if !record.fields.contains_key("input") {
        return record.text("claim");
    }
    let wrapped = record.text("input")?;
    let claim = wrapped.strip_prefix("On June 2017, the following claim was made: ");
    let claim = claim.and_then(|rest| rest.strip_suffix("\nQ: Was this claim true or false?"));
    claim.ok_or_else(|| BadField::new("input", format!("expected BIG-bench's wording of a claim, found {wrapped:?}")))
}

/// Whether the claim is true; `None` if its label is `NOT ENOUGH INFO`.
fn label(record: &Record) -> Result<Option<bool>, BadField> {
    if let Some(scores) = record.fields.get("target_scores") {
        let score = |name: &str| scores[name].as_f64();
        return match (score("true"), score("false")) {
            (Some(t), Some(f)) if t != f => Ok(Some(t > f)),
            _ => Err(BadField::new("target_scores", format!("expected scores of true and false, found {scores}"))),
        };
    }
    match record.value("label")? {
        Value::String(text) if text == "SUPPORTS" => Ok(Some(true)),
        Value::String(text) if text == "REFUTES" => Ok(Some(false)),
        Value::String(text) if text == "NOT ENOUGH INFO" => Ok(None),
        Value::Number(n) if n.as_u64() == Some(1) => Ok(Some(true)),
        Value::Number(n) if n.as_u64() == Some(0) => Ok(Some(false)),
        other => {
            let problem = format!("expected SUPPORTS, REFUTES, NOT ENOUGH INFO, 1 or 0, found {other}");
            Err(BadField::new("label", problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{items, prompts_of_all_setups, read as read_text, real_data, setup};
    use laser_model::ModelKind;

    #[test]
    fn prompts_of_each_profile() {
        let prompt =
            "Consider the following claim: Fox 2000 Pictures released the film Soul Food. Is this claim true or false";
        let shown =
            ["? The claim is [true]", "? The claim is [mask].", ". The claim is [true]", ". The claim is [mask]"];
        assert_eq!(prompts_of_all_setups(&INFO, None), shown.map(|end| format!("{prompt}{end}")));
    }

    #[test]
    fn all_layouts_give_the_same_items() {
        let original = r#"{"id":3,"label":"REFUTES","claim":"It is","evidence":[]}"#;
        let original = items(&INFO, "o.jsonl", original);
        assert_eq!((original[0].gold, original[0].group.as_str(), original[0].id.as_str()), (1, "It is", "3"));
        assert!(original[0].prompt.contains("claim: It is. Is"));
        for (file, text) in [
            ("eleuther.json", r#"[{"id":3,"label":0,"claim":"It is"}]"#),
            (
                "hub.jsonl",
                "{\"id\":3,\"label\":\"REFUTES\",\"claim\":\"It is\",\"evidence_id\":1}\n{\"id\":3,\"label\":\"REFUTES\",\"claim\":\"It is\",\"evidence_id\":2}",
            ),
            (
                "task.json",
                r#"{"examples":[{"id":3,"input":"On June 2017, the following claim was made: It is\nQ: Was this claim true or false?","target_scores":{"true":0,"false":1}}]}"#,
            ),
        ] {
            assert_eq!(items(&INFO, file, text), original, "{file}");
        }
    }

    #[test]
    fn claims_are_unique_and_consistent() {
        let record = |id: u32, label: &str, claim: &str| {
            format!("{{\"id\":{id},\"label\":\"{label}\",\"claim\":\"{claim}\"}}\n")
        };
        let text = [
            record(1, "SUPPORTS", "a"),
            record(2, "REFUTES", "b"),
            record(3, "SUPPORTS", "a"),
            record(4, "SUPPORTS", "b"),
            record(5, "NOT ENOUGH INFO", "c"),
            record(6, "REFUTES", "d"),
        ];
        let kept: Vec<String> = items(&INFO, "f.jsonl", &text.concat()).into_iter().map(|item| item.id).collect();
        assert_eq!(kept, ["1", "6"]);
        let bad = read_text(&INFO, "f.jsonl", &record(1, "MAYBE", "a"), &TaskOptions::default())
            .expect_err("label")
            .to_string();
        assert!(bad.contains("`label`") && bad.contains("MAYBE"), "{bad}");
    }

    #[test]
    fn real_data_has_the_size_in_the_paper() {
        let Some(path) = real_data("fever/paper_dev.jsonl") else { return };
        for profile in [Profile::Clean, Profile::Paper] {
            let task = Task::open(INFO.name, Some(&path), &setup(profile, ModelKind::Causal)).expect("fever");
            assert_eq!(task.items.len(), INFO.size);
            assert_eq!(task.items.iter().filter(|item| item.gold == 0).count(), 3252);
        }
        let Some(path) = real_data("bigbench/fact_checker/fever/task.json") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("fever of BIG-bench");
        assert!((6400..=6612).contains(&task.items.len()), "{}", task.items.len());
    }
}
