//! `training_split`, `validation_split`, `test_split` and `fewshot_split`: which splits items and examples come from.

use crate::error::Result;
use crate::harness::keys::KeyReader;

/// Names of the splits of a task. A test or a validation split is always there.
#[derive(Debug)]
pub(in crate::harness) struct Splits {
    training: Option<String>,
    validation: Option<String>,
    test: Option<String>,
    /// `fewshot_config.split`, or else `fewshot_split`.
    pub(super) fewshot: Option<String>,
}

impl Splits {
    pub(super) fn read(keys: &mut KeyReader<'_>) -> Result<Self> {
        let splits = Self {
            training: keys.text("training_split")?,
            validation: keys.text("validation_split")?,
            test: keys.text("test_split")?,
            fewshot: keys.text("fewshot_split")?,
        };
        if splits.test.is_none() && splits.validation.is_none() {
            return Err(keys.error("test_split", "expected this or `validation_split`, found neither"));
        }
        Ok(splits)
    }

    /// Name of the split whose rows become items: the test split, or else the validation split.
    pub(in crate::harness) fn evaluated(&self) -> &str {
        let split = self.test.as_ref().or(self.validation.as_ref());
        split.expect("a split is there because a file without one is refused")
    }

    /// Name of the split that few-shot examples come from: the few-shot split, or else training, validation or test.
    pub(in crate::harness) fn examples(&self) -> &str {
        let split = self.fewshot.as_ref().or(self.training.as_ref()).or(self.validation.as_ref());
        split.map_or_else(|| self.evaluated(), String::as_str)
    }

    /// Whether a question is excluded from its own examples. As in the harness, this compares the two keys as they are
    /// written: true if both name the same split, and also if both are absent, whatever splits are then used.
    pub(in crate::harness) fn excludes_question(&self) -> bool {
        self.fewshot == self.test
    }
}
