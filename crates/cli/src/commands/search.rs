//! `laser search`: the best edit, with its proof.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use laser::edit::{parse_layer_list, parse_selector};
use laser::evaluate::Exam;
use laser::linalg::RankFraction;
use laser::recipe::{BaseModel, Recipe};
use laser::report::markdown_table;
use laser::results::{Results, verdict};
use laser::run::{RunFolder, samples, search_results};
use laser::score::Score;
use laser::search::{Protocol, Settings, Space, search};
use laser::store::Store;
use laser::task::Task;
use laser::truncation::{SvdMethod, Truncation};

use crate::args::{Global, Search};
use crate::output;
use crate::progress::Progress;
use crate::session::{Session, fractions, task};

pub(super) fn run(args: &Search, global: &Global, progress: &Progress) -> Result<ExitCode> {
    let (task, score) = task(&args.task)?;
    let session = Session::open(&args.model.model, global, progress)?;
    let config = session.files.config();
    let mut kinds: Vec<_> = parse_selector(&args.matrices, config)?.into_iter().map(|id| id.kind).collect();
    if args.matrices.contains('.') {
        bail!("--matrices: expected names without layers (use --layers), found `{}`", args.matrices);
    }
    kinds.sort();
    kinds.dedup();
    let rho = |text: &str| text.trim().parse::<RankFraction>().with_context(|| format!("--rho: `{text}`"));
    let mut rhos = args.rho.split(',').map(rho).collect::<Result<Vec<_>>>()?;
    rhos.sort_by(|a, b| b.cmp(a));
    rhos.dedup();
    let protocol = match args.protocol.as_str() {
        "honest" => Protocol::Honest { fractions: fractions(&args.task)? },
        "paper" => Protocol::Paper,
        other => bail!("--protocol: expected honest or paper, found `{other}`"),
    };
    let settings = Settings {
        space: Space { layers: parse_layer_list(&args.layers, config)?, kinds, rhos },
        protocol,
        finalists: args.finalists,
        split_seed: args.task.split_seed,
        statistics_seed: args.seed,
        ..Settings::new(config, session.threads)
    };
    let run = RunFolder::new(&args.out);
    let truncation = session.truncation(&args.svd, None)?;
    let results = execute(&session, &task, score, &truncation, &settings, &run, args.resume, progress)?;
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

/// Searches and writes the run folder.
#[allow(clippy::too_many_arguments)] // the resolved command, each part of its own type
pub(super) fn execute(
    session: &Session,
    task: &Task,
    score: Score,
    truncation: &Truncation,
    settings: &Settings,
    run: &RunFolder,
    resume: bool,
    progress: &Progress,
) -> Result<Results> {
    let tokenizer = session.tokenizer()?;
    let exam = Exam::new(task, &tokenizer, session.files.config(), score)?;
    let sha256 = session.sha256()?;
    let mut store = Store::open(&run.store(), &settings.fingerprint(&sha256, &exam, truncation), resume)?;
    let model = session.load()?;
    let found = match search(&model, &exam, truncation, settings, &mut store, progress) {
        Err(laser::Error::Interrupted) => {
            bail!("interrupted: {} keeps the trials that ended; --resume goes on from there", run.path().display())
        }
        found => found?,
    };

    let all: Vec<usize> = (0..task.items.len()).collect();
    let split = |index: usize| found.splits.of[index];
    let base = samples(task, &all, &found.base, split);
    let best = samples(task, &all, &found.best, split);
    let mut manifest = session.manifest(sha256.clone(), task);
    for (key, value) in [
        ("score", serde_json::to_value(score)?),
        ("svd", serde_json::to_value(truncation.method())?),
        ("finalists", settings.finalists.into()),
        ("resamples", settings.resamples.into()),
        ("permutations", settings.permutations.into()),
    ] {
        manifest.config.insert(key.into(), value);
    }
    manifest.seeds.insert("split".into(), settings.split_seed);
    manifest.seeds.insert("statistics".into(), settings.statistics_seed);
    let mut notes = Vec::new();
    if let SvdMethod::Randomized { seed } = truncation.method() {
        manifest.seeds.insert("svd".into(), seed);
        notes.push(format!(
            "compatibility: randomized decomposition as in the reference code, seed {seed}; the paper's is exact"
        ));
    }
    if score == score.with_match(laser::score::Match::PromptContinuation).unwrap_or(Score::TOP1) && score != Score::TOP1
    {
        notes.push("compatibility: an answer that the prompt mentions counts, as in the reference code".to_owned());
    }
    if settings.protocol == Protocol::Paper {
        notes.push(
            "the paper's protocol: the first 20 % of the items select, without shuffling or a validation split"
                .to_owned(),
        );
    }
    let results = search_results(&found, settings, &base, &best, manifest, notes);
    let base_model = BaseModel {
        source: session.name.clone(),
        sha256,
        architecture: session.files.config().architecture.model_type.to_owned(),
    };
    let config = session.files.config();
    let recipe =
        Recipe::new(&found.winner.edit(), base_model, truncation.method(), config, |_| Some(found.winner.rank));
    run.write_search(&results, &base, &best, &recipe)?;
    Ok(results)
}
