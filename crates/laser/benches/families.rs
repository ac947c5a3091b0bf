//! Times a forward pass of every family on random checkpoints of equal size, which `tools/make_bench_models.py` writes:
//!
//! ```text
//! LASER_BENCH_MODELS=FOLDER cargo bench -p laser-rank --bench families
//! ```
//!
//! Items are multiplications of the matrices, so that divan's `item/s` compare families of unequal work: a family as fast
//! as Llama has the `item/s` of the line `llama`. Compare medians, and only on a quiet machine, since the families run one
//! after the other. `LASER_BENCH_THREADS` sets the number of threads (1).
#![allow(clippy::print_stdout)] // says why it does nothing

use std::path::PathBuf;
use std::sync::OnceLock;

use candle_core::{DType, Device};
use divan::Bencher;
use divan::counter::ItemsCount;
use laser::model::config::ModelConfig;
use laser::model::load::ModelFiles;
use laser::model::weight_id::MatrixPart;

/// Sequences of a batch.
const SEQUENCES: u32 = 16;
/// Tokens of each sequence.
const TOKENS: u32 = 32;

/// The folder of checkpoints and the number of threads; set before divan starts.
static SETUP: OnceLock<(PathBuf, usize)> = OnceLock::new();

fn main() {
    let Some(folder) = std::env::var_os("LASER_BENCH_MODELS").map(PathBuf::from) else {
        println!("LASER_BENCH_MODELS: expected the folder that tools/make_bench_models.py wrote, found nothing");
        return;
    };
    let threads = std::env::var("LASER_BENCH_THREADS").map_or(1, |n| n.parse().expect("a number of threads"));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("no other pool was made before");
    assert!(SETUP.set((folder, threads)).is_ok(), "only this line sets it");
    divan::main();
}

/// Names of the checkpoints, sorted.
fn families() -> Vec<String> {
    let (folder, _) = SETUP.get().expect("`main` set it");
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[divan::bench(args = families(), sample_count = 16, sample_size = 1)]
fn forward(bencher: Bencher<'_, '_>, family: &String) {
    let (folder, threads) = SETUP.get().expect("`main` set it");
    let files = ModelFiles::open(&folder.join(family)).unwrap_or_else(|e| panic!("{family}: {e}"));
    let model = files.load(&Device::Cpu, DType::F32, *threads).expect("weights");
    // Pseudo-random ids below the vocabulary size of 2048, without the first few, which are special tokens.
    let token = |b: u32, i: u32| (b * 7919 + i * 104_729 + 17) % 2000 + 5;
    let sequences: Vec<Vec<u32>> = (0..SEQUENCES).map(|b| (0..TOKENS).map(|i| token(b, i)).collect()).collect();
    let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
    let run = || drop(model.next_token_logits(&sequences, *threads).expect("logits"));
    run(); // the first pass allocates buffers
    bencher.counter(ItemsCount::new(multiplications(files.config()) as u64)).bench_local(run);
}

/// Multiplications of the matrices of one forward pass; attention scores are left out.
fn multiplications(config: &ModelConfig) -> f64 {
    // A token runs through some of the experts only.
    let fraction = |part: MatrixPart| match (part, config.mlp.experts) {
        (MatrixPart::Expert(_), Some(experts)) => experts.per_token as f64 / experts.count as f64,
        _ => 1.0,
    };
    let ids = (0..config.n_layers).flat_map(|layer| config.stored(layer));
    let blocks: f64 = ids.map(|id| fraction(id.part) * config.shape(id).iter().product::<usize>() as f64).sum();
    let head = (config.vocab_size * config.d_model) as f64;
    // The output head runs on the last row of each sequence, the blocks on every row.
    f64::from(SEQUENCES) * (f64::from(TOKENS) * blocks + head)
}
