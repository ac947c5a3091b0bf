//! Models of the Hub as a user of Hugging Face's libraries has them: in that cache, with that login, with and without a
//! server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::bench::{Bench, Ran};
use crate::checkpoint;
use crate::hub_server;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The binary as a user runs it whose home folder is `home` of the bench; nothing listens at the Hub's address.
fn at_home(bench: &Bench, arguments: &str) -> Command {
    let mut command = bench.command(arguments);
    for name in ["HF_HOME", "LASER_CACHE", "HF_HUB_OFFLINE"] {
        command.env_remove(name);
    }
    command.env("HOME", bench.path("home")).env("HF_ENDPOINT", "http://127.0.0.1:9");
    command
}

fn ran(command: &mut Command) -> Ran {
    Ran::new("at home", command.output().expect("the binary starts"))
}

/// Puts the tiny model into a cache of the Hub as `huggingface_hub` does: contents, links to them, and the branch.
fn fill(hub: &Path) -> PathBuf {
    let repository = hub.join("models--org--name");
    let snapshot = repository.join("snapshots").join(COMMIT);
    checkpoint::write_folder(&snapshot);
    let blobs = repository.join("blobs");
    std::fs::create_dir_all(&blobs).expect("creates");
    #[cfg(unix)]
    for entry in std::fs::read_dir(&snapshot).expect("lists").collect::<Vec<_>>() {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_owned();
        std::fs::rename(&path, blobs.join(&name)).expect("moves");
        std::os::unix::fs::symlink(Path::new("../../blobs").join(&name), &path).expect("links");
    }
    std::fs::create_dir_all(repository.join("refs")).expect("creates");
    std::fs::write(repository.join("refs/main"), COMMIT).expect("writes");
    repository
}

/// Both streams: `inspect` prints what is to be known about a model with its result.
fn said(ran: &Ran) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

#[test]
fn the_users_own_cache_is_used_and_an_unreachable_server_no_obstacle() {
    let bench = Bench::new();
    fill(&bench.path("home/.cache/huggingface/hub"));
    for model in ["hf:org/name", "org/name", "org/name@main", &format!("hf:org/name@{COMMIT}")] {
        let online = ran(&mut at_home(&bench, &format!("inspect {model}")));
        assert_eq!(online.status.code(), Some(0), "{online:?}");
        assert!(online.stdout.contains(&format!("hf:org/name@{COMMIT}")), "{online:?}");
        assert!(said(&online).contains("did not answer") && said(&online).contains("127.0.0.1:9"), "{online:?}");
        assert_eq!(said(&online).contains("is no path here"), !model.starts_with("hf:"), "{online:?}");
    }
    for yes in ["1", "ON", "yes", "TRUE"] {
        let offline = ran(at_home(&bench, "inspect hf:org/name").env("HF_HUB_OFFLINE", yes));
        assert_eq!(offline.status.code(), Some(0), "{offline:?}");
        assert!(!offline.stderr.contains("did not answer"), "HF_HUB_OFFLINE={yes}: {offline:?}");
    }
    assert!(!bench.path("home/.cache/laser/hub").exists());
    let listed = ran(&mut at_home(&bench, "cache list"));
    assert!(listed.stdout.contains("hf:org/name (in Hugging Face's cache)"), "{listed:?}");
    ran(&mut at_home(&bench, "cache clear"));
    assert!(bench.path("home/.cache/huggingface/hub/models--org--name/refs/main").exists());
}

#[test]
fn other_places_of_the_cache_are_found() {
    let bench = Bench::new();
    fill(&bench.path("home/elsewhere/hub"));
    for (name, value) in [("HF_HOME", "~/elsewhere"), ("HF_HUB_CACHE", "~/elsewhere/hub")] {
        let found = ran(at_home(&bench, "inspect org/name --offline").env(name, value));
        assert_eq!(found.status.code(), Some(0), "{name}: {found:?}");
    }
    // Models that an earlier version fetched.
    fill(&bench.path("home/.cache/laser/hub"));
    let found = ran(&mut at_home(&bench, "inspect hf:org/name --offline"));
    assert_eq!(found.status.code(), Some(0), "{found:?}");
}

