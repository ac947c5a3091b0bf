//! stdout is data, stderr is talk, and either may be closed.

use std::io::{BufRead, BufReader};

use crate::bench::{Bench, Ran, without_host};
use crate::items;

const EVAL: &str = "eval model --task open.jsonl --score top1 --out run";

fn bench() -> Bench {
    let bench = Bench::new();
    items::open(&bench, 30);
    bench
}

#[test]
fn talk_goes_to_stderr_and_quiet_silences_it() {
    let bench = bench();
    let loud = bench.done(EVAL);
    assert!(loud.stdout.contains("accuracy") && !loud.stdout.contains("wrote"), "{loud:?}");
    // Where stderr is no terminal, progress is a line every ten seconds.
    assert_eq!(loud.stderr, "wrote run\n");
    let verbose = bench.done(&format!("{EVAL} -v")).stderr;
    assert!(verbose.lines().any(|line| line.starts_with("eval: ") && line.ends_with(" s")), "{verbose}");
    let quiet = bench.done(&format!("{EVAL} --quiet"));
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), (loud.stdout.as_str(), ""));
    let search = "search model --task open.jsonl --score top1 --rho 0.1 -q --out searched";
    assert_eq!(bench.done(search).stderr, "");
    assert_eq!(bench.done("report searched -q").stderr, "");
    assert_eq!(bench.done("apply model -q --edit L0.fc_in@0.1 --out edited").stderr, "");
    // Silence is for talk: why nothing could be done is said all the same.
    bench.refused("inspect nowhere --quiet", &["nowhere"]);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let bench = bench();
    let stdout = || without_host(&bench.done(&format!("{EVAL} --json")).stdout).expect("JSON");
    let first = stdout();
    let samples = bench.read("run/samples_open.jsonl");
    assert_eq!(stdout(), first);
    assert_eq!(bench.read("run/samples_open.jsonl"), samples);
    bench.done(&format!("{EVAL} --threads 1"));
    assert_eq!(bench.read("run/samples_open.jsonl"), samples, "threads do not matter to the numbers");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let bench = bench();
    for arguments in [EVAL.to_owned(), format!("{EVAL} --json"), "inspect model --all".to_owned()] {
        // As in `laser … | head -1`.
        let mut child = bench.command(&arguments).spawn().expect("starts");
        let mut line = String::new();
        let mut stdout = BufReader::with_capacity(1, child.stdout.take().expect("piped"));
        stdout.read_line(&mut line).expect("reads");
        assert!(!line.is_empty());
        drop(stdout);
        let ran = Ran::new(&arguments, child.wait_with_output().expect("ends"));
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");

        // Nobody reads from the start, neither data nor talk.
        let mut child = bench.command(&arguments).spawn().expect("starts");
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().expect("ends").code(), Some(0), "{arguments}");
    }
    let mut child = bench.command("inspect nowhere").spawn().expect("starts");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("ends").code(), Some(2));
}
