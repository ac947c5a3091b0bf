//! HellaSwag (Zellers et al. 2019): which of four endings continues a description. Texts are lm-evaluation-harness's to
//! the blank, so that figures compare.

use super::info::{HubData, TaskInfo};
use super::records::{Source, id};
use crate::dataset::BadField;
use crate::error::Result;
use crate::score::{Length, Score, Ties};
use crate::setup::TaskOptions;
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "hellaswag",
    about: "which of four endings continues a description",
    source: "hellaswag_val.jsonl of the HellaSwag repository, or Hugging Face Rowan/hellaswag, split validation",
    licence: "MIT",
    size: 10_042,
    needs_data: true,
    quirks: &["the paper does not use this set: both profiles are the same"],
    hub: Some(HubData {
        repo: "Rowan/hellaswag",
        revision: "218ec52e09a7e7462a5400043bb9a69a41d06b76",
        files: &["data/validation-*.parquet"],
    }),
    files: &[&[
        "hellaswag_val*.jsonl",
        "data/hellaswag_val.jsonl",
        "default/validation-*.parquet",
        "data/validation-*.parquet",
        "validation-*.parquet",
    ]],
    example: r#"{"ind": 1, "activity_label": "Washing a car", "ctx_a": "A man fills a bucket with water.", "ctx_b": "he",
        "endings": ["drinks it all.", "sings to the bucket.", "wipes the car with a sponge.", "sleeps under a chair."],
        "label": 2, "source_id": "example"}"#,
    read,
};

fn read(source: Source<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let made = source.items(&INFO, setup, |row, _| {
        let activity = row.text("activity_label")?;
        let first = row.text("ctx_a")?;
        // Empty where the description ends with a sentence.
        let second = capitalised(row.value("ctx_b")?.as_str().unwrap_or_default());
        let choices: Vec<String> = row.texts("endings")?.iter().map(|ending| cleaned(ending)).collect();
        if choices.len() < 2 || choices.iter().any(|choice| choice.trim().is_empty()) {
            return Err(BadField::new("endings", format!("expected several, found {choices:?}")));
        }
        let gold = row.index("label", choices.len())?;
        Ok(vec![Item {
            id: id(row, "ind"),
            group: id(row, "source_id"),
            prompt: cleaned(&format!("{activity}: {first} {second}")),
            answers: vec![choices[gold].clone()],
            choices,
            gold,
            ..Item::default()
        }])
    })?;
    made.task(INFO.name, Score::Choice { length: Length::PerCharacter, ties: Ties::Wrong })
}

/// First letter large, the others small, as lm-evaluation-harness begins the last sentence.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), chars.as_str().to_lowercase()))
}

/// The text without WikiHow's marks in brackets, by the rules of lm-evaluation-harness.
fn cleaned(text: &str) -> String {
    let text = text.trim().replace(" [title]", ". ");
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    // A mark stays on its line.
    while let Some((before, mark)) = rest.split_once('[') {
        kept.push_str(before);
        rest = match mark.split_once(']') {
            Some((inside, behind)) if !inside.contains('\n') => behind,
            _ => {
                kept.push('[');
                mark
            }
        };
    }
    kept.push_str(rest);
    kept.replace("  ", " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{four, items, read as read_text, real};

    #[test]
    fn prompts_are_the_harness_s() {
        let prompt = "Washing a car: A man fills a bucket with water. He ";
        let [causal, masked] = [format!("{prompt}[wipes the car with a sponge.]"), format!("{prompt}[mask]")];
        assert_eq!(four(&INFO, None), [causal.clone(), masked.clone(), causal, masked]);
    }

    #[test]
    fn marks_go() {
        for (text, clean) in [
            ("[header] How to [title] Do it [step] Now", " How to. Do it Now"),
            ("a [b\n] c] d", "a [b\n] c] d"),
            ("a [b [c] d", "a d"),
            ("a [b", "a [b"),
            ("a [substeps] b", "a b"),
        ] {
            assert_eq!(cleaned(text), clean, "{text}");
        }
        assert_eq!(capitalised("the WOMAN"), "The woman");
    }

    #[test]
    fn layouts_agree() {
        let original = r#"{"ind":4,"activity_label":"A","ctx_a":"X.","ctx_b":"","ctx":"X.","split":"val","label":1,"endings":["[step] a","b"],"source_id":"s"}"#;
        let original = items(&INFO, "o.jsonl", original);
        assert_eq!(
            (original[0].prompt.as_str(), original[0].target(), original[0].choices[0].as_str()),
            ("A: X.", "b", " a")
        );
        assert_eq!((original[0].id.as_str(), original[0].group.as_str()), ("4", "s"));
        let hub = r#"{"ind":4,"activity_label":"A","ctx_a":"X.","ctx_b":"","ctx":"X.","split":"val","label":"1","endings":["[step] a","b"],"source_id":"s"}"#;
        assert_eq!(items(&INFO, "h.jsonl", hub), original);
        let bad = hub.replace("\"label\":\"1\"", "\"label\":\"\"");
        let bad = read_text(&INFO, "h.jsonl", &bad, &TaskOptions::default()).expect_err("the test split").to_string();
        assert!(bad.contains("`label`"), "{bad}");
    }

    #[test]
    fn the_real_part_has_its_size() {
        let Some(path) = real("hellaswag/hellaswag_val_1000.jsonl") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("hellaswag");
        assert_eq!(task.items.len(), 1000);
        assert!(task.items.iter().all(|item| item.choices.len() == 4));
    }
}
