//! Comparison: takes results, gives the table of winner against unedited model ("base"), and the sentences below it. If no
//! edit is proposed, what is said of a winner is left out.

use serde::Serialize;

use super::quote::quote;
use super::table::{Cell, Table};
use crate::results::number_format::{count, p_value, percent, points};
use crate::results::{ALPHA, Results, SplitSummary};
use laser_statistics::{ConstantAnswer, FrequentAnswer, Split};

/// Most labels of a classification whose constant answers are written out.
const LABELS: usize = 3;

/// The section on the gain; "The unedited model" if no edit is proposed.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    table: Table,
    sentences: Vec<Sentence>,
}

/// A sentence below the table, and the term that it explains.
#[derive(Debug, Serialize)]
struct Sentence {
    subject: &'static str,
    text: String,
}

/// Formats the table and writes the sentences.
pub(super) fn comparison(results: &Results) -> Comparison {
    let of_winner = |sentence: fn(&Results) -> String| results.proposes_edit().then(|| sentence(results));
    let sentences = [
        ("Flips", of_winner(flips)),
        ("Play", play(results)),
        ("Decision", of_winner(decision)),
        ("Shrinkage", of_winner(shrinkage)),
        ("Multiplicity", Some(multiplicity(results))),
        ("Constant answers", constant_answers(results)),
    ];
    let sentence = |(subject, text): (&'static str, Option<String>)| Some(Sentence { subject, text: text? });
    Comparison {
        table: if results.proposes_edit() { table(results) } else { base_table(results) },
        sentences: sentences.into_iter().filter_map(sentence).collect(),
    }
}

/// Both models on each split.
fn table(results: &Results) -> Table {
    let titles = ["split", "#base", "#winner", "#change, points"];
    let mut table = Table::new("gain", "Accuracy of the unedited model and of the winner", &titles);
    for (split, base) in &results.base {
        let Some(best) = results.best.splits.get(split) else { continue };
        let remark = match (split, results.test.ci95) {
            (Split::Test, Some([low, high])) => format!("{} to {}", points(low), points(high)),
            (Split::Search, _) => "optimistic: found on this split".to_owned(),
            _ => String::new(),
        };
        let change = base.acc().zip(best.acc()).map_or_else(String::new, |(base, best)| points(best - base));
        let change = Cell::new(change).strong().note(remark);
        table.push(vec![split_cell(*split, base), accuracy(base), accuracy(best), change], *split == Split::Test);
    }
    table
}

/// The unedited model on each split.
fn base_table(results: &Results) -> Table {
    let mut table = Table::new("unedited-model", "Accuracy of the unedited model", &["split", "#accuracy"]);
    for (split, base) in &results.base {
        table.push(vec![split_cell(*split, base), accuracy(base)], false);
    }
    table
}

fn split_cell(split: Split, summary: &SplitSummary) -> Cell {
    Cell::new(split.to_string()).note(format!("{} items", count(summary.n)))
}

fn accuracy(summary: &SplitSummary) -> Cell {
    let log_loss = format!("log-loss {:.3}", summary.log_loss);
    let Some(accuracy) = &summary.accuracy else { return Cell::new(String::new()).note(log_loss) };
    let [low, high] = accuracy.acc_ci95;
    let cell = Cell::new(percent(accuracy.acc)).note(format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high));
    let balanced = accuracy.balanced_acc.map_or_else(String::new, |acc| format!("balanced {}", percent(acc)));
    cell.note(balanced).note(log_loss)
}

fn flips(results: &Results) -> String {
    let test = &results.test;
    format!(
        "on the test split the edit fixes {} answers and breaks {} (McNemar’s exact {}).",
        count(test.fixed),
        count(test.broken),
        p_value(test.mcnemar_p)
    )
}

/// Return and moves on the test split, of levels that were played.
fn play(results: &Results) -> Option<String> {
    let figures = |summary: &SplitSummary| Some((summary.mean_return?, summary.mean_moves?));
    let (base_return, base_moves) = figures(results.base.get(&Split::Test)?)?;
    let base =
        format!("the unedited model’s mean return on the test split is {base_return:.3}, in {base_moves:.1} moves");
    let best = results.best.splits.get(&Split::Test).and_then(figures).filter(|_| results.proposes_edit());
    Some(match best {
        Some((best_return, moves)) => format!("{base}; the edited model’s is {best_return:.3}, in {moves:.1} moves."),
        None => format!("{base}."),
    })
}

