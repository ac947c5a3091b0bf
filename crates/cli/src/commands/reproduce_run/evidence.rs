//! A record to check, with the files that came with it: from a file, a run folder, or a repository of the Hub.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use laser::SessionOptions;
use laser::run::RunFolder;
use laser::share::{DELTA, FinishedRun, RECIPE, REPRODUCTION, RESULTS, Reproduction};
use laser::source::{HubModel, ModelSource};

/// A record and everything at hand that belongs to it.
pub(super) struct Evidence {
    pub(super) record: Reproduction,
    /// Folder with files that the record names.
    pub(super) folder: Option<PathBuf>,
    /// Name by which the base model can be opened here; `None` if only its author knows.
    pub(super) model: Option<String>,
    /// Remarks for the user.
    pub(super) notes: Vec<String>,
}

impl Evidence {
    /// Finds what `from` names.
    pub(super) fn find(from: &str, options: &SessionOptions) -> Result<Self> {
        let path = Path::new(from);
        if path.is_file() {
            let folder = path.parent().map(Path::to_owned);
            return Ok(Self::of_record(Reproduction::read(path)?, folder));
        }
        if path.is_dir() {
            let file = path.join(REPRODUCTION);
            if file.is_file() {
                return Ok(Self::of_record(Reproduction::read(&file)?, Some(path.to_owned())));
            }
            let run = FinishedRun::open(&RunFolder::new(path))?;
            // The folder is that of the search, so that the model is where the search found it.
            let model = run.results.manifest.model.path.clone();
            let record = Reproduction::of_run(&run, &model);
            return Ok(Self { record, folder: Some(path.to_owned()), model: Some(model), notes: Vec::new() });
        }
        let name = from.strip_prefix("hf:").unwrap_or(from);
        match ModelSource::parse(&format!("hf:{name}")) {
            Ok(ModelSource::Hub(repository)) if repository.file.is_none() && name.matches('/').count() > 0 => {
                Self::fetch(&repository, options)
            }
            _ => bail!(
                "{from}: expected a {REPRODUCTION}, the folder of a search, or a repository ORG/NAME, found none of them"
            ),
        }
    }

    /// Fetches the record from the Hub, and then the files that decide what is made again.
    fn fetch(repository: &HubModel, options: &SessionOptions) -> Result<Self> {
        let has = |wanted: &str, files: &[String]| files.iter().any(|file| file == wanted);
        let record_only = |files: &[String]| match has(REPRODUCTION, files) {
            true => Ok(vec![REPRODUCTION.to_owned()]),
            false => Err(REPRODUCTION.to_owned()),
        };
        let found = options.with_sources(|sources| repository.fetch_files(&record_only, sources))?;
        let record = Reproduction::read(&found.path.join(REPRODUCTION))?;
        let named =
            [RESULTS, RECIPE, DELTA].into_iter().filter(|name| record.files.iter().any(|file| file.name == *name));
        let named: Vec<String> = named.map(str::to_owned).collect();
        let all_named = |files: &[String]| match named.iter().find(|name| !has(name, files)) {
            None => Ok(named.clone()),
            Some(missing) => Err(missing.clone()),
        };
        // Of the same commit, whatever is pushed meanwhile.
        let pinned = HubModel { revision: found.revision.clone(), ..repository.clone() };
        let files = options.with_sources(|sources| pinned.fetch_files(&all_named, sources))?;
        let mut evidence = Self::of_record(record, Some(files.path));
        evidence.notes.push(format!("the record is that of {}", found.origin));
        evidence.notes.extend(found.notes);
        Ok(evidence)
    }

    fn of_record(record: Reproduction, folder: Option<PathBuf>) -> Self {
        let model = record.base_model.public_name().map(str::to_owned);
        Self { record, folder, model, notes: Vec::new() }
    }

    /// The path of a file that is at hand.
    pub(super) fn file(&self, name: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(name)).filter(|path| path.is_file())
    }
}
