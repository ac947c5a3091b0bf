//! Gradients of every parameter of each trained architecture against central differences of the loss.

use laser::kernels::batch_layout::BatchLayout;
use laser::model::ModelConfig;
use laser::model::forward::Trajectory;
use laser::model::parameters::{ParameterId, ParameterOwner, TensorRole};
use laser_lab::training::{Architecture, ModelSizes, ParameterSet, Slice, SliceGradient, Target};
use serde_json::Value;

const SIZES: ModelSizes = ModelSizes { d_model: 8, layers: 2, heads: 2, d_mlp: 12, context: 9 };

/// Sequences of several lengths, with targets of unequal weights on some rows.
fn text() -> Slice {
    let mut layout = BatchLayout::default();
    layout.push(&[3, 1, 4, 1, 5], 0, Vec::new());
    layout.push(&[9, 2], 0, Vec::new());
    layout.push(&[6, 5, 3, 5, 8, 9, 7, 9], 0, Vec::new());
    let target = |row: usize, class, weight| Target { row, class, weight };
    let targets = vec![target(1, 4, 1.0), target(4, 9, 0.5), target(6, 0, 2.0), target(9, 7, 1.0), target(14, 2, 1.0)];
    Slice { layout, trajectory: None, targets }
}

/// Two trajectories of three steps, with an action to predict at each state.
fn trajectories() -> Slice {
    let mut layout = BatchLayout::default();
    (0..2).for_each(|_| layout.push_states(9, 0, Vec::new()));
    let wave = |n: usize, phase: f32| (0..n).map(|i| (i as f32 * 1.3 + phase).sin()).collect::<Vec<f32>>();
    let trajectory = Trajectory {
        returns: wave(6, 0.0),
        states: wave(6 * 5, 1.0),
        actions: wave(6 * 3, 2.0),
        time_steps: vec![0, 1, 2, 4, 5, 6],
    };
    let targets =
        (0..6u32).map(|step| Target { row: 3 * step as usize + 1, class: step % 3, weight: 1.0 + step as f32 });
    Slice { layout, trajectory: Some(trajectory), targets: targets.collect() }
}

/// Large initial weights, so that no gradient vanishes; embeddings larger still, so that norms do not divide by little.
fn parameters(config_json: &Value) -> ParameterSet {
    let config = ModelConfig::from_hf("config.json", &config_json.to_string()).expect("a configuration");
    let mut set = ParameterSet::initial(config, 7).expect("parameters");
    let parameters = set.config().parameters();
    for parameter in parameters {
        let embedding = matches!(parameter.id.owner, ParameterOwner::Role(..)) && parameter.shape.len() > 1;
        let factor = match (embedding, parameter.shape.len()) {
            (true, _) => 40.0,
            (false, 1) => 1.0,
            (false, _) => 8.0,
        };
        let place = set.place(parameter.id).expect("a parameter");
        for (i, value) in set.values[place].iter_mut().enumerate() {
            *value = *value * factor + 0.1 * ((i * 7919) as f32).sin();
        }
    }
    set
}

fn loss(parameters: &ParameterSet, slice: &Slice) -> SliceGradient {
    let (model, leaves) = parameters.model().expect("a model");
    SliceGradient::new(parameters, &model, &leaves, slice).expect("a gradient")
}

fn check(name: &str, mut config_json: Value, changes: &[(&str, Value)], slice: &Slice) {
    changes.iter().for_each(|(key, value)| config_json[*key] = value.clone());
    let mut set = parameters(&config_json);
    let found = loss(&set, slice).gradient;
    let names: Vec<ParameterId> = set.config().parameters().iter().map(|parameter| parameter.id).collect();
    for id in names {
        let place = set.place(id).expect("a parameter");
        let largest = found[place.clone()].iter().fold(0f32, |most, g| most.max(g.abs()));
        // The bias of the keys changes no attention weight.
        let keys = format!("{id:?}").contains("kind: K") && id.bias;
        // Only actions are predicted.
        let unused = matches!(id.owner, ParameterOwner::Role(TensorRole::ReturnOutput | TensorRole::StateOutput, _));
        assert!(keys || unused || largest > 1e-4, "{name}: {id:?} has no gradient");
        // Every third value of the larger ones.
        let stride = if place.len() > 16 { 3 } else { 1 };
        for at in place.step_by(stride) {
            const STEP: f32 = 2e-3;
            let value = set.values[at];
            let mut moved = |by: f32| {
                set.values[at] = value + by;
                let loss = loss(&set, slice).loss;
                set.values[at] = value;
                loss
            };
            let mut difference = |step: f32| (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            // Richardson's extrapolation, which removes the error of the third derivative.
            let slope = (4.0 * difference(STEP) - difference(2.0 * STEP)) / 3.0;
            let gradient = f64::from(found[at]);
            let close = (slope - gradient).abs() < 4e-3 + 4e-3 * slope.abs();
            assert!(close, "{name}: {id:?} at {at}: {gradient}, not {slope}");
        }
    }
}

#[test]
fn gradients_of_llama_equal_central_differences() {
    let json = Architecture::Llama.config_json(SIZES, 11, None, None);
    check("llama", json.clone(), &[], &text());
    let untied = [("tie_word_embeddings", false.into()), ("num_key_value_heads", 1.into())];
    check("llama, untied, with one key/value head", json, &untied, &text());
}

#[test]
fn gradients_of_gpt2_equal_central_differences() {
    let json = Architecture::Gpt2 { relu: false }.config_json(SIZES, 11, None, None);
    check("gpt2", json, &[], &text());
}

#[test]
fn gradients_of_other_forms_of_the_block_equal_central_differences() {
    let json = Architecture::Llama.config_json(SIZES, 11, None, None);
    let qwen3 = [
        ("model_type", "qwen3".into()),
        ("architectures", serde_json::json!(["Qwen3ForCausalLM"])),
        ("head_dim", 4.into()),
    ];
    check("qwen3, with norms of queries and keys", json, &qwen3, &text());
}

#[test]
fn gradients_of_a_decision_transformer_equal_central_differences() {
    let json = Architecture::DecisionTransformer { state: 5, actions: 3 }.config_json(SIZES, 0, None, None);
    check("decision transformer", json, &[("activation_function", "gelu_new".into())], &trajectories());
}
