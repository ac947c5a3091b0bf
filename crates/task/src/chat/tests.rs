//! Compares rendered templates with those of `transformers` (`tools/make_chat_goldens.py`), and checks the errors.

use std::path::Path;

use super::*;

fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/chat").join(name);
    serde_json::from_str(&std::fs::read_to_string(&path).expect("a golden")).expect("JSON")
}

fn template(source: &str, settings: ChatSettings) -> Result<ChatTemplate> {
    let special = golden("templates.json")["special"].clone();
    let names = ["bos_token", "eos_token", "unk_token"];
    let tokens = names.map(|name| (name, special[name].as_str().expect("text").to_owned())).to_vec();
    ChatTemplate::of(source, tokens, settings)
}

fn plain(source: &str) -> ChatTemplate {
    template(source, ChatSettings::default()).expect(source)
}

/// Compares all conversations of a template, and reports every difference.
fn compare(name: &str, chat: &ChatTemplate, rows: &Value) {
    let rows = rows.as_array().expect("rows");
    assert_eq!(rows.len(), 8);
    for row in rows {
        let found = chat.render(row["system"].as_str(), row["question"].as_str().expect("text"));
        match (found, row["text"].as_str(), row["error"].as_str()) {
            (Ok(found), Some(text), _) => assert_eq!(found, text, "{name}"),
            (Err(error), _, Some(raised)) => assert!(error.to_string().contains(raised), "{name}: {raised}: {error}"),
            (found, ..) => panic!("{name}: {row}: found {found:?}"),
        }
    }
}

#[test]
fn templates_render_as_transformers_renders_them() {
    let golden = golden("templates.json");
    let date = Some(golden["date"].as_str().expect("a day").parse().expect("a day"));
    for case in golden["cases"].as_array().expect("cases") {
        let (name, source) = (case["name"].as_str().expect("name"), case["template"].as_str().expect("text"));
        let chat = template(source, ChatSettings { date, system: None }).expect(name);
        compare(name, &chat, &case["rows"]);
    }
}

/// A task of two prompts.
fn task(prompts: [&str; 2], config: Value) -> Task {
    let item = |prompt: &str| Item {
        id: prompt.to_owned(),
        group: prompt.to_owned(),
        prompt: prompt.to_owned(),
        answers: vec!["it".to_owned()],
        ..Item::default()
    };
    let task = Task::new("two".to_owned(), prompts.map(item).to_vec(), Score::GREEDY).expect("items");
    Task { config, until: vec!["\n".to_owned()], num_fewshot: 3, ..task }
}

#[test]
fn prompts_become_user_turns_and_the_rest_of_the_task_is_kept() {
    let chat = plain("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>");
    let before = task(["What is", "Who is"], Value::Null);
    let after = chat.apply(before.clone(), Score::GREEDY).expect("rendered");
    let prompts: Vec<&str> = after.items.iter().map(|item| item.prompt.as_str()).collect();
    assert_eq!(prompts, ["<user>What is<assistant>", "<user>Who is<assistant>"]);
    assert_eq!(
        (after.join.delimiter.as_str(), after.join.special),
        ("", true),
        "the text does not begin with the token"
    );
    assert_eq!((&after.until, after.num_fewshot, &after.name), (&before.until, 3, &before.name));
    assert_eq!(after.items[1].answers, before.items[1].answers);
    assert_ne!(after.sha256(), before.sha256());
    let begun = plain("{{ bos_token }}{{ messages[0].content }}").apply(before, Score::GREEDY).expect("rendered");
    assert_eq!((begun.items[0].prompt.as_str(), begun.join.special), ("<s>What is", false));
}

#[test]
fn the_line_end_before_the_answer_belongs_to_the_template() {
    let chat = plain("{{ messages[0].content }}\n");
    let boundary = |before: Boundary, score: Score| {
        let mut task = task(["What is", "Who is"], Value::Null);
        task.join.boundary = before;
        chat.apply(task, score).expect("rendered").join.boundary
    };
    assert_eq!(boundary(Boundary::Joint, Score::CHOICE), Boundary::Apart);
    assert_eq!(boundary(Boundary::Harness, Score::CHOICE), Boundary::Harness, "as the harness does");
    assert_eq!(boundary(Boundary::Harness, Score::TOP1), Boundary::Apart);
    assert_eq!(boundary(Boundary::Suffix, Score::GREEDY), Boundary::Suffix);
    let text = task(["", " "], Value::Null);
    assert_eq!(chat.apply(text.clone(), Score::PERPLEXITY).expect("unchanged").sha256(), text.sha256());
}

