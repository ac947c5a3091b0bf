//! The file of a task: YAML with `include`, read into plain JSON values.
//!
//! Local keys win over included ones, a later file over an earlier one. Tags such as `!function` name Python, which
//! Laser does not run. Anchors are bounded by the parser itself, which stops at a file that repeats itself.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use crate::error::{Error, Result};

/// Bytes of a task file; the harness's own are below 100 KiB.
const MAX_BYTES: u64 = 1 << 20;
/// Values of a file after its anchors are put in.
const MAX_VALUES: usize = 100_000;
/// Files that include one another.
const MAX_FILES: usize = 16;

/// The keys of a task file and of the files it includes.
///
/// # Errors
/// A file that cannot be read, is too large, is no YAML mapping, has a tag, or is included twice.
pub(super) fn read(path: &Path) -> Result<Map<String, Value>> {
    with_includes(path, &mut Vec::new())
}

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
    let mut own = alone(path)?;
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

/// Whether a file can be read and says that its task has this name.
pub(super) fn is_task(path: &Path, name: &str) -> bool {
    let says = |text: &String| text.contains(name); // most files of a large folder are not worth parsing
    let yaml = text(path).ok().filter(says).and_then(|text| serde_yaml_ng::from_str::<Yaml>(&text).ok());
    yaml.is_some_and(|yaml| yaml.get("task").and_then(Yaml::as_str) == Some(name))
}

/// The keys of one file, `include` among them.
fn alone(path: &Path) -> Result<Map<String, Value>> {
    let mut left = MAX_VALUES;
    let yaml = serde_yaml_ng::from_str(&text(path)?).map_err(|e| Error::parse(path, e))?;
    match plain(yaml, "", &mut left) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Error::parse(path, "expected keys with values, found something else")),
        Err((place, problem)) => Err(Error::Task { file: path.display().to_string(), place, problem }),
    }
}

fn text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(Error::io(path))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Error::parse(path, format!("expected a task of at most {MAX_BYTES} bytes, found more")));
    }
    Ok(text)
}

/// A YAML value as JSON, or the key that has none and why.
fn plain(yaml: Yaml, place: &str, left: &mut usize) -> Result<Value, (String, String)> {
    let wrong = |problem: String| Err((format!("`{place}`"), problem));
    *left = match left.checked_sub(1) {
        Some(left) => left,
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
            let entry = |(i, value)| plain(value, &format!("{place}[{i}]"), left);
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
                out.insert(key, plain(value, &inner, left)?);
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
    fn local_keys_win_over_included_ones() {
        let folder = folder(&[
            ("base.yaml", "a: 1\nb: {x: 1}\n"),
            ("more.yaml", "include: base.yaml\nb: 2\nc: [1.5, null, yes]\n"),
            ("task.yaml", "include: [more.yaml]\nc: \"\\n\"\n"),
        ]);
        let map = read(&folder.path().join("task.yaml")).expect("reads");
        assert_eq!(Value::Object(map), json!({"a": 1, "b": 2, "c": "\n"}));
        let more = read(&folder.path().join("more.yaml")).expect("reads");
        assert_eq!(more["c"], json!([1.5, null, "yes"]));
    }

    #[test]
    fn files_that_cannot_be_are_refused() {
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
    }
}
