//! Verdict: takes results, gives the one sentence a reader should leave with.

use super::figures::{count, p_value, percent, points};
use super::{HeldOut, NO_EDIT, Results};
use crate::statistics::Split;

/// What a test must reach to be called shown.
const ALPHA: f64 = 0.05;

/// One plain sentence: is the gain real, and how large may it be.
///
/// A change counts as shown when the clustered interval excludes zero *and* McNemar's p is below
/// 0.05. When neither way is shown and the test split could not have shown the gain the search
/// promised, the sentence says that there are too few items rather than that there is no gain.
pub fn verdict(results: &Results) -> String {
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
