//! A model larger than its memory: the weights stay in the files, and the results are the same.
#![cfg(target_os = "linux")] // reads the memory of a process from /proc

use std::time::Duration;

use laser::checkpoint::Dtype;
use serde_json::Value;

use crate::bench::{Bench, Ran};
use crate::checkpoint::{Sizes, write_folder_of};
use crate::items;

/// Runs to the end with `--json`, and returns what was printed and the most memory in MiB that was seen in use, pages of
/// files aside.
fn run(bench: &Bench, arguments: &str) -> (Value, u64) {
    let mut child = bench.command(&format!("{arguments} --json")).spawn().expect("the binary starts");
    let (status, mut peak) = (format!("/proc/{}/status", child.id()), 0);
    while child.try_wait().expect("the process can be waited for").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
        peak = line.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    let ran = Ran::new(arguments, child.wait_with_output().expect("the output is read"));
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    (serde_json::from_str(&ran.stdout).expect("JSON"), peak >> 10)
}

#[test]
fn a_model_of_200_mib_runs_in_96_mib() {
    let bench = Bench::new();
    items::open(&bench, 6);
    let sizes = Sizes { layers: 4, d_model: 1280, d_mlp: 5120, dtype: Dtype::BF16, shard_bytes: 64 << 20 };
    write_folder_of(&bench.path("large"), sizes);
    let eval = "eval large --task open.jsonl --score top1 --threads 2";
    let (whole, in_memory) = run(&bench, &format!("{eval} --memory 2G --out whole"));
    let (streamed, in_files) = run(&bench, &format!("{eval} --memory 48M --out streamed"));
    assert!(in_memory > 200 && in_files < 96, "{in_memory} MiB and {in_files} MiB");
    assert_eq!(streamed["laser"]["tasks"], whole["laser"]["tasks"], "the same results");
    assert_eq!(bench.evaluated("streamed", "open"), bench.evaluated("whole", "open"), "of every item");
}
