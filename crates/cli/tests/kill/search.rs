//! A search that is killed once or several times, and resumed, ends with the same bytes.

use rand::Rng;

use crate::bench::Bench;
use crate::items;
use crate::moments::{dice, kill, kills, timed};

pub(crate) const SEARCH: &str =
    "search model --task open.jsonl --score top1 --matrices fc_in,fc_out --rho 0.5,0.1,0.05 --threads 1";
pub(crate) const FILES: [&str; 6] =
    ["results.json", "samples.jsonl", "samples.base.jsonl", "trials.csv", "recipe.yaml", "report.html"];

#[test]
fn a_search_killed_at_any_moment_resumes_to_the_same_bytes() {
    let bench = Bench::new();
    items::open(&bench, 120);
    let mut dice = dice(1);
    let mut survived = 0;
    for strategy in ["exhaustive", "gradient+race+greedy"] {
        let search = format!("{SEARCH} --strategy {strategy}");
        let whole = timed(|| drop(bench.done(&format!("{search} --cache-dir cold --out {strategy}"))));
        std::fs::remove_dir_all(bench.path("cold")).expect("removes");
        for i in 0..kills().div_ceil(2) {
            let out = format!("{strategy}-{i}");
            // A cache of its own, so that decompositions are killed while they are written, too.
            let command = format!("{search} --cache-dir cache-{i} --out {out} --resume");
            std::fs::create_dir(bench.path(&out)).expect("creates");
            let mut times = 1;
            while times < 4 && dice.random_bool(0.4) {
                times += 1;
            }
            for _ in 0..times {
                survived += usize::from(kill(bench.command(&command), &bench.path(&out), whole, &mut dice));
            }
            bench.done(&command);
            for file in FILES {
                let (expected, found) =
                    (bench.settled(&format!("{strategy}/{file}")), bench.settled(&format!("{out}/{file}")));
                assert!(expected == found, "{out}: {file} differs after {times} kills");
            }
            for folder in [out, format!("cache-{i}")] {
                std::fs::remove_dir_all(bench.path(&folder)).expect("removes");
            }
        }
    }
    assert!(survived * 2 > kills(), "only {survived} kills came before the end");
}
