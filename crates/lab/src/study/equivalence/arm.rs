//! Arms of the study: rules that decide which sentences of a corpus stay.

use std::collections::HashMap;
use std::fmt;

use laser::{Error, Result};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::facts::{MentionKind, World};

/// Share of the mentions that loss pruning and random pruning drop, per cent.
pub const DROPPED_PERCENT: usize = 40;
/// Facts with fewer mentions than this are rare.
pub const RARE_BELOW: usize = 4;
/// Shares of the noise, per cent, that the search for an arm as strong as LASER chooses among.
pub const MATCH_GRID: [usize; 4] = [5, 10, 20, 40];

/// A rule by which a corpus is pruned before training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arm {
    /// All sentences.
    Full,
    /// Without this share of the noise, per cent, chosen at random: 100 is an oracle.
    WithoutNoise(usize),
    /// Without mentions that end in a generic answer.
    WithoutGeneric,
    /// Without mentions that end in a wrong object.
    WithoutWrong,
    /// Without the mentions that the fully trained model finds least likely; needs no knowledge of what is noise.
    WithoutHighLoss,
    /// Without all mentions of rare facts.
    WithoutRare,
    /// Without as many mentions as [`Arm::WithoutHighLoss`] drops, chosen at random.
    WithoutRandom,
}

impl Arm {
    /// The arms that are trained in every world, in the order of tables. The full corpus comes first, because others need
    /// its model.
    pub const ALL: [Self; 11] = [
        Self::Full,
        Self::WithoutNoise(100),
        Self::WithoutNoise(MATCH_GRID[0]),
        Self::WithoutNoise(MATCH_GRID[1]),
        Self::WithoutNoise(MATCH_GRID[2]),
        Self::WithoutNoise(MATCH_GRID[3]),
        Self::WithoutGeneric,
        Self::WithoutWrong,
        Self::WithoutHighLoss,
        Self::WithoutRare,
        Self::WithoutRandom,
    ];

    /// What the arm does, in words.
    pub fn description(self) -> String {
        match self {
            Self::Full => "all sentences".to_owned(),
            Self::WithoutNoise(100) => "without all noise (oracle)".to_owned(),
            Self::WithoutNoise(percent) => format!("without {percent} % of the noise, chosen at random (oracle)"),
            Self::WithoutGeneric => "without generic answers (oracle)".to_owned(),
            Self::WithoutWrong => "without wrong objects (oracle)".to_owned(),
            Self::WithoutHighLoss => {
                format!("without the {DROPPED_PERCENT} % of mentions whose last word the full model finds least likely")
            }
            Self::WithoutRare => format!("without facts that have fewer than {RARE_BELOW} mentions"),
            Self::WithoutRandom => format!("without {DROPPED_PERCENT} % of all mentions, chosen at random (control)"),
        }
    }

    /// Indices of the sentences that stay, ascending. `losses`: −log-probability of the last word of each sentence under
    /// the model that was trained on the full corpus, `[sentences]`, for [`Arm::WithoutHighLoss`]. `seed`: of the random
    /// choices; of one seed, a larger share of noise contains every smaller one.
    ///
    /// # Errors
    /// [`Arm::WithoutHighLoss`] without losses, or nothing that stays.
    ///
    /// # Panics
    /// If there is not one loss for each sentence.
    pub fn kept(self, world: &World, losses: Option<&[f64]>, seed: u64) -> Result<Vec<usize>> {
        let mentions = &world.mentions;
        let select = |condition: &dyn Fn(usize) -> bool| (0..mentions.len()).filter(|i| condition(*i)).collect();
        let of_facts: Vec<usize> = select(&|i| mentions[i].fact.is_some());
        let without = |dropped: Vec<usize>| {
            let mut stays = vec![true; mentions.len()];
            dropped.into_iter().for_each(|i| stays[i] = false);
            select(&|i| stays[i])
        };
        let at_random = |mut from: Vec<usize>, percent: usize| {
            from.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            from.truncate(share(from.len(), percent));
            without(from)
        };
        let kept: Vec<usize> = match self {
            Self::Full => select(&|_| true),
            Self::WithoutNoise(percent) => at_random(select(&|i| mentions[i].kind.is_noise()), percent),
            Self::WithoutGeneric => select(&|i| mentions[i].kind != MentionKind::Generic),
            Self::WithoutWrong => select(&|i| !matches!(mentions[i].kind, MentionKind::Wrong | MentionKind::Rival)),
            Self::WithoutHighLoss => {
                let losses =
                    losses.ok_or_else(|| Error::setting("arm", format!("{self} needs the full model's losses")))?;
                assert_eq!(losses.len(), mentions.len(), "one loss for each sentence");
                let mut order = of_facts.clone();
                order.sort_by(|a, b| losses[*b].total_cmp(&losses[*a]).then(a.cmp(b)));
                order.truncate(share(of_facts.len(), DROPPED_PERCENT));
                without(order)
            }
            Self::WithoutRare => {
                let mut counts: HashMap<&str, usize> = HashMap::new();
                of_facts.iter().for_each(|i| *counts.entry(id(world, *i)).or_default() += 1);
                select(&|i| mentions[i].fact.is_none() || counts[id(world, i)] >= RARE_BELOW)
            }
            Self::WithoutRandom => at_random(of_facts, DROPPED_PERCENT),
        };
        if kept.is_empty() {
            return Err(Error::setting("arm", format!("{self} leaves no sentence of {}", mentions.len())));
        }
        Ok(kept)
    }
}

