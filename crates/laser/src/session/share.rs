//! Writes what a finished search shares: weights, recipe, results, report, model card and `reproduce.json`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use laser_checkpoint::write_atomically;
use laser_source::FileToUpload;

use super::{Session, WrittenForm};
use crate::edit::delta::Delta;
use crate::error::{Error, Result};
use crate::export::ModelCard;
use crate::results::price_text::price_line;
use crate::run::RunFolder;
use crate::share::card::SharedCard;
use crate::share::{
    CARD, DELTA, FinishedRun, GGUF, RECIPE, REPORT, REPRODUCTION, RESULTS, Reproduction, SharedFile, SharedWeights,
};

/// A folder that is ready to be uploaded.
#[derive(Debug, Clone)]
pub struct SharedFolder {
    /// The contents of its `reproduce.json`.
    pub record: Reproduction,
    /// All its files, sorted by name.
    pub files: Vec<FileToUpload>,
    /// Remarks for the user, one sentence each.
    pub notes: Vec<String>,
}

impl Session {
    /// Writes everything that the repository `ORG/NAME` is to have into a new folder below `place`, an existing folder.
    ///
    /// The delta is made in any case, because the record has the hashes of the tensors that it gives.
    ///
    /// # Errors
    /// A run that is not finished or proposes no edit, another model than that of the run, an edit that cannot be made from
    /// its recipe, weights that have no such form, or a file that cannot be written.
    pub fn share(
        &self,
        run: &RunFolder,
        repository: &str,
        weights: SharedWeights,
        place: &Path,
    ) -> Result<SharedFolder> {
        let finished = FinishedRun::open(run)?;
        self.check_is_model_of(&finished, run)?;
        let folder = place.join("upload");
        let delta = place.join(DELTA);
        let edit = finished.recipe.edit(self.config())?;
        let truncation = self.truncation(finished.recipe.svd);
        let price = finished.results.price.as_ref().map(price_line);
        let card = ModelCard {
            base_model: Some(self.base_name.clone()),
            task: Some(finished.results.manifest.task.name.clone()),
            results: [finished.results.reason.clone()].into_iter().chain(price).collect(),
        };
        let mut notes =
            self.apply_with(&edit, &truncation, card.clone())?.write_form(&delta, WrittenForm::Delta)?.notes;
        let opened = Delta::open(&delta, self.config())?;
        let mut record = Reproduction::of_run(&finished, &self.public_source());
        record.weights = weights;
        record.tensors = opened.tensors().to_vec();
        let io = Error::io(&folder);
        match weights {
            SharedWeights::None => std::fs::create_dir(&folder).map_err(io)?,
            SharedWeights::Delta => {
                drop(opened);
                std::fs::create_dir(&folder).map_err(io)?;
                std::fs::rename(&delta, folder.join(DELTA)).map_err(Error::io(&delta))?;
            }
            SharedWeights::Dense => {
                // From the delta, so that nothing is decomposed twice.
                let truncation = truncation.with_delta(Some(Arc::new(opened)));
                let out = if self.files.is_gguf() { folder.join(GGUF) } else { folder.clone() };
                let written = self.apply_with(&edit, &truncation, card.clone())?.write(&out)?;
                notes.extend(written.notes.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>());
            }
        }
        if !run.report().exists() {
            run.write_report()?;
        }
        for (from, name) in [(run.recipe(), RECIPE), (run.results_file(), RESULTS), (run.report(), REPORT)] {
            let bytes = std::fs::read(&from).map_err(Error::io(&from))?;
            write_atomically(&folder.join(name), &bytes)?;
        }
        let text = self.shared_card(repository, &card, &finished, &record).render()?;
        write_atomically(&folder.join(CARD), text.as_bytes())?;
        let mut files = Vec::new();
        list(&folder, "", &mut files)?;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        record.files = files.iter().map(shared_file).collect();
        let path = folder.join(REPRODUCTION);
        write_atomically(&path, record.to_json()?.as_bytes())?;
        files.push(FileToUpload::new(REPRODUCTION, &path)?);
        if record.base_model.public_name().is_none() {
            notes.push(format!(
                "the base model is a place on this machine, {}, which the uploaded results and recipe name",
                self.name
            ));
        }
        Ok(SharedFolder { record, files, notes })
    }

    /// Refuses a model other than that of the run.
    fn check_is_model_of(&self, finished: &FinishedRun, run: &RunFolder) -> Result<()> {
        let (expected, found) = (&finished.results.manifest.model.sha256, self.sha256()?);
        if *expected == found {
            return Ok(());
        }
        let problem = format!(
            "the search was of a model whose files have the SHA-256 {expected}, and {} has {found}: name the model of the search",
            self.name
        );
        Err(Error::Run { path: run.path().to_owned(), problem })
    }

    fn shared_card<'a>(
        &'a self,
        repository: &'a str,
        card: &ModelCard,
        run: &'a FinishedRun,
        record: &'a Reproduction,
    ) -> SharedCard<'a> {
        let is_gguf = self.files.is_gguf();
        let mut front = card.metadata_of(&self.files);
        // What no loader of that library reads must not claim to be for it.
        if record.weights != SharedWeights::Dense || is_gguf {
            front.remove("library_name");
        }
        let base_name = card.name(&self.files);
        SharedCard { repository, front, base_name, config: self.config(), run, record, is_gguf }
    }

    /// The name of the base model for others: that of the Hub or of a package, else the last part of its path, because
    /// folders of the user's machine say nothing elsewhere.
    fn public_source(&self) -> String {
        let name = &self.base_name;
        if name.starts_with("hf:") || name.starts_with("pypi:") {
            return name.clone();
        }
        let card = ModelCard { base_model: Some(name.clone()), ..ModelCard::default() };
        if let (Some(id), Some(revision)) = card.repository(&self.files)
            && !self.files.is_gguf()
        {
            return format!("hf:{id}@{revision}");
        }
        let path = self.files.path();
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        path.file_name().map_or_else(|| name.clone(), |last| last.to_string_lossy().into_owned())
    }
}

fn shared_file(file: &FileToUpload) -> SharedFile {
    SharedFile { name: file.name.clone(), bytes: file.bytes, sha256: file.sha256.clone() }
}

/// Adds all files of `folder` and the folders in it to `files`; `prefix` is its own name, with a slash at the end.
fn list(folder: &Path, prefix: &str, files: &mut Vec<FileToUpload>) -> Result<()> {
    let io = |e| Error::Io { path: folder.to_owned(), source: e };
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path: PathBuf = entry.map_err(io)?.path();
        let name = path.file_name().map(|name| format!("{prefix}{}", name.to_string_lossy())).unwrap_or_default();
        if path.is_dir() {
            list(&path, &format!("{name}/"), files)?;
        } else {
            files.push(FileToUpload::new(name, &path)?);
        }
    }
    Ok(())
}
