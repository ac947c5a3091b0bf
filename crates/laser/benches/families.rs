//! Forward throughput of every family at equal work: `cargo bench --bench families -- FOLDER [THREADS]`, FOLDER from
//! `tools/make_bench_models.py`. Families take turns with Llama, and the median of the ratios counts.
#![allow(clippy::print_stdout)] // a benchmark prints

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::{DType, Device};
use laser::model::Model;
use laser::model::load::ModelFiles;
use laser::model::weight_id::MatrixPart;

/// Sequences, and tokens of each.
const SHAPE: (u32, u32) = (16, 32);
const ROUNDS: usize = 16;

struct Family {
    name: String,
    model: Model,
    /// Multiplications a token in the blocks' matrices and the head.
    work: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(folder) = arguments.first() else {
        println!("usage: cargo bench -p laser-rank --bench families -- FOLDER [THREADS]");
        return;
    };
    let threads = arguments.get(1).map_or(1, |t| t.parse().expect("a number of threads"));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the first pool");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    let llama = open(&Path::new(folder).join("llama"), threads);
    println!("family            tokens/s   Gflop/s   against Llama at equal work");
    for folder in folders {
        let family = open(&folder, threads);
        let (mut ratios, mut speeds) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            // Who comes first changes, since it is not the same to a machine that warms up or slows down.
            let (ours, llamas) = if round % 2 == 0 {
                let ours = speed(&family, threads);
                (ours, speed(&llama, threads))
            } else {
                let llamas = speed(&llama, threads);
                (speed(&family, threads), llamas)
            };
            // The first warms up.
            if round > 0 {
                speeds.push(ours);
                ratios.push(ours * family.work / (llamas * llama.work));
            }
        }
        let (speed, ratio) = (median(speeds), median(ratios));
        println!("{:<17} {speed:>8.0}  {:>8.1}   {ratio:.2}", family.name, 2.0 * speed * family.work / 1e9);
    }
}

fn open(folder: &Path, threads: usize) -> Family {
    let files = ModelFiles::open(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let c = files.config();
    let share = |part: MatrixPart| match (part, c.mlp.experts) {
        (MatrixPart::Expert(_), Some(experts)) => experts.per_token as f64 / experts.count as f64,
        _ => 1.0,
    };
    let ids = (0..c.n_layers).flat_map(|layer| c.stored(layer));
    let blocks: f64 = ids.map(|id| share(id.part) * c.shape(id).iter().product::<usize>() as f64).sum();
    // The head runs on one row of a sequence.
    let work = blocks + (c.vocab_size * c.d_model) as f64 / f64::from(SHAPE.1);
    let model = files.load(&Device::Cpu, DType::F32, threads).expect("weights");
    let name = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Family { name, model, work }
}

/// Tokens a second.
fn speed(family: &Family, threads: usize) -> f64 {
    let (batch, length) = SHAPE;
    let token = |b: u32, i: u32| (b * 7919 + i * 104_729 + 17) % 2000 + 5;
    let sequences: Vec<Vec<u32>> = (0..batch).map(|b| (0..length).map(|i| token(b, i)).collect()).collect();
    let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
    let begun = Instant::now();
    family.model.next_token_logits(&sequences, threads).expect("logits");
    f64::from(batch * length) / begun.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
