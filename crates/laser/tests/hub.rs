//! The Hub client against a small server of our own that speaks the Hub's protocol on a local port.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use laser::source::{HubDataset, ModelSource, Progress, Resolved, SourceError, SourceOptions, resolve, sha256_file};
use laser::task::dataset::Layout;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// How the server treats its clients.
#[derive(Default, Clone)]
struct Manners {
    /// Close the connection after this many bytes of a body, for the first so many answers.
    cut: Option<(usize, usize)>,
    /// Answer ranged requests with the whole file.
    ignore_range: bool,
    /// Announce this entity tag for the weights.
    weights_etag: Option<String>,
    /// Demand this token.
    token: Option<&'static str>,
    /// Send clients elsewhere for the weights, as the Hub does for large files.
    storage: Option<String>,
}

/// The server: its files, its manners and the requests it saw.
struct Hub {
    endpoint: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    /// Serves `files` as model and as data set `org/name`, branch `main`, until the test ends.
    fn serve(files: &[(&str, &[u8])], manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let files: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut manners = manners;
            for stream in listener.incoming() {
                answer(&mut stream.unwrap(), &files, &mut manners, &log);
            }
        });
        Self { endpoint, seen }
    }

    fn resolve(&self, model: &str, cache: &Path, token: Option<&str>) -> Result<Resolved, SourceError> {
        let options = SourceOptions {
            hub_endpoint: self.endpoint.clone(),
            hub_token: token.map(str::to_owned),
            ..SourceOptions::new(cache, &|_| ())
        };
        resolve(&ModelSource::parse(model)?, &options)
    }

    fn data(&self, data: &str, names: &[&str], cache: &Path) -> Result<Resolved, SourceError> {
        let options = SourceOptions { hub_endpoint: self.endpoint.clone(), ..SourceOptions::new(cache, &|_| ()) };
        HubDataset::parse(data)?.expect("begins with hf:").fetch(&|files| Layout::choose(files, names), &options)
    }

    fn requests(&self, start: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }
}

/// One request and its answer; every connection carries one, so that a cut is seen at once.
fn answer(stream: &mut TcpStream, files: &BTreeMap<String, Vec<u8>>, manners: &mut Manners, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let Some(request) = lines.next() else { return };
    let headers: Vec<String> =
        lines.take_while(|line| !line.is_empty()).map(|line| line.to_ascii_lowercase()).collect();
    let header = |name: &str| headers.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let told = ["range:", "authorization:"].map(|name| header(name).unwrap_or_default());
    log.lock().unwrap().push(format!("{request} {}", told.join(" ")));
    let (method, path) = {
        let mut words = request.split(' ');
        (words.next().unwrap(), words.next().unwrap())
    };
    let refuse = |stream: &mut TcpStream, status: &str, code: &str| {
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nX-Error-Code: {code}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    };
    if let Some(token) = manners.token
        && header("authorization:") != Some(&format!("bearer {token}"))
    {
        return refuse(stream, "401 Unauthorized", "GatedRepo");
    }
    let of_kind = |kind: &str| path.strip_prefix(&format!("/api/{kind}/org/name/revision/"));
    if let Some(revision) = of_kind("models").or_else(|| of_kind("datasets")) {
        if revision != "main" && revision != COMMIT {
            return refuse(stream, "404 Not Found", "RevisionNotFound");
        }
        let siblings: Vec<_> = files.keys().map(|name| serde_json::json!({ "rfilename": name })).collect();
        let body = serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string();
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        return;
    }
    let repo = path.strip_prefix("/datasets").unwrap_or(path);
    let file = repo.strip_prefix(&format!("/org/name/resolve/{COMMIT}/"));
    let Some((name, bytes)) = file.and_then(|name| files.get_key_value(name)) else {
        return refuse(stream, "404 Not Found", "");
    };
    let etag = match &manners.weights_etag {
        Some(etag) if name.ends_with(".safetensors") => etag.clone(),
        _ => format!("etag-{}", name.replace('/', "-")),
    };
    let start = header("range:")
        .filter(|_| !manners.ignore_range)
        .map(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap());
    if let Some(storage) = manners.storage.as_ref().filter(|_| name.ends_with(".safetensors")) {
        let _ = write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: {storage}{path}\r\nX-Linked-Size: {}\r\nX-Linked-ETag: \"{etag}\"\r\n\
             ETag: \"of the redirect\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            bytes.len()
        );
        return;
    }
    let (status, range) = match start {
        Some(start) => {
            ("206 Partial Content", format!("Content-Range: bytes {start}-{}/{}\r\n", bytes.len() - 1, bytes.len()))
        }
        None => ("200 OK", String::new()),
    };
    let body = &bytes[start.unwrap_or(0)..];
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"{etag}\"\r\nX-Repo-Commit: {COMMIT}\r\n{range}Connection: close\r\n\r\n",
        body.len()
    );
    if method == "HEAD" {
        return;
    }
    match &mut manners.cut {
        Some((after, times)) if *times > 0 && body.len() > *after => {
            *times -= 1;
            let _ = stream.write_all(&body[..*after]);
        }
        _ => {
            let _ = stream.write_all(body);
        }
    }
}

