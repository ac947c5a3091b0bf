//! Verdict: takes results, gives the one sentence a reader should leave with.

use super::figures::{count, nats, p_value, percent, points};
use super::{Change, HeldOut, NO_EDIT, Results, TaskChange};
use laser_statistics::Split;

/// What a test must reach to be called shown.
const ALPHA: f64 = 0.05;

/// One plain sentence: is the gain real, and how large may it be.
///
/// A change counts as shown when the clustered interval excludes zero *and* McNemar's p is below
/// 0.05. When neither way is shown and the test split could not have shown the gain the search
/// promised, the sentence says that there are too few items rather than that there is no gain. Where only the likelihood
/// of texts was searched for, the interval of its change decides alone. A guard that the test split shows broken is
/// named.
pub fn verdict(results: &Results) -> String {
    let texts = results.texts_aimed_at();
    let sentence = if texts.is_empty() || results.best.edit == NO_EDIT {
        answers_verdict(results)
    } else {
        texts_verdict(results, &texts)
    };
    let is_broken = |task: &&TaskChange| task.guard.as_ref().is_some_and(|g| g.held.get(&Split::Test) == Some(&false));
    let broken: Vec<&str> = results.tasks.iter().filter(is_broken).map(|task| task.task.as_str()).collect();
    if broken.is_empty() {
        return sentence;
    }
    format!(
        "{}; but on held-out items it costs {} more than the guard allows.",
        sentence.trim_end_matches('.'),
        broken.join(", ")
    )
}

/// The sentence on log-losses, which are nats a token of held-out texts.
fn texts_verdict(results: &Results, texts: &[&TaskChange]) -> String {
    let edit = &results.best.edit;
    let Some(changes) = texts.iter().map(|text| text.change.get(&Split::Test)).collect::<Option<Vec<_>>>() else {
        return format!("Nothing is known about {edit} on new texts: the test split is empty.");
    };
    let Some(intervals) = changes.iter().map(|change| change.ci95).collect::<Option<Vec<_>>>() else {
        return format!("There are too few texts to tell: one text says nothing about others ({edit}).");
    };
    let written = |((text, change), [low, high]): ((&&TaskChange, &&Change), &[f64; 2])| {
        // Nats are those of the log-loss, which falls where the measure rises.
        let perplexity = points((-change.diff).exp() - 1.0);
        let (diff, low, high) = (nats(-change.diff), nats(-high), nats(-low));
        format!(
            "{} by {diff} nats a token (95 % interval {low} to {high}), its perplexity by {perplexity} %",
            text.task
        )
    };
    let figures: Vec<String> = texts.iter().zip(&changes).zip(&intervals).map(written).collect();
    let opening = if intervals.iter().all(|[low, _]| *low > 0.0) {
        "The gain is real"
    } else if intervals.iter().any(|[_, high]| *high < 0.0) {
        "The edit does harm"
    } else {
        "No gain is shown"
    };
    format!("{opening}: on held-out texts {edit} changes the log-loss of {}.", figures.join("; of "))
}

/// The sentence on answers.
fn answers_verdict(results: &Results) -> String {
    let test = &results.test;
    let edit = &results.best.edit;
    let items = count(test.n);
    if edit == NO_EDIT {
        let trials = count(results.search.trials);
        return format!(
            "No edit is proposed: none of the {trials} tried does better than the unedited model \
             on the items used to choose."
        );
    }
    if test.n == 0 {
        return format!("Nothing is known about {edit} on new items: the test split is empty.");
    }
    if test.fixed + test.broken == 0 {
        return format!(
            "No gain is shown: {edit} turns none of the {items} held-out answers from wrong to \
             right or from right to wrong."
        );
    }
    let Some([low, high]) = test.ci95 else {
        return format!(
            "There are too few items to tell: all {items} held-out items belong to one group, and \
             one group says nothing about others (observed change {} points).",
            points(test.diff)
        );
    };
    let change = format!("{} points (95 % interval {} to {})", points(test.diff), points(low), points(high));
    if test.mcnemar_p < ALPHA && low > 0.0 {
        format!(
            "The gain is real: {edit} {} on {items} held-out items, {change}, {}{}.",
            moves(results, "raises"),
            p_value(test.mcnemar_p),
            constant_clause(results),
        )
    } else if test.mcnemar_p < ALPHA && high < 0.0 {
        format!(
            "The edit does harm: {edit} {} on {items} held-out items, {change}, {}.",
            moves(results, "lowers"),
            p_value(test.mcnemar_p),
        )
    } else if let Some(needed) = too_few(test) {
        format!(
            "There are too few items to tell: on {items} held-out items {edit} changes accuracy by \
             {change}, and {needed}."
        )
    } else {
        format!(
            "No gain is shown: on {items} held-out items {edit} changes accuracy by {change}, so a \
             gain, if there is one, is hardly larger than {} points.",
            points(high.max(0.0)).trim_start_matches('+'),
        )
    }
}

/// `raises accuracy from 27.9 % to 31.2 %`, as far as both are known.
fn moves(results: &Results, verb: &str) -> String {
    match (results.base.get(&Split::Test), results.best.splits.get(&Split::Test)) {
        (Some(base), Some(best)) => {
            format!("{verb} accuracy from {} to {}", percent(base.acc), percent(best.acc))
        }
        _ => format!("{verb} accuracy"),
    }
}

/// What the test split could have shown, if that is more than what the search promised.
fn too_few(test: &HeldOut) -> Option<String> {
    let promised = test.diff + test.shrinkage;
    match test.minimal_detectable {
        None => Some("so few of them flip that no difference could be shown".to_owned()),
        Some(least) if promised > 0.0 && least > promised => Some(format!(
            "only a difference of {} points or more would show reliably",
            points(least).trim_start_matches('+')
        )),
        Some(_) => None,
    }
}

/// A warning when one constant answer does as well as the winner.
fn constant_clause(results: &Results) -> String {
    let best = results.best.splits.get(&Split::Test);
    match (&results.baselines.constant, best) {
        (Some(constant), Some(best)) if constant.rate >= best.acc => {
            format!("; but always answering “{}” would score {}", constant.answer.trim(), percent(constant.rate))
        }
        _ => String::new(),
    }
}