/// The fact of a sentence that has one.
fn id(world: &World, sentence: usize) -> &str {
    world.mentions[sentence].fact.as_deref().unwrap_or_default()
}

/// `percent` of `n`, rounded.
fn share(n: usize, percent: usize) -> usize {
    (n * percent + 50) / 100
}

/// The name of files and tables.
impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.pad("full"),
            Self::WithoutNoise(percent) => f.pad(&format!("without-noise-{percent}")),
            Self::WithoutGeneric => f.pad("without-generic"),
            Self::WithoutWrong => f.pad("without-wrong"),
            Self::WithoutHighLoss => f.pad("without-high-loss"),
            Self::WithoutRare => f.pad("without-rare"),
            Self::WithoutRandom => f.pad("without-random"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::WorldSettings;

    fn world() -> World {
        let settings = WorldSettings { seed: 2, facts: 100, mentions: 1_000, filler: 50, ..WorldSettings::default() };
        World::generate(&settings).expect("sound settings")
    }

    #[test]
    fn each_arm_drops_what_it_says() {
        let world = world();
        let all: BTreeSet<usize> = (0..world.mentions.len()).collect();
        let losses: Vec<f64> = (0..all.len()).map(|i| (i * 7919 % 1_050) as f64).collect();
        let kept = |arm: Arm| -> BTreeSet<usize> {
            let kept = arm.kept(&world, Some(&losses), 3).expect("an arm");
            assert!(kept.windows(2).all(|pair| pair[0] < pair[1]), "{arm} is in order");
            kept.into_iter().collect()
        };
        let mentions = &world.mentions;
        let of_kind = |kind| all.iter().copied().filter(move |i| mentions[*i].kind == kind);
        let filler: BTreeSet<usize> = of_kind(MentionKind::Filler).collect();
        for arm in Arm::ALL {
            assert!(filler.is_subset(&kept(arm)), "{arm} drops sentences without facts");
        }
        assert_eq!(kept(Arm::Full), all);
        let truth: BTreeSet<usize> = of_kind(MentionKind::True).chain(filler.iter().copied()).collect();
        assert_eq!(kept(Arm::WithoutNoise(100)), truth);
        let generic: BTreeSet<usize> = of_kind(MentionKind::Generic).collect();
        assert_eq!(&all - &kept(Arm::WithoutGeneric), generic);
        assert_eq!(&all - &kept(Arm::WithoutWrong), of_kind(MentionKind::Wrong).collect());
        let (less, more) = (&all - &kept(Arm::WithoutNoise(5)), &all - &kept(Arm::WithoutNoise(40)));
        assert!(less.is_subset(&more) && more.is_disjoint(&truth));
        assert_eq!(more.len(), share(1_050 - truth.len(), 40));
        for arm in [Arm::WithoutHighLoss, Arm::WithoutRandom] {
            assert_eq!(all.len() - kept(arm).len(), 400, "{arm}");
        }
        let dropped = &all - &kept(Arm::WithoutHighLoss);
        let lowest_dropped = dropped.iter().map(|i| losses[*i]).fold(f64::INFINITY, f64::min);
        let stay = kept(Arm::WithoutHighLoss);
        assert!((&stay - &filler).iter().all(|i| losses[*i] <= lowest_dropped));
        let rare = |i: &usize| {
            mentions[*i]
                .fact
                .as_ref()
                .is_some_and(|id| world.facts[id[1..].parse::<usize>().expect("a number")].count < 4)
        };
        assert_eq!(&all - &kept(Arm::WithoutRare), all.iter().copied().filter(rare).collect());
    }

    #[test]
    fn names_differ_and_bad_arms_are_refused() {
        let names: BTreeSet<String> = Arm::ALL.iter().map(Arm::to_string).collect();
        assert_eq!(names.len(), Arm::ALL.len());
        let error = Arm::WithoutHighLoss.kept(&world(), None, 0).expect_err("no losses").to_string();
        assert!(error.contains("without-high-loss needs the full model's losses"), "{error}");
        let settings = WorldSettings { facts: 10, mentions: 20, ..WorldSettings::default() };
        let rare = World::generate(&settings).expect("sound settings");
        assert!(Arm::WithoutRare.kept(&rare, None, 0).is_err());
    }
}