const CONFIG: (&str, &[u8]) = ("config.json", b"{}");
const TOKENIZER: (&str, &[u8]) = ("tokenizer.json", b"{\"model\":{}}");

/// Weights that are long enough to be cut, and not periodic.
fn weights() -> Vec<u8> {
    (0..300_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn hash_of(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), bytes).unwrap();
    sha256_file(&dir.path().join("x")).unwrap()
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn the_model_arrives_once_and_is_then_found_offline() {
    let weights = weights();
    let files = [CONFIG, TOKENIZER, ("model.safetensors", &weights[..]), ("pytorch_model.bin", b"pickle")];
    let hub = Hub::serve(&files, Manners { weights_etag: Some(hash_of(&weights)), ..Manners::default() });
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
fn shards_are_those_the_index_names() {
    let index = br#"{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}"#;
    let files: [(&str, &[u8]); 5] = [
        CONFIG,
        ("model.safetensors.index.json", index),
        ("model-1.safetensors", b"one"),
        ("model-2.safetensors", b"two"),
        ("other.safetensors", b"surplus"),
    ];
    let hub = Hub::serve(&files, Manners::default());
    let cache = tempfile::tempdir().unwrap();
    let path = hub.resolve("hf:org/name", cache.path(), None).unwrap().path;
    assert_eq!(read(&path, "model-1.safetensors"), b"one");
    assert_eq!(read(&path, "model-2.safetensors"), b"two");
    assert!(!path.join("other.safetensors").exists());
}

#[test]
fn a_gguf_is_fetched_by_its_name_in_the_repository() {
    let hub = Hub::serve(&[("q/m Q4.gguf", b""), ("a.gguf", b"GGUF")], Manners::default());
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
fn large_files_come_from_the_storage_server_which_never_sees_the_token() {
    let weights = weights();
    let files = [CONFIG, ("model.safetensors", &weights[..])];
    let storage = Hub::serve(
        &files,
        Manners {
            cut: Some((500_000, 1)),
            weights_etag: Some("the storage's own tag".to_owned()),
            ..Manners::default()
        },
    );
    let hub = Hub::serve(
        &files,
        Manners {
            token: Some("secret"),
            weights_etag: Some(hash_of(&weights)),
            // Another name for the same machine, so another host to a client.
            storage: Some(storage.endpoint.replace("127.0.0.1", "localhost")),
            ..Manners::default()
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
fn a_broken_connection_is_resumed_where_it_stopped() {
    let weights = weights();
    for ignore_range in [false, true] {
        let files = [CONFIG, ("model.safetensors", &weights[..])];
        let manners = Manners {
            cut: Some((500_000, 2)),
            ignore_range,
            weights_etag: Some(hash_of(&weights)),
            ..Manners::default()
        };
        let hub = Hub::serve(&files, manners);
        let cache = tempfile::tempdir().unwrap();
        let path = hub.resolve("hf:org/name", cache.path(), None).unwrap().path;
        assert!(read(&path, "model.safetensors") == weights, "bytes differ, ignore_range {ignore_range}");
        let resumed = format!("GET /org/name/resolve/{COMMIT}/model.safetensors HTTP/1.1 bytes=500000-");
        assert_eq!(hub.requests(&resumed), if ignore_range { 2 } else { 1 });
    }
}

#[test]
fn a_server_that_keeps_breaking_off_is_given_up_and_leaves_nothing_that_looks_whole() {
    let weights = weights();
    let files = [CONFIG, ("model.safetensors", &weights[..])];
    let hub = Hub::serve(&files, Manners { cut: Some((1000, 4)), ..Manners::default() });
    let cache = tempfile::tempdir().unwrap();
    let error = hub.resolve("hf:org/name", cache.path(), None).unwrap_err();
    assert!(matches!(&error, SourceError::Network { url, .. } if url.ends_with("model.safetensors")), "{error}");
    let repo = cache.path().join("hub/models--org--name");
    assert!(!repo.join("snapshots").join(COMMIT).join("model.safetensors").exists());
    assert!(!repo.join("refs/main").exists());
    // The next call goes on from the 4000 bytes that did arrive.
    let path = hub.resolve("hf:org/name", cache.path(), None).unwrap().path;
    assert!(read(&path, "model.safetensors") == weights);
    assert_eq!(hub.requests(&format!("GET /org/name/resolve/{COMMIT}/model.safetensors HTTP/1.1 bytes=4000-")), 1);
}

#[test]
fn wrong_bytes_are_refused_and_not_kept() {
    let files: [(&str, &[u8]); 2] = [CONFIG, ("model.safetensors", b"not what was announced")];
    let manners = Manners { weights_etag: Some(hash_of(b"announced")), ..Manners::default() };
    let hub = Hub::serve(&files, manners);
    let cache = tempfile::tempdir().unwrap();
    let error = hub.resolve("hf:org/name", cache.path(), None).unwrap_err();
    assert!(matches!(error, SourceError::Mismatch { what: "sha256", .. }), "{error}");
    let blobs = cache.path().join("hub/models--org--name/blobs");
    let kept: Vec<_> = std::fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["etag-config.json"]);
}

#[test]
fn statuses_say_what_they_mean() {
    let files: [(&str, &[u8]); 2] = [CONFIG, ("model.safetensors", b"w")];
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::serve(&files, Manners { token: Some("secret"), ..Manners::default() });
    let gated = hub.resolve("hf:org/name", cache.path(), None).unwrap_err().to_string();
    assert!(gated.contains("401") && gated.contains("gated") && gated.contains("token"), "{gated}");
    assert!(hub.resolve("hf:org/name", cache.path(), Some("secret")).is_ok());

    let hub = Hub::serve(&files, Manners::default());
    let missing = hub.resolve("hf:org/elsewhere", cache.path(), None).unwrap_err().to_string();
    assert!(missing.contains("404") && missing.contains("org/elsewhere"), "{missing}");
    let revision = hub.resolve("hf:org/name@v9", cache.path(), None).unwrap_err().to_string();
    assert!(revision.contains("no such branch, tag or commit"), "{revision}");
}

#[test]
fn an_unreachable_server_is_named() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let options =
        SourceOptions { hub_endpoint: format!("http://{unused}"), ..SourceOptions::new(cache.path(), &|_| ()) };
    let error = resolve(&ModelSource::parse("hf:org/name").unwrap(), &options).unwrap_err();
    assert!(matches!(&error, SourceError::Network { url, .. } if url.contains(&unused.to_string())), "{error}");
}

#[test]
fn progress_grows_to_the_announced_size() {
    let weights = weights();
    let hub = Hub::serve(&[CONFIG, ("model.safetensors", &weights)], Manners::default());
    let cache = tempfile::tempdir().unwrap();
    let reports = Mutex::new(Vec::new());
    let on_progress = |p: Progress<'_>| {
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
fn named_files_of_a_data_set_arrive_once_and_are_then_found_offline() {
    let hub = Hub::serve(&SHARDS, Manners::default());
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
    let layout = laser::task::dataset::Layout { files: &names, list: None };
    let rows = laser::task::dataset::Records::open(&got.path, &layout, false).unwrap();
    assert_eq!(rows.rows.iter().map(|row| row.index("a", 9)).collect::<Vec<_>>(), [Ok(1), Ok(2)]);

    assert_eq!(hub.data(&format!("hf:org/name@{COMMIT}"), &names, cache.path()).unwrap(), got);
    assert_eq!(hub.requests("GET /datasets/org/name/resolve"), 2, "a cached file was fetched again");

    let offline = SourceOptions {
        offline: true,
        hub_endpoint: "http://127.0.0.1:9".into(),
        ..SourceOptions::new(cache.path(), &|_| ())
    };
    let find = |data: &str, names: &[&str]| {
        HubDataset::parse(data).unwrap().unwrap().fetch(&|files| Layout::choose(files, names), &offline)
    };
    assert_eq!(find("hf:org/name", &names).unwrap(), got);
    assert_eq!(find(&format!("hf:org/name@{COMMIT}"), &names).unwrap(), got);
    for (data, names, missing) in [
        ("hf:org/name", &["extra.csv"][..], "extra.csv"),
        ("hf:org/name@v2", &names, "data/test-*.jsonl"),
        ("hf:org/other", &[], "a file of rows"),
    ] {
        let error = find(data, names).unwrap_err();
        assert!(matches!(&error, SourceError::NotCached { file, .. } if file == missing), "{error}");
    }
}

#[test]
fn a_data_set_without_names_is_all_its_files_of_rows() {
    let hub = Hub::serve(&SHARDS, Manners::default());
    let cache = tempfile::tempdir().unwrap();
    let got = hub.data("hf:org/name@main", &[], cache.path()).unwrap();
    assert_eq!(SHARDS.map(|(name, _)| got.path.join(name).exists()), [false, true, true, true, true]);
    let error = hub.data("hf:org/name", &["validation*.parquet"], cache.path()).unwrap_err().to_string();
    assert!(error.contains("expected validation*.parquet, found README.md, data/test-00000-of-00002.jsonl"), "{error}");
    assert!(hub.data("hf:org/elsewhere", &[], cache.path()).unwrap_err().to_string().contains("404"));
}

#[test]
fn a_data_set_that_stops_half_way_is_not_there() {
    let long = b"{\"a\": 1}\n".repeat(1000);
    let files = [("test-0.jsonl", &long[..]), ("test-1.jsonl", &long[..])];
    // The first file takes three of the four attempts that a file has, the second all of them.
    let hub = Hub::serve(&files, Manners { cut: Some((1000, 7)), ..Manners::default() });
    let cache = tempfile::tempdir().unwrap();
    assert!(matches!(hub.data("hf:org/name", &["test-*"], cache.path()), Err(SourceError::Network { .. })));
    let repo = cache.path().join("hub/datasets--org--name");
    assert!(!repo.join("snapshots").exists() && !repo.join("refs").exists());
    let got = hub.data("hf:org/name", &["test-*"], cache.path()).unwrap();
    assert!(read(&got.path, "test-0.jsonl") == long && read(&got.path, "test-1.jsonl") == long);
}
