//! Fingerprint text of settings, pinned: if it changes, stores of earlier versions cannot be resumed.

use super::*;
use crate::search::objective::{Aggregate, Guard, Measure};

fn config() -> ModelConfig {
    let text = r#"{"model_type":"llama","vocab_size":10,"hidden_size":20,"intermediate_size":40,
        "num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1}"#;
    ModelConfig::from_hf("config.json", text).expect("config")
}

#[test]
fn the_fingerprint_of_default_settings_stays_the_same() {
    let settings = Settings { resamples: 5, permutations: 6, statistics_seed: 7, ..Settings::new(&config(), 4) };
    let rho =
        |(numerator, places)| format!("Leading(Fraction(RankFraction {{ numerator: {numerator}, places: {places} }}))");
    let rhos = [(9, 1), (8, 1), (6, 1), (4, 1), (2, 1), (1, 1), (5, 2), (1, 2)].map(rho).join(", ");
    let matrix = |(name, kind)| format!("MatrixSet {{ text: \"{name}_proj\", parts: [Whole], kinds: [{kind}] }}");
    let kinds = [("q", "Q"), ("k", "K"), ("v", "V"), ("o", "O"), ("gate", "Gate"), ("up", "Up"), ("down", "Down")];
    let matrices = kinds.map(matrix).join(", ");
    let expected = format!(
        "Settings {{ space: Space {{ layers: [0, 1], matrices: [{matrices}], reductions: [{rhos}] }}, \
         plan: Plan {{ stages: [Gradient, Race, Greedy] }}, candidates: 24, screen_items: 150, \
         criterion: MarchenkoPastur, error_rate: 0.05, greedy_order: Best, greedy_passes: 2, beam_width: 3, \
         budget: Budget {{ trials: None, items: None }}, \
         objective: Objective {{ measure: Accuracy, over: Mean, guards: [] }}, \
         protocol: Honest {{ fractions: Fractions {{ search: 0.4, validation: 0.2 }} }}, finalists: 16, \
         max_damage: None, \
         split_seed: 0, order_seed: 0, statistics_seed: 0, resamples: 0, permutations: 0, threads: 1, memory: None }} \
         Exact"
    );
    assert_eq!(settings.decisive_text(SvdMethod::Exact), expected);
}

#[test]
fn the_fingerprint_of_other_choices_stays_the_same() {
    let guards = vec![Guard { part: 1, max_drop: 0.01 }];
    let settings = Settings {
        space: Space { layers: vec![1], matrices: Vec::new(), reductions: vec!["r4".parse().expect("a reduction")] },
        plan: "spectral+exhaustive+beam".parse().expect("a plan"),
        criterion: Criterion::SignalToNoise,
        greedy_order: GreedyOrder::Best,
        budget: Budget { trials: Some(10), items: None },
        objective: Objective { measure: Measure::LogLoss, over: Aggregate::Weighted(vec![0.7, 0.3]), guards },
        protocol: Protocol::Paper,
        memory: Some(1024),
        ..Settings::new(&config(), 1)
    };
    let expected = "Settings { space: Space { layers: [1], matrices: [], reductions: [Leading(Absolute(4))] }, \
         plan: Plan { stages: [Spectral, Exhaustive, Beam] }, candidates: 24, screen_items: 150, \
         criterion: SignalToNoise, error_rate: 0.05, greedy_order: Best, greedy_passes: 2, beam_width: 3, \
         budget: Budget { trials: Some(10), items: None }, \
         objective: Objective { measure: LogLoss, over: Weighted([0.7, 0.3]), \
         guards: [Guard { part: 1, max_drop: 0.01 }] }, \
         protocol: Paper, finalists: 16, max_damage: None, split_seed: 0, order_seed: 0, statistics_seed: 0, resamples: 0, \
         permutations: 0, threads: 1, memory: Some(1024) } Randomized { seed: 6 }";
    assert_eq!(settings.decisive_text(SvdMethod::Randomized { seed: 6 }), expected);
}
