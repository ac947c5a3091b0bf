//! Comparison: takes results, gives the table of winner against unedited model ("base"), and the sentences below it. If no
//! edit is proposed, what is said of a winner is left out.

use serde::Serialize;

use crate::results::number_format::{count, p_value, percent, points};
use crate::results::{ALPHA, Results, SplitSummary};
use laser_statistics::{ConstantAnswer, FrequentAnswer, Split};

/// The section "Base against winner" of the page; "The unedited model" if no edit is proposed.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// The row of the test split, which the page also shows in large type; `None` if that split has no items.
    headline: Option<SplitRow>,
    rows: Vec<SplitRow>,
    sentences: Vec<Sentence>,
}

/// A row of the table: both models on one split, as formatted text.
#[derive(Debug, Clone, Serialize)]
struct SplitRow {
    split: Split,
    /// Number of items.
    items: String,
    base: FormattedScores,
    best: FormattedScores,
    /// Change in accuracy, percentage points.
    change: String,
    /// Note below the change: its 95 % interval on the test split, a warning on the search split; else empty.
    remark: String,
}

/// Scores of one model on one split, as formatted text.
#[derive(Debug, Clone, Serialize)]
struct FormattedScores {
    /// Accuracy, per cent.
    acc: String,
    /// 95 % interval of the accuracy, per cent.
    interval: String,
    /// Balanced accuracy, per cent; `None` unless the task is a classification.
    balanced: Option<String>,
    /// Log-loss, nats an item.
    log_loss: String,
}

/// A sentence below the table, and the term that it explains.
#[derive(Debug, Serialize)]
struct Sentence {
    subject: &'static str,
    text: String,
}

/// Formats the table and writes the sentences.
pub(super) fn comparison(results: &Results) -> Comparison {
    let rows: Vec<SplitRow> = results
        .base
        .iter()
        .filter_map(|(split, base)| Some(row(results, *split, base, results.best.splits.get(split)?)))
        .collect();
    let of_winner = |sentence: fn(&Results) -> String| results.proposes_edit().then(|| sentence(results));
    let sentences = [
        ("Flips", of_winner(flips)),
        ("Play", play(results)),
        ("Decision", of_winner(decision)),
        ("Shrinkage", of_winner(shrinkage)),
        ("Multiplicity", Some(multiplicity(results))),
        ("Constant answers", constant_answers(results)),
    ];
    Comparison {
        headline: rows.iter().find(|row| row.split == Split::Test).cloned(),
        rows,
        sentences: sentences
            .into_iter()
            .filter_map(|(subject, text)| Some(Sentence { subject, text: text? }))
            .collect(),
    }
}

fn row(results: &Results, split: Split, base: &SplitSummary, best: &SplitSummary) -> SplitRow {
    SplitRow {
        split,
        items: count(base.n),
        base: formatted(base),
        best: formatted(best),
        change: points(best.acc - base.acc),
        remark: match (split, results.test.ci95) {
            (Split::Test, Some([low, high])) => format!("{} to {}", points(low), points(high)),
            (Split::Search, _) => "optimistic: found on this split".to_owned(),
            _ => String::new(),
        },
    }
}

fn formatted(summary: &SplitSummary) -> FormattedScores {
    let [low, high] = summary.acc_ci95;
    FormattedScores {
        acc: percent(summary.acc),
        interval: format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high),
        balanced: summary.balanced_acc.map(percent),
        log_loss: format!("{:.3}", summary.log_loss),
    }
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
    let quote = |answer: &str| format!("“{}”", answer.trim());
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
    let label_scores = baselines.always.iter().map(label_score).collect::<Vec<_>>();
    let labels =
        (!label_scores.is_empty()).then(|| format!("of its labels, always giving {}", label_scores.join(", ")));
    let clauses: Vec<String> = [always, majority, predicted, labels].into_iter().flatten().collect();
    (!clauses.is_empty()).then(|| clauses.join("; ") + ".")
}

/// A difference in percentage points, without its sign.
fn unsigned(difference: f64) -> String {
    points(difference.abs()).trim_start_matches('+').to_owned()
}
