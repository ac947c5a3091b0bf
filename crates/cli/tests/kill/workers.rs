//! A search that workers share ends with the bytes of a search by one process, however many workers there are and whichever of
//! them are killed.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rand::Rng;

use crate::bench::{Bench, Ran};
use crate::items;
use crate::moments::{dice, kills, timed};
use crate::search::{FILES, SEARCH};

const STRATEGY: &str = "--strategy gradient+race+greedy";

fn compare(bench: &Bench, out: &str) {
    for file in FILES {
        let (alone, together) = (bench.settled(&format!("alone/{file}")), bench.settled(&format!("{out}/{file}")));
        assert!(alone == together, "{out}: {file} differs");
    }
}

#[test]
fn any_number_of_workers_finds_the_same_bytes() {
    let bench = Bench::new();
    items::open(&bench, 120);
    let search = format!("{SEARCH} {STRATEGY}");
    bench.done(&format!("{search} --out alone"));
    for workers in [1, 2, 4] {
        let out = format!("together-{workers}");
        // Without a common cache each worker decomposes for itself.
        let cache = if workers == 2 { " --no-cache" } else { "" };
        let ran = bench.done(&format!("{search} --workers local:{workers} --out {out}{cache}"));
        assert!(ran.stdout.contains("| test |"), "{ran:?}");
        compare(&bench, &out);
        assert!(!bench.path(&format!("{out}/team")).exists(), "what the workers told one another is gone");
        assert!(bench.path(&format!("{out}/workers/0.log")).exists());
        bench.done(&format!("report {out}"));
    }
    bench.refused(&format!("{search} --workers local:2 --out together-2"), &["holds a finished search"]);
    let again = bench.done(&format!("{search} --workers local:2 --resume --out together-2"));
    assert!(again.stdout.contains("| test |"), "the results are told again: {again:?}");
}

/// The folder of a search that workers may share, without a worker.
fn shared(bench: &Bench, out: &str) {
    std::fs::create_dir(bench.path(out)).expect("creates");
    let settings = "command: search\nmodel: model\ntask: open.jsonl\nscore: top1\nmatrices: fc_in,fc_out\nrho: 0.5,0.1,0.05\n\
                    strategy: gradient+race+greedy\n";
    bench.write(&format!("{out}/settings.yaml"), settings);
}

fn worker(bench: &Bench, out: &str) -> Command {
    bench.command(&format!("worker {out} --workers 3 --lease 500ms --threads 1"))
}

fn ended(child: &mut Child) -> bool {
    child.try_wait().expect("waits").is_some()
}

#[test]
fn workers_killed_at_any_moment_are_made_up_for() {
    let bench = Bench::new();
    items::open(&bench, 120);
    let whole = timed(|| drop(bench.done(&format!("{SEARCH} {STRATEGY} --out alone"))));
    let mut dice = dice(21);
    let mut killed = 0;
    for i in 0..kills().div_ceil(4) {
        let out = format!("killed-{i}");
        shared(&bench, &out);
        let mut workers: Vec<Child> = (0..3).map(|_| worker(&bench, &out).spawn().expect("starts")).collect();
        for _ in 0..4 {
            std::thread::sleep(whole.mul_f64(dice.random_range(0.0..0.6)));
            let victim = &mut workers[dice.random_range(0..3)];
            killed += usize::from(!ended(victim));
            let _ = victim.kill(); // it may have ended
            victim.wait().expect("ends");
            *victim = worker(&bench, &out).spawn().expect("starts");
        }
        for worker in workers {
            let ran = Ran::new("worker", worker.wait_with_output().expect("ends"));
            assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        }
        compare(&bench, &out);
    }
    assert!(killed > 0, "every kill came after the end");
}

/// Sends a signal to a process.
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.expect("kill starts").success());
}

fn wait_for(path: &Path, child: &mut Child) {
    let begun = Instant::now();
    while !path.exists() && !ended(child) && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_worker_that_is_asked_to_stop_leaves_the_rest_to_the_others() {
    let bench = Bench::new();
    items::open(&bench, 120);
    bench.done(&format!("{SEARCH} {STRATEGY} --out alone"));
    for name in ["USR1", "TERM", "INT"] {
        let out = format!("asked-{name}");
        shared(&bench, &out);
        let mut asked = worker(&bench, &out).spawn().expect("starts");
        wait_for(&bench.path(&format!("{out}/team")), &mut asked);
        signal(&asked, name);
        let ran = Ran::new(name, asked.wait_with_output().expect("ends"));
        assert_eq!(ran.status.code(), Some(130), "{ran:?}");
        assert!(ran.stderr.contains("interrupted") || ran.stderr.contains("stopped as asked"), "{ran:?}");
        // Its claims are free at once, not when their lease has run out.
        let claims = claims(&bench.path(&format!("{out}/team")));
        assert_eq!(claims, 0, "{name}");
        let ran = bench.done(&format!("worker {out} --threads 1"));
        assert!(ran.stderr.contains("done: wrote"), "{ran:?}");
        compare(&bench, &out);
    }
}

/// Number of claims in the folder of a team.
fn claims(team: &Path) -> usize {
    let is_claim = |path: &Path| path.extension().is_some_and(|extension| extension == "claim");
    let works = std::fs::read_dir(team).expect("a team").map(|work| work.expect("a work").path());
    works
        .flat_map(|work| std::fs::read_dir(work).expect("a folder"))
        .filter(|file| is_claim(&file.as_ref().expect("a file").path()))
        .count()
}
