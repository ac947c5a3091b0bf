//! Options of a search by name, and the checked settings they stand for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use laser_model::{ModelConfig, ModelKind};

use super::ScoredTasks;
use crate::edit::parse_layer_list;
use crate::edit::reduction::Reduction;
use crate::edit::selector::MatrixSet;
use crate::edit::truncation::SvdMethod;
use crate::error::{Error, Result};
use crate::search::objective::{Aggregate, Guard, Measure, Objective};
use crate::search::{Budget, Criterion, GreedyOrder, Plan, Protocol, Settings, Space, StageName};

/// Options of a search. A field that is `None` or empty has the default of [`Settings::new`].
#[derive(Debug, Clone, Default)]
pub struct SearchOptions {
    /// Layers, such as `5`, `20-27` or `*`, several joined by commas; empty: all.
    pub layers: String,
    /// Matrices by canonical name or the paper's, without layers; empty: every matrix of the block,
    /// `fc_in` and `fc_out` under the paper's protocol.
    pub matrices: Vec<String>,
    /// Reductions to try of each matrix; empty: [`Space::RHOS`].
    pub reductions: Vec<Reduction>,
    /// Stages of the search; exhaustive under the paper's protocol.
    pub strategy: Option<Plan>,
    /// Number of edits kept after screening.
    pub candidates: Option<usize>,
    /// Number of items whose gradients a screen takes.
    pub screen_items: Option<usize>,
    /// Property of the singular values that a spectral screen ranks by.
    pub criterion: Option<Criterion>,
    /// Probability of being ahead after all items below which a race drops a candidate, 0 to 0.5.
    pub error_rate: Option<f64>,
    /// Order in which a greedy composition visits matrices.
    pub greedy_order: Option<GreedyOrder>,
    /// Number of times a greedy composition visits all matrices, at most.
    pub greedy_passes: Option<usize>,
    /// Number of compositions that a beam extends side by side.
    pub beam_width: Option<usize>,
    /// Bounds on the work; what was tried until then counts.
    pub budget: Budget,
    /// Measure that the search maximizes.
    pub measure: Measure,
    /// How several tasks become one value.
    pub aggregate: Aggregate,
    /// Tasks that must not become worse, each as `NAME:MAX_DROP` ([`Guard::parse`]).
    pub guards: Vec<String>,
    /// How items are split and the winner is chosen.
    pub protocol: Option<Protocol>,
    /// Number of edits that go from the search split to the validation split.
    pub finalists: Option<usize>,
    /// Largest allowed rise of the log-loss of ordinary text, nats a token; `None`: any.
    pub max_damage: Option<f64>,
    /// Leave out the measurement of what edits cost elsewhere. The winner is then the edit with the largest estimated gain,
    /// whatever its damage.
    pub no_side_effects: bool,
    /// Seed of the splits.
    pub split_seed: u64,
    /// Seed of the order of items, of the bootstrap and of the permutations.
    pub seed: u64,
    /// Decomposition of the edited matrices.
    pub svd: SvdMethod,
    /// Run folder whose store keeps every trial the moment it ends; `None`: trials are kept in memory until
    /// [`CompletedSearch::write_run`](super::CompletedSearch::write_run).
    pub run: Option<PathBuf>,
    /// Continue the run in that folder instead of refusing a folder that holds one.
    pub resume: bool,
}

impl SearchOptions {
    /// The settings of a search of `tasks` on a model.
    ///
    /// # Errors
    /// An option that cannot be used as given, or that belongs to a stage the strategy does not have.
    pub fn settings(&self, tasks: &ScoredTasks, config: &ModelConfig, threads: usize) -> Result<Settings> {
        let objective = self.objective(tasks)?;
        let defaults = Settings::new(config, threads);
        let protocol = self.protocol.unwrap_or(defaults.protocol);
        let plan = match &self.strategy {
            Some(plan) => plan.clone(),
            None if protocol == Protocol::Paper => Plan::exhaustive(),
            None => Plan::default(),
        };
        self.check_used(&plan)?;
        let error_rate = self.error_rate.unwrap_or(defaults.error_rate);
        if !(0.0..=0.5).contains(&error_rate) {
            let problem = format!("expected a probability from 0 (drop nothing) to 0.5, found {error_rate}");
            return Err(Error::setting("error-rate", problem));
        }
        Ok(Settings {
            space: self.space(protocol, config)?,
            candidates: positive("candidates", self.candidates, defaults.candidates)?,
            screen_items: positive("screen-items", self.screen_items, defaults.screen_items)?,
            criterion: self.criterion.unwrap_or(defaults.criterion),
            error_rate,
            greedy_order: self.greedy_order.unwrap_or(defaults.greedy_order),
            greedy_passes: positive("greedy-passes", self.greedy_passes, defaults.greedy_passes)?,
            beam_width: positive("beam-width", self.beam_width, defaults.beam_width)?,
            budget: self.budget,
            objective,
            protocol,
            finalists: self.finalists.unwrap_or(defaults.finalists),
            max_damage: self.max_damage(config)?,
            split_seed: self.split_seed,
            order_seed: self.seed,
            statistics_seed: self.seed,
            plan,
            ..defaults
        })
    }

