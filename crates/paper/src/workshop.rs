//! The workshop of a reproduction: opens the paper's data sets, runs searches and sweeps, and keeps them in one folder.

use std::path::PathBuf;

use laser::session::{CompletedSearch, ScoredTasks};
use laser::statistics::Split;
use laser::sweep::{Kind, Sweep, SweepGrid};
use laser::{
    Edit, Error, Profile, Protocol, Result, Score, SearchOptions, Session, SweepOptions, TaskRequest, TaskSettings,
};

use crate::data_set::{DATA_SETS, DataSet};
use crate::options::ReproduceOptions;

/// A way to ask items and to choose an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Prompts, scores, grid and splits of the paper's code.
    Paper,
    /// Clean prompts and scores, three splits, the default search.
    Honest,
}

impl Way {
    /// Both, the paper's first.
    pub(crate) const BOTH: [Self; 2] = [Self::Paper, Self::Honest];

    /// Name in tables and folders.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Honest => "honest",
        }
    }

    fn profile(self) -> Profile {
        match self {
            Self::Paper => Profile::Paper,
            Self::Honest => Profile::Clean,
        }
    }
}

/// A model with the data and the folder of a reproduction.
pub(crate) struct Workshop<'a> {
    pub(crate) session: &'a Session,
    pub(crate) options: &'a ReproduceOptions,
}

impl Workshop<'_> {
    /// The data sets that are there, with their places.
    pub(crate) fn found(&self) -> Vec<(&'static DataSet, PathBuf)> {
        let folder = self.options.data.as_deref();
        DATA_SETS.iter().filter_map(|set| Some((set, set.find(folder?)?))).collect()
    }

    /// A sentence about the data sets that are not there; `None` if all are.
    pub(crate) fn missing(&self) -> Option<String> {
        let folder = self.options.data.as_deref();
        let missing: Vec<String> = DATA_SETS
            .iter()
            .filter(|set| folder.is_none_or(|folder| set.find(folder).is_none()))
            .map(|set| format!("{} ({})", set.name, set.places()))
            .collect();
        (!missing.is_empty()).then(|| format!("Not in the folder of data, and so left out: {}.", missing.join(", ")))
    }

    /// The data set that the paper studies in depth, CounterFact, or the first that is there.
    ///
    /// # Errors
    /// No data set is there.
    pub(crate) fn main_data_set(&self) -> Result<(&'static DataSet, PathBuf)> {
        let problem = || {
            let mut places: Vec<String> = DATA_SETS.iter().map(DataSet::places).collect();
            places.dedup();
            let places = places.join(", ");
            Error::setting("data", format!("expected a folder with one of {places}, found none of them"))
        };
        self.found().into_iter().next().ok_or_else(problem)
    }

    /// The items of a data set.
    pub(crate) fn tasks(&self, set: &DataSet, path: &std::path::Path, way: Way) -> Result<ScoredTasks> {
        self.named_tasks(set.task, Some(path.display().to_string()), way)
    }

    /// The items of a built-in task with its own score.
    pub(crate) fn named_tasks(&self, name: &str, data: Option<String>, way: Way) -> Result<ScoredTasks> {
        self.scored_tasks(name, data, way, None)
    }

    /// The items of a built-in task.
    pub(crate) fn scored_tasks(
        &self,
        name: &str,
        data: Option<String>,
        way: Way,
        score: Option<Score>,
    ) -> Result<ScoredTasks> {
        let request = TaskRequest { name: name.to_owned(), data, score };
        self.session.tasks(&TaskSettings {
            tasks: vec![request],
            profile: way.profile(),
            skip_bad: true,
            limit: self.options.limit,
            ..TaskSettings::default()
        })
    }

    /// Searches a data set, or finds the search in the folder.
    pub(crate) fn search(&self, set: &DataSet, tasks: &ScoredTasks, way: Way) -> Result<CompletedSearch> {
        let options = SearchOptions {
            protocol: (way == Way::Paper).then_some(Protocol::Paper),
            no_side_effects: way == Way::Paper,
            ..self.search_options(&format!("{}-{}", set.task, way.name()))
        };
        self.session.search(tasks, &options)
    }

    /// Options of a search that keeps its trials in the folder `name`.
    pub(crate) fn search_options(&self, name: &str) -> SearchOptions {
        SearchOptions {
            layers: self.options.layers.clone(),
            run: Some(self.options.out.join("runs").join(name)),
            resume: true,
            ..SearchOptions::default()
        }
    }

    /// Sweeps matrices over percentages.
    pub(crate) fn sweep(
        &self,
        name: &str,
        tasks: &ScoredTasks,
        layers: &str,
        matrices: &[&str],
        removed: &[&str],
        kinds: &[Kind],
    ) -> Result<Sweep> {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
        self.session.sweep(
            tasks,
            &SweepOptions {
                layers: layers.to_owned(),
                matrices: texts(matrices),
                grid: SweepGrid { removed: texts(removed), kinds: kinds.to_vec(), seed: 0 },
                split: Split::All,
                run: Some(self.options.out.join("runs").join(name)),
                resume: true,
                ..SweepOptions::default()
            },
        )
    }

    /// The edit that a user named, else the one that a search of the data set by `way` finds; `None` if it finds none.
    pub(crate) fn edit(&self, set: &DataSet, tasks: &ScoredTasks, way: Way) -> Result<Option<Edit>> {
        if let Some(edit) = &self.options.edit {
            return Ok(Some(edit.clone()));
        }
        let found = self.search(set, tasks, way)?;
        Ok((!found.edit().is_empty()).then(|| found.edit().clone()))
    }
}
