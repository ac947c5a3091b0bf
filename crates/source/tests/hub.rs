//! Downloads from a small server of the Hub's protocol on a local port: cache, resuming, hashes, errors.
#![cfg(feature = "hub")]

#[path = "hub/server.rs"]
mod server;
#[path = "hub/tls.rs"]
mod tls;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;

use laser_source::{
    DownloadProgress, ErrorKind, HubDataset, ModelSource, SourceError, SourceOptions, resolve, sha256_file,
};
use server::{Behaviour, COMMIT, Hub, choose};

const CONFIG: (&str, &[u8]) = ("config.json", b"{}");
const TOKENIZER: (&str, &[u8]) = ("tokenizer.json", b"{\"model\":{}}");

/// 1.2 MB that do not repeat, so that resuming at a wrong offset changes the bytes.
fn weights() -> Vec<u8> {
    (0..300_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// SHA-256 of bytes.
fn hash_of(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), bytes).unwrap();
    sha256_file(&dir.path().join("x")).unwrap()
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_model_is_downloaded_once_and_then_found_offline() {
    let weights = weights();
    let files = [CONFIG, TOKENIZER, ("model.safetensors", &weights[..]), ("pytorch_model.bin", b"pickle")];
    let hub = Hub::serve(&files, Behaviour { weights_etag: Some(hash_of(&weights)), ..Behaviour::default() });
    let cache = tempfile::tempdir().unwrap();
    let got = hub.resolve("hf:org/name", cache.path(), None).unwrap();
    assert_eq!(got.origin, format!("hf:org/name@{COMMIT}"));
    assert_eq!(got.revision.as_deref(), Some(COMMIT));
    assert_eq!(read(&got.path, "model.safetensors"), weights);
    assert_eq!(read(&got.path, "tokenizer.json"), TOKENIZER.1);
    assert!(!got.path.join("pytorch_model.bin").exists());

    // The layout is the one Python's huggingface_hub reads.
    let repo = cache.path().join("hub/models--org--name");
    assert_eq!(read(&repo, "refs/main"), COMMIT.as_bytes());
    assert_eq!(got.path, repo.join("snapshots").join(COMMIT));
    assert!(repo.join("blobs").join(hash_of(&weights)).is_file());

    let gets = hub.requests("GET /org");
    assert_eq!(hub.resolve("hf:org/name@main", cache.path(), None).unwrap(), got);
    assert_eq!(hub.requests("GET /org"), gets, "a cached file was fetched again");

    let offline = SourceOptions {
        offline: true,
        hub_endpoint: "http://127.0.0.1:9".into(),
        ..SourceOptions::new(cache.path(), &|_| ())
    };
    let find = |model: &str| resolve(&ModelSource::parse(model).unwrap(), &offline);
    assert_eq!(find("hf:org/name").unwrap(), got);
    assert_eq!(find(&format!("hf:org/name@{COMMIT}")).unwrap(), got);
    std::fs::remove_file(got.path.join("model.safetensors")).unwrap();
    let missing = find("hf:org/name").unwrap_err().to_string();
    assert!(missing.contains("model.safetensors"), "{missing}");
    assert!(find("hf:org/other").unwrap_err().to_string().contains("config.json"));
}

#[test]
fn only_the_shards_in_the_index_are_downloaded() {
    let index = br#"{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}"#;
    let files: [(&str, &[u8]); 5] = [
        CONFIG,
        ("model.safetensors.index.json", index),
        ("model-1.safetensors", b"one"),
        ("model-2.safetensors", b"two"),
        ("other.safetensors", b"surplus"),
    ];
    let hub = Hub::serve(&files, Behaviour::default());
    let cache = tempfile::tempdir().unwrap();
    let path = hub.resolve("hf:org/name", cache.path(), None).unwrap().path;
    assert_eq!(read(&path, "model-1.safetensors"), b"one");
    assert_eq!(read(&path, "model-2.safetensors"), b"two");
    assert!(!path.join("other.safetensors").exists());
}

#[test]
fn a_gguf_file_is_downloaded_by_its_name() {
    let hub = Hub::serve(&[("q/m Q4.gguf", b""), ("a.gguf", b"GGUF")], Behaviour::default());
    let cache = tempfile::tempdir().unwrap();
    let got = hub.resolve("hf:org/name/a.gguf", cache.path(), None).unwrap();
    assert_eq!(std::fs::read(&got.path).unwrap(), b"GGUF");
    assert_eq!(got.origin, format!("hf:org/name/a.gguf@{COMMIT}"));
    let whole = hub.resolve("hf:org/name", cache.path(), None).unwrap_err().to_string();
    assert!(whole.contains("a.gguf, q/m Q4.gguf"), "{whole}");
    let wrong = hub.resolve("hf:org/name/b.gguf", cache.path(), None).unwrap_err().to_string();
    assert!(wrong.contains("a.gguf"), "{wrong}");
}

#[test]
fn any_part_of_a_split_gguf_brings_the_others() {
    let files: [(&str, &[u8]); 4] = [
        ("q/m-00001-of-00002.gguf", b"GGUF one"),
        ("q/m-00002-of-00002.gguf", b"GGUF two"),
        ("q/n-00001-of-00002.gguf", b"GGUF other"),
        ("whole.GGUF", b"GGUF whole"),
    ];
    let hub = Hub::serve(&files, Behaviour::default());
    let cache = tempfile::tempdir().unwrap();
    let got = hub.resolve("hf:org/name/q/m-00002-of-00002.gguf", cache.path(), None).unwrap().path;
    assert_eq!(std::fs::read(&got).unwrap(), b"GGUF two");
    let folder = got.parent().unwrap();
    assert_eq!(read(folder, "m-00001-of-00002.gguf"), b"GGUF one");
    assert!(!folder.join("n-00001-of-00002.gguf").exists());
    // A part that the repository lacks does not prevent the download of the others.
    let got = hub.resolve("hf:org/name/q/n-00001-of-00002.gguf", cache.path(), None).unwrap().path;
    assert_eq!(std::fs::read(got).unwrap(), b"GGUF other");
    let got = hub.resolve("hf:org/name/whole.GGUF", cache.path(), None).unwrap().path;
    assert_eq!(std::fs::read(got).unwrap(), b"GGUF whole");
}

#[test]
fn the_storage_server_of_large_files_never_receives_the_token() {
    let weights = weights();
    let files = [CONFIG, ("model.safetensors", &weights[..])];
    let storage = Hub::serve(
        &files,
        Behaviour {
            cut: Some((500_000, 1)),
            weights_etag: Some("the storage's own tag".to_owned()),
            ..Behaviour::default()
        },
    );
    let hub = Hub::serve(
        &files,
        Behaviour {
            token: Some("secret"),
            weights_etag: Some(hash_of(&weights)),
            // Another name for the same machine, which is another host to the client.
            storage: Some(storage.endpoint.replace("127.0.0.1", "localhost")),
            ..Behaviour::default()
        },
    );
    let cache = tempfile::tempdir().unwrap();
    let got = hub.resolve("hf:org/name", cache.path(), Some("secret")).unwrap();
    assert!(read(&got.path, "model.safetensors") == weights);
    let blobs = cache.path().join("hub/models--org--name/blobs");
    assert!(blobs.join(hash_of(&weights)).is_file(), "named by another tag");
    let seen = storage.seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].contains("bytes=500000-"), "not resumed: {seen:?}");
    assert!(seen.iter().all(|line| !line.contains("secret")), "{seen:?}");
}

