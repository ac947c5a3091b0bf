//! Run folders: the folder of one search or one evaluation, which its files describe completely.
//!
//! A search writes `results.json`, `samples.jsonl` (outcomes of the winner), `samples.base.jsonl` (outcomes of the
//! unedited model), `trials.csv`, `recipe.yaml`, `report.html` and `trials.sqlite`. An evaluation writes `results.json` and
//! a `samples_TASK.jsonl` for each task; names and keys of both are those of lm-evaluation-harness. The same run gives the
//! same bytes, but for the date and the machine in the manifest of `results.json`, which the report shows.

use std::path::{Path, PathBuf};

use laser_checkpoint::write_atomically;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::files::{read_json, read_json_lines, write_json, write_json_lines};
use super::flipped_items::FlippedItems;
use super::lock::lock;
use super::trial_table::{read_trials, trial_rows, write_trials};
use crate::edit::recipe::Recipe;
use crate::error::{Error, Result};
use crate::explain::{Explanation, PromptExplanation, QuestionRecord};
use crate::frequency::FrequencyRelation;
use crate::lora::AdapterAnalysis;
use crate::report::{Findings, render_adapter_page, render_html};
use crate::results::harness::{Output, sample_files};
use crate::results::{Manifest, Results, SampleRecord};
use crate::search::Fingerprint;
use crate::search::store::{Store, TrialRow};
use crate::sweep::Sweep;
use laser_statistics::Split;

const RESULTS: &str = "results.json";
const SAMPLES: &str = "samples.jsonl";
const BASE_SAMPLES: &str = "samples.base.jsonl";
const TRIALS: &str = "trials.csv";
const SWEEP: &str = "sweep.json";
const EXPLANATION: &str = "explain.json";
const EXPLAINED_ITEMS: &str = "explain.jsonl";
const PROMPT: &str = "prompt.json";
const FREQUENCY: &str = "frequency.json";

