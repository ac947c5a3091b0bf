//! Forward throughput on SmolLM2, the shapes of `tools/bench_forward.py`: `cargo bench --bench forward -- GGUF [THREADS]`.
#![allow(clippy::print_stdout)] // a benchmark prints

use std::path::Path;
use std::time::Instant;

use candle_core::{DType, Device};
use laser::model::load::ModelFiles;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(path) = arguments.first() else {
        println!("usage: cargo bench -p laser-rank --bench forward -- MODEL.gguf [THREADS]");
        return;
    };
    let threads = arguments.get(1).map_or(2, |t| t.parse().expect("a number of threads"));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the first pool");
    let files = ModelFiles::open(Path::new(path)).expect("a model");
    let model = files.load(&Device::Cpu, DType::F32, threads).expect("weights");
    let vocab = files.config().vocab_size as u32;
    for (batch, length, all) in
        [(32, 32, false), (32, 32, true), (8, 256, false), (8, 256, true), (1, 512, false), (1, 16, false)]
    {
        let sequences: Vec<Vec<u32>> = (0..batch)
            .map(|b| (0..length).map(|i| (b * 7919 + i * 104_729 + 17) % (vocab - 1000) + 500).collect())
            .collect();
        let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let run = || {
            if all {
                model.all_logits(&sequences, threads).expect("logits");
            } else {
                model.next_token_logits(&sequences, threads).expect("logits");
            }
        };
        run();
        let mut seconds: Vec<f64> = (0..5)
            .map(|_| {
                let begun = Instant::now();
                run();
                begun.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        let tokens = f64::from(batch) * f64::from(length);
        let logits = if all { "all" } else { "last" };
        println!("{batch}x{length} logits {logits}: {:.0} tokens/s (median of 5)", tokens / seconds[2]);
    }
}
