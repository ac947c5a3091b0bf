//! Seconds of a training step: `--bench WIDTH SEQUENCES TOKENS VOCABULARY THREADS`, for `tools/bench_training.py`.
#![allow(clippy::print_stdout)] // the result

use std::time::Instant;

use laser::model::ModelConfig;
use laser_lab::training::{
    AdamWSettings, Architecture, Decay, ModelSizes, ParameterSet, Schedule, Sequence, TextExamples, Trainer,
    TrainingSettings,
};

/// Steps that are timed, after one that is not.
const STEPS: usize = 5;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc; // that of the binary

fn main() {
    laser::kernels::tensor_library::compute_in_calling_thread();
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let &[d_model, batch, length, vocab, threads] = numbers.as_slice() else {
        println!("expected WIDTH SEQUENCES TOKENS VOCABULARY THREADS; tools/bench_training.py gives them");
        return;
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("no pool yet");
    let sizes = ModelSizes { d_model, layers: 4, heads: 4, d_mlp: 4 * d_model, context: length };
    let json = Architecture::Gpt2 { relu: true }.config_json(sizes, vocab, None, None).to_string();
    let config = ModelConfig::from_hf("config.json", &json).expect("a configuration");
    let token = |i: usize| u32::try_from(i * 7919 % vocab).expect("small");
    let sequence = |i: usize| Sequence { tokens: (0..=length).map(|t| token(i * length + t)).collect(), given: 1 };
    let examples = TextExamples::new((0..batch).map(sequence).collect(), batch, 512, 0).expect("examples");
    let settings = TrainingSettings {
        steps: 1 + STEPS,
        schedule: Schedule { learning_rate: 1e-3, warm_up: 0, decay: Decay::Constant, last_share: 1.0 },
        optimizer: AdamWSettings::default(),
        clip: 1.0,
        save_every: usize::MAX,
    };
    let mut trainer = Trainer::new(ParameterSet::initial(config, 0).expect("parameters"), &examples, settings);
    let mut started = Instant::now();
    let on_step = |line: &laser_lab::training::JournalLine| {
        if line.step == 1 {
            started = Instant::now();
        }
    };
    trainer.run(threads, &laser::Unobserved, on_step).expect("training");
    println!("{{\"seconds\": {}}}", started.elapsed().as_secs_f64() / STEPS as f64);
}
