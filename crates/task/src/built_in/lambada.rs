//! LAMBADA (Paperno et al. 2016): the last word of passages from novels.

use super::data_source::DataSource;
use super::info::{HubData, TaskInfo};
use super::wording::suffix_after_mask;
use crate::dataset::BadField;
use crate::error::Result;
use crate::options::TaskOptions;
use crate::score::Score;
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "lambada",
    about: "the last word of a passage",
    source: "lambada_test.jsonl (OpenAI's copy), Hugging Face EleutherAI/lambada_openai or lambada",
    licence: "CC BY 4.0",
    size: 5153,
    needs_data: true,
    quirks: &["the paper does not use this set: both profiles are the same"],
    wordings: &[],
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

/// Reads the task. The last word is the text after the last space, as in lm-evaluation-harness; in 7 passages it
/// contains a line break.
fn read(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let items = source.items(&INFO, setup, |record, _| {
        let text = record.text("text")?.trim();
        let (prompt, word) = text
            .rsplit_once(' ')
            .ok_or_else(|| BadField::new("text", format!("expected several words, found {text:?}")))?;
        Ok(vec![Item {
            prompt: prompt.to_owned(),
            suffix: suffix_after_mask(setup),
            answers: vec![word.to_owned()],
            ..Item::default()
        }])
    })?;
    items.task(INFO.name, Score::GREEDY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{prompts_of_all_setups, read as read_text, real_data};

    #[test]
    fn the_last_word_is_the_answer() {
        let prompt = "She closed the door behind her, turned the key twice and then hid the";
        let [causal, masked] = [format!("{prompt} [key]"), format!("{prompt} [mask].")];
        assert_eq!(prompts_of_all_setups(&INFO, None), [causal.clone(), masked.clone(), causal, masked]);
        let bad = read_text(&INFO, "l.jsonl", r#"{"text":"word"}"#, &TaskOptions::default())
            .expect_err("one word")
            .to_string();
        assert!(bad.contains("`text`"), "{bad}");
    }

    #[test]
    fn real_data_has_the_published_size() {
        let Some(path) = real_data("lambada/lambada_test.jsonl") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("lambada");
        assert_eq!((task.items.len(), task.items[0].target()), (INFO.size, "signs"));
        assert_eq!(task.items.iter().filter(|item| item.target().contains('\n')).count(), 7);
    }
}
