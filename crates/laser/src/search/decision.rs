//! Decision: finalists → the edit that the search proposes, or none (`docs/search.md`, "Decision").

use super::finalists::{Finalist, Finalists};
use crate::edit::Edit;
use laser_statistics::clustered_stderr;

/// An edit must be estimated better than no edit by this many standard errors.
const LEAST_Z: f64 = 1.5;

/// An equally good edit replaces the best one if it does at most this part of its damage: to save less is not worth an
/// edit that may be a little worse.
const CHEAPER: f64 = 0.5;

/// The choice among finalists and the unedited model.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The edit proposed; empty if none is.
    pub winner: Edit,
    /// Reason for proposing no edit; `None` if one is proposed.
    pub none_because: Option<String>,
}

/// Returns the finalist with the largest merit of those that keep every guard, or the reason for proposing none: if its
/// estimated gain is less than 1.5 standard errors above 0, no edit is proposed, however small the damage of the others.
pub(super) fn most_promising(finalists: &[Finalist]) -> Result<&Finalist, &'static str> {
    let best = best_of(finalists.iter().filter(|f| f.value.is_feasible())).ok_or("every finalist breaks a guard")?;
    convincing(best)
}

/// Chooses the winner.
///
/// Of the finalists that keep every guard and cost at most `max_damage`, the one with the largest merit is the best. If its
/// estimated gain is less than 1.5 standard errors above 0, no edit is proposed. Otherwise every finalist counts as
/// equally good whose estimated gain is as far above 0, and whose measured gain is smaller by at most the standard error
/// of the difference. Of these, those of the fewest matrices stay. Of those, the one with the largest merit wins, unless
/// others do at most half its damage; then the one of them with the largest merit.
pub(super) fn decide(finalists: &Finalists, max_damage: Option<f64>) -> Decision {
    match winner(finalists, max_damage) {
        Ok(winner) => Decision { winner: winner.edit.clone(), none_because: None },
        Err(reason) => Decision { winner: Edit::default(), none_because: Some(reason.to_owned()) },
    }
}

fn winner(finalists: &Finalists, max_damage: Option<f64>) -> Result<&Finalist, &'static str> {
    most_promising(&finalists.edits)?;
    let is_allowed = |f: &&Finalist| {
        f.value.is_feasible() && max_damage.is_none_or(|max| f.damage.is_none_or(|damage| damage <= max))
    };
    let allowed: Vec<&Finalist> = finalists.edits.iter().filter(is_allowed).collect();
    let best =
        best_of(allowed.iter().copied()).ok_or("every finalist does more damage to ordinary text than is allowed")?;
    convincing(best)?;
    let as_good = allowed.iter().filter(|f| f.estimated.z() >= LEAST_Z && is_as_good(f, best, &finalists.groups));
    let fewest = as_good.clone().map(|f| f.edit.n_matrices()).min().expect("the best is as good as itself");
    let equals: Vec<&Finalist> = as_good.filter(|f| f.edit.n_matrices() == fewest).copied().collect();
    let leader = best_of(equals.iter().copied()).expect("one has the fewest matrices");
    let is_cheaper = |f: &&Finalist| f.damage.zip(leader.damage).is_some_and(|(own, most)| own <= CHEAPER * most);
    Ok(best_of(equals.iter().copied().filter(is_cheaper)).unwrap_or(leader))
}

/// The best finalist, if its estimated gain is far enough above 0.
fn convincing(best: &Finalist) -> Result<&Finalist, &'static str> {
    let reason = "the best is estimated to be better than the unedited model by less than 1.5 standard errors";
    if best.estimated.z() < LEAST_Z { Err(reason) } else { Ok(best) }
}

/// The finalist of the largest merit; of equals the one with the larger value of the objective, which log-loss refines, and
/// then the first.
fn best_of<'a>(finalists: impl DoubleEndedIterator<Item = &'a Finalist>) -> Option<&'a Finalist> {
    // `max_by` takes the last of equals, so that the first must come last.
    finalists.rev().max_by(|a, b| a.merit().total_cmp(&b.merit()).then_with(|| a.value.cmp(&b.value)))
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
    fn an_equally_good_edit_of_half_the_damage_wins() {
        let best = || finalist("L0.up_proj@0.5", 30, 0.5, true);
        assert_eq!(decided(vec![best()], None), "L0.up_proj@0.5");
        // Two items less, and others, are within the standard error of the difference; ten less of the same are not.
        let as_good = || better_at("L1.up_proj@0.5", 5..33, 0.1, true);
        assert_eq!(decided(vec![best(), as_good()], None), "L1.up_proj@0.5");
        assert_eq!(decided(vec![best(), finalist("L1.up_proj@0.5", 20, 0.1, true)], None), "L0.up_proj@0.5");
        // Of several of half the damage the best; of none, the best of all.
        let cheapest = || better_at("L0.down_proj@0.5", 6..33, 0.01, true);
        assert_eq!(decided(vec![best(), cheapest(), as_good()], None), "L1.up_proj@0.5");
        let hardly_cheaper = better_at("L1.up_proj@0.5", 5..33, 0.3, true);
        assert_eq!(decided(vec![best(), hardly_cheaper], None), "L0.up_proj@0.5");
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
