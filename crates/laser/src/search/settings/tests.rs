//! Fingerprint text of settings, pinned: if it changes, stores of earlier versions cannot be resumed.

use super::*;
use crate::search::objective::{Aggregate, Guard, Measure};

fn config() -> ModelConfig {
    let text = r#"{"model_type":"llama","vocab_size":96,"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,
        "num_attention_heads":4,"num_key_value_heads":2}"#;
    ModelConfig::from_hf("config.json", text).expect("config")
}

#[test]
fn the_fingerprint_of_default_settings_stays_the_same() {
    let settings = Settings { resamples: 5, permutations: 6, statistics_seed: 7, ..Settings::new(&config(), 4) };
    let expected = "Settings { space: Space { layers: [0, 1], matrices: [MatrixSet { text: \"fc_in\", parts: [Whole], \
         kinds: [Gate] }, MatrixSet { text: \"fc_out\", parts: [Whole], kinds: [Down] }], reductions: [] }, \
         plan: Plan { stages: [Gradient, Race, Greedy] }, candidates: 32, screen_items: 100, \
         criterion: MarchenkoPastur, error_rate: 0.2, greedy_order: Deep, greedy_passes: 2, beam_width: 3, \
         budget: Budget { trials: None, items: None }, \
         objective: Objective { measure: Accuracy, over: Mean, guards: [] }, \
         protocol: Honest { fractions: Fractions { search: 0.4, validation: 0.2 } }, finalists: 10, split_seed: 0, \
         order_seed: 0, statistics_seed: 0, resamples: 0, permutations: 0, threads: 1, memory: None } Exact";
    assert_eq!(settings.decisive_text(SvdMethod::Exact), expected);
}
