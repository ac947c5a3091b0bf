//! Training of an adapter: gradients against central differences, a stopped training that goes on to the same bytes, and
//! an adapter that learns its items.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use laser::edit::parse_selector;
use laser::model::ModelFiles;
use laser::{Observer, Session, SessionOptions};
use laser_lab::lora_training::LoraTraining;
use laser_lab::training::{
    AdamWSettings, Decay, Examples, LowRankParameters, Schedule, Sequence, TextExamples, Trainable, TrainingSettings,
};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens")
}

/// Values without a pattern, within ±0.1.
fn noise(i: usize) -> f32 {
    ((i * 7919 + 13) % 1009) as f32 / 5045.0 - 0.1
}

#[test]
fn gradients_are_those_of_central_differences() {
    // Separate matrices, one module that holds q, k and v stored `[in, out]`, and one that holds them by head.
    for name in ["tiny/llama-gqa-untied", "families/gpt2", "families/falcon"] {
        let files = ModelFiles::open(&goldens().join(name)).expect("a golden");
        let ids = parse_selector("all", files.config()).expect("matrices");
        let mut parameters = LowRankParameters::new(&files, &ids, 2, 3.0, 1).expect("parameters");
        parameters.values.iter_mut().enumerate().for_each(|(i, value)| *value = noise(i));
        let sequence = |i: u32| Sequence { tokens: (0..6).map(|t| (i * 17 + t * 5) % 90).collect(), given: 2 };
        let examples = TextExamples::new((0..3).map(sequence).collect(), 3, 1000, 0).expect("examples");
        let slice = &examples.batch(1).expect("a batch")[0];
        let at = |parameters: &LowRankParameters| {
            parameters.gradient(&parameters.prepare().expect("a model"), slice).expect("a gradient")
        };
        let gradient = at(&parameters).gradient;
        let largest = gradient.iter().fold(0.0, |max: f32, g| max.max(g.abs()));
        let step = 0.01;
        // Two values of A and two of B of every module.
        let modules: Vec<_> = parameters.modules.iter().map(|module| (module.a.clone(), module.b.clone())).collect();
        for (a, b) in modules {
            for i in [a.start + 1, a.end - 2, b.start + 1, b.end - 2] {
                let value = parameters.values[i];
                let losses = [value + step, value - step].map(|moved| {
                    parameters.values[i] = moved;
                    at(&parameters).loss
                });
                parameters.values[i] = value;
                let expected = (losses[0] - losses[1]) / f64::from(2.0 * step);
                let error = (f64::from(gradient[i]) - expected).abs();
                assert!(error < 0.01 * f64::from(largest), "{name}: value {i}: {} not {expected}", gradient[i]);
            }
        }
    }
}

/// Stops a training when it is asked for the `0`th time, counting down.
struct StopAfter(AtomicUsize);

impl Observer for StopAfter {
    fn stopped(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 0
    }
}

fn training() -> LoraTraining {
    LoraTraining {
        rank: 2,
        alpha: 4.0,
        matrices: "all".to_owned(),
        batch: 6,
        settings: TrainingSettings {
            steps: 40,
            schedule: Schedule { learning_rate: 0.02, warm_up: 4, decay: Decay::Linear, last_share: 0.01 },
            optimizer: AdamWSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 },
            clip: 1.0,
            save_every: 10,
        },
        seed: 3,
    }
}

#[test]
fn an_adapter_learns_its_items_and_goes_on_to_the_same_bytes() {
    let place = tempfile::tempdir().expect("a folder");
    let base = goldens().join("tiny/llama-bytes").display().to_string();
    let options =
        |threads| SessionOptions { cache_dir: place.path().join("cache"), threads, ..SessionOptions::default() };
    let items = place.path().join("items.jsonl");
    let line = |i: u8| format!("{{\"question\": \"Q{i}\", \"answer\": \"{}\"}}\n", (b'a' + i) as char);
    std::fs::write(&items, (0..6).map(line).collect::<String>()).expect("writes");
    let open = |name: &str, threads| Session::open_with(name, options(threads)).expect("a session");
    let session = open(&base, 2);
    let tasks = session.task(&items.display().to_string()).expect("a task");
    let out = |name: &str| place.path().join(name);
    let run = |session: &Session, name: &str, resume, observer: &dyn Observer| {
        training().run(session, &tasks, &out(name), resume, observer, |_| ())
    };
    run(&session, "whole", false, &laser::Unobserved).expect("training");
    let stopped = run(&session, "stopped", false, &StopAfter(AtomicUsize::new(17))).expect_err("stopped");
    assert!(stopped.to_string().contains("interrupted"), "{stopped}");
    run(&open(&base, 1), "stopped", true, &laser::Unobserved).expect("training");
    for file in ["adapter_model.safetensors", "adapter_config.json", "train.jsonl", "training.json"] {
        let [a, b] = ["whole", "stopped"].map(|name| std::fs::read(out(name).join(file)).expect(file));
        assert!(a == b, "{file} differs after a stop");
    }
    // The merged model has learned the answers.
    let tuned = open(&format!("{base}+adapter:{}", out("whole").display()), 2);
    let loss = |session: &Session| {
        let evaluated = session.evaluate(&tasks, &laser::EvaluateOptions::default()).expect("evaluates");
        evaluated.outcomes.iter().map(|outcome| -outcome.logprob).sum::<f64>() / 6.0
    };
    let (before, after) = (loss(&session), loss(&tuned));
    assert!(after < 0.5 * before, "{before} before, {after} after");
    let error = run(&session, "whole", false, &laser::Unobserved).expect_err("not free").to_string();
    assert!(error.contains("expected a new or an empty folder"), "{error}");
}