#[test]
fn an_interrupted_download_is_resumed() {
    let weights = weights();
    for ignore_range in [false, true] {
        let files = [CONFIG, ("model.safetensors", &weights[..])];
        let behaviour = Behaviour {
            cut: Some((500_000, 2)),
            ignore_range,
            weights_etag: Some(hash_of(&weights)),
            ..Behaviour::default()
        };
        let hub = Hub::serve(&files, behaviour);
        let cache = tempfile::tempdir().unwrap();
        let path = hub.resolve("hf:org/name", cache.path(), None).unwrap().path;
        assert!(read(&path, "model.safetensors") == weights, "bytes differ, ignore_range {ignore_range}");
        let resumed = format!("GET /org/name/resolve/{COMMIT}/model.safetensors HTTP/1.1 bytes=500000-");
        assert_eq!(hub.requests(&resumed), if ignore_range { 2 } else { 1 });
    }
}

#[test]
fn after_four_interruptions_the_download_fails_and_leaves_only_a_partial_file() {
    let weights = weights();
    let files = [CONFIG, ("model.safetensors", &weights[..])];
    let hub = Hub::serve(&files, Behaviour { cut: Some((1000, 4)), ..Behaviour::default() });
    let cache = tempfile::tempdir().unwrap();
    let error = hub.resolve("hf:org/name", cache.path(), None).unwrap_err();
    assert!(matches!(&error, SourceError::Network { url, .. } if url.ends_with("model.safetensors")), "{error}");
    let repo = cache.path().join("hub/models--org--name");
    assert!(!repo.join("snapshots").join(COMMIT).join("model.safetensors").exists());
    assert!(!repo.join("refs/main").exists());
    // The next call continues after the 4000 bytes of the four attempts.
    let path = hub.resolve("hf:org/name", cache.path(), None).unwrap().path;
    assert!(read(&path, "model.safetensors") == weights);
    assert_eq!(hub.requests(&format!("GET /org/name/resolve/{COMMIT}/model.safetensors HTTP/1.1 bytes=4000-")), 1);
}

