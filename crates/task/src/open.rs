//! Opens a task by name: takes a built-in name, a file of questions, or a harness task, gives the [`Task`].

use std::path::{Path, PathBuf};

use crate::built_in::data_source::DataSource;
use crate::built_in::{BUILT_IN, TaskInfo};
use crate::error::{Error, Result};
use crate::harness;
use crate::options::TaskOptions;
use crate::questions::{Questions, STANDARD_INPUT};
use crate::spelling::nearest;
use crate::task::Task;

impl Task {
    /// Checks that [`Task::open`] would find a task of this name: a built-in task, a file, or a harness task in one of
    /// the folders `include`. Reads no data.
    ///
    /// # Errors
    /// There is no such task; the name is both a built-in task and a harness task; a folder cannot be read.
    pub fn check_name(name: &str, include: &[PathBuf]) -> Result<()> {
        match (TaskInfo::named(name), harness::find(name, include)?) {
            (Some(_), Some(file)) => {
                let problem = format!("`{name}` is a built-in task, too: name the file {}", file.display());
                return Err(Error::setting("include-path", problem));
            }
            (None, None) if name != STANDARD_INPUT && !Path::new(name).exists() => {}
            _ => return Ok(()),
        }
        let known: Vec<_> = BUILT_IN.iter().map(|info| info.name).collect();
        let meant = nearest(name, known.iter().copied());
        let meant = meant.map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)"));
        let known = known.join(", ");
        let problem =
            format!("no such task{meant}: expected one of {known}, a file of questions or a YAML file; found `{name}`");
        Err(Error::setting("task", problem))
    }

    /// Returns true if [`Task::open`] would read a file of the user's own questions under this name.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn is_own(name: &str, include: &[PathBuf]) -> Result<bool> {
        let is_known = TaskInfo::named(name).is_some() || harness::is_yaml(Path::new(name));
        Ok(!is_known && harness::find(name, include)?.is_none())
    }

    /// Opens a task.
    ///
    /// `name`: a built-in task, the path of a harness task's YAML file, the name of a harness task in one of the
    /// folders [`TaskOptions::include`], the path of a file of questions, or [`STANDARD_INPUT`]. `data`: the data file or folder, for a
    /// task that needs one.
    ///
    /// # Errors
    /// There is no such task or file; the task needs data and `data` is `None`, or the reverse; a record is malformed
    /// and [`TaskOptions::skip_bad`] is not set.
    pub fn open(name: &str, data: Option<&Path>, setup: &TaskOptions<'_>) -> Result<Self> {
        Self::check_name(name, setup.include)?;
        let file = Some(PathBuf::from(name)).filter(|path| harness::is_yaml(path));
        if let Some(file) = file.map_or_else(|| harness::find(name, setup.include), |file| Ok(Some(file)))? {
            return harness::open(&file, data, setup);
        }
        if setup.num_fewshot.is_some() {
            return Err(Error::setting("num-fewshot", format!("only tasks of the harness have examples, not {name}")));
        }
        match (TaskInfo::named(name), data) {
            (Some(info), Some(path)) if info.needs_data => (info.read)(DataSource::Path(path), setup),
            (Some(info), None) if !info.needs_data => (info.read)(DataSource::Embedded, setup),
            (Some(info), None) => {
                Err(Error::setting("data", format!("the task {name} reads its data from a file: {}", info.source)))
            }
            (Some(_), Some(_)) => {
                Err(Error::setting("data", format!("the task {name} ships inside laser and reads no file")))
            }
            (None, Some(_)) => Err(Error::setting("data", "only built-in tasks take a data file")),
            (None, None) => Ok(Questions::open(Path::new(name), setup)?.task),
        }
    }
}
