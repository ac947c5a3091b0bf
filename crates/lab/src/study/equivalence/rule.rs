//! The decision rule, written down before anything is trained.

use laser::statistics::{EquivalenceTest, tost};
use serde::Serialize;

use super::overlap::Overlap;

/// Largest difference of accuracy, in every bin of frequency, that counts as none.
pub const ACCURACY_MARGIN: f64 = 0.02;
/// Bins with fewer test facts than this in a world are not judged.
pub const MIN_BIN: usize = 100;
/// Level of every test.
pub const ALPHA: f64 = 0.05;
/// Part of the ceiling's log odds ratio that the matched arm must reach.
pub const CEILING_PART: f64 = 0.5;
/// Part of LASER's gain on the full model that may remain on a pruned one.
pub const ADDITIVE_PART: f64 = 1.0 / 3.0;

/// The rule in sentences, as it is written beside the results before the first model is trained.
pub fn rule_text() -> Vec<String> {
    vec![
        "Roughly equivalent: at matched strength (the share of removed noise, on a grid, whose accuracy is closest to LASER's) \
         all of (a), (b) and (c) hold over the worlds."
            .to_owned(),
        format!(
            "(a) Strength: in every bin of frequency with at least {MIN_BIN} test facts a world, the matched arm's accuracy \
             is within {} points of LASER's (two one-sided t-tests, paired by world, each at level {ALPHA}).",
            100.0 * ACCURACY_MARGIN
        ),
        format!(
            "(b) Items: the log odds ratio of being fixed by LASER and by the matched arm, among facts that the full model \
             gets wrong and within strata of frequency and of the full model's margin (Mantel–Haenszel), is at least {} of \
             the ceiling's (the matched arm against itself from another initialisation), and its 95 % interval lies above \
             both floors (the full corpus from another initialisation, and random pruning, each against LASER).",
            CEILING_PART
        ),
        "(c) Distribution: the matched arm's answers are closer to LASER's than to the full model's: mean KL(arm‖full with \
         LASER) − KL(arm‖full) has a 95 % interval below 0."
            .to_owned(),
        "Related, not equivalent: (b)'s interval lies above both floors, but not everything holds. Different: otherwise."
            .to_owned(),
        format!(
            "Additivity: if LASER gains on the pruned models at most {ADDITIVE_PART:.2} of what it gains on the full ones, \
             that supports \"LASER removes what the noise wrote\"; an equal gain refutes it."
        ),
    ]
}

/// Accuracy of the matched arm minus LASER's in one bin.
#[derive(Debug, Clone, Serialize)]
pub struct BinDifference {
    /// Counts of the bin.
    pub mentions: String,
    /// Smallest number of test facts of the bin in a world.
    pub facts: usize,
    /// Mean over worlds.
    pub mean: f64,
    /// 90 % interval of the mean; within the margin exactly if the test shows equivalence.
    pub ci90: [f64; 2],
    /// The larger p-value of the two one-sided tests.
    pub p: f64,
    /// Whether the bin has enough facts to be judged.
    pub judged: bool,
}

impl BinDifference {
    /// Tests the differences of each world; `None` with fewer than two worlds.
    pub fn new(mentions: String, facts: usize, differences: &[f64]) -> Option<Self> {
        let EquivalenceTest { mean, p, ci90 } = tost(differences, ACCURACY_MARGIN)?;
        Some(Self { mentions, facts, mean, ci90, p, judged: facts >= MIN_BIN })
    }
}

/// What the rule looks at.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// (a): one entry for each bin.
    pub strength: Vec<BinDifference>,
    /// (b): LASER against the matched arm.
    pub matched: Overlap,
    /// The matched arm against itself from another initialisation.
    pub ceiling: Overlap,
    /// LASER against the full corpus from another initialisation.
    pub floor_seed: Overlap,
    /// LASER against random pruning.
    pub floor_random: Overlap,
    /// (c): mean KL(arm‖full with LASER) − KL(arm‖full), nats.
    pub distribution: f64,
    /// Its 95 % interval.
    pub distribution_ci95: Option<[f64; 2]>,
}

/// The outcome of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// All three conditions hold.
    Equivalent,
    /// The same facts are fixed more often than chance and near misses explain, but not all conditions hold.
    Related,
    /// No overlap beyond the floors is shown.
    Different,
}

/// The verdict with the three conditions.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// Outcome of the rule.
    pub relation: Relation,
    /// (a)
    pub same_strength: bool,
    /// (b)
    pub same_items: bool,
    /// (c)
    pub same_distribution: bool,
    /// The verdict in one sentence, with its numbers.
    pub sentence: String,
}

/// Applies the rule.
pub fn decide(evidence: &Evidence) -> Verdict {
    let judged: Vec<&BinDifference> = evidence.strength.iter().filter(|bin| bin.judged).collect();
    let same_strength = !judged.is_empty() && judged.iter().all(|bin| bin.p < ALPHA);
    let floor = [&evidence.floor_seed, &evidence.floor_random].into_iter().filter_map(|o| o.log_odds_ratio);
    let floor = floor.fold(0.0, f64::max);
    let low = evidence.matched.log_odds_ratio_ci95.map(|[low, _]| low);
    let above_floors = low.is_some_and(|low| low > floor);
    let part = evidence.matched.log_odds_ratio.zip(evidence.ceiling.log_odds_ratio).map(|(m, c)| m / c);
    let same_items = above_floors && part.is_some_and(|part| part >= CEILING_PART);
    let same_distribution = evidence.distribution_ci95.is_some_and(|[_, high]| high < 0.0);
    let relation = match (same_strength && same_items && same_distribution, above_floors) {
        (true, _) => Relation::Equivalent,
        (false, true) => Relation::Related,
        (false, false) => Relation::Different,
    };
    let verdict = Verdict { relation, same_strength, same_items, same_distribution, sentence: String::new() };
    Verdict { sentence: sentence(&verdict, evidence, floor), ..verdict }
}

