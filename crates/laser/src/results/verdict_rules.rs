//! Rules of the verdict: takes the results of a search, says in one word and in a sentence whether the gain is real
//! (`docs/method.md`, "Proof").

use super::held_out::HeldOut;
use super::number_format::{count, nats, p_value, percent, points};
use super::search_results::Results;
use super::split_summary::{SplitScores, SplitSummary};
use super::task_change::{Change, TaskChange};
use super::verdict::Verdict;
use laser_statistics::Split;

/// Significance level: a change is shown if McNemar's p-value is below it.
pub(crate) const ALPHA: f64 = 0.05;

/// The verdict on a search.
///
/// A gain or a loss counts as shown if the clustered interval excludes zero *and* McNemar's p is below 0.05. If the
/// search was to improve perplexity tasks only, the interval of their log-loss decides alone. A guard that the winner
/// breaks on the test split is a loss.
pub fn verdict(results: &Results) -> Verdict {
    if !results.proposes_edit() {
        return Verdict::None;
    }
    if !broken_guards(results).is_empty() {
        return Verdict::Loss;
    }
    let texts = results.perplexity_goals();
    if !texts.is_empty() {
        let intervals: Vec<Option<[f64; 2]>> =
            texts.iter().map(|text| text.change.get(&Split::Test).and_then(|change| change.ci95)).collect();
        // A gain must be shown for every text, while a loss on a single one is harm.
        return match &intervals {
            known if known.iter().all(|ci| ci.is_some_and(|[low, _]| low > 0.0)) => Verdict::Gain,
            known if known.iter().flatten().any(|[_, high]| *high < 0.0) => Verdict::Loss,
            _ => Verdict::Unproven,
        };
    }
    match results.test.ci95 {
        Some([low, _]) if results.test.mcnemar_p < ALPHA && low > 0.0 => Verdict::Gain,
        Some([_, high]) if results.test.mcnemar_p < ALPHA && high < 0.0 => Verdict::Loss,
        _ => Verdict::Unproven,
    }
}

/// One or two plain sentences that say whether the gain is real, how large it is, and what it costs. They do not name the
/// edit, which may be a long list.
///
/// If neither a gain nor a loss is shown and the test split is too small to show the gain that the search promised, the
/// sentence says that there are too few items, rather than that there is no gain. Guards that the winner breaks on the
/// test split are named.
pub fn verdict_sentence(results: &Results) -> String {
    let texts = results.perplexity_goals();
    let mut sentence = if texts.is_empty() || !results.proposes_edit() {
        accuracy_verdict(results)
    } else {
        perplexity_verdict(results, &texts)
    };
    let broken = broken_guards(results);
    if !broken.is_empty() {
        let sentence_so_far = sentence.trim_end_matches('.');
        sentence = format!(
            "{sentence_so_far}; but on held-out items it costs {} more than the guard allows.",
            broken.join(", ")
        );
    }
    match &results.price {
        Some(price) => format!("{sentence} It {}.", price.in_words()),
        None => sentence,
    }
}

/// Names of the tasks whose guards the winner breaks on the test split.
fn broken_guards(results: &Results) -> Vec<&str> {
    let is_broken = |task: &&TaskChange| task.guard.as_ref().is_some_and(|g| g.held.get(&Split::Test) == Some(&false));
    results.tasks.iter().filter(is_broken).map(|task| task.task.as_str()).collect()
}

/// The sentence for perplexity tasks: changes of their log-loss on the test split, nats a token.
fn perplexity_verdict(results: &Results, texts: &[&TaskChange]) -> String {
    let Some(changes) = texts.iter().map(|text| text.change.get(&Split::Test)).collect::<Option<Vec<_>>>() else {
        return "Nothing is known about the edit on new texts: the test split is empty.".to_owned();
    };
    let Some(intervals) = changes.iter().map(|change| change.ci95).collect::<Option<Vec<_>>>() else {
        return "There are too few texts to tell: one text says nothing about others.".to_owned();
    };
    let describe = |((text, change), [low, high]): ((&&TaskChange, &&Change), &[f64; 2])| {
        // `Change` is a difference of log-probabilities. The sentence is about log-loss, so all signs turn and the
        // interval's ends swap.
        let perplexity = points((-change.diff).exp() - 1.0);
        let (diff, low, high) = (nats(-change.diff), nats(-high), nats(-low));
        format!(
            "{} by {diff} nats a token (95 % interval {low} to {high}), its perplexity by {perplexity} %",
            text.task
        )
    };
    let descriptions: Vec<String> = texts.iter().zip(&changes).zip(&intervals).map(describe).collect();
    let opening = match verdict(results) {
        Verdict::Gain => "The gain is real",
        Verdict::Loss if intervals.iter().any(|[_, high]| *high < 0.0) => "The edit does harm",
        _ => "No gain is shown",
    };
    format!("{opening}: on held-out texts the edit changes the log-loss of {}.", descriptions.join("; of "))
}

