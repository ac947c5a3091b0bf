//! `laser cache`, and decompositions on disk: bounded, left out, and never a reason to stop.

use crate::bench::{Bench, names};

const SPECTRUM: &str = "spectrum model";

/// Files of decompositions in the cache of a bench.
fn decompositions(bench: &Bench) -> Vec<String> {
    if bench.path("cache/svd").exists() { names(&bench.path("cache/svd")) } else { Vec::new() }
}

#[test]
fn what_is_kept_is_listed_measured_and_removed() {
    let bench = Bench::new();
    let empty = bench.done("cache list");
    assert!(empty.stdout.contains("nothing"), "{empty:?}");
    let first = bench.data(SPECTRUM);
    let kept = decompositions(&bench).len();
    assert!(kept > 10, "{kept} decompositions");
    // What was kept gives the same to the bit.
    assert_eq!(bench.data(SPECTRUM), first);
    let package = bench.path("cache/pypi/tiny-model-1.0");
    std::fs::create_dir_all(&package).expect("creates");
    std::fs::write(package.join("model.gguf"), vec![0; 5000]).expect("writes");
    let repository = bench.path("cache/hub/models--org--name/blobs");
    std::fs::create_dir_all(&repository).expect("creates");
    std::fs::write(repository.join("tag"), vec![0; 700]).expect("writes");
    bench.write("cache/svd/mine.txt", "no decomposition");

    let list = bench.done("cache list").stdout;
    for words in [&format!("{kept} decompositions"), "pypi:tiny-model==1.0", "hf:org/name"] {
        assert!(list.contains(words), "no `{words}` in {list}");
    }
    let entries = bench.data("cache list");
    assert_eq!(entries["entries"].as_array().expect("a list").len(), kept + 2);
    let size = bench.data("cache size");
    assert_eq!(size["models"], 5700);
    let bytes = size["decompositions"].as_u64().expect("a number");
    assert!(bytes > 0 && bench.done("cache size").stdout.contains("at most 10.00 GiB"));

    let cleared = bench.data("cache clear decompositions");
    assert_eq!((&cleared["removed"], cleared["bytes"].as_u64()), (&kept.into(), Some(bytes)));
    assert_eq!(decompositions(&bench), ["mine.txt"]);
    assert!(package.exists());
    bench.done("cache clear");
    assert!(!package.exists() && !repository.exists() && bench.path("cache/svd/mine.txt").exists());
    bench.refused("cache clear everything", &["everything", "decompositions", "models"]);
}

#[test]
fn the_cache_is_bounded_and_can_be_left_out() {
    let bench = Bench::new();
    let size = || bench.data("cache size")["decompositions"].as_u64().expect("a number");
    let all = bench.data("spectrum model --no-cache");
    assert_eq!(size(), 0);
    bench.done(SPECTRUM);
    let whole = size();
    bench.done("cache clear");
    assert_eq!(bench.data(&format!("spectrum model --cache-size {}", whole / 2)), all);
    assert!(size() <= whole / 2 && size() > whole / 4, "{} of {whole} bytes", size());
    // A bound below every file keeps none.
    bench.done("cache clear");
    assert_eq!(bench.data("spectrum model --cache-size 1"), all);
    assert_eq!(size(), 0);
    for wrong in ["spectrum model --cache-size much", "spectrum model --cache-size 1G --no-cache"] {
        bench.refused(wrong, &["--cache-size"]);
    }
}

#[test]
fn a_cache_that_cannot_be_written_to_is_a_warning() {
    let bench = Bench::new();
    let expected = bench.data("spectrum model");
    // Below a regular file, where not even the superuser can write.
    bench.write("file", "no folder");
    let ran = bench.done("spectrum model --cache-dir file/cache --json");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ran.stdout).expect("JSON"), expected);
    let warnings: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 1, "{ran:?}");
    assert!(warnings[0].contains("file/cache/svd"), "{ran:?}");
    assert!(!bench.done("spectrum model --cache-dir file/cache --quiet").stderr.contains("warning"));
}

#[test]
fn help_names_the_environment_variables() {
    let help = Bench::new().done("--help").stdout;
    for name in ["LASER_CACHE", "HF_HOME", "HF_TOKEN", "HF_HUB_OFFLINE", "SSL_CERT_FILE"] {
        assert!(help.contains(name), "{name}");
    }
}
