//! A search that is killed goes on to the same bytes; a folder with a run is not run over.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use laser::search::store::Store;

use crate::bench::{Bench, Ran};
use crate::items;

const SEARCH: &str = "search model --task open.jsonl --score generate --matrices all --threads 1";
const FILES: [&str; 6] =
    ["results.json", "samples.jsonl", "samples.base.jsonl", "trials.csv", "recipe.yaml", "report.html"];

#[test]
fn a_killed_search_resumes_to_the_same_bytes() {
    for strategy in ["exhaustive", "gradient+race+greedy"] {
        resumes(&format!("{SEARCH} --strategy {strategy}"));
    }
}

fn resumes(search: &str) {
    let bench = Bench::new();
    items::open(&bench, 160);
    bench.done(&format!("{search} --out whole"));

    let mut child = bench.command(&format!("{search} --out killed")).spawn().expect("starts");
    wait_for_trials(&mut child, &bench.path("killed/trials.sqlite"));
    child.kill().expect("kills");
    assert_eq!(child.wait().expect("ends").code(), None, "ended by the signal");
    // Looked at in a copy: opening the store would tidy up what the kill left.
    let copy = bench.path("copy");
    std::fs::create_dir(&copy).expect("creates");
    for entry in std::fs::read_dir(bench.path("killed")).expect("the run folder") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("copies");
    }
    let kept = trials(&copy.join("trials.sqlite"));
    let all = trials(&bench.path("whole/trials.sqlite"));
    assert!(kept > 0 && kept < all, "killed amid the trials: {kept} of {all} parts");
    assert!(!bench.path("killed/results.json").exists());

    bench.refused(&format!("{search} --out killed"), &["killed/trials.sqlite", "--resume"]);
    bench.refused(&format!("{search} --rho 0.5 --out killed --resume"), &["another run"]);
    bench.done(&format!("{search} --out killed --resume"));
    for file in FILES {
        let (whole, killed) = (bench.settled(&format!("whole/{file}")), bench.settled(&format!("killed/{file}")));
        assert!(whole == killed, "{file} differs after the kill at {kept} trials");
    }
    bench.refused(&format!("{search} --out whole"), &["whole/trials.sqlite", "--resume"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_search_ends_in_order_and_says_how_to_go_on() {
    let bench = Bench::new();
    items::open(&bench, 160);
    let search = format!("{SEARCH} --out run");
    let mut child = bench.command(&search).spawn().expect("starts");
    wait_for_trials(&mut child, &bench.path("run/trials.sqlite"));
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
    let ran = Ran::new(&search, child.wait_with_output().expect("ends"));
    assert_eq!(ran.status.code(), Some(130), "{ran:?}");
    assert!(ran.stderr.contains("interrupted") && ran.stderr.contains("laser search --resume --out run"), "{ran:?}");
    assert!(trials(&bench.path("run/trials.sqlite")) > 0);
    bench.done("search --resume --out run");
    assert!(bench.path("run/results.json").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupted_evaluation_leaves_no_folder() {
    let bench = Bench::new();
    items::open(&bench, 2000);
    let eval = "eval model --task open.jsonl --score generate --threads 1 --out run";
    let mut child = bench.command(eval).spawn().expect("starts");
    while !bench.path("run").exists() {
        assert!(child.try_wait().expect("waits").is_none(), "the evaluation ended before its folder was there");
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
    let ran = Ran::new(eval, child.wait_with_output().expect("ends"));
    assert_eq!(ran.status.code(), Some(130), "{ran:?}");
    assert!(!bench.path("run").exists(), "{ran:?}");
}

#[test]
fn a_folder_has_one_search_at_a_time() {
    let bench = Bench::new();
    items::open(&bench, 160);
    let search = format!("{SEARCH} --out run");
    let mut first = bench.command(&search).spawn().expect("starts");
    wait_for_trials(&mut first, &bench.path("run/trials.sqlite"));
    let holder = format!("process {} runs in this folder", first.id());
    bench.refused(&format!("{search} --resume"), &["run", &holder]);
    first.kill().expect("kills");
    first.wait().expect("ends");
    bench.done(&format!("{search} --resume"));
}

/// Waits until the store of a running search has a few parts of trials.
fn wait_for_trials(child: &mut Child, store: &Path) {
    while trials(store) < 8 {
        assert!(child.try_wait().expect("waits").is_none(), "the search ended before its eighth part");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Parts of trials in a store; none while it is being made.
fn trials(store: &Path) -> usize {
    Store::open_existing(store).and_then(|store| store.count()).unwrap_or(0)
}