/// The sentence for tasks with answers.
fn accuracy_verdict(results: &Results) -> String {
    let test = &results.test;
    let items = count(test.n);
    if !results.proposes_edit() {
        let trials = count(results.search.trials);
        let because = results.search.none_because.as_deref();
        let because = because.unwrap_or("none does better than the unedited model on the items used to choose");
        return format!("No edit is proposed: of {trials} tried, {because}.");
    }
    if test.n == 0 {
        return "Nothing is known about the edit on new items: the test split is empty.".to_owned();
    }
    if test.fixed + test.broken == 0 {
        return format!(
            "No gain is shown: the edit turns none of the {items} held-out answers from wrong to \
             right or from right to wrong."
        );
    }
    match test.ci95 {
        Some(interval) => verdict_by_interval(results, interval),
        None => format!(
            "There are too few items to tell: all {items} held-out items belong to one group, and \
             one group says nothing about others (observed change {} points).",
            points(test.diff)
        ),
    }
}

/// The sentence for tasks with answers if the change has an interval, `[low, high]` (fractions).
fn verdict_by_interval(results: &Results, [low, high]: [f64; 2]) -> String {
    let test = &results.test;
    let items = count(test.n);
    let change = format!("{} points (95 % interval {} to {})", points(test.diff), points(low), points(high));
    if test.mcnemar_p < ALPHA && low > 0.0 {
        format!(
            "The gain is real: the edit {} on {items} held-out items, {change}, {}{}.",
            accuracy_change(results, "raises"),
            p_value(test.mcnemar_p),
            constant_answer_warning(results),
        )
    } else if test.mcnemar_p < ALPHA && high < 0.0 {
        format!(
            "The edit does harm: it {} on {items} held-out items, {change}, {}.",
            accuracy_change(results, "lowers"),
            p_value(test.mcnemar_p),
        )
    } else if let Some(needed) = lack_of_power(test) {
        format!(
            "There are too few items to tell: on {items} held-out items the edit changes accuracy by \
             {change}, and {needed}."
        )
    } else {
        format!(
            "No gain is shown: on {items} held-out items the edit changes accuracy by {change}, so a \
             gain, if there is one, is hardly larger than {} points.",
            points(high.max(0.0)).trim_start_matches('+'),
        )
    }
}

/// Writes `raises accuracy from 27.9 % to 31.2 %`, without the figures if the test split has no scores.
fn accuracy_change(results: &Results, verb: &str) -> String {
    let acc = |scores: &SplitScores| scores.get(&Split::Test).and_then(SplitSummary::acc);
    match (acc(&results.base), acc(&results.best.splits)) {
        (Some(base), Some(best)) => format!("{verb} accuracy from {} to {}", percent(base), percent(best)),
        _ => format!("{verb} accuracy"),
    }
}

/// Says which difference the test split could have shown, if that is larger than the gain that the search promised.
fn lack_of_power(test: &HeldOut) -> Option<String> {
    // `shrinkage` is search gain minus test gain, so that this is the gain on the search split.
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

/// A warning if always giving the same answer is as accurate as the winner; else empty.
fn constant_answer_warning(results: &Results) -> String {
    let best = results.best.splits.get(&Split::Test).and_then(SplitSummary::acc);
    match (&results.baselines.constant, best) {
        (Some(constant), Some(best)) if constant.rate >= best => {
            format!("; but always answering “{}” would score {}", constant.answer.trim(), percent(constant.rate))
        }
        _ => String::new(),
    }
}
