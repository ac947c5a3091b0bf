//! A small server of the Hub's protocol that can be written to: it keeps repositories in memory, large files apart from the
//! others, and holds clients to the protocol. A test chooses its faults.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Token that may write.
pub(crate) const WRITER: &str = "hf_writer";
/// Token that may only read.
pub(crate) const READER: &str = "hf_reader";

type Files = BTreeMap<String, Vec<u8>>;

/// Features and faults.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Behaviour {
    /// Ask for large files in parts of so many bytes.
    pub(crate) chunk: Option<usize>,
    /// Fail with status 500 where the address contains this text.
    pub(crate) fail_at: Option<&'static str>,
    /// Fail the first so many sendings of contents.
    pub(crate) failures: usize,
    /// Refuse to create repositories.
    pub(crate) creates_nothing: bool,
}

/// A repository.
#[derive(Default)]
struct Repository {
    private: bool,
    /// All files after each commit.
    commits: Vec<Files>,
}

#[derive(Default)]
struct State {
    behaviour: Behaviour,
    repositories: BTreeMap<String, Repository>,
    /// Contents of large files by their SHA-256.
    large: Files,
    /// Parts that have been sent, by `SHA-256/NUMBER`.
    parts: Files,
    requests: Vec<String>,
    endpoint: String,
    storage: String,
}

