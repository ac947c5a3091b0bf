//! A recognised record → its item.

use super::layout::{Part, folded};
use super::recognize::{FoundField, Recognized};
use super::turns::{plain, turns};
use super::values::{self, Choices, Gold, brief, text, untrimmed};
use crate::dataset::{BadField, Record};
use crate::task::{Item, Turn};

/// The question that follows a statement, and its choices.
const TRUE_OR_FALSE: (&str, [&str; 2]) = ("Is this true or false?", ["false", "true"]);

/// Makes the item of a record. `delimiter`: the user's text between prompts and answers, for records without one of their own.
///
/// # Errors
/// A field whose value does not suit its part.
pub(super) fn item(record: &Record, recognized: &Recognized<'_>, delimiter: Option<&str>) -> Result<Item, BadField> {
    let optional = |part: Part| -> Result<Option<String>, BadField> {
        recognized.field(part).map(|field| text(&field.path(), field.value)).transpose()
    };
    let id = optional(Part::Id)?.unwrap_or_else(|| record.location.number().to_string());
    let group = optional(Part::Group)?.unwrap_or_else(|| id.clone());
    let [subject, relation] = [optional(Part::Subject)?, optional(Part::Relation)?].map(Option::unwrap_or_default);
    let Asked { prompt, turns, answer } = asked(recognized)?;
    let delimiter =
        match recognized.field(Part::Delimiter) {
            // Not the trimmed text, for it may be a blank or a line end.
            Some(field) => Some(field.value.as_str().map(str::to_owned).ok_or_else(|| {
                BadField::new(&field.path(), format!("expected a text, found {}", brief(field.value)))
            })?),
            None => delimiter.map(str::to_owned),
        };
    // The prompt brings the blank itself, or there is nothing to keep the answer apart from.
    let stands_apart = prompt.is_empty() || prompt.ends_with(char::is_whitespace);
    let delimiter = delimiter.or_else(|| stands_apart.then(String::new));
    let item = Item { id, group, subject, relation, prompt, turns, delimiter, ..Item::default() };
    if let Some((choices, gold)) = choices(record, recognized)? {
        let Some(index) = gold else { return Err(wrong_gold(recognized, &choices)) };
        check_different(recognized, &choices.texts, index)?;
        return Ok(Item { answers: vec![choices.texts[index].clone()], choices: choices.texts, gold: index, ..item });
    }
    let mut answers = match (answer, recognized.field(Part::Answer)) {
        (Some(answer), None) => vec![answer],
        (None, Some(field)) => values::answers(&field.path(), field.value, is_plural(field))?,
        (Some(_), Some(field)) => {
            let problem = "the conversation ends with an answer already: expected one of the two";
            return Err(BadField::new(&field.path(), problem));
        }
        (None, None) => {
            return Err(BadField::new("messages", "expected a last turn of the assistant, or the field `answer`"));
        }
    };
    if let Some(field) = recognized.field(Part::Aliases) {
        for alias in values::list(&field.path(), field.value)? {
            if !answers.contains(&alias) {
                answers.push(alias);
            }
        }
    }
    Ok(Item { answers, ..item })
}

/// Names of a list of answers: a text in brackets is a list there, while an `answer` may be any text.
fn is_plural(field: &FoundField<'_>) -> bool {
    field.usual.ends_with('s')
}

/// The question of a record.
struct Asked {
    prompt: String,
    /// The turns of a conversation of several turns.
    turns: Vec<Turn>,
    /// The last turn of a conversation that ends with one of the assistant.
    answer: Option<String>,
}

impl Asked {
    fn prompt(prompt: String) -> Self {
        Self { prompt, turns: Vec::new(), answer: None }
    }

    fn of_turns(mut turns: Vec<Turn>) -> Self {
        let answer = turns.pop_if(|last| last.role == "assistant").map(|last| last.content.trim().to_owned());
        let prompt = plain(&turns);
        // A single turn of the user is what any question becomes.
        let is_question = turns.len() == 1 && turns[0].role == "user";
        Self { prompt, turns: if is_question { Vec::new() } else { turns }, answer }
    }
}

fn asked(recognized: &Recognized<'_>) -> Result<Asked, BadField> {
    let given = |part: Part| recognized.field(part).map(|field| untrimmed(&field.path(), field.value)).transpose();
    let after = |text: Option<String>, mut before: String| {
        text.iter().for_each(|text| before.extend(["\n\n", text.as_str()]));
        before
    };
    let of_messages = |field: &FoundField<'_>| {
        let asked = Asked::of_turns(turns(&field.path(), field.value)?);
        if asked.prompt.is_empty() {
            return Err(BadField::new(&field.path(), "expected a turn before the answer, found none"));
        }
        Ok(asked)
    };
    if let Some(field) = recognized.field(Part::Messages) {
        return of_messages(field);
    }
    if let Some(instruction) = given(Part::Instruction)? {
        return Ok(Asked::prompt(after(given(Part::Input)?, instruction)));
    }
    if let Some(statement) = given(Part::Statement)? {
        return Ok(Asked::prompt(format!("{statement}\n{}", TRUE_OR_FALSE.0)));
    }
    let Some(field) = recognized.field(Part::Question) else { return Ok(Asked::prompt(String::new())) };
    if field.value.as_array().is_some_and(|list| list.first().is_some_and(serde_json::Value::is_object)) {
        return of_messages(field);
    }
    let question = untrimmed(&field.path(), field.value)?;
    Ok(Asked::prompt(match given(Part::Passage)? {
        Some(passage) => after(Some(question), passage),
        None => question,
    }))
}

