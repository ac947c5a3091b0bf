//! Reads the YAML of a task file and of the files it includes into JSON values.
//!
//! A file's own keys override included ones, and later includes override earlier ones. Tags such as `!function` name
//! Python code and are errors. The YAML parser itself limits how often anchors are repeated; sizes and counts are
//! limited here, because a task file may come from anywhere.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use crate::error::{Error, Result};
use crate::text_file::text_of;

/// Largest task file in bytes; the harness's own are below 100 KiB.
const MAX_BYTES: u64 = 1 << 20;
/// Largest number of values in a file, with anchors expanded.
const MAX_VALUES: usize = 100_000;
/// Largest number of files that a task consists of, includes of includes counted.
const MAX_FILES: usize = 16;

/// Reads the keys of a task file and of the files it includes.
///
/// # Errors
/// A file that cannot be read, is too large, is no YAML mapping, has a tag, or is included twice.
pub(super) fn read(path: &Path) -> Result<Map<String, Value>> {
    with_includes(path, &mut Vec::new())
}

/// Like [`read`]. `seen`: the files read so far, to which this file is added.
fn with_includes(path: &Path, seen: &mut Vec<PathBuf>) -> Result<Map<String, Value>> {
    let wrong = |problem: String| Error::Task { file: path.display().to_string(), place: "`include`".into(), problem };
    let real = path.canonicalize().map_err(Error::io(path))?;
    if seen.contains(&real) {
        return Err(wrong("expected each file once, found this one again".into()));
    }
    if seen.len() == MAX_FILES {
        return Err(wrong(format!("expected at most {MAX_FILES} files, found more")));
    }
    seen.push(real);
    let mut own = read_one(path)?;
    let included = match own.shift_remove("include") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => {
            let text = |value| match value {
                Value::String(text) => Ok(text),
                other => Err(wrong(format!("expected file names, found {other}"))),
            };
            list.into_iter().map(text).collect::<Result<_>>()?
        }
        Some(other) => return Err(wrong(format!("expected a file name or a list of them, found {other}"))),
    };
    let mut merged = Map::new();
    for name in included {
        merged.extend(with_includes(&path.parent().unwrap_or(Path::new("")).join(name), seen)?);
    }
    merged.extend(own);
    Ok(merged)
}

/// Whether a file can be read and its `task` is `name`; includes are not followed.
pub(super) fn is_task(path: &Path, name: &str) -> bool {
    // Parsing every file of a large folder would be slow; most do not even contain the name.
    let contains = |text: &String| text.contains(name);
    let yaml = text(path).ok().filter(contains).and_then(|text| serde_yaml_ng::from_str::<Yaml>(&text).ok());
    yaml.is_some_and(|yaml| yaml.get("task").and_then(Yaml::as_str) == Some(name))
}

/// Reads the keys of one file, among them `include`.
fn read_one(path: &Path) -> Result<Map<String, Value>> {
    let mut values_left = MAX_VALUES;
    let yaml = serde_yaml_ng::from_str(&text(path)?).map_err(|e| Error::parse(path, e))?;
    match to_json(yaml, "", &mut values_left) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Error::parse(path, "expected keys with values, found something else")),
        Err((place, problem)) => Err(Error::Task { file: path.display().to_string(), place, problem }),
    }
}

/// The text of a file of at most [`MAX_BYTES`].
fn text(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::parse(path, format!("expected a task of at most {MAX_BYTES} bytes, found more")));
    }
    text_of(bytes).map_err(|problem| Error::parse(path, problem))
}