/// The folder of one run. It holds only the path; each method reads or writes the files it needs.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Takes the path of a folder, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Creates the folder, and checks that files can be written in it, so that no work is lost to one that cannot be.
    ///
    /// # Errors
    /// A folder that cannot be created or written.
    pub fn create(&self) -> Result<()> {
        let probe = || {
            std::fs::create_dir_all(&self.path)?;
            tempfile::tempfile_in(&self.path)
        };
        probe().map(drop).map_err(|e| Error::unwritable("out", &self.path, &e))
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True if the folder has the results of an evaluation or a search.
    pub fn has_results(&self) -> bool {
        self.path.join(RESULTS).exists()
    }

    /// Path of `results.json`, which is written last.
    pub fn results_file(&self) -> PathBuf {
        self.path.join(RESULTS)
    }

    /// True if the folder is that of a search.
    pub fn is_search(&self) -> bool {
        self.path.join(BASE_SAMPLES).exists()
    }

    /// True if the folder has a store with a trial.
    pub fn has_trials(&self) -> bool {
        self.store().exists()
            && Store::open_existing(&self.store()).and_then(|store| store.count()).is_ok_and(|n| n > 0)
    }

    /// Path of the trial store, `trials.sqlite`.
    pub fn store(&self) -> PathBuf {
        self.path.join("trials.sqlite")
    }

    /// Creates the folder, locks it against other processes, and opens its trial store for the run with this fingerprint;
    /// `resume` continues what it holds.
    ///
    /// # Errors
    /// Those of [`RunFolder::create`] and [`Store::open`]; a folder in which another process runs.
    pub fn open_store(&self, fingerprint: &Fingerprint, resume: bool) -> Result<Store> {
        self.create()?;
        let lock = lock(&self.path)?;
        Ok(Store::open(&self.store(), fingerprint, resume)?.holding(lock))
    }

    /// Path of the recipe of the best edit, `recipe.yaml`.
    pub fn recipe(&self) -> PathBuf {
        self.path.join("recipe.yaml")
    }

    /// Path of the report, `report.html`.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Removes `results.json`, if there is one. What says that the folder is complete goes first and comes last: otherwise a
    /// kill in between would leave the results of an earlier evaluation with files of this one.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn remove_results(&self) -> Result<()> {
        let results = self.path.join(RESULTS);
        match results.exists() {
            true => std::fs::remove_file(&results).map_err(Error::io(&results)),
            false => Ok(()),
        }
    }

    /// Writes the files of an evaluation.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_eval(&self, output: &Output) -> Result<()> {
        let files = sample_files(output.samples.iter().map(|(task, _)| task.as_str()));
        self.remove_results()?;
        let results = self.path.join(RESULTS);
        for (file, (_, lines)) in files.iter().zip(&output.samples) {
            write_json_lines(&self.path.join(file), lines)?;
        }
        write_json(&results, &output.results)
    }

    /// Writes the files of a search, except for the trial store: `base` and `best` are the samples of the unedited model and
    /// of the winner, one for each item, and `trials` has a row for each edit.
    ///
    /// # Errors
    /// A file cannot be written, or the report cannot be rendered ([`RunFolder::write_report`]).
    pub fn write_search(
        &self,
        results: &Results,
        base: &[SampleRecord],
        best: &[SampleRecord],
        trials: &[TrialRow],
        recipe: &Recipe,
    ) -> Result<()> {
        write_json_lines(&self.path.join(BASE_SAMPLES), base)?;
        write_json_lines(&self.path.join(SAMPLES), best)?;
        write_trials(&self.path.join(TRIALS), trials)?;
        write_atomically(&self.recipe(), recipe.to_yaml()?.as_bytes())?;
        write_json(&self.path.join(RESULTS), results)?;
        self.write_report().map(drop)
    }

    /// Writes the files of an adapter's analysis, `adapter.json` and `report.html`.
    ///
    /// # Errors
    /// A file cannot be written, or the report cannot be rendered.
    pub fn write_adapter(&self, analysis: &AdapterAnalysis) -> Result<()> {
        write_json(&self.path.join("adapter.json"), analysis)?;
        let page = render_adapter_page(analysis).map_err(|e| Error::Report(e.to_string()))?;
        Ok(write_atomically(&self.report(), page.as_bytes())?)
    }

    /// Writes the files of a sweep, `sweep.json`, `sweep.csv` and `report.html`; the trial store must be there.
    ///
    /// # Errors
    /// A file cannot be written, or the report cannot be rendered.
    pub fn write_sweep(&self, sweep: &Sweep) -> Result<()> {
        write_json(&self.path.join(SWEEP), sweep)?;
        write_atomically(&self.path.join("sweep.csv"), sweep.csv().as_bytes())?;
        Ok(write_atomically(&self.report(), sweep.page().html()?.as_bytes())?)
    }

    /// Writes the files of a relation to frequency, `frequency.json` and `report.html`.
    ///
    /// # Errors
    /// A file cannot be written, or the report cannot be rendered.
    pub fn write_frequency(&self, relation: &FrequencyRelation) -> Result<()> {
        write_json(&self.path.join(FREQUENCY), relation)?;
        Ok(write_atomically(&self.report(), relation.page().html()?.as_bytes())?)
    }

    /// The sweep of the folder; `None` if it holds none.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn sweep(&self) -> Result<Option<Sweep>> {
        self.document(SWEEP)
    }

    /// The relation to frequency of the folder; `None` if it holds none.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn frequency(&self) -> Result<Option<FrequencyRelation>> {
        self.document(FREQUENCY)
    }

    /// Writes the files of an explanation, `explain.json`, `explain.jsonl` with one line for each item, and `report.html`.
    ///
    /// # Errors
    /// The folder or a file cannot be written, or the report cannot be rendered.
    pub fn write_explanation(&self, explanation: &Explanation, questions: &[QuestionRecord]) -> Result<()> {
        write_json(&self.path.join(EXPLANATION), explanation)?;
        write_json_lines(&self.path.join(EXPLAINED_ITEMS), questions)?;
        Ok(write_atomically(&self.report(), explanation.page(questions).html()?.as_bytes())?)
    }

    /// Writes the files of the explanation of one prompt, `prompt.json` and `report.html`.
    ///
    /// # Errors
    /// As [`RunFolder::write_explanation`].
    pub fn write_prompt_explanation(&self, explanation: &PromptExplanation) -> Result<()> {
        write_json(&self.path.join(PROMPT), explanation)?;
        Ok(write_atomically(&self.report(), explanation.page().html()?.as_bytes())?)
    }

    /// The explanation of the folder with its items; `None` if it holds none.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn explanation(&self) -> Result<Option<(Explanation, Vec<QuestionRecord>)>> {
        let Some(explanation) = self.document(EXPLANATION)? else { return Ok(None) };
        Ok(Some((explanation, read_json_lines(&self.path.join(EXPLAINED_ITEMS))?)))
    }

    /// The explanation of one prompt of the folder; `None` if it holds none.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn prompt_explanation(&self) -> Result<Option<PromptExplanation>> {
        self.document(PROMPT)
    }

    /// A document of the folder; `None` if it is not there.
    fn document<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.path.join(name);
        if path.exists() { read_json(&path).map(Some) } else { Ok(None) }
    }

    /// Renders `report.html` from the other files of a search. Only `results.json` must be there: returns what the report
    /// leaves out because another file is missing, a sentence each, which the report says too.
    ///
    /// # Errors
    /// `results.json` is missing, a file cannot be read, the results have no scores of the unedited model on the search
    /// split, or the report cannot be written.
    pub fn write_report(&self) -> Result<Vec<String>> {
        let results = self.results()?;
        let [base, best]: [Option<Vec<SampleRecord>>; 2] = [self.lines_of(BASE_SAMPLES)?, self.lines_of(SAMPLES)?];
        let trials = self.trials(&results, base.as_deref())?;
        let mut lacks = Vec::new();
        if trials.is_none() {
            lacks.push(format!(
                "The edits that were tried are not shown: the folder has neither {TRIALS} nor trials.sqlite with \
                 {BASE_SAMPLES}."
            ));
        }
        let answers = base.zip(best).map(|(base, best)| FlippedItems::new(&results, &base).on_test(&best));
        if answers.is_none() && results.proposes_edit() {
            lacks
                .push(format!("The answers that flipped are not shown: the folder lacks {SAMPLES} or {BASE_SAMPLES}."));
        }
        let findings = Findings { trials: trials.as_deref(), answers: answers.as_ref(), lacks: &lacks };
        let page = render_html(&results, &findings).map_err(|e| Error::Report(e.to_string()))?;
        write_atomically(&self.report(), page.as_bytes())?;
        Ok(lacks)
    }

    /// The lines of a file; `None` if there is no such file.
    fn lines_of(&self, name: &str) -> Result<Option<Vec<SampleRecord>>> {
        let path = self.path.join(name);
        if path.exists() { read_json_lines(&path).map(Some) } else { Ok(None) }
    }

    /// The rows of `trials.csv`; of runs of earlier versions, which have none, those of the trial store. `None` if the
    /// folder has neither. `base`: samples of the unedited model.
    fn trials(&self, results: &Results, base: Option<&[SampleRecord]>) -> Result<Option<Vec<TrialRow>>> {
        let table = self.path.join(TRIALS);
        if table.exists() {
            return read_trials(&table).map(Some);
        }
        let Some(base) = base.filter(|_| self.store().exists()) else { return Ok(None) };
        let store = Store::open_existing(&self.store())?;
        trial_rows(&store, results, base, &store.order(Split::Search)?, &[]).map(Some)
    }

    /// Reads the samples of an evaluation, task after task, or those of a search's winner.
    ///
    /// # Errors
    /// A file is missing or cannot be read.
    pub fn samples(&self) -> Result<Vec<SampleRecord>> {
        let Some(tasks) = self.evaluated_tasks()? else { return read_json_lines(&self.path.join(SAMPLES)) };
        let mut samples = Vec::new();
        for file in sample_files(tasks.iter().map(String::as_str)) {
            let lines: Vec<HarnessSample> = read_json_lines(&self.path.join(file))?;
            // A file repeats each item once for each filter pipeline of its task. The `laser` block does not depend on
            // the filter, so that the lines of the first one are enough.
            let first = lines.first().map(|line| line.filter.clone());
            samples
                .extend(lines.into_iter().filter(|line| Some(&line.filter) == first.as_ref()).map(|line| line.laser));
        }
        Ok(samples)
    }

    /// Reads the samples of the unedited model of a search, one for each item.
    ///
    /// # Errors
    /// The folder is not that of a search, or the file cannot be read.
    pub fn base_samples(&self) -> Result<Vec<SampleRecord>> {
        let path = self.path.join(BASE_SAMPLES);
        if !path.exists() {
            let problem = format!("expected the run folder of a search, with {BASE_SAMPLES}, found no such file");
            return Err(Error::Run { path: self.path.clone(), problem });
        }
        read_json_lines(&path)
    }

    /// Reads the `results.json` of a search.
    ///
    /// # Errors
    /// The file is missing, or is not that of a search.
    pub fn results(&self) -> Result<Results> {
        if self.evaluated_tasks()?.is_some() {
            let problem =
                format!("expected the folder of a search, found that of an evaluation ({RESULTS} has `results`)");
            return Err(Error::Run { path: self.path.clone(), problem });
        }
        read_json(&self.path.join(RESULTS))
    }

    /// `results.json` with every key, whatever wrote it.
    ///
    /// # Errors
    /// The file is missing or cannot be read.
    pub fn results_document(&self) -> Result<Value> {
        read_json(&self.path.join(RESULTS))
    }

    /// The edit that was evaluated; `None` for the unedited model.
    ///
    /// # Errors
    /// The folder has no `results.json`, or it cannot be read.
    pub fn evaluated_edit(&self) -> Result<Option<String>> {
        let whole = self.results_document()?;
        Ok(whole["laser"]["edit"].as_str().map(str::to_owned))
    }

    /// The manifest of an evaluation or a search.
    ///
    /// # Errors
    /// The folder has no `results.json`, or it is of neither.
    pub fn manifest(&self) -> Result<Manifest> {
        let path = self.path.join(RESULTS);
        let whole: Value = read_json(&path)?;
        let manifest = whole.pointer("/laser/manifest").or(whole.get("manifest")).cloned().unwrap_or_default();
        serde_json::from_value(manifest).map_err(|error| Error::parse(&path, format!("manifest: {error}")))
    }

    /// Names of the tasks of an evaluation, in the order of `results.json`; `None` if the folder is not that of an
    /// evaluation.
    fn evaluated_tasks(&self) -> Result<Option<Vec<String>>> {
        let path = self.path.join(RESULTS);
        if !path.exists() {
            return Ok(None);
        }
        // Only the harness' format has an object `results`, with one key a task.
        let whole: Value = read_json(&path)?;
        Ok(whole["results"].as_object().map(|tasks| tasks.keys().cloned().collect()))
    }
}

/// The fields of a line of `samples_TASK.jsonl` that are read back.
#[derive(Deserialize)]
struct HarnessSample {
    /// Name of the filter pipeline that made the line's answer.
    filter: String,
    laser: SampleRecord,
}
