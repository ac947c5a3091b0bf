//! A model larger than its memory: the weights stay in the files, and the results are the same.

use laser::checkpoint::Dtype;

use crate::bench::Bench;
use crate::checkpoint::{Sizes, write_folder_of};
use crate::items;

/// Commands of a shell that bound the memory of what they start to 96 MiB. Files that are mapped do not count.
const BOUND: &str = "ulimit -d 98304";

#[test]
fn a_model_of_200_mib_runs_in_96_mib() {
    let bench = Bench::new();
    items::open(&bench, 16);
    let sizes = Sizes { layers: 4, d_model: 1280, d_mlp: 5120, dtype: Dtype::BF16, shard_bytes: 64 << 20 };
    write_folder_of(&bench.path("large"), sizes);
    let eval = "eval large --task open.jsonl --score top1 --edit L2.k_proj@0.5 --threads 2";
    let whole = bench.laser(&format!("{eval} --memory 2G --out whole"));
    let refused = bench.run_after(BOUND, &format!("{eval} --memory 2G --out none"));
    assert!(!refused.status.success(), "the weights do not fit: {refused:?}");
    let streamed = bench.run_after(BOUND, &format!("{eval} --memory 48M --out streamed --json"));
    assert_eq!(streamed.status.code(), Some(0), "{streamed:?}");
    let value: serde_json::Value = serde_json::from_str(&streamed.stdout).expect("JSON");
    assert_eq!(value["laser"]["tasks"], whole["tasks"], "the same results");
    assert_eq!(bench.evaluated("streamed", "open"), bench.evaluated("whole", "open"), "of every item");
}
