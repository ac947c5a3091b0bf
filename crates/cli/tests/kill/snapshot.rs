//! What a folder or file holds, to compare it with another.

use std::collections::BTreeMap;
use std::path::Path;

use crate::bench::without_host;

/// All files below `path` with their bytes (results without date, command, time and machine), by path below it (empty for a file); `None` if nothing is there.
pub(crate) fn snapshot(path: &Path) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    path.symlink_metadata().ok()?;
    add(path, String::new(), &mut files);
    Some(files)
}

fn add(path: &Path, name: String, files: &mut BTreeMap<String, Vec<u8>>) {
    if !path.is_dir() {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let settled = name.ends_with("results.json").then(|| without_host(&String::from_utf8_lossy(&bytes))).flatten();
        files.insert(name, settled.map_or(bytes, String::into_bytes));
        return;
    }
    for entry in std::fs::read_dir(path).expect("lists") {
        let entry = entry.expect("an entry");
        add(&entry.path(), format!("{name}/{}", entry.file_name().to_string_lossy()), files);
    }
}

/// Names of the files in which two folders differ, for a message.
pub(crate) fn differences(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
    names.filter(|name| a.get(*name) != b.get(*name)).cloned().collect()
}