fn sentence(verdict: &Verdict, evidence: &Evidence, floor: f64) -> String {
    let name = match verdict.relation {
        Relation::Equivalent => "Roughly equivalent",
        Relation::Related => "Related, not equivalent",
        Relation::Different => "Different",
    };
    let ratio = |overlap: &Overlap| match (overlap.log_odds_ratio, overlap.log_odds_ratio_ci95) {
        (Some(log), Some([low, high])) => format!("{:.1} [{:.1}, {:.1}]", log.exp(), low.exp(), high.exp()),
        (Some(log), None) => format!("{:.1}", log.exp()),
        (None, _) => "undefined".to_owned(),
    };
    let worst = evidence.strength.iter().filter(|bin| bin.judged).max_by(|a, b| a.p.total_cmp(&b.p));
    let strength = worst.map_or_else(
        || "no bin has enough facts to compare accuracy".to_owned(),
        |bin| {
            let [low, high] = bin.ci90.map(|end| 100.0 * end);
            let shown = if verdict.same_strength { "equal" } else { "not shown to be equal" };
            format!(
                "accuracy is {shown} (facts with {} mentions: {:+.1} points, 90 % interval {low:+.1} to {high:+.1})",
                bin.mentions,
                100.0 * bin.mean
            )
        },
    );
    let nearer = match evidence.distribution_ci95 {
        Some([low, high]) => format!(
            "its answers are {} to LASER's than to the full model's (KL difference {:+.2} nats, {low:+.2} to {high:+.2})",
            if high < 0.0 {
                "closer"
            } else if low > 0.0 {
                "farther"
            } else {
                "not shown to be closer"
            },
            evidence.distribution
        ),
        None => "the distance of its answers has no interval".to_owned(),
    };
    let items = match evidence.matched.log_odds_ratio {
        Some(_) => format!(
            "the odds that pruning the data fixes a fact are {} times as high if LASER fixes it, within strata of frequency and \
             margin (ceiling {}, floor {:.1})",
            ratio(&evidence.matched),
            ratio(&evidence.ceiling),
            floor.exp()
        ),
        None => "too few facts are fixed to say whether they are the same ones".to_owned(),
    };
    format!("{name}: at matched strength {strength}; {items}; and {nearer}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(log: f64, half: f64) -> Overlap {
        Overlap {
            first: 50,
            second: 50,
            both: 30,
            expected: 10.0,
            expected_in_strata: 20.0,
            phi: None,
            jaccard: None,
            log_odds_ratio: Some(log),
            log_odds_ratio_ci95: Some([log - half, log + half]),
        }
    }

    fn evidence(strength: &[f64], matched: Overlap, distribution: [f64; 2]) -> Evidence {
        Evidence {
            strength: vec![BinDifference::new("1 to 3".to_owned(), 150, strength).expect("worlds")],
            matched,
            ceiling: of(3.0, 0.4),
            floor_seed: of(0.1, 0.3),
            floor_random: of(-0.1, 0.3),
            distribution: (distribution[0] + distribution[1]) / 2.0,
            distribution_ci95: Some(distribution),
        }
    }

    #[test]
    fn all_conditions_make_it_equivalent_and_each_can_fail() {
        let near = [0.004, -0.003, 0.002, 0.001, -0.002];
        let all = decide(&evidence(&near, of(2.0, 0.5), [-0.4, -0.1]));
        assert_eq!(all.relation, Relation::Equivalent);
        let sentence =
            "Roughly equivalent: at matched strength accuracy is equal (facts with 1 to 3 mentions: +0.0 points";
        assert!(all.sentence.starts_with(sentence), "{}", all.sentence);
        let far = [0.03, 0.02, 0.05, 0.01, 0.04];
        let weaker = decide(&evidence(&far, of(2.0, 0.5), [-0.4, -0.1]));
        assert_eq!((weaker.relation, weaker.same_strength), (Relation::Related, false));
        let fewer = decide(&evidence(&near, of(1.0, 0.5), [-0.4, -0.1]));
        assert_eq!((fewer.relation, fewer.same_items), (Relation::Related, false));
        let other = decide(&evidence(&near, of(2.0, 0.5), [-0.4, 0.1]));
        assert_eq!((other.relation, other.same_distribution), (Relation::Related, false));
        assert!(other.sentence.contains("not shown to be closer"), "{}", other.sentence);
        let chance = decide(&evidence(&near, of(0.5, 0.6), [-0.4, -0.1]));
        assert_eq!(chance.relation, Relation::Different);
    }

    #[test]
    fn bins_without_enough_facts_show_nothing() {
        let mut few = evidence(&[0.0, 0.001], of(2.0, 0.5), [-0.4, -0.1]);
        few.strength[0].judged = false;
        let verdict = decide(&few);
        assert!(!verdict.same_strength && verdict.sentence.contains("no bin has enough facts"), "{}", verdict.sentence);
        assert!(BinDifference::new(String::new(), 0, &[0.1]).is_none());
        assert_eq!(rule_text().len(), 6);
    }
}
