//! A Decision Transformer, compared with the Python library transformers: hidden states, predictions, edits, exports
//! and errors.

use std::path::PathBuf;

use crate::support::{goldens, ids, json};
use candle_core::{DType, Device, Tensor};
use laser::edit::recipe::{BaseModel, Recipe};
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::edit::{Edit, parse_selector};
use laser::evaluate::Evaluator;
use laser::export::{Export, ModelCard};
use laser::model::Model;
use laser::model::forward::{Trajectory, TrajectoryTrace};
use laser::model::load::ModelFiles;
use laser::model::tokenizer::Tokenizer;
use laser::task::Task;
use laser::task::options::TaskOptions;
use laser::task::score::Score;
use laser_checkpoint::Checkpoint;
use laser_linalg::Tolerance;

/// Tolerance for f32 against f32, as in the parity tests of the other families.
const TOLERANCE: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };

fn folder() -> PathBuf {
    goldens().join("families/decision_transformer")
}

fn open() -> (ModelFiles, Model) {
    let files = ModelFiles::open(&folder()).expect("opens");
    let model = files.load(&Device::Cpu, DType::F32, 2).expect("loads");
    (files, model)
}

/// An array of the golden file.
fn array(name: &str) -> Vec<f32> {
    let bytes = std::fs::read(folder().with_extension("golden.safetensors")).expect("arrays");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("golden arrays");
    let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn golden() -> serde_json::Value {
    json(&folder().with_extension("golden.json"))
}

/// Input `s` of the golden file: five time steps from 4 on (0), or three from 1 on (1). A state has 5 numbers, an
/// action 3.
fn input(s: usize) -> Trajectory {
    Trajectory {
        returns: array(&format!("s{s}.returns_to_go")),
        states: array(&format!("s{s}.states")),
        actions: array(&format!("s{s}.actions")),
        time_steps: ids(&golden()["timesteps"][s]),
    }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().expect("flat").to_vec1().expect("values")
}

fn check(what: &str, actual: &Tensor, expected: &[f32]) {
    TOLERANCE.check(&values(actual), expected).unwrap_or_else(|difference| panic!("{what}: {difference}"));
}

fn predictions(trace: &TrajectoryTrace) -> Vec<Vec<f32>> {
    [&trace.returns, &trace.states, &trace.actions].map(values).to_vec()
}

#[test]
fn states_and_predictions_equal_the_reference() {
    let (files, model) = open();
    for s in 0..2 {
        let trace = model.trajectory(&input(s)).expect("runs");
        assert_eq!(trace.hidden.len(), files.config().n_layers + 1);
        for (layer, hidden) in trace.hidden.iter().enumerate() {
            check(&format!("sequence {s}, hidden {layer}"), hidden, &array(&format!("s{s}.hidden.{layer}")));
        }
        let steps = input(s).time_steps.len();
        for (what, tensor, width) in
            [("return", &trace.returns, 1), ("state", &trace.states, 5), ("action", &trace.actions, 3)]
        {
            assert_eq!(tensor.dims(), [steps, width]);
            check(&format!("sequence {s}, {what}"), tensor, &array(&format!("s{s}.{what}_preds")));
        }
    }
}

#[test]
fn many_trajectories_side_by_side_equal_each_alone() {
    let (_, model) = open();
    // 50 windows of one to five steps, so that there are several batches.
    let window = |i: usize| {
        let (whole, steps) = (input(0), 1 + i % 5);
        let first = (i / 5) % (6 - steps);
        Trajectory {
            returns: whole.returns[first..first + steps].iter().map(|v| v + i as f32 * 0.1).collect(),
            states: whole.states[5 * first..5 * (first + steps)].to_vec(),
            actions: whole.actions[3 * first..3 * (first + steps)].to_vec(),
            time_steps: whole.time_steps[first..first + steps].to_vec(),
        }
    };
    let windows: Vec<Trajectory> = (0..200).map(window).collect();
    let all: Vec<&Trajectory> = windows.iter().collect();
    let alone: Vec<Vec<f32>> = windows.iter().map(|w| values(&model.trajectory(w).expect("runs").actions)).collect();
    for threads in [1, 3] {
        let last = model.next_actions(&all, threads).expect("runs");
        assert_eq!(last.dims(), [200, 3]);
        let expected: Vec<f32> = alone.iter().flat_map(|actions| actions[actions.len() - 3..].to_vec()).collect();
        assert_eq!(values(&last), expected, "{threads} threads");
        assert_eq!(values(&model.all_actions(&all, threads).expect("runs")), alone.concat(), "{threads} threads");
    }
    assert_eq!(
        model.next_actions(&[], 1).expect_err("nothing to do").to_string(),
        "time_steps: expected at least one, found none"
    );
    let short = Trajectory { returns: vec![0.0], ..Trajectory::default() };
    let error = model.next_actions(&[all[0], &short], 1).expect_err("an empty one").to_string();
    assert_eq!(error, "time_steps: expected at least one, found none");
    let bounded =
        model.action_logits(&model.trajectory(all[0]).expect("runs").hidden[2], None).expect_err("tanh").to_string();
    assert_eq!(bounded, "action_tanh: expected false, found true: bounded actions are no logits");
}

#[test]
fn edits_of_every_matrix_equal_the_reference() {
    let (files, model) = open();
    let (golden, steps) = (golden(), input(0).time_steps.len());
    let edits = golden["edits"].as_array().expect("edits");
    assert_eq!(edits.len(), 12);
    for golden in edits {
        let text = golden["edit"].as_str().expect("edit");
        let edit = Edit::parse(text, files.config()).expect(text);
        let (edited, records) = Truncation::new(SvdMethod::Exact, None, 1).apply(&model, &edit).expect(text);
        assert_eq!(records[0].max_rank as u64, golden["max_rank"].as_u64().expect("max_rank"));
        let last = edited.trajectory(&input(0)).expect(text).actions.narrow(0, steps - 4, 4).expect("last rows");
        check(text, &last, &array(golden["array"].as_str().expect("array")));
    }
}

#[test]
fn a_step_does_not_attend_to_later_rows() {
    let (_, model) = open();
    let mut input = input(0);
    let before = model.trajectory(&input).expect("runs");
    *input.actions.last_mut().expect("an action") += 1.0;
    let after = model.trajectory(&input).expect("runs");
    assert_eq!(values(&after.actions), values(&before.actions));
    let last = |trace: &TrajectoryTrace| values(&trace.states.get(4).expect("the last step"));
    assert_ne!(last(&after), last(&before), "the next state is predicted from the row of the action");
    let first = |trace: &TrajectoryTrace| values(&trace.states.narrow(0, 0, 4).expect("the steps before"));
    assert_eq!(first(&after), first(&before));
}

#[test]
fn an_export_changes_only_its_columns_of_a_fused_tensor() {
    let (files, model) = open();
    let c_attn = "encoder.h.1.attn.c_attn.weight";
    // Columns of `c_attn [24, 72]`: q, k and v side by side, eight columns for each head.
    for (text, tensor, columns) in [
        ("L1.q_proj@r3", c_attn, 0..24),
        ("L1.h1.v_proj@r2", c_attn, 56..64),
        ("L1.qkv@r3", c_attn, 0..72),
        ("L1.c_attn@r3", c_attn, 0..72),
        ("L0.fc_in@r3", "encoder.h.0.mlp.c_fc.weight", 0..96),
    ] {
        let edit = Edit::parse(text, files.config()).expect(text);
        let truncation = Truncation::new(SvdMethod::Exact, None, 1);
        let (edited, records) = truncation.apply(&model, &edit).expect(text);
        let base =
            BaseModel { source: "somewhere".into(), sha256: "0".into(), architecture: "".into(), adapters: Vec::new() };
        let recipe = Recipe::new(&edit, base, SvdMethod::Exact, files.config(), |_| records[0].rank);
        let (matrices, _) = truncation.matrices(&model, &edit).expect(text);
        let place = tempfile::tempdir().expect("a temporary folder");
        let out = place.path().join("out");
        let export = Export::new(&files, matrices, &recipe, ModelCard::default()).expect(text);
        let written = export.to_folder(&out, None).expect(text);
        assert_eq!(written.matrices.iter().map(|m| m.tensor.as_str()).collect::<Vec<_>>(), [tensor], "{text}");

        let card = std::fs::read_to_string(out.join("README.md")).expect("a card");
        assert!(card.contains("DecisionTransformerModel.from_pretrained(folder)") && !card.contains("tokenizer"));

        let (before, after) = (files.checkpoint(), Checkpoint::open(&out).expect("opens"));
        assert_eq!(after.tensors().len(), before.tensors().len());
        for info in before.tensors() {
            let (old, new) = (before.tensor(&info.name).expect("old"), after.tensor(&info.name).expect("new"));
            assert_eq!((info.dtype, &info.shape), (new.info().dtype, &new.info().shape), "{text}: {}", info.name);
            let width = *info.shape.last().unwrap_or(&1);
            let changed = |of: usize| info.name == tensor && columns.contains(&(of % width));
            let cells = old.bytes().chunks_exact(4).zip(new.bytes().chunks_exact(4)).enumerate();
            for (i, (old, new)) in cells.filter(|(i, _)| !changed(*i)) {
                assert_eq!(old, new, "{text}: {} at {i}", info.name);
            }
            assert_eq!(old.bytes() != new.bytes(), info.name == tensor, "{text}: {}", info.name);
        }
        let reopened = ModelFiles::open(&out).and_then(|files| files.load(&Device::Cpu, DType::F32, 1)).expect("loads");
        let run = |model: &Model| predictions(&model.trajectory(&input(0)).expect("runs"));
        assert_eq!(run(&reopened), run(&edited), "{text}");
    }
}

#[test]
fn aliases_of_the_family_are_accepted() {
    let (files, _) = open();
    let names = |text: &str| -> Vec<String> {
        parse_selector(text, files.config()).expect(text).iter().map(ToString::to_string).collect()
    };
    assert_eq!(names("L1.fc_in,L1.fc_out,L1.out_proj"), ["L1.o_proj", "L1.up_proj", "L1.down_proj"]);
    assert_eq!(names("L0.c_attn"), ["L0.qkv"]);
    assert_eq!(names("L0.mlp"), ["L0.up_proj", "L0.down_proj"]);
    assert_eq!(names("all").len(), 12);
    assert_eq!(files.tensor_names(parse_selector("L0.c_attn", files.config()).expect("c_attn")[0]).len(), 1);
}

/// The model with another value for one key of `config.json`.
fn with_key(key: &str, value: serde_json::Value) -> laser::Result<Model> {
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut config = json(&folder().join("config.json"));
    config[key] = value;
    std::fs::write(place.path().join("config.json"), config.to_string()).expect("writes");
    std::fs::copy(folder().join("model.safetensors"), place.path().join("model.safetensors")).expect("copies");
    Ok(ModelFiles::open(place.path())?.load(&Device::Cpu, DType::F32, 1)?)
}

#[test]
fn configuration_keys_change_the_model_or_are_refused() {
    let plain = open().1.trajectory(&input(0)).expect("runs");
    let with = |key: &str, value| {
        let model = with_key(key, value).unwrap_or_else(|e| panic!("{key}: {e}"));
        model.trajectory(&input(0)).expect("runs")
    };
    let unbounded = with("action_tanh", false.into());
    check("action_tanh", &unbounded.actions.tanh().expect("tanh"), &values(&plain.actions));
    assert_ne!(values(&unbounded.actions), values(&plain.actions));
    // The key does not apply to the norm of the inputs, so the input of the first block stays the same.
    let other = with("layer_norm_epsilon", 0.1.into());
    assert_eq!(values(&other.hidden[0]), values(&plain.hidden[0]));
    assert_ne!(values(&other.hidden[1]), values(&plain.hidden[1]));
    let unscaled = with("scale_attn_weights", false.into());
    assert_ne!(values(&unscaled.hidden[1]), values(&plain.hidden[1]));
    for (key, value, expected) in [
        ("scale_attn_by_inverse_layer_idx", true.into(), "expected false, found true"),
        ("add_cross_attention", true.into(), "expected false, found true"),
        ("activation_function", "gelu_13".into(), "found gelu_13"),
        ("state_dim", 6.into(), "expected shape [24, 6], found [24, 5]"),
        ("max_ep_len", 21.into(), "expected shape [21, 24], found [20, 24]"),
    ] {
        let error = with_key(key, value).expect_err(key).to_string();
        assert!(error.contains(expected), "{key}: {error}");
    }
}

#[test]
fn inputs_of_other_sizes_are_refused_by_name() {
    let (_, model) = open();
    type Change = fn(&mut Trajectory);
    let cases: [(Change, &str); 8] = [
        (|t| t.time_steps.clear(), "time_steps: expected at least one, found none"),
        (|t| t.returns.push(0.0), "returns: expected 5 numbers, 1 for each of 5 time steps, found 6"),
        (|t| t.states.truncate(24), "states: expected 25 numbers, 5 for each of 5 time steps, found 24"),
        (|t| t.actions.push(0.0), "actions: expected 15 numbers, 3 for each of 5 time steps, found 16"),
        (|t| t.time_steps.truncate(4), "returns: expected 4 numbers, 1 for each of 4 time steps, found 5"),
        (|t| t.time_steps[2] = 20, "time_steps: expected less than 20, found 20 at step 2"),
        (|t| t.states[7] = f32::NAN, "states: expected finite numbers, found NaN at step 1"),
        (|t| t.returns[0] = f32::MAX, "predicted returns: not finite at step 0"),
    ];
    for (change, expected) in cases {
        let mut input = input(0);
        change(&mut input);
        assert_eq!(model.trajectory(&input).expect_err(expected).to_string(), expected);
    }
    let mut last = input(0);
    last.time_steps[2] = 19;
    model.trajectory(&last).expect("the last row of the table");
}

#[test]
fn a_model_without_tokens_refuses_every_operation_on_tokens() {
    let (files, model) = open();
    let expected = "model: expected one that reads tokens, found a Decision Transformer, which reads trajectories";
    assert_eq!(model.trace(&[0]).expect_err("trace").to_string(), expected);
    assert_eq!(model.greedy(&[0], 2).expect_err("greedy").to_string(), expected);
    assert_eq!(model.all_logits(&[&[0]], 1).expect_err("logits").to_string(), expected);
    assert_eq!(files.tokenizer().expect_err("tokenizer").to_string(), expected);
    let task = Task::open("world-facts", None, &TaskOptions::default())
        .and_then(|task| task.limited(Some(1)))
        .expect("a task");
    let tokenizer = Tokenizer::from_folder(&goldens().join("tiny/llama-bytes")).expect("another model's tokenizer");
    let exam = Evaluator::new(&[(&task, Score::Top1)], &tokenizer, files.config());
    assert_eq!(exam.expect_err("exam").to_string(), expected);
}

#[test]
fn a_model_of_tokens_refuses_a_trajectory() {
    let files = ModelFiles::open(&goldens().join("tiny/llama-tied")).expect("opens");
    let model = files.load(&Device::Cpu, DType::F32, 1).expect("loads");
    let expected = "model: expected one that reads trajectories, found a Llama, which reads tokens";
    assert_eq!(model.trajectory(&input(0)).expect_err("is refused").to_string(), expected);
}
