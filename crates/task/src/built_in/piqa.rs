//! PIQA (Bisk et al. 2020): which of two ways reaches an everyday goal. Texts are those of lm-evaluation-harness,
//! untrimmed, so that scores can be compared.

use std::path::{Path, PathBuf};

use super::data_source::DataSource;
use super::info::{HubData, TaskInfo};
use super::records::id;
use crate::dataset::BadField;
use crate::error::{Error, Result};
use crate::options::TaskOptions;
use crate::score::{LengthNormalization, Score, Ties};
use crate::task::{Item, Task};
use crate::text_file::read_text;

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "piqa",
    about: "which of two ways reaches an everyday goal",
    source: "a folder with valid.jsonl and valid-labels.lst, or Hugging Face baber/piqa (with label)",
    licence: "AFL-3.0",
    size: 1838,
    needs_data: true,
    quirks: &["the paper does not use this set: both profiles are the same"],
    wordings: &[],
    hub: Some(HubData {
        repo: "baber/piqa",
        revision: "142f6d7367fd9877f0fb3b5734ea6a545f54cdd1",
        files: &["piqa_val*.parquet"],
    }),
    files: &[&[
        "valid.jsonl",
        "piqa_val*.parquet",
        "plain_text/validation-*.parquet",
        "data/validation-*.parquet",
        "validation-*.parquet",
    ]],
    example: r#"{"goal": "Dry a wet book.", "sol1": "Stand it open in front of a fan.", "sol2": "Close it and put it in a bag.",
        "label": 0}"#,
    read,
};

/// Reads the task, with labels from the records or from a file beside them.
fn read(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let label_file = match source {
        DataSource::Path(path) => open_label_file(path)?,
        _ => None,
    };
    let source = match &label_file {
        Some(label_file) => DataSource::Path(&label_file.questions),
        None => source,
    };
    let items = source.items(&INFO, setup, |record, number| {
        let goal = record.text("goal")?;
        let choices = ["sol1", "sol2"].map(|field| record.text(field).map(str::to_owned));
        let [first, second] = choices;
        let choices = vec![first?, second?];
        let gold = match &label_file {
            Some(label_file) if !record.fields.contains_key("label") => label_file.label(number)?,
            _ => record.index("label", 2)?,
        };
        Ok(vec![Item {
            id: id(record, "id"),
            group: goal.trim().to_owned(),
            prompt: format!("Question: {goal}\nAnswer:"),
            answers: vec![choices[gold].clone()],
            choices,
            gold,
            ..Item::default()
        }])
    })?;
    if let Some(label_file) = label_file
        && label_file.labels.len() != items.items.len() + items.skipped.len()
    {
        let problem = format!(
            "expected as many labels as {} has questions, {}, found {}",
            label_file.questions.display(),
            items.items.len() + items.skipped.len(),
            label_file.labels.len()
        );
        return Err(Error::Task { file: label_file.file.display().to_string(), place: "lines".into(), problem });
    }
    items.task(INFO.name, Score::Choice { length: LengthNormalization::PerCharacter, ties: Ties::Wrong })
}

/// Labels of a file of questions, in a separate file with one label per line.
struct LabelFile {
    /// File of the questions.
    questions: PathBuf,
    /// File of the labels.
    file: PathBuf,
    /// Lines of that file, trimmed.
    labels: Vec<String>,
}

impl LabelFile {
    /// Label of the question with this number, counted from 0.
    fn label(&self, number: usize) -> Result<usize, BadField> {
        let found = self.labels.get(number).map(String::as_str);
        match found {
            Some("0") => Ok(0),
            Some("1") => Ok(1),
            _ => {
                let found = found.unwrap_or("none");
                let problem =
                    format!("expected 0 or 1 in line {} of {}, found {found}", number + 1, self.file.display());
                Err(BadField::new("label", problem))
            }
        }
    }
}

/// Reads the labels of the file of questions at `path`, or in the folder `path`; `None` if there is no such pair of
/// files.
fn open_label_file(path: &Path) -> Result<Option<LabelFile>> {
    let questions = if path.is_dir() { path.join("valid.jsonl") } else { path.to_owned() };
    let Some(stem) = questions.file_stem().and_then(|stem| stem.to_str()) else { return Ok(None) };
    let file = questions.with_file_name(format!("{stem}-labels.lst"));
    if !questions.is_file() || !file.is_file() {
        return Ok(None);
    }
    let text = read_text(&file)?;
    let labels = text.lines().map(|line| line.trim().to_owned()).collect();
    Ok(Some(LabelFile { questions, file, labels }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{items, prompts_of_all_setups, read as read_text, real_data, without_records};

    #[test]
    fn prompts_equal_those_of_the_harness() {
        let prompt = "Question: Dry a wet book.\nAnswer: ";
        let [causal, masked] = [format!("{prompt}[Stand it open in front of a fan.]"), format!("{prompt}[mask]")];
        assert_eq!(prompts_of_all_setups(&INFO, None), [causal.clone(), masked.clone(), causal, masked]);
    }

    #[test]
    fn labels_are_read_from_the_record_or_the_label_file() {
        let record = |label: &str| format!("{{\"goal\":\"G \",\"sol1\":\"a \",\"sol2\":\"b\"{label}}}\n");
        let hub = items(&INFO, "h.jsonl", &[record(",\"label\":1"), record(",\"label\":0")].concat());
        assert_eq!((hub[0].target(), hub[1].target(), hub[0].group.as_str()), ("b", "a ", "G"));
        let folder = tempfile::tempdir().expect("temporary folder");
        std::fs::write(folder.path().join("valid.jsonl"), [record(""), record("")].concat()).expect("write");
        let labels = |text: &str| std::fs::write(folder.path().join("valid-labels.lst"), text).expect("write");
        labels("1\n0\n");
        for path in [folder.path().to_owned(), folder.path().join("valid.jsonl")] {
            assert_eq!(
                without_records(Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("label file")),
                hub
            );
        }
        for (text, part) in [("1\n", "line 2"), ("1\n2\n", "found 2"), ("1\n0\n0\n", "found 3")] {
            labels(text);
            let bad = Task::open(INFO.name, Some(folder.path()), &TaskOptions::default()).expect_err(text).to_string();
            assert!(bad.contains("valid-labels.lst") && bad.contains(part), "{bad}");
        }
        let bad = read_text(&INFO, "h.jsonl", &record(",\"label\":-1"), &TaskOptions::default())
            .expect_err("test")
            .to_string();
        assert!(bad.contains("`label`"), "{bad}");
    }

    #[test]
    fn real_data_has_the_published_size() {
        let Some(path) = real_data("piqa") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("piqa");
        assert_eq!(task.items.len(), INFO.size);
    }
}
