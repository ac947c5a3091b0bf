//! A training that is stopped goes on to the same bytes, for any number of threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use laser::Observer;
use laser::model::ModelConfig;
use laser_lab::training::{
    AdamWSettings, Architecture, Decay, ModelSizes, ParameterSet, Schedule, Sequence, TextExamples, Trainer,
    TrainingSettings,
};

/// Stops a training when it is asked for the `0`th time, counting down.
struct StopAfter(AtomicUsize);

impl Observer for StopAfter {
    fn stopped(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 0
    }
}

const SETTINGS: TrainingSettings = TrainingSettings {
    steps: 12,
    schedule: Schedule { learning_rate: 3e-3, warm_up: 3, decay: Decay::Cosine, last_share: 0.0 },
    optimizer: AdamWSettings { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1 },
    clip: 1.0,
    save_every: 5,
};

fn examples() -> TextExamples {
    let sequence = |i: u32| Sequence { tokens: (0..5 + i % 4).map(|t| (i * 7 + t * 3) % 20).collect(), given: 1 };
    TextExamples::new((0..30).map(sequence).collect(), 9, 20, 1).expect("examples")
}

fn parameters() -> ParameterSet {
    let sizes = ModelSizes { d_model: 16, layers: 2, heads: 2, d_mlp: 32, context: 16 };
    let json = Architecture::Llama.config_json(sizes, 20, None, None).to_string();
    ParameterSet::initial(ModelConfig::from_hf("config.json", &json).expect("a configuration"), 5).expect("parameters")
}

#[test]
fn a_stopped_training_goes_on_to_the_same_bytes() {
    let (examples, whole) = (examples(), tempfile::tempdir().expect("a folder"));
    let start = |folder: &std::path::Path| {
        Trainer::new(parameters(), &examples, SETTINGS)
            .in_folder(folder, &serde_json::json!("these texts"))
            .expect("a trainer")
    };
    let mut trainer = start(whole.path());
    trainer.run(1, &laser::Unobserved, |_| ()).expect("training");
    let expected = trainer.into_parameters().values;
    assert_ne!(expected, parameters().values);

    for stop in [0, 3, 5, 11] {
        let folder = tempfile::tempdir().expect("a folder");
        let stopped = start(folder.path()).run(2, &StopAfter(AtomicUsize::new(stop)), |_| ());
        assert!(stopped.expect_err("stopped").to_string().contains("interrupted"));
        let mut again = start(folder.path());
        assert_eq!(again.steps_done(), stop);
        again.run(2, &laser::Unobserved, |_| ()).expect("training");
        assert_eq!(again.into_parameters().values, expected, "stopped after {stop}");
        for file in ["train.jsonl", "state.safetensors"] {
            let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(file)).expect("a file");
            assert!(read(&folder) == read(&whole), "{file} differs after a stop at {stop}");
        }
    }
}

#[test]
fn the_state_of_another_training_is_refused() {
    let (examples, folder) = (examples(), tempfile::tempdir().expect("a folder"));
    let trainer =
        |text| Trainer::new(parameters(), &examples, SETTINGS).in_folder(folder.path(), &serde_json::json!(text));
    trainer("these texts").expect("a trainer").run(1, &laser::Unobserved, |_| ()).expect("training");
    let Err(error) = trainer("other texts") else { panic!("another training was continued") };
    assert!(
        error.to_string().ends_with("found one with \"these texts\" instead of \"other texts\" as `of`"),
        "{error}"
    );
}

#[test]
fn a_loss_that_is_not_finite_stops_the_training_and_keeps_the_last_state() {
    let (examples, folder) = (examples(), tempfile::tempdir().expect("a folder"));
    let mut settings = SETTINGS;
    (settings.schedule.learning_rate, settings.schedule.warm_up, settings.save_every) = (1e30, 0, 1);
    let mut trainer = Trainer::new(parameters(), &examples, settings)
        .in_folder(folder.path(), &serde_json::json!(""))
        .expect("a trainer");
    let error = trainer.run(1, &laser::Unobserved, |_| ()).expect_err("diverged").to_string();
    assert!(error.contains("is not finite; the last good state, of step"), "{error}");
    assert!(laser::checkpoint::Checkpoint::open(&folder.path().join("state.safetensors")).is_ok());
}
