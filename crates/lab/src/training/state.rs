//! The state of a training on disk, from which a later run goes on to the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use laser::checkpoint::{Checkpoint, Dtype, NewTensor, safetensors as files};
use safetensors::SafeTensors;
use serde_json::Value;

use super::adamw::AdamW;
use crate::error::{Error, Result};

/// Key of the step in the file's metadata.
const STEP: &str = "step";
/// Key of the number of rows in the file's metadata.
const ROWS: &str = "rows";
/// Key of the settings in the file's metadata.
const SETTINGS: &str = "settings";
/// Names of the three vectors.
const TENSORS: [&str; 3] = ["values", "mean", "mean_square"];

/// Where a training stands.
pub(super) struct TrainingState {
    /// Values of all parameters.
    pub(super) values: Vec<f32>,
    /// The optimiser's means, after as many steps as were done.
    pub(super) optimizer: AdamW,
    /// Rows computed so far.
    pub(super) rows: usize,
}

impl TrainingState {
    /// Writes the state to `path`, with the settings of the training, atomically.
    pub(super) fn write(&self, path: &Path, settings: &str) -> Result<()> {
        let vectors = [&self.values, &self.optimizer.means[0], &self.optimizer.means[1]];
        let tensors = TENSORS
            .iter()
            .zip(vectors)
            .map(|(name, values)| NewTensor::new(*name, Dtype::F32, &[values.len()], move || Ok(values.clone())));
        let metadata = BTreeMap::from([
            (STEP.to_owned(), self.optimizer.steps.to_string()),
            (ROWS.to_owned(), self.rows.to_string()),
            (SETTINGS.to_owned(), settings.to_owned()),
        ]);
        Ok(files::write(path, tensors.collect(), &metadata)?)
    }

    /// Reads the state at `path` into `self`, which has the sizes of the model.
    ///
    /// # Errors
    /// A file that is no state, or one of a training with other settings or another model.
    pub(super) fn read(&mut self, path: &Path, settings: &str) -> Result<()> {
        let checkpoint = Checkpoint::open(path)?;
        let problem = |problem: String| Error::File { path: path.display().to_string(), problem };
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| problem(error.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let text = |key: &str| {
            let found = metadata.get(key).cloned();
            found.ok_or_else(|| problem(format!("expected the state of a training, found no `{key}` in it")))
        };
        let number = |key: &str| {
            let text = text(key)?;
            text.parse::<usize>().map_err(|_| problem(format!("`{key}`: expected a number, found `{text}`")))
        };
        let stored = text(SETTINGS)?;
        if stored != settings {
            return Err(problem(difference(settings, &stored)));
        }
        let read = |name: &str, into: &mut Vec<f32>| {
            let values = checkpoint.tensor(name)?.to_f32()?;
            if values.len() != into.len() {
                return Err(problem(format!("`{name}`: expected {} numbers, found {}", into.len(), values.len())));
            }
            *into = values;
            Ok(())
        };
        read(TENSORS[0], &mut self.values)?;
        read(TENSORS[1], &mut self.optimizer.means[0])?;
        read(TENSORS[2], &mut self.optimizer.means[1])?;
        (self.optimizer.steps, self.rows) = (number(STEP)?, number(ROWS)?);
        Ok(())
    }
}

/// Says in which setting two trainings differ, given as JSON: that which is to go on, and that of a state.
fn difference(expected: &str, found: &str) -> String {
    let leaves = |text: &str| {
        let mut leaves = BTreeMap::new();
        add_leaves(String::new(), serde_json::from_str(text).unwrap_or_default(), &mut leaves);
        leaves
    };
    let (expected, found) = (leaves(expected), leaves(found));
    let name = expected.keys().chain(found.keys()).find(|name| expected.get(*name) != found.get(*name));
    let of =
        |leaves: &BTreeMap<String, Value>, name| leaves.get(name).map_or_else(|| "none".to_owned(), Value::to_string);
    let name = name.map_or("", String::as_str);
    format!(
        "expected the state of the same training, found one with {} instead of {} as `{name}`",
        of(&found, name),
        of(&expected, name)
    )
}

/// Adds the values inside `value`, whose own name is `name`, by their names: `settings.steps`.
fn add_leaves(name: String, value: Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                add_leaves(if name.is_empty() { key } else { format!("{name}.{key}") }, value, leaves);
            }
        }
        value => {
            leaves.insert(name, value);
        }
    }
}