#[test]
fn a_description_becomes_the_system_turn() {
    let turns = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
    let prompts = ["Be brief.\n\nWhat is", "Be brief.\n\nWho is"];
    let config = serde_json::json!({"description": "Be brief.\n\n", "fewshot_delimiter": "##"});
    let first = |settings: ChatSettings, config: &Value| {
        let chat = template(turns, settings).expect("a template");
        chat.apply(task(prompts, config.clone()), Score::GREEDY).expect("rendered").items.remove(0).prompt
    };
    let system = || ChatSettings { system: Some("Be kind.".to_owned()), date: None };
    assert_eq!(first(ChatSettings::default(), &config), "<system>Be brief.\n\n<user>What is");
    assert_eq!(first(system(), &config), "<system>Be kind.##Be brief.\n\n<user>What is");
    assert_eq!(first(system(), &Value::Null), "<system>Be kind.<user>Be brief.\n\nWhat is");
}

#[test]
fn a_failed_rendering_names_its_item() {
    let refused = |source: &str, words: &str| {
        let error =
            plain(source).apply(task(["What is", "Who is"], Value::Null), Score::GREEDY).expect_err(source).to_string();
        assert!(error.starts_with("item `What is`: the model's chat template: ") && error.contains(words), "{error}");
    };
    refused("{{ raise_exception('only two turns') }}", "only two turns");
    refused("{{ messages }}", "tojson");
    refused("{{ messages[0].content.swim() }}", "swim");
    refused("{{ nothing.there }}", "undefined");
    refused("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", "does not come to an end");
    refused("{% set long = 'x' * 99999 %}{% for i in range(9999) %}{{ long }}{% endfor %}", "take more than");
    let undated = plain("{{ strftime_now('%Y') }}").apply(task(["What is", "Who is"], Value::Null), Score::GREEDY);
    let undated = undated.expect_err("no date");
    assert_eq!(undated.kind(), crate::error::ErrorKind::Setting);
    assert!(undated.to_string().starts_with("chat-date: item `What is`: the model's chat template: "), "{undated}");
    let date = "2024-07-26".parse().ok();
    let dated = template("{{ strftime_now('%c') }}", ChatSettings { date, system: None }).expect("a template");
    assert!(dated.render(None, "What").expect_err("unknown").to_string().contains("%c"));
    let broken = |source: &str, words: &str| {
        let error = template(source, ChatSettings::default()).expect_err("refused").to_string();
        assert!(error.contains("chat template") && error.contains(words), "{error}");
    };
    broken("{% for m in messages %}", "syntax error");
    broken("{% include 'other' %}{{", "syntax error");
    broken(&"x".repeat((1 << 20) + 1), "at most 1048576 bytes, found 1048577");
}

#[test]
fn a_conversation_is_rendered_turn_by_turn() {
    let source = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";
    let turn = |role: &str, content: &str| Turn { role: role.to_owned(), content: content.to_owned() };
    let mut before = task(["a", "b"], Value::Null);
    before.items[0].turns =
        vec![turn("system", "Be brief."), turn("user", "Sky?"), turn("assistant", "Blue."), turn("user", "Snow?")];
    before.items[0].delimiter = Some("=".to_owned());
    let prompts = |chat: &ChatTemplate| {
        let after = chat.apply(before.clone(), Score::GREEDY).expect("rendered");
        assert!(after.items.iter().all(|item| item.turns.is_empty() && after.delimiter(item).is_empty()));
        after.items.iter().map(|item| item.prompt.clone()).collect::<Vec<_>>()
    };
    let rest = "<user>Sky?<assistant>Blue.<user>Snow?<assistant>";
    assert_eq!(prompts(&plain(source)), [format!("<system>Be brief.{rest}"), "<user>b<assistant>".to_owned()]);
    let settings = ChatSettings { system: Some("Be kind.".to_owned()), date: None };
    let kind = template(source, settings).expect("a template");
    assert_eq!(
        prompts(&kind),
        [format!("<system>Be kind.\n\nBe brief.{rest}"), "<system>Be kind.<user>b<assistant>".to_owned()]
    );
}
