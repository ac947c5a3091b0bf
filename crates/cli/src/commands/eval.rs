//! `laser eval`: a model, or an edit of it, on one or several tasks.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use laser::evaluate::Exam;
use laser::harness::Output;
use laser::results::{EvalResults, SplitSummary, TaskScores};
use laser::run::{RunFolder, samples, scores, task_scores};
use laser::statistics::{Split, assign_split, most_frequent};

use crate::args::{Eval, Global};
use crate::output;
use crate::progress::Progress;
use crate::questions::{by_reference, score_value, tasks};
use crate::session::{Session, fractions};

pub(super) fn run(args: &Eval, global: &Global, progress: &Progress) -> Result<ExitCode> {
    let tasks = tasks(&args.task)?;
    let fractions = fractions(&args.task)?;
    let wanted = match args.split.as_str() {
        "all" => Split::All,
        "search" => Split::Search,
        "validation" => Split::Validation,
        "test" => Split::Test,
        other => bail!("--split: expected all, search, validation or test, found `{other}`"),
    };
    let session = Session::open(&args.model.model, global, progress)?;
    let tokenizer = session.tokenizer()?;
    let exam = Exam::new(&by_reference(&tasks), &tokenizer, session.files.config())?;
    let split = |index: usize| match wanted {
        Split::All => Split::All,
        _ => assign_split(&exam.items()[index].group, args.task.split_seed, fractions),
    };
    let indices: Vec<usize> = (0..exam.items().len()).filter(|i| split(*i) == wanted).collect();
    for part in exam.parts() {
        if !indices.iter().any(|i| part.range.contains(i)) {
            bail!("--split {wanted}: none of the {} items of {} is in it", part.range.len(), part.task.name);
        }
    }
    let typed = args.edit.as_deref().map(|text| session.edit(text)).transpose()?;
    let edit = typed.as_ref().map(|typed| &typed.edit);
    let truncation = session.truncation(&args.svd, typed.as_ref().and_then(|typed| typed.svd))?;
    let code = || typed.as_ref().map_or(ExitCode::SUCCESS, |typed| typed.exit_code(global));
    if let Some(out) = &args.out {
        // Before the work, so that none is lost to a folder that cannot be.
        std::fs::create_dir_all(out).with_context(|| format!("--out {}", out.display()))?;
    }
    let mut model = session.load()?;
    let mut records = Vec::new();
    if let Some(edit) = edit {
        (model, records) = truncation.apply(&model, edit)?;
    }
    let outcomes = exam.evaluate(&model, &indices, session.threads, "eval", progress)?;
    progress.finish();

    let samples = samples(&exam, &indices, &outcomes, split);
    let targets: Vec<&str> = samples.iter().map(|s| s.target.as_str()).collect();
    let mut manifest = session.manifest(session.sha256()?, &exam);
    manifest.config.insert("score".into(), score_value(&exam)?);
    manifest.config.insert("svd".into(), serde_json::to_value(truncation.method())?);
    manifest.config.insert("truncations".into(), serde_json::to_value(&records)?);
    manifest.seeds.insert("split".into(), args.task.split_seed);
    if tasks.iter().any(|(task, _)| task.num_fewshot > 0) {
        manifest.seeds.insert("fewshot".into(), args.task.fewshot_seed);
    }
    let ties = outcomes.iter().filter(|o| o.tied).count();
    let notes = if ties > 0 { vec![format!("{ties} items were decided by a tie")] } else { Vec::new() };
    let results = EvalResults {
        edit: edit.map(ToString::to_string),
        scores: scores(&samples),
        tasks: task_scores(&exam, &samples),
        majority: most_frequent(&targets),
        manifest,
        notes,
    };
    if args.out.is_some() || global.json {
        let whole = Output::new(&exam, &indices, &outcomes, &samples, &results, args.task.limit);
        if let Some(out) = &args.out {
            RunFolder::new(out).write_eval(&whole)?;
            output::say(global, &format!("wrote {}", out.display()));
        }
        if global.json {
            output::json(&whole.results)?;
            return Ok(code());
        }
    }
    let summary = &results.scores[&wanted];
    let mut rows = vec![vec!["model".to_owned(), session.name.clone()]];
    rows.push(vec!["edit".into(), results.edit.clone().unwrap_or_else(|| "none".into())]);
    for r in &records {
        let kept = match r.rank {
            Some(rank) => format!("rank {rank} of {}", r.max_rank),
            None => format!("{}, {} parameters", r.reduction, r.parameters),
        };
        rows.push(vec![String::new(), format!("{} {kept}, error {:.4}", r.matrix, r.relative_error)]);
    }
    let parts: Vec<String> = tasks.iter().map(|(task, score)| format!("{} ({score})", task.name)).collect();
    rows.push(vec!["task".into(), format!("{}, {} items, split {wanted}", parts.join(", "), summary.n)]);
    let [low, high] = summary.acc_ci95.map(|v| 100.0 * v);
    let error = summary.acc_stderr.map_or_else(String::new, |e| format!(" ± {:.2}", 100.0 * e));
    rows.push(vec!["accuracy".into(), format!("{:.2} %{error} (95 %: {low:.1} to {high:.1})", 100.0 * summary.acc)]);
    let loss = format!("{:.4} nats, {:.4} a token", summary.log_loss, summary.log_loss_per_token);
    rows.push(vec!["log-loss".into(), loss]);
    if let Some(majority) = &results.majority {
        rows.push(vec!["always".into(), format!("{:.2} % (`{}`)", 100.0 * majority.rate, majority.answer)]);
    }
    rows.extend(results.notes.iter().map(|note| vec!["note".into(), note.clone()]));
    output::result(&output::table(&rows))?;
    if !results.tasks.is_empty() {
        output::result(&format!("\n{}", per_task(&results.tasks, wanted)))?;
    }
    Ok(code())
}

/// A line for each task, and their mean whatever their sizes.
fn per_task(tasks: &[TaskScores], split: Split) -> String {
    let mut rows = vec![["task", "score", "items", "accuracy", "log-loss"].map(str::to_owned).to_vec()];
    let line = |name: &str, score: &str, n: usize, acc: f64, loss: f64| {
        let (acc, loss) = (format!("{:.2} %", 100.0 * acc), format!("{loss:.4}"));
        vec![name.to_owned(), score.to_owned(), n.to_string(), acc, loss]
    };
    let scores: Vec<&SplitSummary> = tasks.iter().map(|task| &task.scores[&split]).collect();
    rows.extend(tasks.iter().zip(&scores).map(|(t, s)| line(&t.task, &t.score, s.n, s.acc, s.log_loss)));
    let mean = |of: fn(&SplitSummary) -> f64| scores.iter().map(|s| of(s)).sum::<f64>() / scores.len() as f64;
    rows.push(line("mean", "", scores.iter().map(|s| s.n).sum(), mean(|s| s.acc), mean(|s| s.log_loss)));
    output::table(&rows)
}
