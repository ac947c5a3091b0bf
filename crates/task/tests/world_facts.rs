//! Checks the files of `crates/task/data/world_facts` against the rules in that folder's README. [`problems`] has the
//! rules, and a table of malformed relations below tests it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

/// Minimum number of facts of the built-in task.
const MIN_FACTS: usize = 1500;
/// Minimum number of facts of one relation, so that each split by subject gets some.
const MIN_FACTS_PER_RELATION: usize = 30;
/// Minimum number of paraphrased prompts in each of the two lists of a relation.
const MIN_PROMPTS: usize = 3;
/// Maximum length, in characters, of answers (symbols, numbers) that may occur inside longer words by chance.
const SHORT_ANSWER_CHARS: usize = 2;

// Unlike a plain JSON value, the derived reader rejects a repeated key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Relation {
    relation: String,
    about: String,
    checked: String,
    prompts: Vec<String>,
    shown: Vec<String>,
    facts: Vec<Fact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    subject: String,
    answer: String,
    #[serde(default)]
    aliases: Vec<String>,
}

/// Messages about all broken rules in one relation file; empty if the file is valid.
fn problems(file_stem: &str, text: &str) -> Vec<String> {
    let relation: Relation = match serde_json::from_str(text) {
        Ok(relation) => relation,
        Err(error) => return vec![format!("not a relation: {error}")],
    };
    let mut found = Vec::new();
    if relation.relation != file_stem {
        found.push(format!("relation {:?} differs from file name", relation.relation));
    }
    for field in [&relation.relation, &relation.about, &relation.checked] {
        check_text(field, &mut found);
    }
    check_prompts("prompts", &relation.prompts, &mut found);
    check_prompts("shown", &relation.shown, &mut found);
    if relation.facts.len() < MIN_FACTS_PER_RELATION {
        found.push(format!("only {} facts", relation.facts.len()));
    }
    let prompts = [&relation.prompts[..], &relation.shown[..]].concat();
    let mut subjects = HashSet::new();
    for fact in &relation.facts {
        if !subjects.insert(fact.subject.to_lowercase()) {
            found.push(format!("duplicate subject {:?}", fact.subject));
        }
        check_fact(fact, &prompts, &mut found);
    }
    found
}

fn check_text(text: &str, found: &mut Vec<String>) {
    if text.trim().is_empty() {
        found.push("empty field".to_owned());
    } else if text.trim() != text {
        found.push(format!("untrimmed field {text:?}"));
    }
    if text.contains("  ") || text.chars().any(char::is_control) {
        found.push(format!("stray white space in {text:?}"));
    }
}

/// Checks the list of prompts under the key `list`. A plain statement may stand in both lists.
fn check_prompts(list: &str, prompts: &[String], found: &mut Vec<String>) {
    let distinct: HashSet<String> = prompts.iter().map(|p| p.to_lowercase()).collect();
    if distinct.len() < prompts.len() {
        found.push(format!("duplicate prompt in `{list}`"));
    }
    if distinct.len() < MIN_PROMPTS {
        found.push(format!("only {} distinct prompts in `{list}`", distinct.len()));
    }
    for prompt in prompts {
        check_text(prompt, found);
        // The first letter of a subject is capitalised by the reader.
        if prompt.starts_with(char::is_lowercase) {
            found.push(format!("lower case at the start of {prompt:?}"));
        }
        if prompt.matches("{}").count() != 1 || prompt.matches(['{', '}']).count() != 2 {
            found.push(format!("prompt without exactly one {{}}: {prompt:?}"));
        }
    }
}

fn check_fact(fact: &Fact, prompts: &[String], found: &mut Vec<String>) {
    check_text(&fact.subject, found);
    if fact.subject.contains(['{', '}']) {
        found.push(format!("brace in subject {:?}", fact.subject));
    }
    let mut answers = HashSet::new();
    for answer in std::iter::once(&fact.answer).chain(&fact.aliases) {
        check_text(answer, found);
        // Exact comparison: an alias may differ in capitals only, as answers are matched by case.
        if !answers.insert(answer) {
            found.push(format!("repeated answer {answer:?} of {:?}", fact.subject));
        }
        for prompt in prompts {
            if leaks(answer, &prompt.replace("{}", &fact.subject)) {
                found.push(format!("{:?} leaks {answer:?} in {prompt:?}", fact.subject));
            }
        }
    }
}

/// Whether `text` contains the answer: anywhere, or, for an answer of one or two characters, as a whole word. Upper and
/// lower case are equal.
fn leaks(answer: &str, text: &str) -> bool {
    let (answer, text) = (answer.to_lowercase(), text.to_lowercase());
    if answer.chars().count() > SHORT_ANSWER_CHARS {
        text.contains(&answer)
    } else {
        text.split(|c: char| !c.is_alphanumeric()).any(|word| word == answer)
    }
}

