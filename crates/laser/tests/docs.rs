//! Holds the documentation to the repository: the files, tests and families it names must exist.

use std::path::{Path, PathBuf};

/// Folders of the repository that documents and comments name files in.
const FOLDERS: [&str; 5] = ["crates/", "docs/", "tools/", "bench-results/", "goldens/"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Files under a folder of the repository whose names end in `.extension`, relative to the root, sorted.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(root().join(&folder)).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries.map(|entry| entry.expect("a readable folder")) {
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Documents for readers of the repository.
fn documents() -> Vec<PathBuf> {
    let at_root = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "tools/README.md"].map(PathBuf::from);
    at_root.into_iter().chain(files("docs", "md")).collect()
}

/// Paths in a line that begin with one of [`FOLDERS`]; patterns such as `goldens/<name>` are no paths.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || "`\"'()[]|,;".contains(c))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| !word.contains(['*', '…', '<', '{']))
}

/// Documents that a line names in backquotes without a folder, such as `method.md`. Names with two dots, such as those
/// that an export gives to a model card it keeps, are no documents of this repository.
fn document_names(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|text| {
        text.ends_with(".md") && text.matches('.').count() == 1 && !text.contains(['/', '*', ' ', '<', '{'])
    })
}

/// One message for each file that a line names and that does not exist.
fn missing(line: &str) -> Vec<String> {
    let exists = |path: &str| root().join(path).exists();
    let paths = paths(line).filter(|path| !exists(path));
    let documents = document_names(line).filter(|name| !exists(name) && !exists(&format!("docs/{name}")));
    paths.chain(documents).map(|name| format!("{name} does not exist")).collect()
}

#[test]
fn files_named_in_documents_and_comments_exist() {
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let documents = documents().into_iter().map(|path| (path, false));
    let sources = files("crates", "rs").into_iter().map(|path| (path, true));
    let mut wrong = Vec::new();
    for (path, comments_only) in documents.chain(sources) {
        for (number, line) in (1..).zip(read(&path).lines()) {
            if !comments_only || is_comment(line) {
                wrong.extend(missing(line).iter().map(|message| format!("{}:{number}: {message}", path.display())));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Titles of a Markdown document's sections.
fn titles(document: &str) -> impl Iterator<Item = &str> {
    document.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim())
}

/// The part of a link that leads to a section: its title in lower case, without punctuation, blanks as hyphens.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_between_documents_lead_to_files_and_sections() {
    let mut wrong = Vec::new();
    for document in documents() {
        let text = read(&document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { document.clone() } else { document.with_file_name(file) };
            let exists = root().join(&path).exists();
            if !exists || !section.is_empty() && titles(&read(&path)).all(|title| anchor(title) != section) {
                wrong.push(format!("{}: {target} does not exist", document.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn sections_of_the_method_cited_in_comments_exist() {
    let method = read("docs/method.md");
    for path in files("crates", "rs") {
        let text = read(&path);
        // As in: (`docs/method.md`, "Scores")
        let cited = text.split("method.md`, \"").skip(1).filter_map(|rest| rest.split('"').next());
        for section in cited {
            let exists = titles(&method).any(|title| title == section);
            assert!(exists, "{}: docs/method.md has no section \"{section}\"", path.display());
        }
    }
}

#[test]
fn adding_an_architecture_shows_a_family_as_it_was_added() {
    let doc = read("docs/adding-an-architecture.md");
    let data_file = "crates/model/src/arch/olmo2.rs";
    assert!(doc.contains(read(data_file).trim_end()), "docs/adding-an-architecture.md: differs from {data_file}");
    let tool = read("tools/tiny_families_llama.py");
    let entry = tool.split("    \"olmo2\": Family(").nth(1).and_then(|rest| rest.split("\n    ),").next());
    assert!(doc.contains(entry.expect("the tool has OLMo 2")), "the golden's entry differs from the how-to");
}

#[test]
fn every_family_has_a_line_in_the_table() {
    let table = read("docs/families.md");
    for family in laser::model::arch::families() {
        assert!(table.contains(&format!("| {} |", family.name)), "docs/families.md: no line for {}", family.name);
    }
}

#[test]
fn tests_named_as_checks_exist() {
    let tests: Vec<PathBuf> = files("crates", "rs").into_iter().filter(|path| is_integration_test(path)).collect();
    let text = read("docs/checked.md");
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == '`').collect();
    // `--test all NAME::`, where NAME is a module of the crate's integration tests.
    let named: Vec<&str> = words.windows(3).filter(|three| three[0] == "--test").map(|three| three[2]).collect();
    assert!(!named.is_empty(), "docs/checked.md names no test");
    for name in named {
        let name = name.trim_end_matches(':');
        let exists = tests.iter().any(|path| path.file_stem().is_some_and(|stem| stem == name));
        assert!(exists, "docs/checked.md: no test named {name}");
    }
}

/// Whether a file is an integration test of a crate: `tests/NAME.rs` in its folder.
fn is_integration_test(path: &Path) -> bool {
    path.components().count() == 4 && path.parent().is_some_and(|folder| folder.ends_with("tests"))
}

#[test]
fn speed_names_the_files_of_its_figures() {
    let text = read("docs/speed.md");
    for section in text.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default();
        assert!(section.contains("bench-results/"), "docs/speed.md: no raw figures for {title}");
    }
}
