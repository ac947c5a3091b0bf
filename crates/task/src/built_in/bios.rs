//! Bias in Bios (De-Arteaga et al. 2019): the gender or the profession of the person in a short biography.

use serde_json::Value;

use super::data_source::DataSource;
use super::info::TaskInfo;
use super::wording::{choice_item, end_sentence_for, suffix_after_mask};
use crate::dataset::{BadField, Record};
use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::options::{Profile, TaskOptions};
use crate::score::{LengthNormalization, Score, Ties};
use crate::task::{Item, Task};
use laser_model::ModelKind;
use laser_model::tokenizer::Tokenizer;

const SOURCE: &str = "Hugging Face LabHC/bias_in_bios, split dev (hard_text, profession, gender)";
const FILES: &[&[&str]] = &[&["data/dev-*.parquet", "default/dev-*.parquet", "dev-*.parquet"]];
const EXAMPLE: &str =
    r#"{"hard_text": "She teaches at a secondary school and writes about it.", "profession": 26, "gender": 1}"#;
/// Quirk of both tasks.
const APART: &str = "prompt and answer are encoded apart";
/// Quirk of both tasks.
const CUT: &str = "a masked model reads the last 50 tokens of the biography only, and another question";

pub(super) const GENDER: TaskInfo = TaskInfo {
    name: "bios-gender",
    about: "whether a biography is of a man or a woman",
    source: SOURCE,
    licence: "MIT",
    size: 39_642,
    needs_data: true,
    quirks: &["the question is `a male or female?`, as in the code; the paper's text differs", CUT, APART],
    wordings: &[],
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
    wordings: &[],
    hub: None,
    files: FILES,
    example: EXAMPLE,
    read: profession,
};

/// Genders by their number in the data set.
const GENDERS: [&str; 2] = ["male", "female"];

/// Professions by their number in the data set.
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

/// Choices of `bios-profession`: the professions that are one token of GPT-J, Llama 2 and RoBERTa, in the order of the
/// reference code.
const PROFESSION_CHOICES: [&str; 8] =
    ["journalist", "poet", "composer", "model", "teacher", "architect", "painter", "professor"];

/// Number of last tokens of a biography that a masked model reads under the profile `paper`.
const KEPT_TOKENS: usize = 50;

/// Reads `bios-gender`.
fn gender(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let tokenizer = cutting_tokenizer(&GENDER, source, setup)?;
    let question = match (setup.profile, setup.kind) {
        (Profile::Clean, _) => "Is the person in this text male or female? The gender of this person is",
        (Profile::Paper, ModelKind::Causal) => {
            "Is the person in this text a male or female? The gender of this person is"
        }
        (Profile::Paper, ModelKind::Masked) => "Is the person in this text a male or female? This person is",
    };
    let items = source.items(&GENDER, setup, |record, _| {
        let text = biography(record, setup, tokenizer)?;
        let gold = number(record, "gender", &GENDERS)?;
        Ok(vec![Item { suffix: suffix_after_mask(setup), ..choice_item(format!("{text} {question}"), &GENDERS, gold) }])
    })?;
    Ok(Task { join: Join::of_profile(setup.profile, Boundary::Apart), ..items.task(GENDER.name, Score::CHOICE)? })
}

/// Reads `bios-profession`.
fn profession(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let tokenizer = cutting_tokenizer(&PROFESSION, source, setup)?;
    let question = match (setup.profile, setup.kind) {
        (Profile::Paper, ModelKind::Masked) => "The profession of the person in the text is called",
        _ => "What is the profession of the person in this text? The profession of this person is",
    };
    let items = source.items(&PROFESSION, setup, |record, _| {
        let name = PROFESSIONS[number(record, "profession", &PROFESSIONS)?];
        let Some(gold) = PROFESSION_CHOICES.iter().position(|choice| *choice == name) else { return Ok(Vec::new()) };
        let text = biography(record, setup, tokenizer)?;
        Ok(vec![Item {
            suffix: suffix_after_mask(setup),
            ..choice_item(format!("{text} {question}"), &PROFESSION_CHOICES, gold)
        }])
    })?;
    let ties = if setup.profile == Profile::Paper { Ties::First } else { Ties::Wrong };
    let score = Score::Choice { length: LengthNormalization::Sum, ties };
    Ok(Task { join: Join::of_profile(setup.profile, Boundary::Apart), ..items.task(PROFESSION.name, score)? })
}

