//! Comparison: takes results, gives the base-against-winner table and the sentences under it.

use serde::Serialize;

use crate::results::figures::{count, p_value, percent, points};
use crate::results::{Results, SplitSummary};
use laser_statistics::{Constant, Frequent, Split};

/// What the page says about base against winner.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// The test split, large; absent when it has no items.
    headline: Option<Row>,
    rows: Vec<Row>,
    sentences: Vec<Sentence>,
}

/// One split.
#[derive(Debug, Clone, Serialize)]
struct Row {
    split: Split,
    items: String,
    base: Score,
    best: Score,
    change: String,
    /// What to know of the change: its interval on test, how it was chosen elsewhere.
    remark: String,
}

/// One model on one split, written.
#[derive(Debug, Clone, Serialize)]
struct Score {
    acc: String,
    interval: String,
    balanced: Option<String>,
    log_loss: String,
}

/// A sentence and the word it is about.
#[derive(Debug, Serialize)]
struct Sentence {
    subject: &'static str,
    text: String,
}

/// Writes the table and the sentences.
pub(super) fn comparison(results: &Results) -> Comparison {
    let rows: Vec<Row> = results
        .base
        .iter()
        .filter_map(|(split, base)| Some(row(results, *split, base, results.best.splits.get(split)?)))
        .collect();
    let sentences = [
        ("Flips", Some(flips(results))),
        ("Shrinkage", Some(shrinkage(results))),
        ("Multiplicity", Some(multiplicity(results))),
        ("Constant answers", constants(results)),
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

fn row(results: &Results, split: Split, base: &SplitSummary, best: &SplitSummary) -> Row {
    Row {
        split,
        items: count(base.n),
        base: score(base),
        best: score(best),
        change: points(best.acc - base.acc),
        remark: match (split, results.test.ci95) {
            (Split::Test, Some([low, high])) => format!("{} to {}", points(low), points(high)),
            (Split::Search, _) => "chosen here, flattered".to_owned(),
            _ => String::new(),
        },
    }
}

fn score(summary: &SplitSummary) -> Score {
    let [low, high] = summary.acc_ci95;
    Score {
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

fn shrinkage(results: &Results) -> String {
    let test = &results.test;
    let (search, held_out) = (points(test.diff + test.shrinkage), points(test.diff));
    let rest = if test.shrinkage > 0.0 {
        format!("the {} points between them are the luck of being chosen", plain(test.shrinkage))
    } else {
        "being chosen did not flatter it".to_owned()
    };
    format!("{search} points on the items that chose this edit, {held_out} on untouched ones; {rest}.")
}

fn multiplicity(results: &Results) -> String {
    format!(
        "the best of {} edits without any effect would still show {} points on the search split; \
         such luck reaches the winner’s gain there with a family-wise {}.",
        count(results.search.trials),
        points(results.search.null_best_gain),
        p_value(results.test.familywise_p)
    )
}

fn constants(results: &Results) -> Option<String> {
    let quote = |answer: &str| format!("“{}”", answer.trim());
    let quoted = |f: &Frequent| quote(&f.answer);
    let baselines = &results.baselines;
    let always = baselines.constant.as_ref().map(|constant| {
        format!("always answering {} would score {} on test", quoted(constant), percent(constant.rate))
    });
    let majority = baselines.majority.as_ref().map(|majority| {
        format!("the most frequent gold answer there is {} ({})", quoted(majority), percent(majority.rate))
    });
    let predicted = baselines.best_prediction.as_ref().map(|predicted| {
        format!("the edited model’s most frequent answer is {} ({})", quoted(predicted), percent(predicted.rate))
    });
    let balanced = |c: &Constant| {
        format!("{} would score {} (balanced {})", quote(&c.answer), percent(c.acc), percent(c.balanced_acc))
    };
    let each = baselines.always.iter().map(balanced).collect::<Vec<_>>();
    let each = (!each.is_empty()).then(|| format!("of its labels, always giving {}", each.join(", ")));
    let clauses: Vec<String> = [always, majority, predicted, each].into_iter().flatten().collect();
    (!clauses.is_empty()).then(|| clauses.join("; ") + ".")
}

/// A difference in points without its sign.
fn plain(difference: f64) -> String {
    points(difference.abs()).trim_start_matches('+').to_owned()
}