#[test]
fn bytes_with_a_wrong_hash_are_refused_and_deleted() {
    let files: [(&str, &[u8]); 2] = [CONFIG, ("model.safetensors", b"not what was announced")];
    let behaviour = Behaviour { weights_etag: Some(hash_of(b"announced")), ..Behaviour::default() };
    let hub = Hub::serve(&files, behaviour);
    let cache = tempfile::tempdir().unwrap();
    let error = hub.resolve("hf:org/name", cache.path(), None).unwrap_err();
    assert!(matches!(error, SourceError::Mismatch { what: "sha256", .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Damaged);
    let blobs = cache.path().join("hub/models--org--name/blobs");
    let kept: Vec<_> = std::fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["etag-config.json"]);
}

#[test]
fn http_errors_contain_the_meaning_of_the_status() {
    let files: [(&str, &[u8]); 2] = [CONFIG, ("model.safetensors", b"w")];
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::serve(&files, Behaviour { token: Some("secret"), ..Behaviour::default() });
    let gated = hub.resolve("hf:org/name", cache.path(), None).unwrap_err();
    assert_eq!(gated.kind(), ErrorKind::AccessDenied);
    let gated = gated.to_string();
    assert!(gated.contains("401") && gated.contains("gated") && gated.contains("token"), "{gated}");
    assert!(hub.resolve("hf:org/name", cache.path(), Some("secret")).is_ok());

    let hub = Hub::serve(&files, Behaviour::default());
    let missing = hub.resolve("hf:org/elsewhere", cache.path(), None).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let missing = missing.to_string();
    assert!(missing.contains("404") && missing.contains("org/elsewhere"), "{missing}");
    let revision = hub.resolve("hf:org/name@v9", cache.path(), None).unwrap_err().to_string();
    assert!(revision.contains("no such branch, tag or commit"), "{revision}");
}

#[test]
fn an_unreachable_server_is_named_in_the_error() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let options =
        SourceOptions { hub_endpoint: format!("http://{unused}"), ..SourceOptions::new(cache.path(), &|_| ()) };
    let error = resolve(&ModelSource::parse("hf:org/name").unwrap(), &options).unwrap_err();
    assert!(matches!(&error, SourceError::Network { url, .. } if url.contains(&unused.to_string())), "{error}");
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[test]
fn progress_grows_to_the_announced_size() {
    let weights = weights();
    let hub = Hub::serve(&[CONFIG, ("model.safetensors", &weights)], Behaviour::default());
    let cache = tempfile::tempdir().unwrap();
    let reports = Mutex::new(Vec::new());
    let on_progress = |p: DownloadProgress<'_>| {
        if p.file == "model.safetensors" {
            assert_eq!(p.total, Some(weights.len() as u64));
            reports.lock().unwrap().push(p.done);
        }
    };
    let options =
        SourceOptions { hub_endpoint: hub.endpoint.clone(), ..SourceOptions::new(cache.path(), &on_progress) };
    resolve(&ModelSource::parse("hf:org/name").unwrap(), &options).unwrap();
    let reports = reports.into_inner().unwrap();
    assert!(reports.is_sorted() && reports.len() > 2);
    assert_eq!(reports.last(), Some(&(weights.len() as u64)));
}

