//! Twenty AdamW steps from the same weights on the same batches as PyTorch (`tools/make_training_goldens.py`).

use std::path::{Path, PathBuf};

use laser::kernels::batch_layout::BatchLayout;
use laser::model::ModelFiles;
use laser::model::forward::Trajectory;
use laser_lab::Result;
use laser_lab::training::{
    AdamWSettings, Decay, Examples, ParameterSet, Schedule, Slice, Target, Trainer, TrainingSettings,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    settings: Settings,
    batches: Vec<Batch>,
    losses: Vec<f64>,
    norms: Vec<f64>,
}

#[derive(Deserialize)]
struct Settings {
    rate: f64,
    decay: f64,
    betas: [f64; 2],
    eps: f64,
    clip: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Batch {
    Text { tokens: Vec<Vec<u32>> },
    Steps { returns: Vec<Vec<f32>>, states: Vec<Vec<Vec<f32>>>, actions: Vec<Vec<Vec<f32>>>, time_steps: Vec<Vec<u32>> },
}

impl Batch {
    /// The examples `range` of the batch as one slice.
    fn slice(&self, range: std::ops::Range<usize>) -> Slice {
        let mut layout = BatchLayout::default();
        let mut targets = Vec::new();
        match self {
            Self::Text { tokens } => {
                for tokens in &tokens[range] {
                    let start = layout.len();
                    layout.push(&tokens[..tokens.len() - 1], 0, Vec::new());
                    let next = tokens[1..].iter().enumerate();
                    targets.extend(next.map(|(at, token)| Target { row: start + at, class: *token, weight: 1.0 }));
                }
                Slice { layout, trajectory: None, targets }
            }
            Self::Steps { returns, states, actions, time_steps } => {
                let mut trajectory = Trajectory::default();
                for i in range {
                    let start = layout.len();
                    layout.push_states(3 * returns[i].len(), 0, Vec::new());
                    trajectory.returns.extend(&returns[i]);
                    trajectory.states.extend(states[i].iter().flatten());
                    trajectory.actions.extend(actions[i].iter().flatten());
                    trajectory.time_steps.extend(&time_steps[i]);
                    for (at, action) in actions[i].iter().enumerate() {
                        let class = action.iter().position(|a| *a == 1.0).expect("one action") as u32;
                        targets.push(Target { row: start + 3 * at + 1, class, weight: 1.0 });
                    }
                }
                Slice { layout, trajectory: Some(trajectory), targets }
            }
        }
    }
}

impl Examples for Golden {
    fn batch(&self, step: usize) -> Result<Vec<Slice>> {
        Ok([0..2, 2..6].map(|range| self.batches[step - 1].slice(range)).to_vec())
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/training").join(name)
}

/// The parameters in a folder's files.
fn parameters(folder: &Path) -> ParameterSet {
    ParameterSet::of_files(&ModelFiles::open(folder).expect("files")).expect("parameters")
}

#[test]
fn twenty_steps_follow_pytorch() {
    for name in ["llama", "gpt2", "decision-transformer"] {
        let golden = std::fs::read_to_string(folder(name).join("steps.json")).expect("a golden");
        let golden: Golden = serde_json::from_str(&golden).expect("steps");
        let Settings { rate, decay, betas: [beta1, beta2], eps, clip } = golden.settings;
        let settings = TrainingSettings {
            steps: golden.batches.len(),
            schedule: Schedule { learning_rate: rate, warm_up: 0, decay: Decay::Constant, last_share: 1.0 },
            optimizer: AdamWSettings { beta1, beta2, epsilon: eps, weight_decay: decay },
            clip,
            save_every: 100,
        };
        let mut lines = Vec::new();
        let mut trainer = Trainer::new(parameters(&folder(name)), &golden, settings);
        trainer.run(2, &laser::Unobserved, |line| lines.push(*line)).expect("training");
        for (step, line) in lines.iter().enumerate() {
            let (loss, norm) = (golden.losses[step], golden.norms[step]);
            assert!((line.loss - loss).abs() < 1e-4, "{name}: step {step}: loss {}, not {loss}", line.loss);
            assert!(
                (line.gradient_norm - norm).abs() < 1e-3 * norm,
                "{name}: step {step}: {}, not {norm}",
                line.gradient_norm
            );
        }
        assert!(lines.len() == 20 && lines[19].loss < lines[0].loss, "{name}: nothing learned");
    }
}
