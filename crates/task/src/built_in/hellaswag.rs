//! HellaSwag (Zellers et al. 2019): which of four endings continues a description. Texts equal those of
//! lm-evaluation-harness in every space, so that scores can be compared.

use super::data_source::DataSource;
use super::info::{HubData, TaskInfo};
use super::records::id;
use crate::dataset::BadField;
use crate::error::Result;
use crate::options::TaskOptions;
use crate::score::{LengthNormalization, Score, Ties};
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "hellaswag",
    about: "which of four endings continues a description",
    source: "hellaswag_val.jsonl of the HellaSwag repository, or Hugging Face Rowan/hellaswag, split validation",
    licence: "MIT",
    size: 10_042,
    needs_data: true,
    quirks: &["the paper does not use this set: both profiles are the same"],
    wordings: &[],
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

/// Reads the task.
fn read(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let items = source.items(&INFO, setup, |record, _| {
        let activity = record.text("activity_label")?;
        let first = record.text("ctx_a")?;
        // Empty if the description ends with a whole sentence.
        let second = capitalised(record.value("ctx_b")?.as_str().unwrap_or_default());
        let choices: Vec<String> = record.texts("endings")?.iter().map(|ending| cleaned(ending)).collect();
        if choices.len() < 2 || choices.iter().any(|choice| choice.trim().is_empty()) {
            return Err(BadField::new("endings", format!("expected several, found {choices:?}")));
        }
        let gold = record.index("label", choices.len())?;
        Ok(vec![Item {
            id: id(record, "ind"),
            group: id(record, "source_id"),
            prompt: cleaned(&format!("{activity}: {first} {second}")),
            answers: vec![choices[gold].clone()],
            choices,
            gold,
            ..Item::default()
        }])
    })?;
    items.task(INFO.name, Score::Choice { length: LengthNormalization::PerCharacter, ties: Ties::Wrong })
}

/// The text with its first letter in upper case and the others in lower case, as by Python's `str.capitalize`, which
/// the harness applies to the beginning of the last sentence.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), chars.as_str().to_lowercase()))
}

/// Removes WikiHow's marks in brackets, by the rules of lm-evaluation-harness.
fn cleaned(text: &str) -> String {
    let text = text.trim().replace(" [title]", ". ");
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    // As in the harness's pattern `\[.*?\]`, a mark does not span lines.
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
    use crate::built_in::testing::{items, prompts_of_all_setups, read as read_text, real_data};

    #[test]
    fn prompts_equal_those_of_the_harness() {
        let prompt = "Washing a car: A man fills a bucket with water. He ";
        let [causal, masked] = [format!("{prompt}[wipes the car with a sponge.]"), format!("{prompt}[mask]")];
        assert_eq!(prompts_of_all_setups(&INFO, None), [causal.clone(), masked.clone(), causal, masked]);
    }

    #[test]
    fn marks_are_removed() {
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
    fn all_layouts_give_the_same_items() {
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
    fn real_data_has_the_published_size() {
        let Some(path) = real_data("hellaswag/hellaswag_val_1000.jsonl") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("hellaswag");
        assert_eq!(task.items.len(), 1000);
        assert!(task.items.iter().all(|item| item.choices.len() == 4));
    }
}
