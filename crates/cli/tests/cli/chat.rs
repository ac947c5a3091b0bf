//! `--apply-chat-template`.

use serde_json::Value;

use crate::bench::Bench;
use crate::items;

const EVAL: &str = "eval model --task open.jsonl --score top1";

/// Gives the model a template, its special tokens being what they are.
fn templated(bench: &Bench, template: &str) {
    bench.write("model/chat_template.jinja", template);
}

#[test]
fn questions_are_put_as_a_users_turn() {
    let bench = Bench::new();
    items::open(&bench, 20);
    bench.refused(
        &format!("{EVAL} --apply-chat-template"),
        &["--apply-chat-template", "no chat template", "chat_template.jinja"],
    );
    templated(
        &bench,
        "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}{% if add_generation_prompt %}says{% endif %}",
    );
    let plain = bench.laser(&format!("{EVAL} --out plain"));
    let turns = bench.laser(&format!("{EVAL} --apply-chat-template --out turns"));
    for (a, b) in bench.evaluated("plain", "open").iter().zip(bench.evaluated("turns", "open")) {
        assert_eq!(b["prompt"], format!("user {} says", a["prompt"].as_str().expect("text")));
        assert_eq!((&a["target"], &a["group"]), (&b["target"], &b["group"]));
    }
    let config = |data: &Value, key: &str| data["manifest"]["config"][key].clone();
    assert_ne!(plain["manifest"]["task"]["sha256"], turns["manifest"]["task"]["sha256"]);
    assert_eq!(config(&plain, "apply_chat_template"), Value::Null);
    assert_eq!(config(&turns, "apply_chat_template"), true);
    assert_eq!(config(&turns, "chat_template_sha256").as_str().map(str::len), Some(64));
    let kind = bench
        .command(&format!("{EVAL} --apply-chat-template --out kind --json"))
        .args(["--system-instruction", "be kind"])
        .output();
    assert!(kind.expect("the binary starts").status.success());
    let first = &bench.evaluated("kind", "open")[0];
    assert!(first["prompt"].as_str().expect("text").starts_with("system be kind user "));
    assert_eq!(config(&bench.json("kind/results.json")["laser"], "system_instruction"), "be kind");

    // A search goes the same way, and its run is no other's.
    let search = "search model --task open.jsonl --score top1 --rho 0.1 --strategy exhaustive";
    let found = bench.data(&format!("{search} --apply-chat-template --out found"));
    assert_eq!(config(&found, "apply_chat_template"), true);
    assert_eq!(found["manifest"]["task"]["sha256"], turns["manifest"]["task"]["sha256"]);
    // The folder's own settings are taken where the command line has none; without them it is another run.
    bench.done(&format!("{search} --out found --resume"));
    std::fs::remove_file(bench.path("found/settings.yaml")).expect("removes");
    bench.refused(&format!("{search} --out found --resume"), &["another run"]);
}

#[test]
fn templates_that_cannot_be_used() {
    let bench = Bench::new();
    items::open(&bench, 4);
    let chat = format!("{EVAL} --apply-chat-template");
    for (template, words) in [
        ("{{ raise_exception('no questions') }}", ["item `", "no questions"]),
        ("{% for m in messages %}", ["chat template", "syntax error"]),
        ("{{ strftime_now('%d %b %Y') }}", ["item `", "--chat-date"]),
    ] {
        templated(&bench, template);
        bench.refused(&chat, &words);
    }
    bench.done(&format!("{chat} --chat-date 2024-07-26 --out dated"));
    assert_eq!(bench.evaluated("dated", "open")[0]["prompt"], "26 Jul 2024");
    bench.refused(&format!("{chat} --chat-date 2024-07-36"), &["--chat-date", "2024-07-36"]);
    assert_ne!(bench.run(&format!("{EVAL} --chat-date 2024-07-26")).status.code(), Some(0), "it needs the template");
}
