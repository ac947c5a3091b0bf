//! What the how-tos show is what the code says.

use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn adding_an_architecture_shows_a_family_as_it_was_added() {
    let doc = read("docs/adding-an-architecture.md");
    assert!(doc.contains(read("crates/laser/src/arch/olmo2.rs").trim_end()), "the data file differs from the how-to");
    let tool = read("tools/tiny_families_llama.py");
    let entry = tool.split("    \"olmo2\": Family(").nth(1).and_then(|rest| rest.split("\n    ),").next());
    assert!(doc.contains(entry.expect("the tool has OLMo 2")), "the golden's entry differs from the how-to");
}

#[test]
fn every_family_has_a_line_in_the_readme() {
    let readme = read("README.md");
    for family in laser::model::arch::ARCHITECTURES {
        assert!(readme.contains(&format!("| {}", family.name)), "README.md: no line for {}", family.name);
    }
}

#[test]
fn where_is_names_files_that_exist() {
    let architecture = read("ARCHITECTURE.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let paths = architecture.split('`').filter(|text| text.starts_with("crates/") && !text.contains(' '));
    for path in paths {
        assert!(root.join(path).exists(), "ARCHITECTURE.md: {path} does not exist");
    }
}