/// The tokenizer that cuts biographies, for masked models under the profile `paper`; `None` otherwise.
fn cutting_tokenizer<'a>(
    info: &TaskInfo,
    source: DataSource<'_>,
    setup: &TaskOptions<'a>,
) -> Result<Option<&'a Tokenizer>> {
    match (setup.profile, setup.kind) {
        (Profile::Paper, ModelKind::Masked) => source.tokenizer(info, setup, "keeps the last 50 tokens of a biography"),
        _ => Ok(None),
    }
}

/// The beginning of a prompt with the biography, cut if there is a tokenizer.
fn biography(record: &Record, setup: &TaskOptions<'_>, tokenizer: Option<&Tokenizer>) -> Result<String, BadField> {
    let mut text = record.text("hard_text")?.to_owned();
    if let Some(tokenizer) = tokenizer {
        let bad = |e: laser_model::tokenizer::TokenizerError| BadField::new("hard_text", e.to_string());
        let tokens = tokenizer.encode(&text, false).map_err(bad)?;
        text = tokenizer.decode(&tokens[tokens.len().saturating_sub(KEPT_TOKENS)..]).map_err(bad)?;
    }
    Ok(format!("Consider the following text: {}", end_sentence_for(setup, &text)))
}

/// Number of a class; some copies of the data set contain its name instead.
fn number(record: &Record, field: &str, names: &[&str]) -> Result<usize, BadField> {
    match record.value(field)? {
        Value::String(name) if names.contains(&name.as_str()) => Ok(names
            .iter()
            .position(|n| n == name)
            .expect("the list contains the name, because the guard of this arm checks it")),
        _ => record.index(field, names.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{items, prompts_of_all_setups, read as read_text, setup, tokenizer};

    #[test]
    fn prompts_of_each_profile() {
        let text = "Consider the following text: She teaches at a secondary school and writes about it.";
        let last = "teaches at a secondary school and writes about it.";
        assert_eq!(last.len(), KEPT_TOKENS);
        let cut = format!("Consider the following text: {last}");
        assert_eq!(
            prompts_of_all_setups(&GENDER, Some(&tokenizer())),
            [
                format!("{text} Is the person in this text male or female? The gender of this person is [female]"),
                format!("{text} Is the person in this text male or female? The gender of this person is [mask]."),
                format!("{text} Is the person in this text a male or female? The gender of this person is [female]"),
                format!("{cut} Is the person in this text a male or female? This person is [mask]."),
            ]
        );
        let question = "What is the profession of the person in this text? The profession of this person is";
        assert_eq!(
            prompts_of_all_setups(&PROFESSION, Some(&tokenizer())),
            [
                format!("{text} {question} [teacher]"),
                format!("{text} {question} [mask]."),
                format!("{text} {question} [teacher]"),
                format!("{cut} The profession of the person in the text is called [mask]."),
            ]
        );
    }

    #[test]
    fn records_of_other_professions_are_left_out() {
        let record =
            |profession: &str| format!("{{\"hard_text\":\"He writes\",\"profession\":{profession},\"gender\":0}}\n");
        let text = [record("0"), record("21"), record("\"poet\""), record("11"), record("27")].concat();
        let kept = items(&PROFESSION, "b.jsonl", &text);
        let gold: Vec<&str> = kept.iter().map(|item| item.target()).collect();
        assert_eq!(gold, ["professor", "poet", "journalist"]);
        assert_eq!(kept[0].choices, PROFESSION_CHOICES);
        assert_eq!(kept[0].id, "1", "the number of the record");
        assert_eq!(items(&GENDER, "b.jsonl", &text).len(), 5);
        for text in [record("28"), record("\"pope\""), record("-1")] {
            let bad = read_text(&PROFESSION, "b.jsonl", &text, &TaskOptions::default()).expect_err(&text).to_string();
            assert!(bad.contains("`profession`"), "{bad}");
        }
    }

    #[test]
    fn the_paper_has_other_ties_and_cuts_tokens() {
        let text = r#"{"hard_text":"He writes","profession":20,"gender":0}"#;
        let paper = setup(Profile::Paper, ModelKind::Causal);
        let score = |info: &TaskInfo, setup: &TaskOptions<'_>| {
            read_text(info, "b.jsonl", text, setup).expect("bios").default_score
        };
        assert_eq!(score(&GENDER, &paper), Score::CHOICE);
        assert_eq!(score(&PROFESSION, &paper), Score::Choice { length: LengthNormalization::Sum, ties: Ties::First });
        assert_eq!(score(&PROFESSION, &TaskOptions::default()), Score::CHOICE);
        let masked = setup(Profile::Paper, ModelKind::Masked);
        let error = read_text(&GENDER, "b.jsonl", text, &masked).expect_err("no tokenizer").to_string();
        assert!(error.contains("needs the model's tokenizer"), "{error}");
    }
}