const SHARDS: [(&str, &[u8]); 5] = [
    ("README.md", b"# card"),
    ("data/test-00000-of-00002.jsonl", b"{\"a\": 1}\n"),
    ("data/test-00001-of-00002.jsonl", b"{\"a\": 2}\n"),
    ("data/train-00000-of-00001.jsonl", b"{\"a\": 3}\n"),
    ("extra.csv", b"a\n4\n"),
];

#[test]
fn files_of_a_data_set_are_downloaded_once_and_then_found_offline() {
    let hub = Hub::serve(&SHARDS, Behaviour::default());
    let cache = tempfile::tempdir().unwrap();
    let names = ["data/test-*.jsonl"];
    let got = hub.data("hf:org/name", &names, cache.path()).unwrap();
    assert_eq!(got.origin, format!("hf:org/name@{COMMIT}"));
    assert_eq!(got.revision.as_deref(), Some(COMMIT));
    // The layout is the one Python's huggingface_hub reads.
    let repo = cache.path().join("hub/datasets--org--name");
    assert_eq!(got.path, repo.join("snapshots").join(COMMIT));
    assert_eq!(read(&repo, "refs/main"), COMMIT.as_bytes());
    assert_eq!(read(&got.path, SHARDS[2].0), SHARDS[2].1);
    for other in [SHARDS[0].0, SHARDS[3].0, SHARDS[4].0] {
        assert!(!got.path.join(other).exists(), "{other} was fetched too");
    }
    assert_eq!((hub.requests("GET /api/datasets/org/name"), hub.requests("GET /datasets/org/name/resolve")), (1, 2));
    assert_eq!(read(&got.path, SHARDS[1].0), SHARDS[1].1);

    assert_eq!(hub.data(&format!("hf:org/name@{COMMIT}"), &names, cache.path()).unwrap(), got);
    assert_eq!(hub.requests("GET /datasets/org/name/resolve"), 2, "a cached file was fetched again");

    let offline = SourceOptions {
        offline: true,
        hub_endpoint: "http://127.0.0.1:9".into(),
        ..SourceOptions::new(cache.path(), &|_| ())
    };
    let find = |data: &str, names: &[&str]| {
        HubDataset::parse(data).unwrap().unwrap().fetch(&|files| choose(files, names), &offline)
    };
    assert_eq!(find("hf:org/name", &names).unwrap(), got);
    assert_eq!(find(&format!("hf:org/name@{COMMIT}"), &names).unwrap(), got);
    for (data, names, missing) in [
        ("hf:org/name", &["extra.csv"][..], "extra.csv"),
        ("hf:org/name@v2", &names, "data/test-*.jsonl"),
        ("hf:org/other", &[], "a data file"),
    ] {
        let error = find(data, names).unwrap_err();
        assert!(matches!(&error, SourceError::NotCached { file, .. } if file == missing), "{error}");
        assert_eq!(error.kind(), ErrorKind::NotCached);
    }
}