fn relation_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/world_facts");
    let entries = fs::read_dir(&folder).expect("readable, because the folder is in the repository");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable, because the folder is").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_relation_follows_the_rules() {
    let mut found = Vec::new();
    for path in relation_files() {
        let stem = path.file_stem().expect("a stem, because it ends in .json").to_string_lossy();
        let text = fs::read_to_string(&path).expect("UTF-8, because JSON files are");
        found.extend(problems(&stem, &text).into_iter().map(|p| format!("{stem}: {p}")));
    }
    assert!(found.is_empty(), "{} problems:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_task_is_large_enough() {
    let facts: usize = relation_files()
        .iter()
        .map(|path| fs::read(path).expect("readable, because it was listed"))
        .map(|bytes| serde_json::from_slice::<Relation>(&bytes).map_or(0, |r| r.facts.len()))
        .sum();
    assert!(facts >= MIN_FACTS, "{facts} facts, expected at least {MIN_FACTS}");
}

/// A valid relation, from which the tests make malformed ones.
fn valid() -> Value {
    let facts: Vec<Value> =
        (0..MIN_FACTS_PER_RELATION).map(|i| json!({"subject": format!("town {i}"), "answer": "Ruritania"})).collect();
    json!({
        "relation": "valid",
        "about": "country of a town",
        "checked": "invented for this test",
        "prompts": ["{} lies in", "The country of {} is called", "You find {} in"],
        "shown": ["{} lies in", "Oz belongs to Utopia, and {} belongs to", "Oz is part of Utopia, and {} is part of"],
        "facts": facts,
    })
}

#[test]
fn a_valid_relation_has_no_problems() {
    assert_eq!(problems("valid", &valid().to_string()), Vec::<String>::new());
}

#[test]
fn each_malformed_relation_is_reported() {
    type Spoil = fn(&mut Value);
    let table: [(&str, Spoil); 30] = [
        ("differs from file name", |r| r["relation"] = json!("other")),
        ("empty field", |r| r["about"] = json!("")),
        ("empty field", |r| r["checked"] = json!(" ")),
        ("unknown field `source`", |r| r["source"] = json!("x")),
        ("unknown field `answers`", |r| r["facts"][0]["answers"] = json!([])),
        ("missing field `answer`", |r| r["facts"][0] = json!({"subject": "Zenda"})),
        ("invalid type", |r| r["facts"][0]["answer"] = json!(7)),
        ("missing field `shown`", |r| drop(r.as_object_mut().expect("an object").remove("shown"))),
        ("only 2 distinct prompts in `prompts`", |r| r["prompts"] = json!(["{} lies in", "One finds {} in"])),
        ("only 2 distinct prompts in `shown`", |r| r["shown"] = json!(["{} lies in", "One finds {} in"])),
        ("duplicate prompt in `prompts`", |r| r["prompts"][1] = json!("{} Lies in")),
        ("duplicate prompt in `shown`", |r| r["shown"][1] = json!("{} Lies in")),
        ("lower case at the start", |r| r["prompts"][0] = json!("the town {} lies in")),
        ("exactly one {}", |r| r["prompts"][0] = json!("The town lies in")),
        ("exactly one {}", |r| r["prompts"][0] = json!("{} or {} lies in")),
        ("exactly one {}", |r| r["prompts"][0] = json!("{} {name} lies in")),
        ("untrimmed field", |r| r["prompts"][0] = json!("{} lies in ")),
        ("untrimmed field", |r| r["shown"][0] = json!("{} lies in ")),
        ("only 0 facts", |r| r["facts"] = json!([])),
        ("duplicate subject", |r| r["facts"][1]["subject"] = json!("Town 0")),
        ("empty field", |r| r["facts"][0]["subject"] = json!("")),
        ("brace in subject", |r| r["facts"][0]["subject"] = json!("town {}")),
        ("untrimmed field", |r| r["facts"][0]["answer"] = json!(" Ruritania")),
        ("stray white space", |r| r["facts"][0]["answer"] = json!("Grand  Fenwick")),
        ("repeated answer", |r| r["facts"][0]["aliases"] = json!(["Ruritania"])),
        ("repeated answer", |r| r["facts"][0]["aliases"] = json!(["Rurland", "Rurland"])),
        ("leaks \"Ruritania\"", |r| r["facts"][0]["subject"] = json!("New RURITANIA City")),
        ("leaks \"Country\"", |r| r["facts"][0]["aliases"] = json!(["Country"])),
        ("leaks \"Utopia\"", |r| r["facts"][0]["aliases"] = json!(["Utopia"])),
        ("leaks \"In\"", |r| r["facts"][0]["answer"] = json!("In")),
    ];
    for (expected, spoil) in table {
        let mut relation = valid();
        spoil(&mut relation);
        let found = problems("valid", &relation.to_string());
        assert!(found.iter().any(|p| p.contains(expected)), "no {expected:?} in {found:?}");
    }
    let twice = valid().to_string().replacen('{', "{\"about\": \"x\", ", 1);
    assert!(problems("valid", &twice)[0].contains("duplicate field `about`"));
    assert!(problems("valid", "{")[0].contains("not a relation"));
}

#[test]
fn short_answers_leak_only_as_whole_words() {
    assert!(!leaks("H", "The chemical symbol for hydrogen is"));
    assert!(leaks("He", "What he calls helium is"));
    assert!(leaks("Lion", "The young of a lioness is called"));
}
