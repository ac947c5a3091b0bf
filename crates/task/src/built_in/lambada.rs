//! LAMBADA (Paperno et al. 2016): passages of novels of which the last word is asked.

use super::info::{HubData, TaskInfo};
use super::records::Source;
use super::wording::full_stop;
use crate::dataset::BadField;
use crate::error::Result;
use crate::score::Score;
use crate::setup::TaskOptions;
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "lambada",
    about: "the last word of a passage",
    source: "lambada_test.jsonl (OpenAI's copy), Hugging Face EleutherAI/lambada_openai or lambada",
    licence: "CC BY 4.0",
    size: 5153,
    needs_data: true,
    quirks: &["the paper does not use this set: both profiles are the same"],
    hub: Some(HubData {
        repo: "EleutherAI/lambada_openai",
        revision: "900124bf3b8235c6daf21033af9948b3f07346c4",
        files: &["default/test/*.parquet"],
    }),
    files: &[&[
        "lambada_test.jsonl",
        "lambada_test_en.jsonl",
        "data/lambada_test_en.jsonl",
        "default/test/*.parquet",
        "default/test-*.parquet",
        "plain_text/test-*.parquet",
        "data/test-*.parquet",
        "test-*.parquet",
        "lambada_test_plain_text.txt",
    ]],
    example: r#"{"text": "She closed the door behind her, turned the key twice and then hid the key"}"#,
    read,
};

/// The last word is what follows the last blank, as in lm-evaluation-harness: in 7 passages it holds a line break.
fn read(source: Source<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let made = source.items(&INFO, setup, |row, _| {
        let text = row.text("text")?.trim();
        let (prompt, word) = text
            .rsplit_once(' ')
            .ok_or_else(|| BadField::new("text", format!("expected several words, found {text:?}")))?;
        Ok(vec![Item {
            prompt: prompt.to_owned(),
            suffix: full_stop(setup),
            answers: vec![word.to_owned()],
            ..Item::default()
        }])
    })?;
    made.task(INFO.name, Score::GREEDY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{four, read as read_text, real};

    #[test]
    fn the_last_word_is_asked() {
        let prompt = "She closed the door behind her, turned the key twice and then hid the";
        let [causal, masked] = [format!("{prompt} [key]"), format!("{prompt} [mask].")];
        assert_eq!(four(&INFO, None), [causal.clone(), masked.clone(), causal, masked]);
        let bad = read_text(&INFO, "l.jsonl", r#"{"text":"word"}"#, &TaskOptions::default())
            .expect_err("one word")
            .to_string();
        assert!(bad.contains("`text`"), "{bad}");
    }

    #[test]
    fn the_real_set_has_its_size() {
        let Some(path) = real("lambada/lambada_test.jsonl") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("lambada");
        assert_eq!((task.items.len(), task.items[0].target()), (INFO.size, "signs"));
        assert_eq!(task.items.iter().filter(|item| item.target().contains('\n')).count(), 7);
    }
}
