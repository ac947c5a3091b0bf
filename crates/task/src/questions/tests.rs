//! Items of single records, errors that name the field, and the same items in every format.

use super::*;
use crate::dataset::RecordLocation;

fn record(line: &str) -> Record {
    let fields = serde_json::from_str(line).expect("the test's JSON is valid");
    Record::new(&Path::new("some.jsonl").into(), RecordLocation::Line(3), fields)
}

fn parse(line: &str) -> Result<Item, BadField> {
    let record = record(line);
    item(&record, &Recognized::of(&record)?, None)
}

#[test]
fn open_and_multiple_choice_questions_are_read() {
    let open = parse(r#"{"question":"2+2 is ","answer":4,"aliases":["four"]}"#).expect("open");
    assert_eq!((open.prompt.as_str(), open.answers.as_slice()), ("2+2 is ", &["4".into(), "four".into()][..]));
    assert_eq!((open.id.as_str(), open.group.as_str(), open.delimiter.as_deref()), ("3", "3", Some("")));
    let choice = parse(r#"{"question":"Sky?","choices":["red","blue"],"gold":"blue","id":"s"}"#).expect("choice");
    assert_eq!((choice.gold, choice.target(), choice.delimiter.as_deref()), (1, "blue", None));
    let fact = r#"{"question":"Capital?","answer":"Paris","subject":" France ","relation":"capital","group":7,"meta":{"count":[3]}}"#;
    let fact = parse(fact).expect("a fact");
    assert_eq!((fact.subject.as_str(), fact.group.as_str(), fact.relation.as_str()), ("France", "7", "capital"));
}

#[test]
fn conversations_keep_their_turns() {
    let of = |messages: &str| parse(&format!("{{\"messages\":[{messages}]}}"));
    let [system, user, answer] =
        ["system", "user", "assistant"].map(|role| format!(r#"{{"role":"{role}","content":"{role} text"}}"#));
    let one = of(&format!("{user},{answer}")).expect("one turn");
    assert_eq!((one.prompt.as_str(), one.target(), one.turns.len()), ("user text", "assistant text", 0));
    let several = of(&format!("{system},{user},{answer},{user},{answer}")).expect("several");
    assert_eq!(
        several.turns.iter().map(|turn| turn.role.as_str()).collect::<Vec<_>>(),
        ["system", "user", "assistant", "user"]
    );
    assert_eq!(several.prompt, "system text\n\nuser text\n\nassistant text\n\nuser text");
    let prompt = format!(r#"{{"prompt":[{user}],"completion":"x"}}"#);
    assert_eq!(parse(&prompt).expect("a prompt of messages").prompt, "user text");
    for bad in [String::new(), user.clone(), answer.clone(), format!("{user},{{}}"), "3".to_owned()] {
        assert_eq!(of(&bad).expect_err(&bad).field, "messages", "{bad}");
    }
}

#[test]
fn errors_name_the_field() {
    for (line, field) in [
        (r#"{"answer":"x"}"#, "question"),
        (r#"{}"#, "question"),
        (r#"{"question":"x"}"#, "answer"),
        (r#"{"question":"x","answer":" "}"#, "answer"),
        (r#"{"question":"x","answer":null}"#, "answer"),
        (r#"{"question":"x","answer":true}"#, "answer"),
        (r#"{"question":"x","answr":"y"}"#, "answr"),
        (r#"{"question":"x","answer":"y","grup":1}"#, "grup"),
        (r#"{"question":"x","choices":["a","b"],"gold":2}"#, "gold"),
        (r#"{"question":"x","choices":["a","b"],"gold":"c"}"#, "gold"),
        (r#"{"question":"x","choices":["a","b"],"answer":"C"}"#, "answer"),
        (r#"{"question":"x","choices":["a","b"]}"#, "gold"),
        (r#"{"question":"x","choices":["a"],"gold":0}"#, "choices"),
        (r#"{"question":"x","choices":["a","a"],"gold":0}"#, "choices"),
        (r#"{"question":"x","choices":[],"gold":0,"answer":"a"}"#, "choices"),
        (r#"{"question":["x"],"answer":"a"}"#, "question"),
        (r#"{"question":"x","choices":"[\"1\",\"2\"]","gold":"1"}"#, "gold"),
        (r#"{"question":{"stem":"x","choices":[{"text":"a"},{"text":""}]},"answerKey":"A"}"#, "question.choices"),
        (r#"{"question":"x","choices":["a","b"],"gold":0,"answer":"b"}"#, "answer"),
        (r#"{"input":"x","target_scores":{"a":1,"b":1}}"#, "target_scores"),
        (r#"{"statement":"x","label":2}"#, "label"),
    ] {
        assert_eq!(parse(line).expect_err(line).field, field, "{line}");
    }
}

#[test]
fn a_field_that_resembles_a_known_one_is_no_mistake_where_that_is_there() {
    let record = record(r#"{"question":"x","answer":"y","answer2":"z","question_id":3,"Category":"c"}"#);
    let recognized = Recognized::of(&record).expect("a layout");
    assert_eq!(recognized.unread, ["answer2", "question_id", "Category"]);
}

#[test]
fn every_format_gives_the_same_items() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("writes");
        let questions = Questions::open(&folder.path().join(name), &TaskOptions::default()).expect(name);
        let brief = |i: &Item| (i.id.clone(), i.prompt.clone(), i.answers.clone(), i.choices.clone(), i.gold);
        assert!(questions.task.notes.is_empty(), "{:?}", questions.task.notes);
        questions.task.items.iter().map(brief).collect::<Vec<_>>()
    };
    let records = [
        r#"{"id":"a","question":"2+2, is","answer":"4","aliases":["four"]}"#,
        r#"{"id":"b","question":"Sky?","choices":["red","blue"],"gold":1}"#,
    ];
    let lines = read("q.jsonl", &records.join("\n"));
    assert_eq!(lines.len(), 2);
    assert_eq!(read("q.json", &format!("[{}]", records.join(","))), lines);
    assert_eq!(read("q", &records.join("\n")), lines);
    let table = "id,question,answer,aliases,choices,gold\n\
        a,\"2+2, is\",4,\"[\"\"four\"\"]\",,\nb,Sky?,,,\"[\"\"red\"\",\"\"blue\"\"]\",1\n";
    assert_eq!(read("q.csv", table), lines);
}

#[test]
fn choices_that_are_counted_from_1_are_refused_for_the_whole_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("q.jsonl");
    let open = |golds: &[&str], skip_bad| {
        let row = |(i, gold): (usize, &&str)| {
            format!("{{\"question\":\"q{i}\",\"choices\":[\"a\",\"b\",\"c\"],\"gold\":{gold}}}\n")
        };
        std::fs::write(&path, golds.iter().enumerate().map(row).collect::<String>()).expect("writes");
        Questions::open(&path, &TaskOptions { skip_bad, ..TaskOptions::default() }).map_err(|error| error.to_string())
    };
    for golds in [&["1", "3", "2"][..], &["3", "3"], &["\"2\"", "3.0", "1"]] {
        for skip_bad in [false, true] {
            let error = open(golds, skip_bad).expect_err("from 1");
            assert!(error.contains("counted from 1") && error.contains("q.jsonl: line "), "{error}");
        }
    }
    // A zero shows that they are counted from 0; a letter says nothing about numbers.
    assert!(open(&["0", "3", "1"], true).is_ok_and(|questions| questions.task.items.len() == 2));
    assert!(open(&["1", "2", "1"], false).is_ok());
    assert!(open(&["\"C\"", "\"A\""], false).is_ok());
    let slip = open(&["3", "\"a\""], false).expect_err("a slip");
    assert!(slip.contains("line 1, `gold`: expected an index from 0 to 2"), "{slip}");
}

#[test]
fn templates_of_a_table_know_its_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("q.csv");
    std::fs::write(&path, "id,claim,label\n07,Snow is white,1\n08,Snow is red,0\n").expect("writes");
    let settings = QuestionSettings {
        prompt: Some("{{ claim }}?".to_owned()),
        answer: Some("{{ ['yes', 'true'] if label == 1 else 'no' }}".to_owned()),
        ..QuestionSettings::default()
    };
    let setup = TaskOptions { questions: &settings, ..TaskOptions::default() };
    let task = Questions::open(&path, &setup).expect("a task").task;
    assert_eq!(task.items.iter().map(|item| item.answers.join(",")).collect::<Vec<_>>(), ["yes,true", "no"]);
    // The id is the text of its cell.
    assert_eq!((task.items[0].id.as_str(), task.items[0].prompt.as_str()), ("07", "Snow is white?"));
    assert_eq!(task.items[0].doc["claim"], "Snow is white", "the record itself is kept");
}
