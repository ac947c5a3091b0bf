//! ARC (Clark et al. 2018): multiple-choice school questions with three to five choices, in an easy and a hard part.

use serde_json::Value;

use super::data_source::DataSource;
use super::info::{HubData, TaskInfo};
use super::records::id;
use crate::dataset::{BadField, Record};
use crate::error::Result;
use crate::options::TaskOptions;
use crate::score::{LengthNormalization, Score, Ties};
use crate::task::{Item, Task};

const LICENCE: &str = "CC BY-SA 4.0";
const QUIRKS: &[&str] = &["the paper does not use this set: both profiles are the same"];
const EXAMPLE: &str = r#"{"id": "example", "question": "Which of these is a liquid at room temperature?",
    "choices": {"text": ["iron", "water", "salt", "glass"], "label": ["A", "B", "C", "D"]}, "answerKey": "B"}"#;

pub(super) const EASY: TaskInfo = TaskInfo {
    name: "arc-easy",
    about: "school science questions with several answers, the easy part",
    source: "ARC-Easy test: allenai's JSONL, Hugging Face allenai/ai2_arc, or questions as instructions",
    licence: LICENCE,
    size: 2376,
    needs_data: true,
    quirks: QUIRKS,
    wordings: &[],
    hub: hub(&["ARC-Easy/test-*.parquet"]),
    files: &[&[
        "ARC-Easy-Test.jsonl",
        "ARC-Easy/ARC-Easy-Test.jsonl",
        "ARC-Easy/test-*.parquet",
        "ARC-Easy/test.json",
        "test-*.parquet",
        "test.json",
    ]],
    example: EXAMPLE,
    read: |source, setup| read(&EASY, source, setup),
};

pub(super) const CHALLENGE: TaskInfo = TaskInfo {
    name: "arc-challenge",
    about: "school science questions with several answers, the part that retrieval does not solve",
    source: "ARC-Challenge test: allenai's JSONL, Hugging Face allenai/ai2_arc, or questions as instructions",
    licence: LICENCE,
    size: 1172,
    needs_data: true,
    quirks: QUIRKS,
    wordings: &[],
    hub: hub(&["ARC-Challenge/test-*.parquet"]),
    files: &[&[
        "ARC-Challenge-Test.jsonl",
        "ARC-Challenge/ARC-Challenge-Test.jsonl",
        "ARC-Challenge/test-*.parquet",
        "ARC-Challenge/test.json",
        "test-*.parquet",
        "test.json",
    ]],
    example: EXAMPLE,
    read: |source, setup| read(&CHALLENGE, source, setup),
};

/// Files of one part of the data set on the Hub.
const fn hub(files: &'static [&'static str]) -> Option<HubData> {
    Some(HubData { repo: "allenai/ai2_arc", revision: "210d026faf9955653af8916fad021475a3f00453", files })
}

/// A question, its choices, and the index of the right one.
type Question = (String, Vec<String>, usize);

/// Reads one part.
fn read(info: &TaskInfo, source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let items = source.items(info, setup, |record, _| {
        let (question, choices, gold) =
            if record.fields.contains_key("instruction") { instruction(record)? } else { labelled(record)? };
        Ok(vec![Item {
            id: id(record, "id"),
            prompt: format!("Question: {question}\nAnswer:"),
            answers: vec![choices[gold].clone()],
            choices,
            gold,
            ..Item::default()
        }])
    })?;
    items.task(info.name, Score::Choice { length: LengthNormalization::PerCharacter, ties: Ties::Wrong })
}

/// Reads a question in Hugging Face's layout (a list of texts and a list of labels) or the original layout (a list of
/// text-label pairs inside the question). The answer key is one of the labels.
fn labelled(record: &Record) -> Result<Question, BadField> {
    let wrong = |field: &str, found: &Value| {
        BadField::new(field, format!("expected a question and choices with text and label, found {found}"))
    };
    let text = |value: &Value| value.as_str().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let (question, choices) = match record.value("question")? {
        Value::Object(stem) => (stem.get("stem").unwrap_or(&Value::Null), stem.get("choices").unwrap_or(&Value::Null)),
        flat => (flat, record.value("choices")?),
    };
    let (texts, labels): (Option<Vec<_>>, Vec<&Value>) = match choices {
        Value::Array(pairs) => {
            (pairs.iter().map(|p| text(&p["text"])).collect(), pairs.iter().map(|p| &p["label"]).collect())
        }
        lists => {
            let list = |field: &str| lists[field].as_array().map(Vec::as_slice).unwrap_or_default();
            (list("text").iter().map(text).collect(), list("label").iter().collect())
        }
    };
    let texts = texts.filter(|t| t.len() >= 2 && t.len() == labels.len()).ok_or_else(|| wrong("choices", choices))?;
    let key = record.text("answerKey")?.trim();
    let gold = labels.iter().position(|label| label.as_str() == Some(key));
    let gold =
        gold.ok_or_else(|| BadField::new("answerKey", format!("expected a label of the choices, found {key:?}")))?;
    Ok((text(question).ok_or_else(|| wrong("question", question))?, texts, gold))
}

