//! Tasks of a model, ready to be scored.

use laser::task::QuestionSettings;
use laser::task::chat::ChatSettings;
use laser::{ScoredTasks, TaskRequest, TaskSettings};
use pyo3::prelude::*;

use crate::error::LaserError;
use crate::options::Named;

/// Tasks in the words of one model.
#[pyclass(frozen, module = "laser._laser")]
pub(crate) struct NativeTasks(pub(crate) ScoredTasks);

#[pymethods]
impl NativeTasks {
    /// Names of the tasks.
    fn names(&self) -> Vec<String> {
        self.0.names().into_iter().map(str::to_owned).collect()
    }

    /// Remarks about the data.
    fn notes(&self) -> Vec<String> {
        self.0.notes()
    }

    /// Number of items of all tasks.
    fn __len__(&self) -> usize {
        self.0.iter().map(|(task, _)| task.items.len()).sum()
    }
}

/// Tasks to open: `names` with one `data` each, and the settings of all of them. `input`: the questions of a task named `-`.
pub(crate) fn task_settings(options: &str, input: Option<Vec<u8>>) -> PyResult<TaskSettings> {
    let mut named = Named::parse(options)?;
    let (names, data, scores) = (named.texts("names")?, named.texts("data")?, named.texts("score")?);
    let defaults = TaskSettings::default();
    let request = |(index, name): (usize, &String)| {
        let score = scores
            .get(index)
            .or(scores.first())
            .map(|text| text.parse().map_err(|error| LaserError::new_err(format!("score: {error}"))));
        Ok(TaskRequest {
            name: name.clone(),
            data: data.get(index).filter(|data| !data.is_empty()).cloned(),
            score: score.transpose()?,
        })
    };
    let chat = named
        .flag("chat")?
        .unwrap_or(false)
        .then(|| Ok::<_, PyErr>(ChatSettings { system: named.text("system")?, date: named.parsed("chat_date")? }));
    let settings = TaskSettings {
        tasks: names.iter().enumerate().map(request).collect::<PyResult<_>>()?,
        profile: named.parsed("profile")?.unwrap_or(defaults.profile),
        skip_bad: named.flag("skip_bad")?.unwrap_or(defaults.skip_bad),
        matching: named.parsed("match")?,
        max_tokens: named.parsed("max_tokens")?,
        num_fewshot: named.parsed("num_fewshot")?,
        fewshot_seed: named.parsed("fewshot_seed")?.unwrap_or(defaults.fewshot_seed),
        include: named.texts("include")?.into_iter().map(Into::into).collect(),
        limit: named.parsed("limit")?,
        questions: QuestionSettings {
            prompt: named.text("prompt")?,
            answer: named.text("answer")?,
            choices: named.text("choices")?,
            gold: named.text("gold")?,
            records: named.text("records")?,
            target_delimiter: named.text("target_delimiter")?,
        },
        input,
        chat: chat.transpose()?,
    };
    named.end()?;
    Ok(settings)
}