fn decision(results: &Results) -> String {
    let guards = if results.tasks.iter().any(|task| task.guard.is_some()) {
        " A guard that is broken there is a loss in any case."
    } else {
        ""
    };
    format!(
        "the verdict rests on the test split, because the search did not see it: a gain or a loss counts as shown if \
         McNemar’s p there is below {ALPHA} and the bootstrap interval of the change excludes zero.{guards}"
    )
}

fn shrinkage(results: &Results) -> String {
    let test = &results.test;
    let (search, held_out) = (points(test.diff + test.shrinkage), points(test.diff));
    let difference = unsigned(test.shrinkage);
    let rest = match shrinkage_stderr(results) {
        None => format!("no interval says whether the difference of {difference} points is chance"),
        Some(stderr) if test.shrinkage.abs() <= stderr => {
            format!("the difference of {difference} points is within its error ({} points)", unsigned(stderr))
        }
        Some(stderr) if test.shrinkage > 0.0 => format!(
            "the difference of {difference} points exceeds its error ({} points): picking the best of many edits inflated \
             the gain on the search split",
            unsigned(stderr)
        ),
        Some(_) => "picking the best of many edits did not inflate the gain".to_owned(),
    };
    format!(
        "{search} points on the search split, where this edit was found, {held_out} on the held-out test split; {rest}."
    )
}

/// Standard error of the difference between search gain and test gain, a fraction; `None` if the test gain has no interval.
fn shrinkage_stderr(results: &Results) -> Option<f64> {
    let [low, high] = results.test.ci95?;
    // A 95 % interval is 2 · 1.96 standard errors wide. The gain on the search split has none of its own; an error shrinks
    // with the square root of the number of items.
    let test = (high - low) / 3.92;
    let items = results.base.get(&Split::Search)?.n;
    let search = test * (results.test.n as f64 / items as f64).sqrt();
    Some(test.hypot(search))
}

fn multiplicity(results: &Results) -> String {
    let chance = format!(
        "by chance alone, the best of {} edits without any effect would show {} points on the search split",
        count(results.search.trials),
        points(results.search.null_best_gain),
    );
    if !results.proposes_edit() {
        return chance + ".";
    }
    format!(
        "{chance}; the winner’s gain there has a family-wise {}, which speaks of the search split only and does not enter \
         the verdict.",
        p_value(results.test.familywise_p)
    )
}

fn constant_answers(results: &Results) -> Option<String> {
    let quoted = |f: &FrequentAnswer| quote(&f.answer);
    let baselines = &results.baselines;
    let always = baselines.constant.as_ref().map(|constant| {
        format!("always answering {} would score {} on test", quoted(constant), percent(constant.rate))
    });
    let majority = baselines.majority.as_ref().map(|majority| {
        format!("the most frequent gold answer there is {} ({})", quoted(majority), percent(majority.rate))
    });
    let predicted = baselines.best_prediction.as_ref().filter(|_| results.proposes_edit()).map(|predicted| {
        format!("the edited model’s most frequent answer is {} ({})", quoted(predicted), percent(predicted.rate))
    });
    let label_score = |c: &ConstantAnswer| {
        format!("{} would score {} (balanced {})", quote(&c.answer), percent(c.acc), percent(c.balanced_acc))
    };
    // The best come first.
    let label_scores = baselines.always.iter().take(LABELS).map(label_score).collect::<Vec<_>>();
    let others = if baselines.always.len() > LABELS { ", any other no more" } else { "" };
    let labels =
        (!label_scores.is_empty()).then(|| format!("of its labels, always giving {}{others}", label_scores.join(", ")));
    let clauses: Vec<String> = [always, majority, predicted, labels].into_iter().flatten().collect();
    (!clauses.is_empty()).then(|| clauses.join("; ") + ".")
}

/// A difference in percentage points, without its sign.
fn unsigned(difference: f64) -> String {
    points(difference.abs()).trim_start_matches('+').to_owned()
}
