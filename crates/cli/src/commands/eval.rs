//! `laser eval`: a model, or an edit of it, on one or several tasks.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use laser::evaluate::Evaluator;
use laser::results::harness::output::Output;
use laser::results::{EvalResults, SampleRecord, SplitSummary, TaskScores};
use laser::run::{RunFolder, always, asked, samples, scores, task_scores};
use laser::statistics::{Constant, Split, assign_split, most_frequent};

use crate::args::{Eval, Global};
use crate::output;
use crate::progress::Progress;
use crate::questions::{by_reference, check, notes, score_value, tasks};
use crate::session::{Session, fractions};

pub(super) fn run(args: &Eval, global: &Global, progress: &Progress) -> Result<ExitCode> {
    check(&args.task)?;
    let fractions = fractions(&args.task)?;
    let wanted = match args.split.as_str() {
        "all" => Split::All,
        "search" => Split::Search,
        "validation" => Split::Validation,
        "test" => Split::Test,
        other => bail!("--split: expected all, search, validation or test, found `{other}`"),
    };
    let mut session = Session::open(&args.model.model, global, progress)?;
    let tokenizer = session.tokenizer()?;
    let tasks = tasks(&args.task, session.files.config(), &tokenizer, global, progress)?;
    let tasks = session.put(tasks, &args.task, &tokenizer)?;
    let exam = Evaluator::new(&by_reference(&tasks), &tokenizer, session.files.config())?;
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
    let targets: Vec<&str> = asked(&exam, &samples).into_iter().map(|s| s.target.as_str()).collect();
    let mut manifest = session.manifest(session.sha256()?, &exam);
    manifest.config.insert("score".into(), score_value(&exam)?);
    manifest.config.insert("svd".into(), serde_json::to_value(truncation.method())?);
    manifest.config.insert("truncations".into(), serde_json::to_value(&records)?);
    manifest.seeds.insert("split".into(), args.task.split_seed);
    if tasks.iter().any(|(task, _)| task.num_fewshot > 0) {
        manifest.seeds.insert("fewshot".into(), args.task.fewshot_seed);
    }
    let ties = outcomes.iter().filter(|o| o.tied).count();
    let mut notes = notes(&tasks);
    if ties > 0 {
        notes.push(format!("{ties} items were decided by a tie"));
    }
    let results = EvalResults {
        edit: edit.map(ToString::to_string),
        scores: scores(&exam, &samples),
        tasks: task_scores(&exam, &samples),
        majority: most_frequent(&targets),
        always: if let [part] = exam.parts() { always(part, &samples) } else { Vec::new() },
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
    let asks = exam.parts().iter().any(|part| !part.score.only_reads());
    rows.extend(if asks { vec![accuracy_row(summary)] } else { Vec::new() });
    let loss = format!("{:.4} nats, {:.4} a token", summary.log_loss, summary.log_loss_per_token);
    rows.push(vec!["log-loss".into(), loss]);
    if !asks {
        rows.push(vec!["perplexity".into(), format!("{:.4} a token", perplexity(&samples))]);
    } else if results.always.is_empty() {
        rows.extend(
            results.majority.iter().map(|majority| {
                vec!["always".into(), format!("{:.2} % (`{}`)", 100.0 * majority.rate, majority.answer)]
            }),
        );
    }
    rows.extend(constant_rows(&results.always));
    rows.extend(results.notes.iter().map(|note| vec!["note".into(), note.clone()]));
    output::result(&output::table(&rows))?;
    if !results.tasks.is_empty() {
        let reads: Vec<bool> = exam.parts().iter().map(|part| part.score.only_reads()).collect();
        output::result(&format!("\n{}", per_task(&results.tasks, wanted, &reads)))?;
        for task in results.tasks.iter().filter(|task| !task.always.is_empty()) {
            output::result(&format!("\n{}\n{}", task.task, output::table(&constant_rows(&task.always))))?;
        }
    }
    Ok(code())
}

/// Accuracy with its error and interval, and beside it the one in which every label counts alike.
fn accuracy_row(summary: &SplitSummary) -> Vec<String> {
    let [low, high] = summary.acc_ci95.map(|v| 100.0 * v);
    let error = summary.acc_stderr.map_or_else(String::new, |e| format!(" ± {:.2}", 100.0 * e));
    let balanced = summary.balanced_acc.map_or_else(String::new, |b| format!(", balanced {:.2} %", 100.0 * b));
    vec!["accuracy".into(), format!("{:.2} %{error} (95 %: {low:.1} to {high:.1}){balanced}", 100.0 * summary.acc)]
}

/// The majority class, and what always giving each label scores.
fn constant_rows(always: &[Constant]) -> Vec<Vec<String>> {
    let figures = |c: &Constant| format!("{:.2} %, balanced {:.2} %", 100.0 * c.acc, 100.0 * c.balanced_acc);
    let majority = always.first().map(|c| vec!["majority".into(), format!("{:.2} % (`{}`)", 100.0 * c.acc, c.answer)]);
    majority.into_iter().chain(always.iter().map(|c| vec![format!("always {}", c.answer), figures(c)])).collect()
}

/// `exp` of the nats a token of all texts, every token counting alike.
fn perplexity(samples: &[SampleRecord]) -> f64 {
    let (nats, tokens) = samples.iter().fold((0.0, 0), |(n, t), s| (n - s.logprob, t + s.answer_tokens));
    (nats / tokens.max(1) as f64).exp()
}

/// A line for each task, and the mean of those that ask questions, whatever their sizes. A task that asks none has
/// nats a token, and no accuracy.
fn per_task(tasks: &[TaskScores], split: Split, reads: &[bool]) -> String {
    let head = ["task", "score", "items", "accuracy", "balanced", "majority", "log-loss", "a token"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let percent = |v: Option<f64>| v.map_or_else(String::new, |v| format!("{:.2} %", 100.0 * v));
    let mut asking: Vec<&SplitSummary> = Vec::new();
    for (task, reads) in tasks.iter().zip(reads) {
        let scores = &task.scores[&split];
        asking.extend((!reads).then_some(scores));
        rows.push(vec![
            task.task.clone(),
            task.score.clone(),
            scores.n.to_string(),
            percent((!reads).then_some(scores.acc)),
            percent(scores.balanced_acc),
            percent(task.always.first().map(|constant| constant.acc)),
            format!("{:.4}", scores.log_loss),
            format!("{:.4}", scores.log_loss_per_token),
        ]);
    }
    if asking.len() > 1 {
        let mean = |of: fn(&SplitSummary) -> f64| asking.iter().map(|s| of(s)).sum::<f64>() / asking.len() as f64;
        let n: usize = asking.iter().map(|s| s.n).sum();
        let [loss, per_token] = [mean(|s| s.log_loss), mean(|s| s.log_loss_per_token)].map(|v| format!("{v:.4}"));
        let (none, accuracy) = (String::new, percent(Some(mean(|s| s.acc))));
        rows.push(vec!["mean".into(), none(), n.to_string(), accuracy, none(), none(), loss, per_token]);
    }
    output::table(&rows)
}
