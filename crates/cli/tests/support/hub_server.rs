//! A small server of the Hub's protocol with one model, which may send files slowly, so that kills come amid them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// Bytes that are sent at a time.
const PIECE: usize = 16 << 10;

/// Serves the files of `folder` as `org/name` until the process ends, to requests with `token` if there is one; returns the
/// endpoint.
pub(crate) fn serve(folder: &Path, pause: Duration, token: Option<&'static str>) -> String {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read(path).expect("reads"))
    };
    let files: Arc<BTreeMap<String, Vec<u8>>> = Arc::new(std::fs::read_dir(folder).expect("lists").map(read).collect());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let files = Arc::clone(&files);
            // A client that is killed ends its connection; that is all.
            std::thread::spawn(move || answer(stream, &files, pause, token));
        }
    });
    endpoint
}

fn answer(
    mut stream: TcpStream,
    files: &BTreeMap<String, Vec<u8>>,
    pause: Duration,
    token: Option<&str>,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let request = lines.next()?;
    let headers: Vec<String> =
        lines.take_while(|line| !line.is_empty()).map(|line| line.to_ascii_lowercase()).collect();
    let mut words = request.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    if let Some(token) = token
        && !headers.contains(&format!("authorization: bearer {token}"))
    {
        write!(stream, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
        return Some(());
    }
    if path.starts_with("/api/models/org/name/revision/") {
        let siblings: Vec<_> = files.keys().map(|name| serde_json::json!({ "rfilename": name })).collect();
        let body = serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).ok()?;
        return Some(());
    }
    let Some((name, bytes)) =
        path.strip_prefix(&format!("/org/name/resolve/{COMMIT}/")).and_then(|name| files.get_key_value(name))
    else {
        write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
        return Some(());
    };
    let start = headers.iter().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
    let start: usize = start.unwrap_or(0);
    let (status, range) = match start {
        0 => ("200 OK", String::new()),
        _ => ("206 Partial Content", format!("Content-Range: bytes {start}-{}/{}\r\n", bytes.len() - 1, bytes.len())),
    };
    let body = bytes.get(start..)?;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"etag-{name}\"\r\nX-Repo-Commit: {COMMIT}\r\n{range}Connection: close\r\n\r\n",
        body.len()
    )
    .ok()?;
    if method != "HEAD" {
        for piece in body.chunks(PIECE) {
            stream.write_all(piece).ok()?;
            std::thread::sleep(pause);
        }
    }
    Some(())
}