/// The choices of a record and the index of the right one, if the record says it; `None` for an open question.
fn choices(record: &Record, recognized: &Recognized<'_>) -> Result<Option<(Choices, Option<usize>)>, BadField> {
    let part = |part| recognized.field(part);
    if let (Some(good), Some(bad)) = (part(Part::Good), part(Part::Bad)) {
        let texts = [good, bad].map(|field| text(&field.path(), field.value));
        let [good, bad] = texts;
        return Ok(Some((Choices::unlabelled(vec![good?, bad?]), Some(0))));
    }
    if let Some(field) = part(Part::Truth) {
        let gold = usize::from(values::truth(&field.path(), field.value)?);
        return Ok(Some((Choices::unlabelled(TRUE_OR_FALSE.1.map(str::to_owned).to_vec()), Some(gold))));
    }
    if let Some(field) = part(Part::Scores) {
        return scored(field).map(Some);
    }
    let Some(field) = part(Part::Gold) else { return Ok(None) };
    let choices = listed_choices(recognized)?;
    let gold = Gold::read(field.value, &choices).index(choices.texts.len());
    check_agrees(record, recognized, &choices, gold)?;
    Ok(Some((choices, gold)))
}

/// Fails if a field `answer` beside the one that was read names another choice.
fn check_agrees(
    record: &Record,
    recognized: &Recognized<'_>,
    choices: &Choices,
    gold: Option<usize>,
) -> Result<(), BadField> {
    let Some(name) = recognized.unread.iter().find(|name| folded(name) == "answer") else { return Ok(()) };
    let value = &record.fields[*name];
    match (Gold::read(value, choices).index(choices.texts.len()), gold) {
        (Some(other), Some(gold)) if other != gold => {
            let (one, other) =
                (brief(&choices.texts[gold].as_str().into()), brief(&choices.texts[other].as_str().into()));
            Err(BadField::new(
                name,
                format!("expected the right choice as another field says it, {one}, found {other}"),
            ))
        }
        _ => Ok(()),
    }
}

/// The choices that stand in a list, or in columns.
fn listed_choices(recognized: &Recognized<'_>) -> Result<Choices, BadField> {
    if let Some(field) = recognized.field(Part::Choices) {
        return Choices::read(&field.path(), field.value);
    }
    let columns = recognized.fields.iter().filter(|field| field.part == Part::Column);
    let texts = columns.map(|field| text(&field.path(), field.value)).collect::<Result<_, _>>()?;
    Ok(Choices::unlabelled(texts))
}

/// The right choice of a record with listed choices, as the record says it, with their number; `None` for other records.
pub(super) fn listed_gold(recognized: &Recognized<'_>) -> Option<(Gold, usize)> {
    let field = recognized.field(Part::Gold)?;
    let choices = listed_choices(recognized).ok()?;
    Some((Gold::read(field.value, &choices), choices.texts.len()))
}

/// Reads choices with scores; the right one has the highest, and no other choice has it too.
fn scored(field: &FoundField<'_>) -> Result<(Choices, Option<usize>), BadField> {
    let bad = |problem: &str| BadField::new(&field.path(), format!("{problem}, found {}", brief(field.value)));
    let scores = field.value.as_object().filter(|scores| scores.len() > 1);
    let scores = scores.ok_or_else(|| bad("expected at least two choices with scores"))?;
    let numbers: Option<Vec<f64>> = scores.values().map(serde_json::Value::as_f64).collect();
    let numbers = numbers.ok_or_else(|| bad("expected choices with numbers"))?;
    let highest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut best = numbers.iter().enumerate().filter(|(_, score)| **score == highest).map(|(i, _)| i);
    let gold = best.next().filter(|_| best.next().is_none());
    let gold = gold.ok_or_else(|| bad("expected one choice with the highest score"))?;
    let texts = scores.keys().map(|choice| text(&field.path(), &choice.as_str().into())).collect::<Result<_, _>>()?;
    Ok((Choices::unlabelled(texts), Some(gold)))
}

fn wrong_gold(recognized: &Recognized<'_>, choices: &Choices) -> BadField {
    let last = choices.texts.len() - 1;
    let Some(field) = recognized.field(Part::Gold) else { return BadField::new("gold", "expected the right choice") };
    let either = Gold::read(field.value, choices) == Gold::Either;
    let which = if either { ", which could be either" } else { "" };
    BadField::new(
        &field.path(),
        format!(
            "expected an index from 0 to {last}, a letter from A or one of the choices, found {}{which}",
            brief(field.value)
        ),
    )
}

/// Fails if the right choice stands twice among the choices, so that no model can prefer it.
fn check_different(recognized: &Recognized<'_>, choices: &[String], gold: usize) -> Result<(), BadField> {
    if choices.iter().filter(|choice| **choice == choices[gold]).count() == 1 {
        return Ok(());
    }
    let names = [Part::Choices, Part::Column, Part::Scores, Part::Bad].map(|part| recognized.field(part));
    let name = names.into_iter().flatten().next().map_or_else(|| "choices".to_owned(), FoundField::path);
    let found = brief(&choices[gold].as_str().into());
    Err(BadField::new(&name, format!("expected different choices, found the right one, {found}, more than once")))
}

/// Returns true if a choice stands twice among the choices.
pub(super) fn has_copies(choices: &[String]) -> bool {
    choices.iter().enumerate().any(|(i, choice)| choices[..i].contains(choice))
}
