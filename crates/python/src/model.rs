//! A model: opened once, and asked, scored, searched and written.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use laser::edit::parse_selector;
use laser::edit::truncation::Truncation;
use laser::model::Model;
use laser::model::device::ComputeDevice;
use laser::model::weight_id::WeightId;
use laser::session::{ReplyOptions, WrittenForm};
use laser::statistics::Split;
use laser::{EvaluateOptions, RequestedEdit, Session, SessionOptions, SvdMethod};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use crate::error::{LaserError, to_python};
use crate::job::Follower;
use crate::options::{Named, search_options, shares};
use crate::tasks::{NativeTasks, task_settings};

/// An opened model. Its weights are read when something is asked of it, and stay in memory for the next question.
#[pyclass(frozen, module = "laser._laser")]
pub(crate) struct NativeModel {
    session: Session,
    follower: Arc<Follower>,
    /// The unedited model.
    base: OnceLock<Model>,
    /// The latest edit that was asked, and its model.
    edited: Mutex<Option<(String, Model)>>,
}

#[pymethods]
impl NativeModel {
    /// Opens a model by its path, `hf:ORG/NAME` or `pypi:PACKAGE==VERSION`.
    #[new]
    #[pyo3(signature = (name, *, threads=None, memory=None, device=None, cache_dir, offline=false, progress=None))]
    #[allow(clippy::too_many_arguments)] // they have names in Python
    fn new(
        py: Python<'_>,
        name: String,
        threads: Option<usize>,
        memory: Option<usize>,
        device: Option<String>,
        cache_dir: PathBuf,
        offline: bool,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let follower = Arc::new(Follower::default());
        let defaults = SessionOptions::default();
        let device = device.map(|name| ComputeDevice::parse(&name, None).map_err(|error| to_python(error.into())));
        let options = SessionOptions {
            threads: threads.unwrap_or(defaults.threads).max(1),
            memory,
            device: device.transpose()?.unwrap_or_else(|| defaults.device.clone()),
            cache_dir,
            offline,
            observer: follower.clone(),
            ..defaults
        };
        let session = follower.run(py, progress.as_ref(), None, || Session::open_with(&name, options))?;
        Ok(Self { session, follower, base: OnceLock::new(), edited: Mutex::default() })
    }

    /// Full name of the model.
    fn name(&self) -> String {
        self.session.name().to_owned()
    }

    /// SHA-256 of its files.
    fn sha256(&self, py: Python<'_>) -> PyResult<String> {
        self.job(py, || self.session.sha256())
    }

    /// Remarks about its files.
    fn notes(&self) -> Vec<String> {
        self.session.notes()
    }

    /// Names and shapes of the matrices that `selector` selects.
    fn matrices(&self, selector: &str) -> PyResult<Vec<(String, usize, usize)>> {
        let config = self.session.config();
        let described = |id: &WeightId| (id.to_string(), config.shape(*id)[0], config.shape(*id)[1]);
        Ok(parse_selector(selector, config).map_err(to_python)?.iter().map(described).collect())
    }

    /// Reads an edit or a recipe, and gives it in short form.
    fn edit(&self, text: &str) -> PyResult<String> {
        Ok(self.requested(text)?.edit.to_string())
    }

    /// Opens tasks.
    #[pyo3(signature = (options, input=None))]
    fn tasks(&self, py: Python<'_>, options: &str, input: Option<Vec<u8>>) -> PyResult<NativeTasks> {
        let settings = task_settings(options, input)?;
        self.job(py, || self.session.tasks(&settings)).map(NativeTasks)
    }

    /// Scores the model, or an edit of it; gives results and samples in JSON.
    #[pyo3(signature = (tasks, edit, options, progress=None))]
    fn evaluate(
        &self,
        py: Python<'_>,
        tasks: &NativeTasks,
        edit: &str,
        options: &str,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<(String, String)> {
        let requested = self.optional(edit)?;
        let mut named = Named::parse(options)?;
        let options = EvaluateOptions {
            svd: requested.as_ref().and_then(|edit| edit.svd).unwrap_or_default(),
            delta: requested.as_ref().and_then(|edit| edit.delta.clone()),
            edit: requested.map(|requested| requested.edit).unwrap_or_default(),
            split: split(&mut named)?,
            fractions: shares(&mut named)?,
            split_seed: named.parsed("split_seed")?.unwrap_or(0),
            no_side_effects: !named.flag("side_effects")?.unwrap_or(true),
        };
        named.end()?;
        self.follower.run(py, progress.as_ref(), None, || {
            let found = self.session.evaluate(&tasks.0, &options)?;
            Ok((json(&found.results), json(&found.samples)))
        })
    }

    /// Searches for the best edit, and writes the folder `out`. `max_time`: seconds.
    #[pyo3(signature = (tasks, options, out, max_time=None, progress=None))]
    fn search(
        &self,
        py: Python<'_>,
        tasks: &NativeTasks,
        options: &str,
        out: PathBuf,
        max_time: Option<f64>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let mut options = search_options(options)?;
        options.run = Some(out.clone());
        let refused = |_| LaserError::new_err(format!("max_time: expected a number of seconds, found {max_time:?}"));
        let limit = max_time.map(Duration::try_from_secs_f64).transpose().map_err(refused)?;
        self.follower.run(py, progress.as_ref(), limit, || self.session.search(&tasks.0, &options)?.write_run(&out))
    }

    /// The likeliest tokens after a prompt with their probabilities, of the model or an edit of it.
    fn topk(&self, py: Python<'_>, prompt: &str, k: usize, edit: &str) -> PyResult<Vec<(String, f64)>> {
        let requested = self.optional(edit)?;
        self.job(py, || {
            let next = self.session.next_tokens(&self.model(requested.as_ref())?, prompt, k)?;
            Ok(next.into_iter().map(|token| (token.text, token.probability)).collect())
        })
    }

    /// The text with which the model, or an edit of it, continues a prompt.
    fn generate(&self, py: Python<'_>, prompt: &str, max_tokens: usize, edit: &str) -> PyResult<String> {
        let requested = self.optional(edit)?;
        self.job(py, || {
            let options = ReplyOptions { max_tokens, top: 0 };
            Ok(self.session.reply(&self.model(requested.as_ref())?, prompt, options)?.text)
        })
    }

    /// A matrix `[out, in]` of the unedited model.
    fn matrix<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let id = self.one(name)?;
        let matrix = self.job(py, || Ok(self.model(None)?.matrix(id)?))?;
        let shape = [matrix.rows(), matrix.cols()];
        matrix.into_data().into_pyarray(py).reshape(shape)
    }

