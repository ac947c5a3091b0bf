//! `laser eval`: a model, or an edit of it, on a task.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use laser::evaluate::Exam;
use laser::results::EvalResults;
use laser::run::{RunFolder, samples, scores};
use laser::statistics::{Split, assign_split, most_frequent};
use serde_json::json;

use crate::args::{Eval, Global};
use crate::output;
use crate::progress::Progress;
use crate::session::{Session, fractions, task};

pub(super) fn run(args: &Eval, global: &Global, progress: &Progress) -> Result<ExitCode> {
    let (task, score) = task(&args.task)?;
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
    let exam = Exam::new(&task, &tokenizer, session.files.config(), score)?;
    let split = |index: usize| match wanted {
        Split::All => Split::All,
        _ => assign_split(&task.items[index].group, args.task.split_seed, fractions),
    };
    let indices: Vec<usize> = (0..task.items.len()).filter(|i| split(*i) == wanted).collect();
    if indices.is_empty() {
        bail!("--split {wanted}: none of the {} items is in it", task.items.len());
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

    let samples = samples(&task, &indices, &outcomes, split);
    let targets: Vec<&str> = samples.iter().map(|s| s.target.as_str()).collect();
    let mut manifest = session.manifest(session.sha256()?, &task);
    manifest.config.insert("score".into(), serde_json::to_value(score)?);
    manifest.config.insert("svd".into(), serde_json::to_value(truncation.method())?);
    manifest.config.insert("truncations".into(), serde_json::to_value(&records)?);
    manifest.seeds.insert("split".into(), args.task.split_seed);
    let ties = outcomes.iter().filter(|o| o.tied).count();
    let notes = if ties > 0 { vec![format!("{ties} items were decided by a tie")] } else { Vec::new() };
    let results = EvalResults {
        edit: edit.map(ToString::to_string),
        scores: scores(&samples),
        majority: most_frequent(&targets),
        manifest,
        notes,
    };
    if let Some(out) = &args.out {
        RunFolder::new(out).write_eval(&results, &samples)?;
        output::say(global, &format!("wrote {}", out.display()));
    }
    if global.json {
        output::json(&json!(results))?;
        return Ok(code());
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
    rows.push(vec!["task".into(), format!("{} ({score}), {} items, split {wanted}", task.name, summary.n)]);
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
    Ok(code())
}
