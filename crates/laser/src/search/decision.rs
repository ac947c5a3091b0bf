//! Decision: finalists → the edit that the search proposes, or none (`docs/search.md`, "Decision").

use std::cmp::Ordering;

use super::finalists::{Finalist, Finalists};
use crate::edit::Edit;
use laser_statistics::clustered_stderr;

/// An edit must be estimated better than no edit by this many standard errors.
const LEAST_Z: f64 = 1.5;

/// The choice among finalists and the unedited model.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The edit proposed; empty if none is.
    pub winner: Edit,
    /// Reason for proposing no edit; `None` if one is proposed.
    pub none_because: Option<String>,
}

/// Chooses the winner.
///
/// Of the finalists that keep every guard and cost at most `max_damage`, the one with the largest merit is the best. If its
/// estimated gain is less than 1.5 standard errors above 0, no edit is proposed. Otherwise every finalist counts as
/// equally good whose estimated gain is as far above 0, and whose measured gain is smaller by at most the standard error
/// of the difference. Of these, those of the fewest matrices stay, and of those the one that does the least damage wins;
/// without measured damage the one with the largest merit.
pub(super) fn decide(finalists: &Finalists, max_damage: Option<f64>) -> Decision {
    let none = |reason: &str| Decision { winner: Edit::default(), none_because: Some(reason.to_owned()) };
    let keeps_guards: Vec<&Finalist> = finalists.edits.iter().filter(|f| f.value.is_feasible()).collect();
    if keeps_guards.is_empty() {
        return none("every finalist breaks a guard");
    }
    let is_cheap = |f: &&&Finalist| max_damage.is_none_or(|max| f.damage.is_none_or(|damage| damage <= max));
    let allowed: Vec<&Finalist> = keeps_guards.iter().filter(is_cheap).copied().collect();
    if allowed.is_empty() {
        return none("every finalist does more damage to ordinary text than is allowed");
    }
    // `max_by` takes the last of equals, so that the first in search order must come last.
    let best = allowed.iter().rev().max_by(|a, b| by_merit(a, b)).expect("not empty");
    if best.estimated.z() < LEAST_Z {
        return none("the best is estimated to be better than the unedited model by less than 1.5 standard errors");
    }
    let as_good = allowed.iter().filter(|f| f.estimated.z() >= LEAST_Z && is_as_good(f, best, &finalists.groups));
    let fewest = as_good.clone().map(|f| f.edit.n_matrices()).min().expect("the best is as good as itself");
    let damage = |f: &Finalist| f.damage.unwrap_or(0.0);
    let cheaper = |a: &&&Finalist, b: &&&Finalist| damage(a).total_cmp(&damage(b)).then_with(|| by_merit(b, a));
    let winner =
        as_good.filter(|f| f.edit.n_matrices() == fewest).min_by(cheaper).expect("one has the fewest matrices");
    Decision { winner: winner.edit.clone(), none_because: None }
}

/// Order by merit; of equals the larger value of the objective, which log-loss refines.
fn by_merit(a: &Finalist, b: &Finalist) -> Ordering {
    a.merit().total_cmp(&b.merit()).then_with(|| a.value.cmp(&b.value))
}

/// Whether the measured gain of `other` is smaller than that of `best` by at most the standard error of the difference.
fn is_as_good(other: &Finalist, best: &Finalist, groups: &[u32]) -> bool {
    let differences: Vec<f64> = best.differences.iter().zip(&other.differences).map(|(a, b)| a - b).collect();
    let stderr = clustered_stderr(&differences, groups).unwrap_or(0.0);
    best.measured.value - other.measured.value <= stderr
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::objective::Value;
    use laser_statistics::Estimate;

    /// A finalist that is better at the first `fixed` of 100 items, by estimate ± 0.01.
    fn finalist(edit: &str, fixed: usize, damage: f64, is_feasible: bool) -> Finalist {
        better_at(edit, 0..fixed, damage, is_feasible)
    }

    /// A finalist that is better at some of 100 items.
    fn better_at(edit: &str, items: std::ops::Range<usize>, damage: f64, is_feasible: bool) -> Finalist {
        let config = laser_model::ModelConfig::from_hf(
            "config.json",
            r#"{"model_type":"llama","vocab_size":10,"hidden_size":20,"intermediate_size":40,
                "num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1}"#,
        );
        let differences: Vec<f64> = (0..100).map(|i| f64::from(u8::from(items.contains(&i)))).collect();
        let gain = Estimate { value: items.len() as f64 / 100.0, stderr: 0.01 };
        Finalist {
            edit: Edit::parse(edit, &config.expect("a configuration")).expect("an edit"),
            value: Value::new(is_feasible, gain.value, 0.0),
            evidence: differences.clone(),
            differences,
            measured: gain,
            estimated: gain,
            damage: Some(damage),
        }
    }

    fn decided(edits: Vec<Finalist>, max_damage: Option<f64>) -> String {
        let Decision { winner, none_because } = decide(&Finalists { edits, groups: (0..100).collect() }, max_damage);
        none_because.unwrap_or_else(|| winner.to_string())
    }

    #[test]
    fn the_cheapest_of_equally_good_edits_wins() {
        let best = || finalist("L0.up_proj@0.5", 30, 0.5, true);
        assert_eq!(decided(vec![best()], None), "L0.up_proj@0.5");
        // Two items less, and others, are within the standard error of the difference; ten less of the same are not.
        let as_good = || better_at("L1.up_proj@0.5", 5..33, 0.1, true);
        assert_eq!(decided(vec![best(), as_good()], None), "L1.up_proj@0.5");
        assert_eq!(decided(vec![best(), finalist("L1.up_proj@0.5", 20, 0.1, true)], None), "L0.up_proj@0.5");
        // Of fewer matrices before cheaper.
        let composed = finalist("L0.up_proj@0.5,L1.up_proj@0.5", 30, 0.0, true);
        assert_eq!(decided(vec![composed, best()], None), "L0.up_proj@0.5");
        // Within a bound only what keeps it, and never what breaks a guard.
        assert_eq!(decided(vec![best(), finalist("L1.up_proj@0.5", 20, 0.1, true)], Some(0.2)), "L1.up_proj@0.5");
        let broken = || finalist("L1.up_proj@0.5", 40, 0.1, false);
        assert_eq!(decided(vec![broken(), best()], None), "L0.up_proj@0.5");
    }

    #[test]
    fn no_edit_wins_where_none_is_better_feasible_or_cheap_enough() {
        assert!(decided(vec![finalist("L0.up_proj@0.5", 1, 0.0, true)], None).contains("1.5 standard errors"));
        assert!(decided(vec![finalist("L0.up_proj@0.5", 40, 0.0, false)], None).contains("guard"));
        assert!(decided(vec![finalist("L0.up_proj@0.5", 40, 0.3, true)], Some(0.2)).contains("damage"));
    }
}
