//! A small Decision Transformer with seeded random weights, and a few easy levels for it.

use std::collections::BTreeMap;
use std::path::Path;

use laser::checkpoint::{Dtype, NewTensor, safetensors};
use laser::sokoban::PlayerSettings;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

const LAYERS: usize = 2;
const D_MODEL: usize = 24;

/// Writes a model that plays as `settings` say: a Hugging Face folder with `sokoban.json`.
pub(crate) fn write_player(folder: &Path, settings: &PlayerSettings, seed: u64) {
    let state = settings.observation().expect("a board").width();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut tensors = Vec::new();
    let mut add = |name: &str, shape: &[usize], middle: f32, spread: f32| {
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|_| middle + spread * rng.random_range(-1.0..1.0_f32)).collect();
        tensors.push(NewTensor::new(name, Dtype::F32, shape, move || Ok(values)));
    };
    let d = D_MODEL;
    for (name, width) in [("return", 1), ("state", state), ("action", 4)] {
        add(&format!("embed_{name}.weight"), &[d, width], 0.0, 0.4);
        add(&format!("embed_{name}.bias"), &[d], 0.0, 0.1);
        let output = if name == "action" { "predict_action.0".to_owned() } else { format!("predict_{name}") };
        add(&format!("{output}.weight"), &[width, d], 0.0, 0.8);
        add(&format!("{output}.bias"), &[width], 0.0, 0.1);
    }
    add("embed_timestep.weight", &[settings.max_moves + 4, d], 0.0, 6.0);
    add("encoder.wpe.weight", &[8, d], 0.0, 0.1);
    let norms = ["embed_ln".to_owned(), "encoder.ln_f".to_owned()];
    let of_layer = |layer: usize| ["ln_1", "ln_2"].map(|norm| format!("encoder.h.{layer}.{norm}"));
    for norm in norms.into_iter().chain((0..LAYERS).flat_map(of_layer)) {
        add(&format!("{norm}.weight"), &[d], 1.0, 0.2);
        add(&format!("{norm}.bias"), &[d], 0.0, 0.1);
    }
    for layer in 0..LAYERS {
        for (name, [rows, columns]) in
            [("attn.c_attn", [d, 3 * d]), ("attn.c_proj", [d, d]), ("mlp.c_fc", [d, 4 * d]), ("mlp.c_proj", [4 * d, d])]
        {
            add(&format!("encoder.h.{layer}.{name}.weight"), &[rows, columns], 0.0, 0.4);
            add(&format!("encoder.h.{layer}.{name}.bias"), &[columns], 0.0, 0.1);
        }
    }
    std::fs::create_dir_all(folder).expect("a folder");
    safetensors::write_folder(folder, tensors, &BTreeMap::new(), 1 << 30).expect("writes");
    let config = json!({
        "model_type": "decision_transformer", "architectures": ["DecisionTransformerModel"],
        "state_dim": state, "act_dim": 4, "hidden_size": d, "n_layer": LAYERS, "n_head": 3, "n_inner": null,
        "activation_function": "relu", "max_ep_len": settings.max_moves + 4, "n_positions": 8, "action_tanh": false,
        "vocab_size": 1, "layer_norm_epsilon": 1e-5,
    });
    std::fs::write(folder.join("config.json"), config.to_string()).expect("writes");
    settings.write(folder).expect("writes");
}

/// Settings for rooms of 6 × 6.
pub(crate) fn small_board() -> PlayerSettings {
    PlayerSettings { board: 6, context: 3, max_moves: 6, ..PlayerSettings::default() }
}
