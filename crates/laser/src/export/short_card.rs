//! The card (`README.md`) of a folder that is no plain model: what it is, a table of its matrices, results, how to load it.

use super::ModelCard;
use super::model_card::one_line;
use crate::error::{Error, Result};
use laser_model::load::ModelFiles;

/// The parts of a card that differ between the forms.
pub(super) struct ShortCard<'a> {
    /// Library that loads the folder.
    pub(super) library: &'a str,
    /// End of the title.
    pub(super) form: &'a str,
    /// First paragraph.
    pub(super) lead: &'a str,
    /// Table of the matrices, Markdown.
    pub(super) table: String,
    /// Lines of Python that load the folder.
    pub(super) python: String,
}

impl ShortCard<'_> {
    /// The card as Markdown; licence and language are those of `files`.
    pub(super) fn render(&self, card: &ModelCard, files: &ModelFiles) -> Result<String> {
        let mut front = card.metadata_of(files);
        front.insert("library_name".into(), self.library.into());
        let front = serde_yaml_ng::to_string(&front).map_err(|e| Error::parse("README.md", e))?;
        let mut text = format!(
            "---\n{front}---\n\n# {}, {}\n\n{} Chosen by layer-selective rank reduction (LASER, \
             [arXiv 2312.13558](https://arxiv.org/abs/2312.13558)); nothing was trained.\n\n{}\n\
             The edit is in `recipe.yaml`, for `laser apply`.\n",
            card.title(files),
            self.form,
            self.lead,
            self.table
        );
        if !card.results.is_empty() {
            text += "\n## Results\n\n";
            card.results.iter().for_each(|line| text += &format!("- {}\n", one_line(line)));
        }
        Ok(format!("{text}\n## Use\n\n```python\n{}```\n", self.python))
    }
}
