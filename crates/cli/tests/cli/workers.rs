//! `laser worker` and `--workers`: wrong folders, other searches and options that do not go together are named.

use crate::bench::{Bench, Ran};
use crate::items;

const SEARCH: &str = "search model --task open.jsonl --score top1 --matrices fc_in --rho 0.1 --threads 1";

#[test]
fn what_workers_cannot_do_is_named() {
    let bench = Bench::new();
    items::open(&bench, 60);
    bench.refused("worker nowhere", &["nowhere: expected the folder of a search", "--workers local:2"]);
    bench.refused(&format!("{SEARCH} --workers ssh:2 --out a"), &["expected local:N or slurm:N"]);
    bench.refused(&format!("{SEARCH} --workers local:0 --out a"), &["local:N or slurm:N"]);
    bench.refused(&format!("{SEARCH} --workers local:2 --max-time 1h --out a"), &["--max-time"]);
    bench.refused(&format!("{SEARCH} --out a -- --partition=p"), &["--workers"]);
    let mut piped = bench.command("search model --task - --score top1 --workers local:2 --out a");
    let questions = std::fs::File::open(bench.path("open.jsonl")).expect("opens");
    let ran = Ran::new("piped", piped.stdin(questions).output().expect("the binary starts"));
    assert!(ran.status.code() == Some(2) && ran.stderr.contains("--task -: workers"), "{ran:?}");
    bench.done(&format!("{SEARCH} --out alone"));
    bench.refused(&format!("{SEARCH} --workers local:2 --out alone"), &["holds a finished search"]);
    assert!(bench.done("worker alone").stderr.contains("is done"));

    // A worker that fails: the coordinator says where it wrote, and what.
    bench.write("bad.jsonl", "{\"question\": \"q\"}\n");
    bench.refused("search model --task bad.jsonl --workers local:2 --out bad", &["bad.jsonl"]);
    assert!(!bench.path("bad/team").exists(), "found before a worker began");

    std::fs::create_dir_all(bench.path("shared/team")).expect("creates");
    bench.refused(&format!("{SEARCH} --out shared"), &["workers share the search", "laser worker shared"]);
    bench.refused(&format!("{SEARCH} --workers local:2 --out shared"), &["--resume goes on"]);
    bench.done(&format!("{SEARCH} --workers local:2 --resume --out shared"));
}

#[test]
fn a_manifest_starts_the_workers_of_a_folder() {
    let bench = Bench::new();
    let ran = bench.done("worker runs/facts --workers 16 --manifest k8s --image registry/laser:1 --volume-claim data");
    let job: serde_json::Value = serde_yaml_ng::from_str(&ran.stdout).expect("YAML");
    assert_eq!((job["kind"].as_str(), job["spec"]["completionMode"].as_str()), (Some("Job"), Some("Indexed")));
    assert_eq!((&job["spec"]["completions"], &job["spec"]["parallelism"]), (&16.into(), &16.into()));
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let command: Vec<&str> =
        container["command"].as_array().expect("words").iter().filter_map(|w| w.as_str()).collect();
    assert_eq!(command, ["laser", "worker", "runs/facts", "--workers", "16"]);
    assert_eq!(container["image"], "registry/laser:1");
}