#[test]
fn without_names_all_data_files_are_downloaded() {
    let hub = Hub::serve(&SHARDS, Behaviour::default());
    let cache = tempfile::tempdir().unwrap();
    let got = hub.data("hf:org/name@main", &[], cache.path()).unwrap();
    assert_eq!(SHARDS.map(|(name, _)| got.path.join(name).exists()), [false, true, true, true, true]);
    let error = hub.data("hf:org/name", &["validation*.parquet"], cache.path()).unwrap_err().to_string();
    assert!(error.contains("expected validation*.parquet, found README.md, data/test-00000-of-00002.jsonl"), "{error}");
    assert!(hub.data("hf:org/elsewhere", &[], cache.path()).unwrap_err().to_string().contains("404"));
}

#[test]
fn an_incomplete_data_set_is_not_linked() {
    let long = b"{\"a\": 1}\n".repeat(1000);
    let files = [("test-0.jsonl", &long[..]), ("test-1.jsonl", &long[..])];
    // The first file needs four attempts, of which three fail; the second fails four times.
    let hub = Hub::serve(&files, Behaviour { cut: Some((1000, 7)), ..Behaviour::default() });
    let cache = tempfile::tempdir().unwrap();
    assert!(matches!(hub.data("hf:org/name", &["test-*"], cache.path()), Err(SourceError::Network { .. })));
    let repo = cache.path().join("hub/datasets--org--name");
    assert!(!repo.join("snapshots").exists() && !repo.join("refs").exists());
    let got = hub.data("hf:org/name", &["test-*"], cache.path()).unwrap();
    assert!(read(&got.path, "test-0.jsonl") == long && read(&got.path, "test-1.jsonl") == long);
}

#[test]
fn a_certificate_of_an_authority_of_ones_own_is_trusted_where_it_is_named() {
    let files: [(&str, &[u8]); 2] = [CONFIG, ("model.safetensors", b"w")];
    let hub = Hub::serve(&files, Behaviour::default());
    let endpoint = tls::serve(&hub.endpoint);
    let place = tempfile::tempdir().unwrap();
    let fetch = |cache: &str, file: Option<&Path>, dir: Option<&Path>| {
        let options = SourceOptions {
            hub_endpoint: endpoint.clone(),
            certificate_file: file.map(Path::to_owned),
            certificate_dir: dir.map(Path::to_owned),
            ..SourceOptions::new(place.path().join(cache), &|_| ())
        };
        resolve(&ModelSource::parse("hf:org/name").unwrap(), &options)
    };
    let unknown = fetch("a", None, None).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Network);
    assert!(unknown.to_string().contains("SSL_CERT_FILE"), "{unknown}");
    let got = fetch("b", Some(&tls::certificate()), None).unwrap();
    assert_eq!(read(&got.path, "model.safetensors"), b"w");
    // A folder of certificates has them under their hashes, or under any name.
    let folder = place.path().join("certificates");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(tls::certificate(), folder.join("01234567.0")).unwrap();
    assert_eq!(fetch("c", None, Some(&folder)).unwrap().revision, got.revision);
    std::fs::write(place.path().join("empty.pem"), "no certificate").unwrap();
    for missing in ["empty.pem", "none.pem"] {
        let refused = fetch("d", Some(&place.path().join(missing)), None).unwrap_err();
        assert!(matches!(&refused, SourceError::Certificates { path, .. } if path.ends_with(missing)), "{refused}");
    }
}

/// A cache as `huggingface_hub` fills it, with a plain file in the place of a link where a system has none.
fn fill(hub: &Path, weights: &[u8]) {
    let repo = hub.join("models--org--name");
    let snapshot = repo.join("snapshots").join(COMMIT);
    for folder in [&snapshot, &repo.join("refs"), &repo.join("blobs")] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(repo.join("refs/main"), COMMIT).unwrap();
    std::fs::write(snapshot.join("config.json"), CONFIG.1).unwrap();
    std::fs::write(snapshot.join("model.safetensors"), weights).unwrap();
}

