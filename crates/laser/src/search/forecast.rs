//! Forecast of a search: its steps and the work that each will probably take.
//!
//! The unit of work is one item's pass through the whole model. The factors are those of searches on SmolLM2-135M and
//! Gemma 3 270M (`bench-results/search-2026-11-30.md`); whoever shows progress corrects them by the speed it sees.

use super::greedy_order::GreedyOrder;
use super::plan::StageName;
use super::settings::{Protocol, Settings};
use super::splits::Splits;
use laser_model::config::ModelConfig;
use laser_statistics::Split;

/// One step of a search, with the work that it will probably take.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastStep {
    /// Name of the step for people.
    pub label: &'static str,
    /// Stages whose progress an [`Observer`](laser_model::parallel::Observer) is told in this step.
    pub stages: &'static [&'static str],
    /// Number of units that these stages report together: items, summed over edits, or layers.
    pub units: f64,
    /// Work, in passes of an item through the whole model.
    pub work: f64,
    /// True for a step after the trials: it chooses, proves and prices the winner.
    pub is_proof: bool,
}

/// Numbers of items that a search has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForecastSizes {
    /// Items of the search split.
    pub search: usize,
    /// Items of the validation split; 0 under the paper's protocol.
    pub validation: usize,
    /// All items.
    pub all: usize,
    /// Single edits in the search space.
    pub edits: usize,
    /// True if the price of the winner is measured.
    pub has_price: bool,
}

impl ForecastSizes {
    /// The numbers of a search of these splits, with `edits` single edits.
    pub(crate) fn of(splits: &Splits, settings: &Settings, edits: usize, has_price: bool) -> Self {
        let items = |split: Split| splits.items(split).len();
        let validation = match settings.protocol {
            Protocol::Honest { .. } => items(Split::Validation),
            Protocol::Paper => 0,
        };
        Self { search: items(Split::Search), validation, all: splits.of.len(), edits, has_price }
    }
}

/// A gradient costs a pass upwards, a pass downwards, and the decomposition of the matrices.
const GRADIENT_PASSES: f64 = 10.0;
/// A trial enters at the layer of its edit, and runs beside the other ranks of its matrix.
const EXHAUSTIVE_SHARE: f64 = 0.25;
/// A race drops most edits early; those that stay are mostly of late layers.
const RACE_SHARE: f64 = 0.15;
/// Share of the items that an edit is asked in a race.
const RACE_ITEMS: f64 = 0.4;
/// Finalists are edits of late layers, too.
const FINALIST_SHARE: f64 = 0.3;
/// Edits that a composition tries at each step.
const COMPOSED: f64 = 8.0;
/// Passes that continuations, ordinary text and other wordings are worth.
const PRICE_PASSES: f64 = 1_000.0;
/// Passes that the damage of one finalist is worth.
const DAMAGE_PASSES: f64 = 15.0;

impl Settings {
    /// The steps of a search with these settings on a model.
    pub fn forecast(&self, config: &ModelConfig, sizes: ForecastSizes) -> Vec<ForecastStep> {
        let n = sizes.search as f64;
        let screens = self.plan.has(StageName::Gradient) || self.plan.has(StageName::Spectral);
        let tried = if screens { self.candidates.min(sizes.edits) } else { sizes.edits } as f64;
        let screen_items = self.screen_items.min(sizes.search) as f64;
        let layers = config.n_layers as f64;
        let mut steps = Vec::new();
        let mut add = |label, stages, units: f64, work: f64, is_proof| {
            steps.push(ForecastStep { label, stages, units, work, is_proof });
        };
        for stage in self.plan.stages() {
            match stage {
                StageName::Gradient => {
                    add("screen", &["gradient"][..], layers, GRADIENT_PASSES * screen_items, false);
                }
                StageName::Spectral => add("screen", &["spectra"], sizes.edits as f64, layers, false),
                StageName::Exhaustive => {
                    add("trials", &["search"], tried * n, n + EXHAUSTIVE_SHARE * tried * n, false);
                }
                StageName::Race => {
                    add("race", &["search"], RACE_ITEMS * tried * n, n + RACE_SHARE * tried * n, false);
                }
                StageName::Greedy | StageName::Beam => {
                    let best_first = *stage == StageName::Greedy && self.greedy_order == GreedyOrder::Best;
                    // At most so many steps are taken; one is usual.
                    let (steps, gradients) = if best_first { (1.0, 1.0) } else { (tried / COMPOSED, 0.0) };
                    let stages = &["greedy: matrices", "gradient", "search"];
                    let units = gradients * layers + RACE_ITEMS * COMPOSED * steps * n;
                    let work = gradients * GRADIENT_PASSES * screen_items + RACE_SHARE * COMPOSED * steps * n;
                    add("compositions", stages, units, work, false);
                }
            }
        }
        if let Protocol::Honest { .. } = self.protocol {
            let finalists = (self.finalists as f64).min(tried / 2.0).max(1.0);
            let validation = sizes.validation as f64;
            let work = validation + FINALIST_SHARE * finalists * validation;
            add("finalists", &["finalists"], finalists * validation, work, true);
            if sizes.has_price {
                add("damage", &["damage"], finalists * 5.0, DAMAGE_PASSES * finalists, true);
            }
        }
        add("test", &["test"], sizes.all as f64, 1.3 * sizes.all as f64, true);
        if sizes.has_price {
            let stages = &["continuations", "price: text", "price: prompts", "price: other wordings"];
            add("price", stages, 300.0, PRICE_PASSES, true);
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_follow_the_plan() {
        let text = r#"{"model_type":"llama","vocab_size":10,"hidden_size":20,"intermediate_size":40,
            "num_hidden_layers":4,"num_attention_heads":2,"num_key_value_heads":1}"#;
        let config = ModelConfig::from_hf("config.json", text).expect("config");
        let sizes = ForecastSizes { search: 400, validation: 200, all: 1000, edits: 224, has_price: true };
        let settings = Settings::new(&config, 1);
        let labels = |settings: &Settings| -> Vec<&str> {
            settings.forecast(&config, sizes).iter().map(|step| step.label).collect()
        };
        assert_eq!(labels(&settings), ["screen", "race", "compositions", "finalists", "damage", "test", "price"]);
        let paper = Settings { plan: "exhaustive".parse().expect("plan"), protocol: Protocol::Paper, ..settings };
        assert_eq!(labels(&paper), ["trials", "test", "price"]);
        let work = |settings: &Settings| settings.forecast(&config, sizes)[0].work;
        assert!(work(&paper) > 20_000.0, "an exhaustive search asks every edit every item");
    }
}