/// Converts a YAML value to JSON. `place` is its path in the file, such as `a[0].b`; the error is the place and the
/// problem.
fn to_json(yaml: Yaml, place: &str, values_left: &mut usize) -> Result<Value, (String, String)> {
    let wrong = |problem: String| Err((format!("`{place}`"), problem));
    *values_left = match values_left.checked_sub(1) {
        Some(fewer) => fewer,
        None => return wrong(format!("expected at most {MAX_VALUES} values in a file, found more")),
    };
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => b.into(),
        Yaml::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(n), ..) => n.into(),
            (_, Some(n), _) => n.into(),
            (.., Some(x)) if x.is_finite() => x.into(),
            _ => return wrong(format!("expected a finite number, found {n}")),
        },
        Yaml::String(text) => text.into(),
        Yaml::Sequence(list) => {
            let entry = |(i, value)| to_json(value, &format!("{place}[{i}]"), values_left);
            Value::Array(list.into_iter().enumerate().map(entry).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                let key = match key {
                    Yaml::String(key) => key,
                    Yaml::Number(n) => n.to_string(),
                    Yaml::Bool(b) => b.to_string(),
                    other => return wrong(format!("expected keys that are texts, found {other:?}")),
                };
                let inner = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                out.insert(key, to_json(value, &inner, values_left)?);
            }
            Value::Object(out)
        }
        Yaml::Tagged(tagged) => {
            return wrong(format!("`{}` is not supported: laser runs no Python", tagged.tag));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("writes");
        }
        folder
    }

    #[test]
    fn own_keys_override_included_ones() {
        let folder = folder(&[
            ("base.yaml", "a: 1\nb: {x: 1}\n"),
            ("more.yaml", "include: base.yaml\nb: 2\nc: [1.5, null, yes]\n"),
            ("task.yaml", "include: [more.yaml]\nc: \"\\n\"\n"),
        ]);
        let map = read(&folder.path().join("task.yaml")).expect("reads");
        assert_eq!(Value::Object(map), json!({"a": 1, "b": 2, "c": "\n"}));
        let marked = "\u{feff}include: base.yaml\r\nc: 3\r\n";
        std::fs::write(folder.path().join("marked.yaml"), marked).expect("writes");
        let map = read(&folder.path().join("marked.yaml")).expect("a byte order mark is no key");
        assert_eq!(Value::Object(map), json!({"a": 1, "b": {"x": 1}, "c": 3}));
        let more = read(&folder.path().join("more.yaml")).expect("reads");
        assert_eq!(more["c"], json!([1.5, null, "yes"]));
    }

    #[test]
    fn malformed_and_oversized_files_are_refused() {
        let bomb: String = (1..9)
            .map(|i| {
                let list = vec![format!("*a{}", i - 1); 20].join(",");
                format!("a{i}: &a{i} [{list}]\n")
            })
            .collect();
        let deep = format!("a: {}", "[".repeat(5000));
        let long = format!("a: {}", "x".repeat(1 << 20));
        let bomb = format!("a0: &a0 [1,2,3]\n{bomb}");
        for (text, words) in [
            ("a: !function utils.f", &["`a`", "!function", "no Python"][..]),
            ("a:\n  - b: !x 1", &["`a[0].b`"]),
            ("include: task.yaml", &["`include`", "again"]),
            ("include: nowhere.yaml", &["nowhere.yaml"]),
            ("include: 3", &["`include`", "found 3"]),
            ("a: 1\na: 2", &["task.yaml", "duplicate"]),
            ("- a", &["task.yaml"]),
            ("a: .nan", &["`a`", "finite"]),
            (&bomb, &["task.yaml"]),
            (&deep, &["task.yaml"]),
            (&long, &["task.yaml", "bytes"]),
        ] {
            let folder = folder(&[("task.yaml", text)]);
            let error = read(&folder.path().join("task.yaml")).expect_err(&text[..text.len().min(40)]).to_string();
            for word in words {
                assert!(error.contains(word), "no `{word}` in {error}");
            }
        }
        let wide: Vec<u8> = "\u{feff}task: t\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, word) in [(wide, "UTF-16"), (b"task: \xff".to_vec(), "after 6 good ones")] {
            let folder = folder(&[]);
            let path = folder.path().join("task.yaml");
            std::fs::write(&path, bytes).expect("writes");
            let error = read(&path).expect_err(word).to_string();
            assert!(error.contains("task.yaml") && error.contains(word), "{error}");
        }
    }
}