#[test]
fn files_that_another_program_cached_are_not_fetched_again() {
    let hub = Hub::serve(&[CONFIG, ("model.safetensors", b"w")], Behaviour::default());
    let cache = tempfile::tempdir().unwrap();
    for place in ["hub", "other"] {
        // In the Hub's cache, or in the one of this program that stands beside it.
        let options = SourceOptions {
            hub_endpoint: hub.endpoint.clone(),
            hub_cache: cache.path().join("hub"),
            ..SourceOptions::new(cache.path().join("laser"), &|_| ())
        };
        let filled = if place == "hub" { cache.path().join("hub") } else { cache.path().join("laser/hub") };
        fill(&filled, b"w");
        let got = resolve(&ModelSource::parse("hf:org/name").unwrap(), &options).unwrap();
        assert!(got.path.starts_with(&filled), "{}", got.path.display());
        assert!(got.notes.is_empty(), "{:?}", got.notes);
        assert_eq!(hub.requests("HEAD") + hub.requests("GET /org"), 0, "a cached file was asked for");
        std::fs::remove_dir_all(&filled).unwrap();
    }
}

#[test]
fn without_a_server_the_cache_is_used_and_a_note_says_so() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusing = Hub::serve(&[], Behaviour { token: Some("right"), ..Behaviour::default() });
    let cache = tempfile::tempdir().unwrap();
    fill(&cache.path().join("hub"), b"w");
    for endpoint in [format!("http://{unused}"), refusing.endpoint.clone()] {
        let options = SourceOptions { hub_endpoint: endpoint.clone(), ..SourceOptions::new(cache.path(), &|_| ()) };
        for name in ["hf:org/name", "org/name"] {
            let got = resolve(&ModelSource::parse(name).unwrap(), &options).unwrap();
            assert_eq!(got.revision.as_deref(), Some(COMMIT));
            let note = got.notes.last().unwrap();
            assert!(note.contains("did not answer") && note.contains(&endpoint) && note.contains(COMMIT), "{note}");
        }
        let other = resolve(&ModelSource::parse("hf:org/other").unwrap(), &options).unwrap_err();
        assert!(other.to_string().contains(&endpoint), "{other}");
    }
    // A server that knows the repository not is right.
    let hub = Hub::serve(&[CONFIG], Behaviour::default());
    let options = SourceOptions { hub_endpoint: hub.endpoint.clone(), ..SourceOptions::new(cache.path(), &|_| ()) };
    fill(&cache.path().join("hub"), b"w");
    let gone = resolve(&ModelSource::parse("hf:org/name@v9").unwrap(), &options).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[test]
fn a_cache_that_cannot_be_written_to_is_passed_over() {
    let hub = Hub::serve(&[CONFIG, ("model.safetensors", b"w"), ("test.csv", b"a\n1\n")], Behaviour::default());
    let place = tempfile::tempdir().unwrap();
    // Below a regular file, where not even the superuser can write.
    std::fs::write(place.path().join("file"), "").unwrap();
    let options = |spare: Option<&str>| SourceOptions {
        hub_endpoint: hub.endpoint.clone(),
        hub_cache: place.path().join("file/hub"),
        spare_dir: spare.map(|name| place.path().join(name)),
        ..SourceOptions::new(place.path().join("file/laser"), &|_| ())
    };
    let model = ModelSource::parse("hf:org/name").unwrap();
    let refused = resolve(&model, &options(None)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Io);
    let got = resolve(&model, &options(Some("spare"))).unwrap();
    assert!(got.path.starts_with(place.path().join("spare")), "{}", got.path.display());
    assert!(got.notes.len() == 2 && got.notes[0].contains("cannot be written to"), "{:?}", got.notes);
    let data = HubDataset::parse("hf:org/name").unwrap().unwrap();
    let got = data.fetch(&|files| choose(files, &["test.csv"]), &options(Some("spare"))).unwrap();
    assert_eq!(read(&got.path, "test.csv"), b"a\n1\n");
}