    /// Singular values of a matrix of the unedited model, descending.
    fn spectrum<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let id = self.one(name)?;
        let values = self.job(py, || {
            let spectrum = self.session.truncation(SvdMethod::Exact).spectrum(&self.model(None)?, id)?;
            Ok(spectrum.values().to_vec())
        })?;
        Ok(values.into_pyarray(py))
    }

    /// Writes an edit of the model in one of its forms; without one, in the form that the path stands for. Returns remarks.
    #[pyo3(signature = (edit, out, form=None, approximate_rank=None, progress=None))]
    fn apply(
        &self,
        py: Python<'_>,
        edit: &str,
        out: PathBuf,
        form: Option<&str>,
        approximate_rank: Option<usize>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Vec<String>> {
        let requested = self.optional(edit)?;
        let form = match form {
            None => WrittenForm::of_path(&out),
            Some("dense") => WrittenForm::Dense(None),
            Some("delta") => WrittenForm::Delta,
            Some("lora") => WrittenForm::Adapter { approximate: approximate_rank },
            Some("factored") => WrittenForm::Factored,
            Some(other) => {
                let problem = format!("form: expected dense, delta, lora or factored, found {other}");
                return Err(LaserError::new_err(problem));
            }
        };
        self.follower.run(py, progress.as_ref(), None, || {
            let truncation = self.truncation(requested.as_ref());
            let edit = requested.map(|requested| requested.edit).unwrap_or_default();
            let card = laser::export::ModelCard {
                base_model: Some(self.session.base_name().to_owned()),
                ..laser::export::ModelCard::default()
            };
            Ok(self.session.apply_with(&edit, &truncation, card)?.write_form(&out, form)?.notes)
        })
    }
}

impl NativeModel {
    /// Runs a short job, of which no progress is told.
    fn job<T: Send>(&self, py: Python<'_>, job: impl FnOnce() -> laser::Result<T> + Send) -> PyResult<T> {
        self.follower.run(py, None, None, job)
    }

    fn requested(&self, text: &str) -> PyResult<RequestedEdit> {
        self.session.edit(text).map_err(to_python)
    }

    /// The edit; `None` for an empty text.
    fn optional(&self, text: &str) -> PyResult<Option<RequestedEdit>> {
        if text.is_empty() { Ok(None) } else { self.requested(text).map(Some) }
    }

    /// The truncation that an edit asks for.
    fn truncation(&self, requested: Option<&RequestedEdit>) -> Truncation {
        let svd = requested.and_then(|requested| requested.svd).unwrap_or_default();
        self.session.truncation(svd).with_delta(requested.and_then(|requested| requested.delta.clone()))
    }

    /// The only matrix that a selector selects.
    fn one(&self, name: &str) -> PyResult<WeightId> {
        match parse_selector(name, self.session.config()).map_err(to_python)?[..] {
            [id] => Ok(id),
            ref ids => Err(LaserError::new_err(format!("{name}: expected one matrix, found {}", ids.len()))),
        }
    }

    /// The model in memory, or the edit of it.
    fn model(&self, requested: Option<&RequestedEdit>) -> laser::Result<Model> {
        let base = match self.base.get() {
            Some(base) => base.clone(),
            None => {
                let loaded = self.session.load()?;
                self.base.get_or_init(|| loaded).clone()
            }
        };
        let Some(requested) = requested.filter(|requested| !requested.edit.is_empty()) else { return Ok(base) };
        let of_delta = requested.delta.as_ref().map(Arc::as_ptr);
        let name = format!("{} {:?} {of_delta:?}", requested.edit, requested.svd);
        let mut latest = self.edited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, model)) = &*latest
            && *known == name
        {
            return Ok(model.clone());
        }
        let (model, _) = self.truncation(Some(requested)).apply(&base, &requested.edit)?;
        *latest = Some((name, model.clone()));
        Ok(model)
    }
}

/// The items to score.
fn split(named: &mut Named) -> PyResult<Split> {
    match named.text("split")?.as_deref() {
        None | Some("all") => Ok(Split::All),
        Some("search") => Ok(Split::Search),
        Some("validation") => Ok(Split::Validation),
        Some("test") => Ok(Split::Test),
        Some(other) => {
            Err(LaserError::new_err(format!("split: expected all, search, validation or test, found {other}")))
        }
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("results are plain data")
}
