//! Opens a task by name: a built-in task, a file of questions, or a task file of the harness.

use std::path::{Path, PathBuf};

use crate::built_in::records::Source;
use crate::built_in::{BUILT_IN, TaskInfo};
use crate::error::{Error, Result};
use crate::setup::TaskOptions;
use crate::task::Task;
use crate::{harness, questions};

impl Task {
    /// Whether a task of this name can be opened: a built-in one, a file, or a harness task in the folders `include`.
    ///
    /// # Errors
    /// Neither, or a name that is both built in and in the folders.
    pub fn check_name(name: &str, include: &[PathBuf]) -> Result<()> {
        match (TaskInfo::named(name), harness::find(name, include)?) {
            (Some(_), Some(file)) => {
                let problem = format!("`{name}` is a built-in task, too: name the file {}", file.display());
                return Err(Error::setting("--include-path", problem));
            }
            (None, None) if !Path::new(name).exists() => {}
            _ => return Ok(()),
        }
        let known: Vec<_> = BUILT_IN.iter().map(|info| info.name).collect();
        let known = known.join(", ");
        let problem = format!("no such task: expected one of {known}, a file of questions or a YAML file");
        Err(Error::Task { file: name.into(), place: "--task".into(), problem })
    }

    /// A built-in task by name, a harness task by its YAML file or by its name in [`TaskOptions::include`], or a file of
    /// questions by path. `data`: the file or folder of a task that needs one.
    ///
    /// # Errors
    /// No such task or file, data that is missing, superfluous or bad.
    pub fn open(name: &str, data: Option<&Path>, setup: &TaskOptions<'_>) -> Result<Self> {
        Self::check_name(name, setup.include)?;
        let file = Some(PathBuf::from(name)).filter(|path| harness::is_yaml(path));
        if let Some(file) = file.map_or_else(|| harness::find(name, setup.include), |file| Ok(Some(file)))? {
            return harness::open(&file, data, setup);
        }
        if setup.num_fewshot.is_some() {
            return Err(Error::setting(
                "--num-fewshot",
                format!("only tasks of the harness have examples, not {name}"),
            ));
        }
        match (TaskInfo::named(name), data) {
            (Some(info), Some(path)) if info.needs_data => (info.read)(Source::Path(path), setup),
            (Some(info), None) if !info.needs_data => (info.read)(Source::Inside, setup),
            (Some(info), None) => {
                Err(Error::setting("--data", format!("the task {name} reads its data from a file: {}", info.source)))
            }
            (Some(_), Some(_)) => {
                Err(Error::setting("--data", format!("the task {name} ships inside laser and reads no file")))
            }
            (None, Some(_)) => Err(Error::setting("--data", "only built-in tasks take a data file")),
            (None, None) => questions::read(Path::new(name), setup),
        }
    }
}
