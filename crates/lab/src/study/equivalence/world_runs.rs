//! The models of one world: every arm from every initialisation, with its answers to the test half of the facts.

use std::collections::BTreeMap;

use crate::study::answers::Answers;
use crate::study::bins::bin_of;
use crate::study::questions::Questions;

use super::arm::Arm;
use super::overlap::{WrongFact, WrongFacts, strata};

/// One trained model.
#[derive(Debug, Clone)]
pub(super) struct ArmRun {
    /// Number of sentences that it was trained on.
    pub(super) sentences: usize,
    /// Its answers; row i answers fact `test[i]`.
    pub(super) answers: Answers,
    /// Its answers with its own best edit.
    pub(super) edited: Answers,
    /// That edit.
    pub(super) edit: String,
    /// Its answers with the best edit of the full model of the same initialisation.
    pub(super) transferred: Answers,
    /// Hidden states at the last tokens of the questions, at the input of each block after the first:
    /// row-major `[facts, d_model]`.
    pub(super) states: Vec<Vec<f32>>,
    /// Share of the squared change of the edited matrix against the full model that lies where LASER removes components
    /// of the full model, and the share that a change in random directions would have.
    pub(super) removed_share: Option<[f64; 2]>,
}

/// All models of one world.
#[derive(Debug, Clone)]
pub(super) struct WorldRuns {
    /// The questions of the world.
    pub(super) questions: Questions,
    /// Facts of the test half.
    pub(super) test: Vec<usize>,
    /// The models by arm, one map for each initialisation.
    pub(super) runs: Vec<BTreeMap<Arm, ArmRun>>,
}

/// What may fix a fact that the full model gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intervention {
    /// The best edit of the full model.
    Laser,
    /// Pruning the data, from the same initialisation.
    Pruning(Arm),
    /// The same from the next initialisation; of [`Arm::Full`], another seed alone.
    OtherSeed(Arm),
}

impl Intervention {
    /// All of them, in a fixed order.
    pub(super) fn all() -> Vec<Self> {
        let pruned = Arm::ALL.into_iter().filter(|arm| *arm != Arm::Full).map(Self::Pruning);
        [Self::Laser].into_iter().chain(pruned).chain(Arm::ALL.map(Self::OtherSeed)).collect()
    }

    /// Place in [`Intervention::all`].
    ///
    /// # Panics
    /// For the pruning that prunes nothing.
    pub(super) fn place(self) -> usize {
        Self::all().iter().position(|other| *other == self).expect("an intervention of the list")
    }
}

impl WorldRuns {
    /// The gold answer of test fact `row`.
    pub(super) fn gold(&self, row: usize) -> u32 {
        self.questions.gold[self.test[row]]
    }

    /// The bin of frequency of test fact `row`.
    pub(super) fn bin(&self, row: usize) -> usize {
        bin_of(self.questions.counts[self.test[row]])
    }

    /// Whether answers are right, `[test facts]`.
    pub(super) fn correct(&self, answers: &Answers) -> Vec<bool> {
        answers.correct(&self.questions, &self.test)
    }

    /// Accuracy on the test facts of a bin, or on all; `None` without facts.
    pub(super) fn accuracy(&self, answers: &Answers, bin: Option<usize>) -> Option<f64> {
        let correct = self.correct(answers);
        let rows: Vec<usize> = (0..self.test.len()).filter(|row| bin.is_none_or(|bin| self.bin(*row) == bin)).collect();
        let right = rows.iter().filter(|row| correct[**row]).count();
        (!rows.is_empty()).then(|| right as f64 / rows.len() as f64)
    }

    /// A model.
    pub(super) fn run(&self, init: usize, arm: Arm) -> &ArmRun {
        &self.runs[init % self.runs.len()][&arm]
    }

    /// The answers that an intervention leads to, from initialisation `init`.
    pub(super) fn answers(&self, init: usize, intervention: Intervention) -> &Answers {
        match intervention {
            Intervention::Laser => &self.run(init, Arm::Full).edited,
            Intervention::Pruning(arm) => &self.run(init, arm).answers,
            Intervention::OtherSeed(arm) => &self.run(init + 1, arm).answers,
        }
    }

    /// The test facts that the full models get wrong, with what fixes them. Strata are by initialisation, bin of
    /// frequency, and quintile of the full model's margin among the wrong facts.
    pub(super) fn wrong_facts(&self) -> WrongFacts {
        let interventions = Intervention::all();
        let mut wrong = Vec::new();
        for init in 0..self.runs.len() {
            let base = &self.run(init, Arm::Full).answers;
            let correct = self.correct(base);
            let rows: Vec<usize> = (0..self.test.len()).filter(|row| !correct[*row]).collect();
            let bins: Vec<usize> = rows.iter().map(|row| self.bin(*row)).collect();
            let margins: Vec<f64> = rows.iter().map(|row| base.margin(*row, self.gold(*row))).collect();
            let fixed: Vec<Vec<bool>> = interventions.iter().map(|i| self.correct(self.answers(init, *i))).collect();
            for (row, stratum) in rows.iter().zip(strata(&bins, &margins)) {
                // Bins and quintiles make fewer than a thousand strata.
                let stratum = 1_000 * init + stratum;
                wrong.push(WrongFact { fact: *row, stratum, fixed: fixed.iter().map(|fixed| fixed[*row]).collect() });
            }
        }
        WrongFacts { facts: self.test.len(), wrong }
    }
}
