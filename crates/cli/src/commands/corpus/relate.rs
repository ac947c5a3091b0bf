//! `laser corpus relate`: the gains of an edit against the frequency of its items.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use laser::frequency::{FrequencyCounts, RelateSettings, Related, relate};
use laser::results::{NO_EDIT, SampleRecord};
use laser::run::RunFolder;
use laser::statistics::Split;

use crate::args::{CorpusRelate, Global};
use crate::output;

pub(super) fn run(args: &CorpusRelate, global: &Global) -> Result<ExitCode> {
    let counts = FrequencyCounts::read(&args.frequency)?;
    let Runs { base, edited, mut sources, folder, default_split } = match (&args.run, &args.base, &args.edited) {
        (Some(run), ..) => of_search(run)?,
        (None, Some(base), Some(edited)) => of_evaluations(base, edited)?,
        // clap asks for one of the two.
        (None, ..) => return Err(laser::Error::setting("base", "expected a run, or two evaluations").into()),
    };
    sources.push(("counts".to_owned(), args.frequency.display().to_string()));
    let settings = RelateSettings {
        bins: args.bins.clone(),
        split: args.split.map(Into::into).or(default_split),
        task: args.task.clone(),
        ignore_unknown: args.ignore_unknown,
        resamples: args.resamples,
        permutations: args.permutations,
        seed: args.seed,
    };
    let relation = relate(Related { base: &base, edited: &edited, counts: &counts, sources }, &settings)?;
    let out = args.out.clone().unwrap_or_else(|| folder.join("frequency"));
    RunFolder::new(&out).write_frequency(&relation)?;
    if global.json {
        output::json(&relation)?;
    } else {
        output::result(&relation.page().markdown())?;
    }
    output::say(global, &format!("wrote {} (report.html, frequency.json)", out.display()));
    Ok(ExitCode::SUCCESS)
}

/// Samples of the unedited and the edited model.
struct Runs {
    base: Vec<SampleRecord>,
    edited: Vec<SampleRecord>,
    /// Their sources, as (name, value).
    sources: Vec<(String, String)>,
    /// Folder in which the results stand by default.
    folder: PathBuf,
    /// Split that is related if the user names none; `None`: all items.
    default_split: Option<Split>,
}

fn of_search(folder: &Path) -> Result<Runs> {
    let run = RunFolder::new(folder);
    let base = run.base_samples()?;
    let results = run.results()?;
    if results.best.edit == NO_EDIT {
        let problem = "expected a search that proposes an edit, found one that proposes none".to_owned();
        return Err(laser::Error::Run { path: folder.to_owned(), problem }.into());
    }
    let sources =
        [("edit", results.best.edit), ("run", folder.display().to_string()), ("model", results.manifest.model.path)];
    Ok(Runs {
        base,
        edited: run.samples()?,
        sources: sources.map(|(name, value)| (name.to_owned(), value)).into(),
        folder: folder.to_owned(),
        default_split: Some(Split::Test),
    })
}

fn of_evaluations(base: &Path, edited: &Path) -> Result<Runs> {
    let edit = RunFolder::new(edited).evaluated_edit()?.unwrap_or_else(|| "no edit".to_owned());
    let sources = [("edit", edit), ("unedited", base.display().to_string()), ("edited", edited.display().to_string())];
    Ok(Runs {
        base: RunFolder::new(base).samples()?,
        edited: RunFolder::new(edited).samples()?,
        sources: sources.map(|(name, value)| (name.to_owned(), value)).into(),
        folder: edited.to_owned(),
        default_split: None,
    })
}