#[test]
fn a_name_that_is_neither_path_nor_repository_says_both() {
    let bench = Bench::new();
    let refused = ran(&mut at_home(&bench, "inspect org/nam"));
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    for words in ["no such path", "hf:org/nam", "127.0.0.1:9"] {
        assert!(refused.stderr.contains(words), "no `{words}` in {refused:?}");
    }
    let offline = ran(&mut at_home(&bench, "inspect org/nam --offline"));
    assert!(offline.stderr.contains("not in the cache"), "{offline:?}");
    // A file's name is no repository's.
    let file = ran(&mut at_home(&bench, "inspect org/model.gguf"));
    assert!(file.stderr.contains("no such path") && !file.stderr.contains("127.0.0.1"), "{file:?}");
}

#[test]
fn the_saved_login_and_the_token_of_the_environment_are_sent() {
    let bench = Bench::new();
    let endpoint = hub_server::serve(&bench.path("model"), Duration::ZERO, Some("hf_right"));
    let inspect = |token: &str| {
        let mut command = at_home(&bench, "inspect org/name");
        command.env("HF_ENDPOINT", &endpoint);
        if !token.is_empty() {
            command.env("HF_TOKEN", token);
        }
        ran(&mut command)
    };
    let refused = inspect("");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.stderr.contains("401") && refused.stderr.contains("HF_TOKEN"), "{refused:?}");
    std::fs::create_dir_all(bench.path("home/.cache/huggingface")).expect("creates");
    bench.write("home/.cache/huggingface/token", "hf_right\n");
    let wrong = inspect("hf_wrong");
    assert_eq!(wrong.status.code(), Some(2), "the environment comes before the file: {wrong:?}");
    for done in [inspect(""), inspect("  hf_right\r\n")] {
        assert_eq!(done.status.code(), Some(0), "{done:?}");
    }
    // Fetched into Hugging Face's own cache, and found there without the server.
    assert!(bench.path("home/.cache/huggingface/hub/models--org--name/refs/main").exists());
    assert_eq!(ran(&mut at_home(&bench, "inspect org/name")).status.code(), Some(0));
    let odd = inspect("hf two");
    assert!(odd.stderr.contains("HF_TOKEN") && !odd.stderr.contains("hf two"), "{odd:?}");
}

#[test]
fn caches_that_cannot_be_written_to_are_passed_over() {
    let bench = Bench::new();
    let endpoint = hub_server::serve(&bench.path("model"), Duration::ZERO, None);
    bench.write("file", "no folder");
    // Hugging Face's cache below a regular file: the model goes to Laser's own.
    let inspect = |cache: &str| {
        let mut command = at_home(&bench, "inspect hf:org/name");
        command.env("HF_ENDPOINT", &endpoint).env("HF_HOME", "file/hf").env("LASER_CACHE", cache);
        command.env("TMPDIR", bench.path("home"));
        ran(&mut command)
    };
    std::fs::create_dir_all(bench.path("home")).expect("creates");
    let own = inspect("cache");
    assert_eq!(own.status.code(), Some(0), "{own:?}");
    assert!(said(&own).contains("file/hf") && said(&own).contains("cannot be written to"), "{own:?}");
    assert!(bench.path("cache/hub/models--org--name/refs/main").exists());
    // Both: it goes to a temporary folder, which does not stay.
    let neither = inspect("file/laser");
    assert_eq!(neither.status.code(), Some(0), "{neither:?}");
    // One cache more to be told of.
    let matrices = |ran: &Ran| ran.stdout.lines().filter(|line| !line.starts_with("note: ")).count();
    assert_eq!(matrices(&neither), matrices(&own));
    assert_eq!(std::fs::read_dir(bench.path("home")).expect("lists").count(), 0);
}
