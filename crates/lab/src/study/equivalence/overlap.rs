//! Overlap: do two interventions fix the same facts, beyond what frequency and near misses explain?

use std::collections::BTreeMap;

use laser::statistics::{OddsRatio, TwoByTwo, mantel_haenszel, nested_bootstrap_ci95};
use serde::Serialize;

/// Number of resamples of every bootstrap.
const RESAMPLES: usize = 1_000;

/// One fact that a full model answers wrong.
#[derive(Debug, Clone)]
pub struct WrongFact {
    /// Index of the fact among those of the test half of its world.
    pub fact: usize,
    /// Stratum: facts of one world and initialisation, of similar frequency and base margin.
    pub stratum: usize,
    /// Whether each intervention fixes it, `[interventions]`.
    pub fixed: Vec<bool>,
}

/// The wrong facts of one world, over all its initialisations.
#[derive(Debug, Clone, Default)]
pub struct WrongFacts {
    /// Number of facts of the test half.
    pub facts: usize,
    /// The wrong ones, each once for every initialisation that gets it wrong.
    pub wrong: Vec<WrongFact>,
}

/// Overlap of the facts that two interventions fix, among those that the full model answers wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Overlap {
    /// Facts that the first intervention fixes.
    pub first: u64,
    /// Facts that the second fixes.
    pub second: u64,
    /// Facts that both fix.
    pub both: u64,
    /// Facts that both would fix if the two were independent.
    pub expected: f64,
    /// Facts that both would fix if they were independent within each stratum of frequency and margin.
    pub expected_in_strata: f64,
    /// Correlation of being fixed.
    pub phi: Option<f64>,
    /// Share of facts fixed by both among those fixed by either.
    pub jaccard: Option<f64>,
    /// Logarithm of the odds ratio within strata (Mantel–Haenszel).
    pub log_odds_ratio: Option<f64>,
    /// Its 95 % interval, from a bootstrap over worlds and then over facts; where that is undefined, from the standard
    /// error of Robins, Breslow and Greenland.
    pub log_odds_ratio_ci95: Option<[f64; 2]>,
}

/// The overlap of interventions `a` and `b` over several worlds. `seed`: of the bootstrap.
pub fn overlap(worlds: &[WrongFacts], a: usize, b: usize, seed: u64) -> Overlap {
    let all = worlds.iter().enumerate().flat_map(|(world, of)| of.wrong.iter().map(move |wrong| (world, wrong)));
    let strata = tables(all, a, b);
    let mut whole = TwoByTwo::default();
    strata.values().for_each(|table| add(&mut whole, table));
    let ratio = common(&strata);
    // The wrong facts of each world by the number of the fact, which a draw names.
    let by_fact: Vec<Vec<Vec<&WrongFact>>> = worlds
        .iter()
        .map(|world| {
            let mut by_fact = vec![Vec::new(); world.facts];
            world.wrong.iter().for_each(|wrong| by_fact[wrong.fact].push(wrong));
            by_fact
        })
        .collect();
    let sizes: Vec<usize> = worlds.iter().map(|world| world.facts).collect();
    let resampled = nested_bootstrap_ci95(&sizes, RESAMPLES, seed, |drawn| {
        let facts = drawn.iter().flat_map(|(world, facts)| facts.iter().map(|fact| (*world, *fact)));
        let wrong = facts.flat_map(|(world, fact)| by_fact[world][fact].iter().map(move |wrong| (world, *wrong)));
        common(&tables(wrong, a, b)).map(|ratio| ratio.log)
    });
    Overlap {
        first: whole.both + whole.first_only,
        second: whole.both + whole.second_only,
        both: whole.both,
        expected: whole.expected_both(),
        expected_in_strata: strata.values().map(TwoByTwo::expected_both).sum(),
        phi: whole.phi(),
        jaccard: whole.jaccard(),
        log_odds_ratio: ratio.map(|ratio| ratio.log),
        log_odds_ratio_ci95: resampled.or(ratio.map(|ratio| ratio.log_ci95())),
    }
}

/// One table for each stratum of each world.
fn tables<'f>(
    wrong: impl Iterator<Item = (usize, &'f WrongFact)>,
    a: usize,
    b: usize,
) -> BTreeMap<(usize, usize), TwoByTwo> {
    let mut strata: BTreeMap<(usize, usize), TwoByTwo> = BTreeMap::new();
    for (world, fact) in wrong {
        strata.entry((world, fact.stratum)).or_default().add(fact.fixed[a], fact.fixed[b]);
    }
    strata
}

fn add(to: &mut TwoByTwo, table: &TwoByTwo) {
    to.both += table.both;
    to.first_only += table.first_only;
    to.second_only += table.second_only;
    to.neither += table.neither;
}

fn common(strata: &BTreeMap<(usize, usize), TwoByTwo>) -> Option<OddsRatio> {
    let tables: Vec<TwoByTwo> = strata.values().copied().collect();
    mantel_haenszel(&tables)
}

/// Strata of facts: by bin of frequency and by quintile of the margin among these facts. `bins` and `margins` are
/// `[facts]`; equal margins may be in two quintiles.
pub fn strata(bins: &[usize], margins: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..margins.len()).collect();
    order.sort_by(|a, b| margins[*a].total_cmp(&margins[*b]));
    let mut strata = vec![0; margins.len()];
    for (place, index) in order.into_iter().enumerate() {
        strata[index] = 5 * bins[index] + 5 * place / margins.len();
    }
    strata
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Facts that two interventions fix with a probability that depends on the stratum; beyond it, with probability `copy`,
    /// the second does what the first does.
    fn worlds(copy: f64) -> Vec<WrongFacts> {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let world = |_| {
            let wrong = |fact: usize| {
                let stratum = fact % 5;
                let p = [0.02, 0.05, 0.1, 0.3, 0.7][stratum];
                let first = rng.random_bool(p);
                let second = if rng.random_bool(copy) { first } else { rng.random_bool(p) };
                WrongFact { fact, stratum, fixed: vec![first, second] }
            };
            WrongFacts { facts: 300, wrong: (0..300).map(wrong).collect() }
        };
        (0..4).map(world).collect()
    }

    #[test]
    fn what_the_strata_explain_is_no_overlap() {
        let near_misses = overlap(&worlds(0.0), 0, 1, 7);
        assert!(near_misses.both as f64 > 1.5 * near_misses.expected, "{near_misses:?}");
        assert!((near_misses.both as f64 / near_misses.expected_in_strata - 1.0).abs() < 0.15, "{near_misses:?}");
        let [low, high] = near_misses.log_odds_ratio_ci95.expect("an interval");
        assert!(low < 0.0 && high > 0.0, "{near_misses:?}");
        let same = overlap(&worlds(0.5), 0, 1, 7);
        assert!(same.log_odds_ratio_ci95.expect("an interval")[0] > 1.0, "{same:?}");
        assert_eq!(same.log_odds_ratio_ci95, overlap(&worlds(0.5), 0, 1, 7).log_odds_ratio_ci95);
    }

    #[test]
    fn strata_are_bins_by_quintiles() {
        let margins = [-5.0, -1.0, -4.0, -3.0, -2.0];
        assert_eq!(strata(&[0, 0, 1, 1, 2], &margins), [0, 4, 6, 7, 13]);
        assert!(strata(&[], &[]).is_empty());
        let many = strata(&[0; 50], &(0..50).map(f64::from).collect::<Vec<_>>());
        assert!((0..5).all(|quintile| many.iter().filter(|s| **s == quintile).count() == 10));
    }
}
