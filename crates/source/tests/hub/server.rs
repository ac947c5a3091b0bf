//! A small server of the Hub's protocol on a local port, whose faults a test chooses.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use laser_source::{HubDataset, ModelSource, ResolvedSource, SourceError, SourceOptions, resolve};

/// Commit of branch `main`.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Faults and features of the server.
#[derive(Default, Clone)]
pub(crate) struct Behaviour {
    /// `(bytes, answers)`: close the connection after that many bytes of a body, for the first so many answers.
    pub(crate) cut: Option<(usize, usize)>,
    /// Answer requests of a range with the whole file.
    pub(crate) ignore_range: bool,
    /// Entity tag of the weights.
    pub(crate) weights_etag: Option<String>,
    /// Token that every request must have.
    pub(crate) token: Option<&'static str>,
    /// Address of another server to which requests for weights are redirected, as the Hub does for large files.
    pub(crate) storage: Option<String>,
}

/// The server's address, and the requests that it received.
pub(crate) struct Hub {
    pub(crate) endpoint: String,
    /// Request line, `Range` and `Authorization` of each request.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    /// Serves `files` as model and as data set `org/name`, branch `main`, until the test ends.
    pub(crate) fn serve(files: &[(&str, &[u8])], behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let files: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut behaviour = behaviour;
            for stream in listener.incoming() {
                answer(&mut stream.unwrap(), &files, &mut behaviour, &log);
            }
        });
        Self { endpoint, seen }
    }

    /// Resolves a model with this server.
    pub(crate) fn resolve(
        &self,
        model: &str,
        cache: &Path,
        token: Option<&str>,
    ) -> Result<ResolvedSource, SourceError> {
        let options = SourceOptions {
            hub_endpoint: self.endpoint.clone(),
            hub_token: token.map(str::to_owned),
            ..SourceOptions::new(cache, &|_| ())
        };
        resolve(&ModelSource::parse(model)?, &options)
    }

    /// Fetches the files of a data set that match `names` with this server.
    pub(crate) fn data(&self, data: &str, names: &[&str], cache: &Path) -> Result<ResolvedSource, SourceError> {
        let options = SourceOptions { hub_endpoint: self.endpoint.clone(), ..SourceOptions::new(cache, &|_| ()) };
        HubDataset::parse(data)?.expect("begins with hf:").fetch(&|files| choose(files, names), &options)
    }

    /// Number of requests whose line begins with `start`.
    pub(crate) fn requests(&self, start: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }
}

/// Reads one request and answers it. Every connection is used for one request, so that a client notices a cut at once.
fn answer(
    stream: &mut TcpStream,
    files: &BTreeMap<String, Vec<u8>>,
    behaviour: &mut Behaviour,
    log: &Mutex<Vec<String>>,
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let Some(request) = lines.next() else { return };
    let headers: Vec<String> =
        lines.take_while(|line| !line.is_empty()).map(|line| line.to_ascii_lowercase()).collect();
    let header = |name: &str| headers.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let shown = ["range:", "authorization:"].map(|name| header(name).unwrap_or_default());
    log.lock().unwrap().push(format!("{request} {}", shown.join(" ")));
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
    if let Some(token) = behaviour.token
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
    let etag = match &behaviour.weights_etag {
        Some(etag) if name.ends_with(".safetensors") => etag.clone(),
        _ => format!("etag-{}", name.replace('/', "-")),
    };
    let start = header("range:")
        .filter(|_| !behaviour.ignore_range)
        .map(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap());
    if let Some(storage) = behaviour.storage.as_ref().filter(|_| name.ends_with(".safetensors")) {
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
    match &mut behaviour.cut {
        Some((after, times)) if *times > 0 && body.len() > *after => {
            *times -= 1;
            let _ = stream.write_all(&body[..*after]);
        }
        _ => {
            let _ = stream.write_all(body);
        }
    }
}

/// Files of a data set that match `names` (`*` stands for any text); without names, all data files.
pub(crate) fn choose(files: &[String], names: &[&str]) -> Result<Vec<String>, String> {
    let is_data = |file: &str| file.ends_with(".jsonl") || file.ends_with(".csv");
    let matches = |name: &str, file: &str| match name.split_once('*') {
        Some((start, end)) => file.starts_with(start) && file.ends_with(end),
        None => file == name,
    };
    let wanted = |file: &&String| match names {
        [] => is_data(file),
        names => names.iter().any(|name| matches(name, file)),
    };
    let chosen: Vec<String> = files.iter().filter(wanted).cloned().collect();
    match names.iter().find(|name| !files.iter().any(|file| matches(name, file))) {
        Some(missing) => Err((*missing).to_owned()),
        None if chosen.is_empty() => Err("a data file".to_owned()),
        None => Ok(chosen),
    }
}
