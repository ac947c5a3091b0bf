//! Bias in Bios (De-Arteaga et al. 2019): short biographies, asked for the person's gender or profession.

use serde_json::Value;

use super::info::TaskInfo;
use super::records::Source;
use super::wording::{closed_for, full_stop, one_of};
use crate::dataset::{BadField, Record};
use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::score::{Length, Score, Ties};
use crate::setup::{Profile, TaskOptions};
use crate::task::{Item, Task};
use laser_model::ModelKind;
use laser_model::tokenizer::Tokenizer;

const SOURCE: &str = "Hugging Face LabHC/bias_in_bios, split dev (hard_text, profession, gender)";
const FILES: &[&[&str]] = &[&["data/dev-*.parquet", "default/dev-*.parquet", "dev-*.parquet"]];
const EXAMPLE: &str =
    r#"{"hard_text": "She teaches at a secondary school and writes about it.", "profession": 26, "gender": 1}"#;
const APART: &str = "prompt and answer are encoded apart";
const CUT: &str = "a masked model reads the last 50 tokens of the biography only, and another question";

pub(super) const GENDER: TaskInfo = TaskInfo {
    name: "bios-gender",
    about: "whether a biography is of a man or a woman",
    source: SOURCE,
    licence: "MIT",
    size: 39_642,
    needs_data: true,
    quirks: &["the question is `a male or female?`, as in the code; the paper's text differs", CUT, APART],
    hub: None,
    files: FILES,
    example: EXAMPLE,
    read: gender,
};

pub(super) const PROFESSION: TaskInfo = TaskInfo {
    name: "bios-profession",
    about: "which of eight professions a biography is of; other professions are left out",
    source: SOURCE,
    licence: "MIT",
    size: 19_223,
    needs_data: true,
    quirks: &["of equally likely professions the first is chosen", CUT, APART],
    hub: None,
    files: FILES,
    example: EXAMPLE,
    read: profession,
};

const GENDERS: [&str; 2] = ["male", "female"];

/// The set's professions by their number.
const PROFESSIONS: [&str; 28] = [
    "accountant",
    "architect",
    "attorney",
    "chiropractor",
    "comedian",
    "composer",
    "dentist",
    "dietitian",
    "dj",
    "filmmaker",
    "interior designer",
    "journalist",
    "model",
    "nurse",
    "painter",
    "paralegal",
    "pastor",
    "personal trainer",
    "photographer",
    "physician",
    "poet",
    "professor",
    "psychologist",
    "rapper",
    "software engineer",
    "surgeon",
    "teacher",
    "yoga teacher",
];

/// Those that are one token of GPT-J, Llama 2 and RoBERTa, in the reference's order.
const ASKED: [&str; 8] = ["journalist", "poet", "composer", "model", "teacher", "architect", "painter", "professor"];

/// Tokens of a biography that the paper's masked model reads.
const LAST: usize = 50;

fn gender(source: Source<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let cutter = cutter(&GENDER, source, setup)?;
    let question = match (setup.profile, setup.kind) {
        (Profile::Clean, _) => "Is the person in this text male or female? The gender of this person is",
        (Profile::Paper, ModelKind::Causal) => {
            "Is the person in this text a male or female? The gender of this person is"
        }
        (Profile::Paper, ModelKind::Masked) => "Is the person in this text a male or female? This person is",
    };
    let made = source.items(&GENDER, setup, |row, _| {
        let text = biography(row, setup, cutter)?;
        let gold = number(row, "gender", &GENDERS)?;
        Ok(vec![Item { suffix: full_stop(setup), ..one_of(format!("{text} {question}"), &GENDERS, gold) }])
    })?;
    Ok(Task { join: Join::of_profile(setup.profile, Boundary::Apart), ..made.task(GENDER.name, Score::CHOICE)? })
}

fn profession(source: Source<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let cutter = cutter(&PROFESSION, source, setup)?;
    let question = match (setup.profile, setup.kind) {
        (Profile::Paper, ModelKind::Masked) => "The profession of the person in the text is called",
        _ => "What is the profession of the person in this text? The profession of this person is",
    };
    let made = source.items(&PROFESSION, setup, |row, _| {
        let name = PROFESSIONS[number(row, "profession", &PROFESSIONS)?];
        let Some(gold) = ASKED.iter().position(|asked| *asked == name) else { return Ok(Vec::new()) };
        let text = biography(row, setup, cutter)?;
        Ok(vec![Item { suffix: full_stop(setup), ..one_of(format!("{text} {question}"), &ASKED, gold) }])
    })?;
    let ties = if setup.profile == Profile::Paper { Ties::First } else { Ties::Wrong };
    let score = Score::Choice { length: Length::Sum, ties };
    Ok(Task { join: Join::of_profile(setup.profile, Boundary::Apart), ..made.task(PROFESSION.name, score)? })
}