    fn objective(&self, tasks: &ScoredTasks) -> Result<Objective> {
        let names = tasks.names();
        let guards = self.guards.iter().map(|text| Guard::parse(text, &names)).collect::<Result<_>>()?;
        let objective = Objective { measure: self.measure, over: self.aggregate.clone(), guards };
        objective.check(names.len())?;
        Ok(objective)
    }

    fn max_damage(&self, config: &ModelConfig) -> Result<Option<f64>> {
        let refuse = |problem: &str| Err(Error::setting("max-damage", problem));
        match self.max_damage {
            None => Ok(None),
            Some(_) if self.no_side_effects => refuse("it needs the side effects, which are switched off"),
            Some(_) if self.protocol == Some(Protocol::Paper) => refuse("the paper's protocol has no such bound"),
            Some(_) if config.kind() != ModelKind::Causal => refuse("the model fills masks and reads no running text"),
            Some(bound) if bound.is_nan() || bound < 0.0 => refuse("expected 0 or more nats a token"),
            bound => Ok(bound),
        }
    }

    /// Refuses options of stages that the plan does not have: they are probably a mistake.
    fn check_used(&self, plan: &Plan) -> Result<()> {
        let screens = [StageName::Gradient, StageName::Spectral];
        let races = [StageName::Race, StageName::Greedy, StageName::Beam];
        let options: [(&str, bool, &[StageName]); 7] = [
            ("candidates", self.candidates.is_some(), &screens),
            ("screen-items", self.screen_items.is_some(), &[StageName::Gradient]),
            ("criterion", self.criterion.is_some(), &[StageName::Spectral]),
            ("error-rate", self.error_rate.is_some(), &races),
            ("greedy-order", self.greedy_order.is_some(), &[StageName::Greedy]),
            ("greedy-passes", self.greedy_passes.is_some(), &[StageName::Greedy]),
            ("beam-width", self.beam_width.is_some(), &[StageName::Beam]),
        ];
        let unused = |(_, given, stages): &&(&str, bool, &[StageName])| *given && !stages.iter().any(|s| plan.has(*s));
        match options.iter().find(unused) {
            Some((name, ..)) => Err(Error::setting(*name, format!("the strategy {plan} does not use it"))),
            None => Ok(()),
        }
    }

    /// The edits of one matrix that the names and reductions stand for.
    pub(super) fn space(&self, protocol: Protocol, config: &ModelConfig) -> Result<Space> {
        let defaults = if protocol == Protocol::Paper { Space::paper(config) } else { Space::block(config) };
        let set = |name: &String| {
            let name = name.trim();
            if name.starts_with(['L', 'l']) {
                let problem = format!("expected names without layers (the setting `layers` has them), found `{name}`");
                return Err(Error::setting("matrices", problem));
            }
            MatrixSet::parse(name, config).map_err(|problem| Error::setting("matrices", problem))
        };
        let matrices = self.matrices.iter().map(set).collect::<Result<Vec<_>>>()?;
        let mut seen = BTreeSet::new();
        let reductions =
            self.reductions.iter().copied().filter(|reduction| seen.insert(*reduction)).collect::<Vec<_>>();
        Ok(Space {
            layers: if self.layers.is_empty() { defaults.layers } else { parse_layer_list(&self.layers, config)? },
            matrices: if matrices.is_empty() { defaults.matrices } else { matrices },
            reductions: if reductions.is_empty() { defaults.reductions } else { reductions },
        })
    }
}

fn positive(setting: &str, given: Option<usize>, default: usize) -> Result<usize> {
    match given {
        Some(0) => Err(Error::setting(setting, "expected 1 or more, found 0")),
        given => Ok(given.unwrap_or(default)),
    }
}
