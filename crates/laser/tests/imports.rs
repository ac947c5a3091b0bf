//! Holds the import graph to its shape: no circle between the files of a crate, and crates that point one way.
//!
//! Reads the `use` declarations and the paths in code of every crate. Imports of an ancestor (`use super::X` in a child
//! module) are set aside; every other import counts, also that of a parent from its children.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Crates from the bottom up; each may depend on those before it only.
const CRATES: [(&str, &[&str]); 14] = [
    ("linalg", &[]),
    ("checkpoint", &[]),
    ("statistics", &[]),
    ("kernels", &[]),
    ("model", &["checkpoint", "kernels", "linalg"]),
    ("task", &["model"]),
    ("source", &[]),
    ("sokoban", &[]),
    ("corpus", &[]),
    ("laser", &["checkpoint", "kernels", "linalg", "model", "sokoban", "source", "statistics", "task"]),
    ("paper", &["laser"]),
    ("lab", &["laser", "sokoban"]),
    ("cli", &["corpus", "lab", "laser", "paper", "sokoban"]),
    ("python", &["cli", "laser"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A module of a crate by its path, such as `["search", "store"]`; the root is empty.
type Module = Vec<String>;

/// All source files below `folder`, by module.
fn modules(folder: &Path, inside: &Module, into: &mut BTreeMap<Module, String>) {
    for entry in std::fs::read_dir(folder).expect("a source folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut module = inside.clone();
        if entry.is_dir() {
            module.push(name);
            modules(&entry, &module, into);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            if !(inside.is_empty() && ["lib", "main"].contains(&name.as_str())) {
                module.push(name);
            }
            into.insert(module, code(&std::fs::read_to_string(&entry).expect("UTF-8")));
        }
    }
}

/// A file's code: without comments and without the unit tests at its end.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The single paths that a `use` tree stands for: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let inner = rest.trim_end().strip_suffix('}').expect("a closed group");
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match (c, depth) {
            (',', 0) => parts.push(String::new()),
            _ => parts.last_mut().expect("a part").push(c),
        }
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(|part| expand(&format!("{}{part}", prefix.trim()))).collect()
}

/// Every path that a file names: those of its `use` declarations, and those written out in its code.
fn paths(code: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), String::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let starts = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "];
        let Some(tree) = starts.iter().find_map(|start| line.trim().strip_prefix(start)) else {
            rest.push_str(line);
            rest.push('\n');
            continue;
        };
        let mut tree = tree.to_owned();
        while !tree.contains(';') {
            tree.push_str(lines.next().expect("a declaration ends with a semicolon").trim());
        }
        found.extend(expand(tree.split(';').next().unwrap_or_default()));
    }
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    found.extend(rest.split(|c| !is_path(c)).filter(|word| word.contains("::")).map(str::to_owned));
    found
}

/// The module that `path` leads to from `here`: the longest beginning that is a module.
fn target(path: &str, here: &Module, all: &BTreeMap<Module, String>) -> Option<Module> {
    let mut segments: Vec<&str> = path.split("::").map(str::trim).filter(|segment| !segment.is_empty()).collect();
    let mut module = here.clone();
    match *segments.first()? {
        "crate" => {
            module.clear();
            segments.remove(0);
        }
        "self" => {
            segments.remove(0);
        }
        "super" => {
            while segments.first() == Some(&"super") {
                module.pop();
                segments.remove(0);
            }
        }
        first => {
            let child: Module = here.iter().cloned().chain([first.to_owned()]).collect();
            all.contains_key(&child).then_some(())?;
        }
    }
    for segment in segments {
        let next: Module = module.iter().cloned().chain([segment.to_owned()]).collect();
        if !all.contains_key(&next) {
            break;
        }
        module = next;
    }
    Some(module)
}

/// Imports between the files of a crate, those of ancestors aside.
fn imports(all: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let of = |(module, code): (&Module, &String)| {
        let targets = paths(code).into_iter().filter_map(|path| target(&path, module, all));
        (module.clone(), targets.filter(|target| !module.starts_with(target)).collect())
    };
    all.iter().map(of).collect()
}

/// A circle that leads back to `path`'s first module, if there is one.
fn circle(
    graph: &BTreeMap<Module, BTreeSet<Module>>,
    path: &mut Vec<Module>,
    done: &mut BTreeSet<Module>,
) -> Option<Vec<Module>> {
    let here = path.last().expect("a module").clone();
    for next in &graph[&here] {
        if let Some(start) = path.iter().position(|module| module == next) {
            return Some(path[start..].to_vec());
        }
        if !done.contains(next) {
            path.push(next.clone());
            if let Some(found) = circle(graph, path, done) {
                return Some(found);
            }
            path.pop();
        }
    }
    done.insert(here);
    None
}

fn find_circle(graph: &BTreeMap<Module, BTreeSet<Module>>) -> Option<String> {
    let mut done = BTreeSet::new();
    let found = graph.keys().find_map(|module| circle(graph, &mut vec![module.clone()], &mut done))?;
    Some(found.iter().map(|module| module.join("/")).collect::<Vec<_>>().join(" -> "))
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for (name, _) in CRATES {
        let mut all = BTreeMap::new();
        modules(&root().join("crates").join(name).join("src"), &Module::new(), &mut all);
        assert!(all.len() > 4, "{name}: {} files", all.len());
        if let Some(circle) = find_circle(&imports(&all)) {
            panic!("crates/{name}/src: files import each other in a circle: {circle}");
        }
    }
}

#[test]
fn crates_point_one_way() {
    for (name, allowed) in CRATES {
        let manifest = root().join("crates").join(name).join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).unwrap_or_else(|e| panic!("{}: {e}", manifest.display()));
        let table: Vec<&str> = text
            .lines()
            .skip_while(|line| *line != "[dependencies]")
            .skip(1)
            .take_while(|l| !l.starts_with('['))
            .collect();
        for (other, _) in CRATES {
            let package = if other == "laser" { "laser".to_owned() } else { format!("laser-{other}") };
            let depends = table.iter().any(|line| line.split([' ', '=', '.']).next() == Some(&package));
            assert!(!depends || allowed.contains(&other), "crates/{name} depends on crates/{other}");
        }
    }
}

#[test]
fn a_circle_is_found_where_there_is_one() {
    let file = |path: &str, code: &str| (path.split('/').map(str::to_owned).collect::<Module>(), code.to_owned());
    let graph = |files: Vec<(Module, String)>| imports(&files.into_iter().collect());
    let straight = [
        file("parent", "mod child;\nuse child::B;\npub struct A;"),
        file("parent/child", "use super::A;\nuse crate::{leaf::{C, D as E}, leaf};"),
        file("leaf", "pub struct C;"),
    ];
    assert_eq!(find_circle(&graph(straight.to_vec())), None, "an import of an ancestor is set aside");
    let mut bent = straight.to_vec();
    bent[2].1 = "fn f() { crate::parent::child::g() }".to_owned();
    assert!(find_circle(&graph(bent)).is_some_and(|circle| circle.contains("leaf") && circle.contains("child")));
}