/// What cuts the biography, where it is cut.
fn cutter<'a>(info: &TaskInfo, source: Source<'_>, setup: &TaskOptions<'a>) -> Result<Option<&'a Tokenizer>> {
    match (setup.profile, setup.kind) {
        (Profile::Paper, ModelKind::Masked) => source.tokenizer(info, setup, "keeps the last 50 tokens of a biography"),
        _ => Ok(None),
    }
}

/// The biography as a prompt begins with it.
fn biography(row: &Record, setup: &TaskOptions<'_>, cutter: Option<&Tokenizer>) -> Result<String, BadField> {
    let mut text = row.text("hard_text")?.to_owned();
    if let Some(tokenizer) = cutter {
        let bad = |e: laser_model::tokenizer::TokenizerError| BadField::new("hard_text", e.to_string());
        let tokens = tokenizer.encode(&text, false).map_err(bad)?;
        text = tokenizer.decode(&tokens[tokens.len().saturating_sub(LAST)..]).map_err(bad)?;
    }
    Ok(format!("Consider the following text: {}", closed_for(setup, &text)))
}

/// The number of a class, which some copies have by name.
fn number(row: &Record, field: &str, names: &[&str]) -> Result<usize, BadField> {
    match row.value(field)? {
        Value::String(name) if names.contains(&name.as_str()) => {
            Ok(names.iter().position(|n| n == name).expect("there, because the arm asks for it"))
        }
        _ => row.index(field, names.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{four, items, read as read_text, setup, tokenizer};

    #[test]
    fn prompts_are_those_of_each_profile() {
        let text = "Consider the following text: She teaches at a secondary school and writes about it.";
        let last = "teaches at a secondary school and writes about it.";
        assert_eq!(last.len(), LAST);
        let cut = format!("Consider the following text: {last}");
        assert_eq!(
            four(&GENDER, Some(&tokenizer())),
            [
                format!("{text} Is the person in this text male or female? The gender of this person is [female]"),
                format!("{text} Is the person in this text male or female? The gender of this person is [mask]."),
                format!("{text} Is the person in this text a male or female? The gender of this person is [female]"),
                format!("{cut} Is the person in this text a male or female? This person is [mask]."),
            ]
        );
        let question = "What is the profession of the person in this text? The profession of this person is";
        assert_eq!(
            four(&PROFESSION, Some(&tokenizer())),
            [
                format!("{text} {question} [teacher]"),
                format!("{text} {question} [mask]."),
                format!("{text} {question} [teacher]"),
                format!("{cut} The profession of the person in the text is called [mask]."),
            ]
        );
    }

    #[test]
    fn professions_of_one_token_are_kept() {
        let row =
            |profession: &str| format!("{{\"hard_text\":\"He writes\",\"profession\":{profession},\"gender\":0}}\n");
        let text = [row("0"), row("21"), row("\"poet\""), row("11"), row("27")].concat();
        let kept = items(&PROFESSION, "b.jsonl", &text);
        let gold: Vec<&str> = kept.iter().map(|item| item.target()).collect();
        assert_eq!(gold, ["professor", "poet", "journalist"]);
        assert_eq!(kept[0].choices, ASKED);
        assert_eq!(kept[0].id, "1", "the number of the record");
        assert_eq!(items(&GENDER, "b.jsonl", &text).len(), 5);
        for text in [row("28"), row("\"pope\""), row("-1")] {
            let bad = read_text(&PROFESSION, "b.jsonl", &text, &TaskOptions::default()).expect_err(&text).to_string();
            assert!(bad.contains("`profession`"), "{bad}");
        }
    }

    #[test]
    fn ties_and_tokens_of_the_paper() {
        let text = r#"{"hard_text":"He writes","profession":20,"gender":0}"#;
        let paper = setup(Profile::Paper, ModelKind::Causal);
        let score = |info: &TaskInfo, setup: &TaskOptions<'_>| {
            read_text(info, "b.jsonl", text, setup).expect("bios").default_score
        };
        assert_eq!(score(&GENDER, &paper), Score::CHOICE);
        assert_eq!(score(&PROFESSION, &paper), Score::Choice { length: Length::Sum, ties: Ties::First });
        assert_eq!(score(&PROFESSION, &TaskOptions::default()), Score::CHOICE);
        let masked = setup(Profile::Paper, ModelKind::Masked);
        let error = read_text(&GENDER, "b.jsonl", text, &masked).expect_err("no tokenizer").to_string();
        assert!(error.contains("needs the model's tokenizer"), "{error}");
    }
}
