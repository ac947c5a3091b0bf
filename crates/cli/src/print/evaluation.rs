//! The tables that `laser eval` prints.

use laser::results::{Accuracy, SampleRecord, SplitSummary, TaskScores, price_lines};
use laser::statistics::{ConstantAnswer, Split};
use laser::{Evaluation, ScoredTasks, Session};

use crate::output::table;

/// The figures of an evaluation; of several tasks, a table with a line for each below them.
pub(crate) fn evaluation(evaluation: &Evaluation<'_>, session: &Session, tasks: &ScoredTasks, split: Split) -> String {
    let results = &evaluation.results;
    let summary = &results.scores[&split];
    let mut rows = edit_rows(evaluation, session);
    let parts: Vec<String> = tasks.iter().map(|(task, score)| format!("{} ({score})", task.name)).collect();
    rows.push(vec!["task".into(), format!("{}, {} items, split {split}", parts.join(", "), summary.n)]);
    let has_questions = tasks.iter().any(|(_, score)| !score.is_perplexity());
    rows.extend(summary.accuracy.as_ref().map(accuracy_row));
    let loss = format!("{:.4} nats, {:.4} a token", summary.log_loss, summary.log_loss_per_token);
    rows.push(vec!["log-loss".into(), loss]);
    if let (Some(mean_return), Some(moves)) = (summary.mean_return, summary.mean_moves) {
        rows.push(vec!["return".into(), format!("{mean_return:.3} a level, in {moves:.1} moves")]);
    }
    if !has_questions {
        rows.push(vec!["perplexity".into(), format!("{:.4} a token", perplexity(&evaluation.samples))]);
    } else if results.always.is_empty() {
        let row = |answer: &str, rate: f64| vec!["always".into(), format!("{:.2} % (`{answer}`)", 100.0 * rate)];
        rows.extend(results.majority.iter().map(|majority| row(&majority.answer, majority.rate)));
    }
    rows.extend(constant_rows(&results.always));
    let prices = results.price.iter().flat_map(price_lines);
    rows.extend(prices.enumerate().map(|(i, line)| vec![if i == 0 { "price" } else { "" }.into(), line]));
    rows.extend(results.notes.iter().map(|note| vec!["note".into(), note.clone()]));
    let mut text = table(&rows);
    if !results.tasks.is_empty() {
        text += &format!("\n\n{}", task_table(&results.tasks, split));
        for task in results.tasks.iter().filter(|task| !task.always.is_empty()) {
            text += &format!("\n\n{}\n{}", task.task, table(&constant_rows(&task.always)));
        }
    }
    text
}

/// The model, the edit, and what became of each edited matrix.
fn edit_rows(evaluation: &Evaluation<'_>, session: &Session) -> Vec<Vec<String>> {
    let edit = evaluation.results.edit.clone().unwrap_or_else(|| "none".into());
    let mut rows = vec![vec!["model".to_owned(), session.name().to_owned()], vec!["edit".into(), edit]];
    rows.extend(evaluation.truncations.iter().map(|record| {
        let kept = match record.rank {
            Some(rank) => format!("rank {rank} of {}", record.max_rank),
            None => format!("{}, {} parameters", record.reduction, record.parameters),
        };
        vec![String::new(), format!("{} {kept}, error {:.4}", record.matrix, record.relative_error)]
    }));
    rows
}

/// Accuracy with its standard error and interval, and the accuracy in which every label counts alike.
fn accuracy_row(accuracy: &Accuracy) -> Vec<String> {
    let [low, high] = accuracy.acc_ci95.map(|v| 100.0 * v);
    let error = accuracy.acc_stderr.map_or_else(String::new, |e| format!(" ± {:.2}", 100.0 * e));
    let balanced = accuracy.balanced_acc.map_or_else(String::new, |b| format!(", balanced {:.2} %", 100.0 * b));
    vec!["accuracy".into(), format!("{:.2} %{error} (95 %: {low:.1} to {high:.1}){balanced}", 100.0 * accuracy.acc)]
}

/// The majority class, and the accuracy of always giving each label.
fn constant_rows(always: &[ConstantAnswer]) -> Vec<Vec<String>> {
    let figures = |c: &ConstantAnswer| format!("{:.2} %, balanced {:.2} %", 100.0 * c.acc, 100.0 * c.balanced_acc);
    let majority = always.first().map(|c| vec!["majority".into(), format!("{:.2} % (`{}`)", 100.0 * c.acc, c.answer)]);
    majority.into_iter().chain(always.iter().map(|c| vec![format!("always {}", c.answer), figures(c)])).collect()
}

/// `exp` of the mean nats a token over all texts; every token counts alike.
fn perplexity(samples: &[SampleRecord]) -> f64 {
    let (nats, tokens) = samples.iter().fold((0.0, 0), |(n, t), s| (n - s.logprob, t + s.answer_tokens));
    (nats / tokens.max(1) as f64).exp()
}

/// A line for each task, and the mean of the tasks that ask questions, whatever their sizes. Texts of which only the
/// perplexity is measured have no accuracy.
fn task_table(tasks: &[TaskScores], split: Split) -> String {
    let head = ["task", "score", "items", "accuracy", "balanced", "majority", "log-loss", "a token"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let percent = |share: Option<f64>| share.map_or_else(String::new, |share| format!("{:.2} %", 100.0 * share));
    let mut questions: Vec<&SplitSummary> = Vec::new();
    for task in tasks {
        let scores = &task.scores[&split];
        questions.extend(scores.accuracy.is_some().then_some(scores));
        rows.push(vec![
            task.task.clone(),
            task.score.clone(),
            scores.n.to_string(),
            percent(scores.acc()),
            percent(scores.accuracy.as_ref().and_then(|accuracy| accuracy.balanced_acc)),
            percent(task.always.first().map(|constant| constant.acc)),
            format!("{:.4}", scores.log_loss),
            format!("{:.4}", scores.log_loss_per_token),
        ]);
    }
    if questions.len() > 1 {
        let mean = |of: fn(&SplitSummary) -> f64| questions.iter().map(|s| of(s)).sum::<f64>() / questions.len() as f64;
        let n: usize = questions.iter().map(|s| s.n).sum();
        let [loss, per_token] = [mean(|s| s.log_loss), mean(|s| s.log_loss_per_token)].map(|v| format!("{v:.4}"));
        let (none, accuracy) = (String::new, percent(Some(mean(|s| s.acc().unwrap_or_default()))));
        rows.push(vec!["mean".into(), none(), n.to_string(), accuracy, none(), none(), loss, per_token]);
    }
    table(&rows)
}