/// The server, until the process ends.
pub(crate) struct UploadServer {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

/// A request.
struct Asked {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

impl UploadServer {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        // The same server under another name, which a client must take for another one.
        let (endpoint, storage) = (format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}"));
        let state = State { behaviour, endpoint: endpoint.clone(), storage, ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some(asked) = read(&stream) else { continue };
                let (status, headers, body) = shared.lock().expect("no panic").answer(&asked);
                let mut head =
                    format!("HTTP/1.1 {status} Told\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
                headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
                let body = if asked.method == "HEAD" { &[][..] } else { &body };
                let _ = stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        Self { endpoint, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// Adds a repository with the files of a folder.
    pub(crate) fn add(&self, name: &str, folder: &Path) {
        let entries = std::fs::read_dir(folder).expect("lists").map(|entry| entry.expect("an entry").path());
        let file = |path: std::path::PathBuf| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("reads"))
        };
        let repository = Repository { private: false, commits: vec![entries.map(file).collect()] };
        self.state().repositories.insert(name.to_owned(), repository);
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    /// The files of a repository after its last commit, without the one that every new repository has; `None` if there is no such
    /// repository.
    pub(crate) fn files(&self, name: &str) -> Option<Files> {
        let mut files = self.state().repositories.get(name)?.commits.last()?.clone();
        files.remove(".gitattributes");
        Some(files)
    }

    pub(crate) fn text(&self, name: &str, file: &str) -> String {
        String::from_utf8(self.files(name).expect("a repository")[file].clone()).expect("UTF-8")
    }

    /// Replaces a file by a further commit.
    pub(crate) fn put(&self, name: &str, file: &str, bytes: &[u8]) {
        let mut state = self.state();
        let commits = &mut state.repositories.get_mut(name).expect("a repository").commits;
        let mut files = commits.last().expect("a commit").clone();
        files.insert(file.to_owned(), bytes.to_vec());
        commits.push(files);
    }

    pub(crate) fn is_private(&self, name: &str) -> bool {
        self.state().repositories[name].private
    }

    /// Method and address of every request that begins so.
    pub(crate) fn requests(&self, start: &str) -> Vec<String> {
        self.state().requests.iter().filter(|line| line.starts_with(start)).cloned().collect()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, path, headers, body })
}

fn told(value: &Value) -> Answer {
    (200, Vec::new(), value.to_string().into_bytes())
}

fn refused(status: u16, why: &str) -> Answer {
    (status, Vec::new(), json!({ "error": why }).to_string().into_bytes())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Name of the commit with this number.
fn commit_name(number: usize) -> String {
    format!("{:040x}", number + 1)
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Answer {
        self.requests.push(format!("{} {}", asked.method, asked.path));
        let (method, path) = (asked.method.as_str(), asked.path.as_str());
        if method != "GET" && method != "HEAD" && !asked.headers.contains_key("content-length") {
            return refused(411, "no length");
        }
        if self.behaviour.fail_at.is_some_and(|text| path.contains(text)) {
            return refused(500, "Internal error");
        }
        let storage = path.strip_prefix("/storage/");
        if storage.is_some() && asked.headers.contains_key("authorization") {
            return refused(400, "the storage server must not see the token");
        }
        if let Some(rest) = storage.filter(|_| method == "PUT") {
            return self.store(rest, &asked.body);
        }
        let token = asked.headers.get("authorization").and_then(|text| text.strip_prefix("Bearer "));
        if method == "GET" || method == "HEAD" {
            return self.get(path, token.is_some());
        }
        match token {
            Some(WRITER) => {}
            Some(READER) => return refused(403, "You need the right to write"),
            _ => return refused(401, "Invalid credentials"),
        }
        let Ok(body) = std::str::from_utf8(&asked.body) else { return refused(400, "no text") };
        let kind = asked.headers.get("content-type").map_or("", String::as_str);
        let lines: Result<Vec<Value>, _> = body.lines().map(serde_json::from_str).collect();
        let Ok(lines) = lines else { return refused(400, "no JSON") };
        let Some(json) = lines.first().cloned() else { return refused(400, "nothing") };
        if path == "/api/repos/create" {
            return self.create(&json);
        }
        if let Some(oid) = path.strip_prefix("/complete/") {
            return self.complete(oid, &json);
        }
        if let Some(repo) = path.strip_prefix('/').and_then(|path| path.strip_suffix(".git/info/lfs/objects/batch")) {
            let is_lfs = kind == "application/vnd.git-lfs+json" && self.repositories.contains_key(repo);
            return if is_lfs { self.batch(&json) } else { refused(400, "no batch of Git LFS") };
        }
        if path.ends_with(".git/info/lfs/verify") {
            let is_there = self.large.get(json["oid"].as_str().unwrap_or_default());
            return match is_there.filter(|bytes| json["size"] == bytes.len()) {
                Some(_) => told(&json!({})),
                None => refused(404, "not there"),
            };
        }
        let of_repository = path.strip_prefix("/api/models/");
        if let Some(repo) = of_repository.and_then(|path| path.strip_suffix("/preupload/main")) {
            return if self.repositories.contains_key(repo) { preupload(&json) } else { refused(404, "no repository") };
        }
        match of_repository.and_then(|path| path.strip_suffix("/commit/main")) {
            Some(repo) if kind == "application/x-ndjson" => self.commit(repo, &lines),
            _ => refused(404, "no such address"),
        }
    }

    fn create(&mut self, json: &Value) -> Answer {
        if self.behaviour.creates_nothing {
            return refused(403, "You may not create repositories");
        }
        let name = format!("{}/{}", json["organization"].as_str().unwrap(), json["name"].as_str().unwrap());
        if json["type"] != "model" || self.repositories.contains_key(&name) {
            return refused(409, "You already created this model repo");
        }
        let commits = vec![Files::from([(".gitattributes".to_owned(), Vec::new())])];
        let private = json["private"].as_bool().unwrap_or(false);
        self.repositories.insert(name, Repository { private, commits });
        told(&json!({}))
    }

    fn batch(&self, json: &Value) -> Answer {
        let object = |object: &Value| {
            let oid = object["oid"].as_str().unwrap_or_default();
            let size = object["size"].as_u64().unwrap_or(0) as usize;
            if self.large.contains_key(oid) {
                return json!({"oid": oid, "size": size});
            }
            let upload = match self.behaviour.chunk {
                None => json!({"href": format!("{}/storage/{oid}?signature=secret", self.storage), "header": {}}),
                Some(chunk) => {
                    let mut header = json!({"chunk_size": chunk.to_string()});
                    for number in 1..=size.div_ceil(chunk) {
                        header[format!("{number:05}")] = format!("{}/storage/{oid}/{number}", self.storage).into();
                    }
                    json!({"href": format!("{}/complete/{oid}", self.endpoint), "header": header})
                }
            };
            let verify = json!({"href": format!("{}/any/repo.git/info/lfs/verify", self.endpoint)});
            json!({"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}})
        };
        let objects: Vec<Value> = json["objects"].as_array().into_iter().flatten().map(object).collect();
        told(&json!({ "transfer": "basic", "objects": objects }))
    }

    /// Keeps contents that were sent to `OID?…` or `OID/NUMBER`.
    fn store(&mut self, rest: &str, body: &[u8]) -> Answer {
        if self.behaviour.failures > 0 {
            self.behaviour.failures -= 1;
            return refused(503, "Slow down");
        }
        let rest = rest.split('?').next().unwrap_or_default();
        if rest.contains('/') {
            self.parts.insert(rest.to_owned(), body.to_vec());
        } else if sha256(body) == rest {
            self.large.insert(rest.to_owned(), body.to_vec());
        } else {
            return refused(400, "other contents");
        }
        (200, vec![("ETag", format!("\"{}\"", sha256(body)))], Vec::new())
    }

    /// Joins the parts of a file.
    fn complete(&mut self, oid: &str, json: &Value) -> Answer {
        let mut whole = Vec::new();
        for part in json["parts"].as_array().into_iter().flatten() {
            let Some(bytes) = self.parts.get(&format!("{oid}/{}", part["partNumber"])) else {
                return refused(400, "a part is missing");
            };
            if part["etag"] != format!("\"{}\"", sha256(bytes)) {
                return refused(400, "another etag");
            }
            whole.extend(bytes);
        }
        if sha256(&whole) != oid {
            return refused(400, "other contents");
        }
        self.large.insert(oid.to_owned(), whole);
        told(&json!({}))
    }

    fn commit(&mut self, repo: &str, lines: &[Value]) -> Answer {
        let Some(repository) = self.repositories.get_mut(repo) else { return refused(404, "no repository") };
        let mut files = repository.commits.last().cloned().unwrap_or_default();
        if lines[0]["key"] != "header" || lines[0]["value"]["summary"].as_str().is_none_or(str::is_empty) {
            return refused(400, "no header");
        }
        for line in &lines[1..] {
            let value = &line["value"];
            let path = value["path"].as_str().unwrap_or_default().to_owned();
            let bytes = match line["key"].as_str() {
                Some("file") if value["encoding"] == "base64" => {
                    STANDARD.decode(value["content"].as_str().unwrap_or_default()).ok()
                }
                Some("lfsFile") if value["algo"] == "sha256" => {
                    self.large.get(value["oid"].as_str().unwrap_or_default()).cloned()
                }
                _ => None,
            };
            let Some(bytes) = bytes.filter(|_| !path.is_empty()) else { return refused(400, "a file is not there") };
            files.insert(path, bytes);
        }
        repository.commits.push(files);
        let commit = commit_name(repository.commits.len() - 1);
        told(&json!({"success": true, "commitOid": commit, "commitUrl": format!("{}/{repo}", self.endpoint)}))
    }

    /// Reads: the repository, its files at a revision, or one of them.
    fn get(&self, path: &str, with_token: bool) -> Answer {
        let found = self.repositories.iter().find_map(|(name, repository)| {
            let rest = path.strip_prefix("/api/models/").and_then(|rest| rest.strip_prefix(name.as_str()));
            let rest = rest.map(|rest| ("api", rest));
            let file = path.strip_prefix('/').and_then(|rest| rest.strip_prefix(name.as_str()));
            Some((repository, rest.or(file.map(|rest| ("file", rest)))?))
        });
        let Some((repository, (kind, rest))) = found else { return refused(404, "no repository") };
        if repository.private && !with_token {
            return refused(401, "private");
        }
        let number = |revision: &str| match revision {
            "main" => repository.commits.len().checked_sub(1),
            commit => (0..repository.commits.len()).find(|number| commit_name(*number) == commit),
        };
        if kind == "api" && rest.is_empty() {
            return told(&json!({ "private": repository.private }));
        }
        if let Some(revision) = rest.strip_prefix("/revision/") {
            let Some(number) = number(revision) else { return refused(404, "no revision") };
            let siblings: Vec<Value> =
                repository.commits[number].keys().map(|name| json!({ "rfilename": name })).collect();
            return told(&json!({"sha": commit_name(number), "siblings": siblings}));
        }
        let file = rest.strip_prefix("/resolve/").and_then(|rest| rest.split_once('/'));
        let bytes = file.and_then(|(revision, file)| repository.commits[number(revision)?].get(file));
        match bytes {
            Some(bytes) => (200, vec![("ETag", format!("\"{}\"", sha256(bytes)))], bytes.clone()),
            None => refused(404, "no file"),
        }
    }
}

/// Says which files are large, as the Hub does: by their names and sizes.
fn preupload(json: &Value) -> Answer {
    let mode = |file: &Value| {
        let name = file["path"].as_str().unwrap_or_default();
        let is_large = [".safetensors", ".gguf"].iter().any(|end| name.ends_with(end));
        let sample = STANDARD.decode(file["sample"].as_str().unwrap_or_default()).unwrap_or_default();
        let expected = file["size"].as_u64().unwrap_or(0).min(512);
        // A client that sends too little is held to the protocol.
        let mode = if sample.len() as u64 != expected {
            "unknown"
        } else if is_large {
            "lfs"
        } else {
            "regular"
        };
        json!({"path": name, "uploadMode": mode, "shouldIgnore": false})
    };
    let files: Vec<Value> = json["files"].as_array().into_iter().flatten().map(mode).collect();
    told(&json!({ "files": files }))
}
