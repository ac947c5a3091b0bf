//! `laser search`: the best edit, with its proof.

mod how;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use laser::edit::Edit;
use laser::edit::recipe::{BaseModel, Recipe};
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::evaluate::Evaluator;
use laser::export::Card;
use laser::model::tokenizer::Tokenizer;
use laser::model::weight_id::WeightId;
use laser::report::markdown_table;
use laser::results::{Results, verdict};
use laser::run::{RunFolder, samples, search_results};
use laser::search::store::Store;
use laser::search::{Protocol, Settings, search};
use laser::task::Task;
use laser::task::score::{Match, Score};

use crate::args::{Global, Search};
use crate::output;
use crate::progress::Progress;
use crate::questions::{by_reference, check, notes, objective, score_value, tasks};
use crate::session::Session;

pub(super) fn run(args: &Search, global: &Global, progress: &Progress) -> Result<ExitCode> {
    check(&args.task)?;
    let mut session = Session::open(&args.model.model, global, progress)?;
    let tokenizer = session.tokenizer()?;
    let tasks = tasks(&args.task, session.files.config(), &tokenizer, global, progress)?;
    let objective = objective(args, &tasks)?;
    let tasks = session.put(tasks, &args.task, &tokenizer)?;
    if let Some(path) = &args.write_model {
        super::apply::check_target(&session, path)?;
    }
    let settings = Settings { objective, ..how::settings(args, session.files.config(), session.threads)? };
    if let Some(time) = &args.how.max_time {
        progress.expire_in(how::duration(time)?);
    }
    let run = RunFolder::new(&args.out);
    let truncation = session.truncation(&args.svd, None)?;
    let Executed { results, winner, truncation } =
        execute(&session, &tokenizer, &tasks, &truncation, &settings, &run, args.resume, progress)?;
    if let Some(path) = &args.write_model {
        write_model(&session, &results, &winner, &truncation, path)?;
        output::say(global, &format!("wrote {}", path.display()));
    }
    progress.finish();
    if global.json {
        output::json(&results)?;
    } else {
        output::result(&markdown_table(&results))?;
        output::result(&format!("\n{}", verdict(&results)))?;
    }
    output::say(global, &format!("wrote {} (report.html, recipe.yaml, results.json)", args.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// A search that has ended, and what makes its winner again.
pub(super) struct Executed {
    pub(super) results: Results,
    pub(super) winner: Edit,
    pub(super) truncation: Truncation,
}

/// Writes the winner's model with the verdict on its card.
pub(super) fn write_model(
    session: &Session,
    results: &Results,
    winner: &Edit,
    truncation: &Truncation,
    path: &Path,
) -> Result<()> {
    let card = Card {
        base_model: Some(session.name.clone()),
        task: Some(results.manifest.task.name.clone()),
        results: vec![verdict(results)],
    };
    super::apply::write(session, winner, truncation, card, path, None)
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}

/// Searches and writes the run folder.
#[allow(clippy::too_many_arguments)] // the resolved command, each part of its own type
pub(super) fn execute(
    session: &Session,
    tokenizer: &Tokenizer,
    tasks: &[(Task, Score)],
    truncation: &Truncation,
    settings: &Settings,
    run: &RunFolder,
    resume: bool,
    progress: &Progress,
) -> Result<Executed> {
    let exam = Evaluator::new(&by_reference(tasks), tokenizer, session.files.config())?;
    let sha256 = session.sha256()?;
    let mut store = Store::open(&run.store(), &settings.fingerprint(&sha256, &exam, truncation), resume)?;
    let model = session.load()?;
    let found = match search(&model, &exam, truncation, settings, &mut store, progress) {
        Err(laser::Error::Interrupted) => {
            bail!("interrupted: {} keeps the trials that ended; --resume goes on from there", run.path().display())
        }
        found => found?,
    };

    let all: Vec<usize> = (0..exam.items().len()).collect();
    let split = |index: usize| found.explored.splits.of[index];
    let base = samples(&exam, &all, &found.base, split);
    let best = samples(&exam, &all, &found.best, split);
    let measures = settings.objective.measures(&exam);
    // Texts that are only read have their own.
    let measure = measures.iter().find(|m| **m == settings.objective.measure).unwrap_or(&measures[0]);
    let mut manifest = session.manifest(sha256.clone(), &exam);
    for (key, value) in [
        ("score", score_value(&exam)?),
        ("objective", measure.to_string().into()),
        ("svd", serde_json::to_value(truncation.method())?),
        ("strategy", settings.plan.to_string().into()),
        ("error_rate", settings.error_rate.into()),
        ("candidates", settings.candidates.into()),
        ("screen_items", settings.screen_items.into()),
        ("finalists", settings.finalists.into()),
        ("resamples", settings.resamples.into()),
        ("permutations", settings.permutations.into()),
    ] {
        manifest.config.insert(key.into(), value);
    }
    if tasks.len() > 1 {
        let guards = settings.objective.guards.iter();
        let guards: Vec<String> = guards.map(|g| format!("{}:{}", tasks[g.part].0.name, g.max_drop)).collect();
        manifest.config.insert("aggregate".into(), settings.objective.over.to_string().into());
        manifest.config.insert("guard".into(), guards.into());
    }
    manifest.seeds.insert("split".into(), settings.split_seed);
    manifest.seeds.insert("order".into(), settings.order_seed);
    manifest.seeds.insert("statistics".into(), settings.statistics_seed);
    let mut notes = notes(tasks);
    if let SvdMethod::Randomized { seed } = truncation.method() {
        manifest.seeds.insert("svd".into(), seed);
        notes.push(format!(
            "compatibility: randomized decomposition as in the reference code, seed {seed}; the paper's is exact"
        ));
    }
    if tasks.iter().any(|(_, score)| score.with_match(Match::PromptContinuation) == Some(*score)) {
        notes.push("compatibility: an answer that the prompt mentions counts, as in the reference code".to_owned());
    }
    if settings.protocol == Protocol::Paper {
        notes.push(
            "the paper's protocol: the first 20 % of the items select, without shuffling or a validation split"
                .to_owned(),
        );
    }
    let results = search_results(&exam, &found, settings, &base, &best, manifest, notes);
    let base_model = BaseModel {
        source: session.name.clone(),
        sha256,
        architecture: session.files.config().architecture.model_type.to_owned(),
    };
    let config = session.files.config();
    let rank = |id: WeightId| found.records.iter().find(|r| r.matrix == id.to_string()).and_then(|r| r.rank);
    let recipe = Recipe::new(&found.winner, base_model, truncation.method(), config, rank);
    run.write_search(&results, &base, &best, &recipe)?;
    Ok(Executed { results, winner: found.winner, truncation: found.explored.truncation })
}
