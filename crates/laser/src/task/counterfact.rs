//! CounterFact (ROME; Meng et al. 2022): facts to complete, in either layout the set is published in.
//!
//! The original file (`requested_rewrite` with a template, subject and `target_true`, and `paraphrase_prompts`)
//! gives three items a record, as the paper scores it (`method.md` §2.3); the flat layout (`prompt`, `subject`,
//! `ground_truth`) gives one: its `rephrase_prompt` mixes paraphrases with prompts that do not ask for the answer.

use std::path::Path;

use serde::Deserialize;

use super::{Item, Task, TaskInfo};
use crate::error::{Error, Result};
use crate::score::Score;

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "counterfact",
    about: "21,919 facts about named subjects, one-word answers",
    source: "counterfact.json of the ROME project, or the flat copies derived from it",
    licence: "MIT",
    needs_data: true,
    hub: None,
};

#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    Original { case_id: u64, requested_rewrite: Rewrite, paraphrase_prompts: Vec<String> },
    Flat { case_id: u64, prompt: String, subject: String, ground_truth: String },
}

#[derive(Deserialize)]
struct Rewrite {
    prompt: String,
    subject: String,
    target_true: Target,
}

#[derive(Deserialize)]
struct Target {
    str: String,
}

pub(super) fn read(path: &Path) -> Result<Task> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let records: Vec<serde_json::Value> = serde_json::from_str(&text).map_err(|e| Error::parse(path, e))?;
    let mut items = Vec::new();
    for (i, value) in records.into_iter().enumerate() {
        let wrong = |problem: &str| Error::Task {
            file: name.clone(),
            place: format!("record {i}"),
            problem: problem.to_owned(),
        };
        let record: Record = serde_json::from_value(value).map_err(|_| {
            wrong("expected case_id with requested_rewrite and paraphrase_prompts, or with prompt, subject and ground_truth")
        })?;
        let mut push = |id: String, subject: &str, prompt: &str, answer: &str| {
            if prompt.trim().is_empty() || answer.trim().is_empty() {
                return Err(wrong("expected a prompt and an answer, found an empty text"));
            }
            items.push(Item {
                id,
                group: subject.trim().to_owned(),
                prompt: prompt.trim_end().to_owned(),
                answers: vec![answer.trim().to_owned()],
                ..Item::default()
            });
            Ok(())
        };
        match record {
            Record::Original { case_id, requested_rewrite: r, paraphrase_prompts } => {
                push(format!("{case_id}"), &r.subject, &r.prompt.replace("{}", &r.subject), &r.target_true.str)?;
                for (j, prompt) in paraphrase_prompts.iter().take(2).enumerate() {
                    push(format!("{case_id}p{}", j + 1), &r.subject, prompt, &r.target_true.str)?;
                }
            }
            Record::Flat { case_id, prompt, subject, ground_truth } => {
                push(format!("{case_id}"), &subject, &prompt, &ground_truth)?;
            }
        }
    }
    Task::new("counterfact".to_owned(), items, Score::TOP1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Task> {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(file.path(), text).expect("write");
        read(file.path())
    }

    #[test]
    fn both_layouts_are_read() {
        let flat =
            r#"[{"case_id":7,"prompt":"Toko plays the","subject":"Toko","ground_truth":"guitar","target_new":"x"}]"#;
        let task = read_text(flat).expect("flat");
        assert_eq!((task.items.len(), task.items[0].target()), (1, "guitar"));
        let original = r#"[{"case_id":7,"requested_rewrite":{"prompt":"{} plays the","subject":"Toko",
            "target_true":{"str":"guitar","id":"Q1"},"target_new":{"str":"piano","id":"Q2"}},
            "paraphrase_prompts":["So. Toko plays","On stage, Toko plays"],"neighborhood_prompts":[]}]"#;
        let task = read_text(original).expect("original");
        let prompts: Vec<_> = task.items.iter().map(|i| i.prompt.as_str()).collect();
        assert_eq!(prompts, ["Toko plays the", "So. Toko plays", "On stage, Toko plays"]);
        assert!(task.items.iter().all(|i| i.group == "Toko"));
    }

    #[test]
    fn a_bad_record_is_named() {
        let error = read_text(r#"[{"case_id":7,"prompt":"x"}]"#).expect_err("incomplete").to_string();
        assert!(error.contains("record 0"), "{error}");
    }
}
