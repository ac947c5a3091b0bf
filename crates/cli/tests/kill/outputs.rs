//! Edited models and evaluations: an output that a kill leaves is whole, or it is not there.

use std::collections::BTreeMap;

use crate::bench::Bench;
use crate::items;
use crate::moments::{dice, kill, kills, timed};
use crate::snapshot::{differences, snapshot};

#[test]
fn an_edited_model_is_whole_or_absent() {
    let bench = Bench::with_gguf();
    let mut dice = dice(2);
    let mut survived = 0;
    let works = [
        ("model --edit L*.gate_proj@0.1,L1.down_proj@r3", "", ""),
        ("model.gguf --edit L*.gate_proj@0.1,L1.down_proj@r3", "", ".gguf"),
        ("model --edit L*.gate_proj@0.1,L1.down_proj@r3", "delta", ".safetensors"),
        ("model --edit L*.gate_proj@0.9", "lora", ""),
        ("model.gguf --edit L*.gate_proj@0.9", "lora", ".gguf"),
        ("model --edit L*.gate_proj@0.1,L1.down_proj@r3", "factored", ""),
    ];
    for (work, form, ending) in works {
        let whole = format!("whole-{form}{ending}");
        let format = if form.is_empty() { String::new() } else { format!(" --format {form}") };
        let apply = format!("apply {work}{format}");
        let time = timed(|| drop(bench.done(&format!("{apply} --out {whole}"))));
        let expected = snapshot(&bench.path(&whole)).expect("written");
        for i in 0..kills().div_ceil(works.len()) {
            let out = format!("killed-{form}-{i}{ending}");
            let command = format!("{apply} --out {out}");
            survived += usize::from(kill(bench.command(&command), &bench.path(&out), time, &mut dice));
            if snapshot(&bench.path(&out)).is_none() {
                bench.done(&command);
            }
            let found = snapshot(&bench.path(&out)).expect("written");
            assert!(found == expected, "{out}: {:?} differ", differences(&found, &expected));
        }
    }
    assert!(survived * 2 > kills(), "only {survived} kills came before the end");
}

#[test]
fn an_evaluation_is_whole_or_has_no_results() {
    let bench = Bench::new();
    items::open(&bench, 60);
    let mut dice = dice(3);
    let mut survived = 0;
    // What the folder holds before must not be mistaken for what is written, either.
    let first = "eval model --task open.jsonl --score top1 --limit 30";
    let second = "eval model --task open.jsonl --score top1 --edit L1.gate_proj@0.1 --force";
    bench.done(&format!("{first} --out first"));
    let time = timed(|| drop(bench.done(&format!("{second} --out second"))));
    let named = |name: &str| snapshot(&bench.path(name)).expect("a folder");
    let (old, new) = (named("first"), named("second"));
    for i in 0..kills() {
        let out = format!("killed-{i}");
        if i % 2 == 1 {
            bench.done(&format!("{first} --out {out}"));
        }
        let command = format!("{second} --out {out}");
        survived += usize::from(kill(bench.command(&command), &bench.path(&out).join("x"), time, &mut dice));
        let found = visible(snapshot(&bench.path(&out)).unwrap_or_default());
        let whole = found == old || found == new || !found.contains_key("/results.json");
        assert!(whole, "{out}: {:?} differ", differences(&found, &new));
        bench.done(&command);
        assert!(visible(named(&out)) == new, "{out} differs");
    }
    assert!(survived * 2 > kills(), "only {survived} kills came before the end");
}

/// Without the temporary files that a killed process could not remove.
fn visible(mut files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files.retain(|name, _| !name.starts_with("/."));
    files
}