/// Reads a question with numbered choices in one text, as in instruction data: `Please choose the correct answer to the
/// question: …`, then `Answer1: … Answer2: …`, then the format of the answer.
fn instruction(record: &Record) -> Result<Question, BadField> {
    let whole = record.text("instruction")?;
    let wrong = || BadField::new("instruction", format!("expected a question with numbered answers, found {whole:?}"));
    let (question, rest) = whole.rsplit_once("\n\nAnswer1:").ok_or_else(wrong)?;
    let question =
        question.strip_prefix("Please choose the correct answer to the question:").unwrap_or(question).trim();
    let (mut rest, _) = rest.rsplit_once("\n\nAnswer format:").ok_or_else(wrong)?;
    let mut choices = Vec::new();
    while let Some((choice, behind)) = rest.split_once(&format!(" Answer{}:", choices.len() + 2)) {
        choices.push(choice.trim().to_owned());
        rest = behind;
    }
    choices.push(rest.trim().to_owned());
    if question.is_empty() || choices.len() < 2 || choices.iter().any(String::is_empty) {
        return Err(wrong());
    }
    let answer = record.text("answer")?.trim();
    let number = answer.strip_prefix("answer").and_then(|n| n.parse::<usize>().ok());
    let gold = number.and_then(|n| n.checked_sub(1)).filter(|gold| *gold < choices.len());
    let gold = gold.ok_or_else(|| {
        BadField::new("answer", format!("expected answer1 to answer{}, found {answer:?}", choices.len()))
    })?;
    Ok((question.to_owned(), choices, gold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{items, prompts_of_all_setups, read as read_text, real_data};

    #[test]
    fn prompts_equal_those_of_the_harness() {
        let prompt = "Question: Which of these is a liquid at room temperature?\nAnswer: ";
        let [causal, masked] = [format!("{prompt}[water]"), format!("{prompt}[mask]")];
        assert_eq!(prompts_of_all_setups(&EASY, None), [causal.clone(), masked.clone(), causal, masked]);
    }

    #[test]
    fn all_layouts_give_the_same_items() {
        let hub = r#"{"id":"M1","question":"Which?","choices":{"text":["a b","c","d"],"label":["1","2","3"]},"answerKey":"2"}"#;
        let hub = items(&CHALLENGE, "h.jsonl", hub);
        assert_eq!((hub[0].gold, hub[0].choices.len(), hub[0].target(), hub[0].id.as_str()), (1, 3, "c", "M1"));
        let allenai = r#"{"id":"M1","question":{"stem":"Which?","choices":[{"text":"a b","label":"A"},{"text":"c","label":"B"},{"text":"d","label":"C"}]},"answerKey":"B"}"#;
        assert_eq!(items(&CHALLENGE, "a.jsonl", allenai), hub);
        let instruction = r#"[{"instruction":"Please choose the correct answer to the question: Which?\n\nAnswer1: a b Answer2: c Answer3: d\n\nAnswer format: answer1/answer2/answer3","answer":"answer2"}]"#;
        let instruction = items(&CHALLENGE, "i.json", instruction);
        assert_eq!(instruction, [Item { id: "0".into(), group: "0".into(), ..hub[0].clone() }]);
    }

    #[test]
    fn bad_records_name_the_field() {
        for (record, field) in [
            (r#"{"question":"Q","choices":{"text":["a","b"],"label":["A","B"]},"answerKey":"C"}"#, "answerKey"),
            (r#"{"question":"Q","choices":{"text":["a"],"label":["A","B"]},"answerKey":"A"}"#, "choices"),
            (r#"{"question":"Q","choices":{"text":["a",""],"label":["A","B"]},"answerKey":"A"}"#, "choices"),
            (r#"{"question":{"stem":""},"choices":[],"answerKey":"A"}"#, "choices"),
            (r#"{"instruction":"Q\n\nAnswer1: a Answer2: b\n\nAnswer format: x","answer":"answer3"}"#, "answer"),
            (r#"{"instruction":"Q\n\nAnswer1: a\n\nAnswer format: x","answer":"answer1"}"#, "instruction"),
        ] {
            let bad = read_text(&EASY, "h.jsonl", record, &TaskOptions::default()).expect_err(record).to_string();
            assert!(bad.contains(&format!("`{field}`")), "{bad}");
        }
    }

    #[test]
    fn real_data_has_the_published_size() {
        for (info, file, five) in [(&EASY, "arc/ARC-Easy/test.json", 4), (&CHALLENGE, "arc/ARC-Challenge/test.json", 3)]
        {
            let Some(path) = real_data(file) else { return };
            let task = Task::open(info.name, Some(&path), &TaskOptions::default()).expect(file);
            assert_eq!(task.items.len(), info.size);
            assert_eq!(task.items.iter().filter(|item| item.choices.len() == 5).count(), five);
        }
    }
}
