//! PIQA (Bisk et al. 2020): two ways to reach a goal, of which one works. Texts are lm-evaluation-harness's, untrimmed,
//! so that figures compare.

use std::path::{Path, PathBuf};

use super::info::{HubData, TaskInfo};
use super::records::{Source, id};
use crate::dataset::BadField;
use crate::error::{Error, Result};
use crate::score::{Length, Score, Ties};
use crate::setup::TaskOptions;
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "piqa",
    about: "which of two ways reaches an everyday goal",
    source: "a folder with valid.jsonl and valid-labels.lst, or Hugging Face baber/piqa (with label)",
    licence: "AFL-3.0",
    size: 1838,
    needs_data: true,
    quirks: &["the paper does not use this set: both profiles are the same"],
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

fn read(source: Source<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let beside = match source {
        Source::Path(path) => labels_beside(path)?,
        _ => None,
    };
    let source = match &beside {
        Some(beside) => Source::Path(&beside.questions),
        None => source,
    };
    let made = source.items(&INFO, setup, |row, number| {
        let goal = row.text("goal")?;
        let choices = ["sol1", "sol2"].map(|field| row.text(field).map(str::to_owned));
        let [first, second] = choices;
        let choices = vec![first?, second?];
        let gold = match &beside {
            Some(beside) if !row.fields.contains_key("label") => beside.label(number)?,
            _ => row.index("label", 2)?,
        };
        Ok(vec![Item {
            id: id(row, "id"),
            group: goal.trim().to_owned(),
            prompt: format!("Question: {goal}\nAnswer:"),
            answers: vec![choices[gold].clone()],
            choices,
            gold,
            ..Item::default()
        }])
    })?;
    if let Some(beside) = beside
        && beside.labels.len() != made.items.len() + made.skipped.len()
    {
        let problem = format!(
            "expected as many labels as {} has questions, {}, found {}",
            beside.questions.display(),
            made.items.len() + made.skipped.len(),
            beside.labels.len()
        );
        return Err(Error::Task { file: beside.file.display().to_string(), place: "lines".into(), problem });
    }
    made.task(INFO.name, Score::Choice { length: Length::PerCharacter, ties: Ties::Wrong })
}

/// Questions with their labels in a file of their own, one a line.
struct Beside {
    questions: PathBuf,
    file: PathBuf,
    labels: Vec<String>,
}

impl Beside {
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

/// The labels beside a file of questions, or in a folder with it.
fn labels_beside(path: &Path) -> Result<Option<Beside>> {
    let questions = if path.is_dir() { path.join("valid.jsonl") } else { path.to_owned() };
    let Some(stem) = questions.file_stem().and_then(|stem| stem.to_str()) else { return Ok(None) };
    let file = questions.with_file_name(format!("{stem}-labels.lst"));
    if !questions.is_file() || !file.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&file).map_err(Error::io(&file))?;
    let labels = text.lines().map(|line| line.trim().to_owned()).collect();
    Ok(Some(Beside { questions, file, labels }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{bare, four, items, read as read_text, real};

    #[test]
    fn prompts_are_the_harness_s() {
        let prompt = "Question: Dry a wet book.\nAnswer: ";
        let [causal, masked] = [format!("{prompt}[Stand it open in front of a fan.]"), format!("{prompt}[mask]")];
        assert_eq!(four(&INFO, None), [causal.clone(), masked.clone(), causal, masked]);
    }

    #[test]
    fn labels_stand_in_the_row_or_beside() {
        let row = |label: &str| format!("{{\"goal\":\"G \",\"sol1\":\"a \",\"sol2\":\"b\"{label}}}\n");
        let hub = items(&INFO, "h.jsonl", &[row(",\"label\":1"), row(",\"label\":0")].concat());
        assert_eq!((hub[0].target(), hub[1].target(), hub[0].group.as_str()), ("b", "a ", "G"));
        let folder = tempfile::tempdir().expect("temporary folder");
        std::fs::write(folder.path().join("valid.jsonl"), [row(""), row("")].concat()).expect("write");
        let labels = |text: &str| std::fs::write(folder.path().join("valid-labels.lst"), text).expect("write");
        labels("1\n0\n");
        for path in [folder.path().to_owned(), folder.path().join("valid.jsonl")] {
            assert_eq!(bare(Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("beside")), hub);
        }
        for (text, part) in [("1\n", "line 2"), ("1\n2\n", "found 2"), ("1\n0\n0\n", "found 3")] {
            labels(text);
            let bad = Task::open(INFO.name, Some(folder.path()), &TaskOptions::default()).expect_err(text).to_string();
            assert!(bad.contains("valid-labels.lst") && bad.contains(part), "{bad}");
        }
        let bad =
            read_text(&INFO, "h.jsonl", &row(",\"label\":-1"), &TaskOptions::default()).expect_err("test").to_string();
        assert!(bad.contains("`label`"), "{bad}");
    }

    #[test]
    fn the_real_set_has_its_size() {
        let Some(path) = real("piqa") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("piqa");
        assert_eq!(task.items.len(), INFO.size);
    }
}
