//! Chat templates of models: parsed, and rendered for two turns.

use laser::model::ModelConfig;
use laser::model::tokenizer::Tokenizer;
use laser::task::chat::{ChatSettings, ChatTemplate};
use laser_fuzz::damage::Damaged;
use laser_fuzz::target::Target;

use crate::support::{folder, golden, write};

/// Parts of templates, among them what makes a text or list grow.
pub(crate) const WORDS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{%- ",
    " -%}",
    "{% for m in messages %}",
    "{% endfor %}",
    "{% if x %}",
    "{% endif %}",
    "{% else %}",
    "{% set x = x ~ x %}",
    "{% set x = [x, x] %}",
    "{% set ns = namespace(x='ab') %}",
    "{% set ns.x = ns.x ~ ns.x %}",
    "{% set ns.x = ns.x + ns.x %}",
    "{% set ns.l = ns.l + ns.l %}",
    "{% for i in range(90000) %}",
    "{% for i in range(60) %}",
    "{% set x %}{{ x }}{{ x }}{% endset %}",
    "{% macro f(x) %}",
    "{% endmacro %}",
    "{{ f(x ~ x) }}",
    "{{ f() }}",
    "{% call f() %}",
    "{% endcall %}",
    "{{ caller() }}",
    "{% filter upper %}",
    "{% endfilter %}",
    "{% include 'chat template' %}",
    "{% extends 'chat template' %}",
    "{% import 'x' as y %}",
    "{% block b %}",
    "{% endblock %}",
    "{{ self.b() }}",
    "{% break %}",
    "{% continue %}",
    "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% with x = x ~ x %}",
    "{% endwith %}",
    "{% do f() %}",
    "{% generation %}",
    "{% endgeneration %}",
    "{% raw %}",
    "{% endraw %}",
    "|tojson",
    "|tojson(indent=4)",
    "|join(x)",
    "|replace('a', x)",
    "|indent(1000000000)",
    "|batch(1000000000, 'x')",
    "|slice(1000000000)",
    "|list",
    "|length",
    "|map(attribute='x')",
    "|selectattr('role')",
    "|groupby('role')",
    "|format(1)",
    "'%1000000000d'|format(1)",
    "|round(999)",
    "|sort",
    "|unique",
    "|sum",
    "|urlencode",
    "|pprint",
    "|string",
    "|trim",
    "|first",
    "|last",
    "|items",
    "|default('x')",
    "'a' * 100000000",
    "[1] * 1000000000000",
    "x[::-1]",
    "x[1:]",
    "messages[0].content",
    "messages[0]['role']",
    "loop.index",
    "raise_exception('x')",
    "strftime_now('%d %b %Y')",
    ".split('a')",
    ".strip()",
    ".format(1)",
    "'{:1000000000}'.format(1)",
    "'{:>1000000000}'.format('x')",
    ".replace('a', 'bb')",
    "namespace()",
    "dict(a=1)",
    "debug()",
    "cycler",
    "joiner()",
    "lipsum(1000)",
    "1 // 0",
    "2 ** 9999",
    "9223372036854775807 + 1",
    "-9223372036854775808 // -1",
    "1 % 0",
    "1e308 * 10",
    "x is defined",
    "x in x",
    "not",
    " and ",
    " or ",
    "~",
    "+",
    "*",
    "==",
    "<",
    "bos_token",
    "eos_token",
    "question",
    "options.text",
];

/// A tokenizer of three words with this template.
fn tokenizer() -> (tempfile::TempDir, ModelConfig) {
    let folder = folder();
    let token = |id: usize, text: &str| {
        serde_json::json!({"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [token(0, "<s>"), token(1, "</s>")],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"<s>": 0, "</s>": 1, "x": 2}, "unk_token": "x"},
    });
    write(&folder.path().join("tokenizer.json"), tokenizer.to_string().as_bytes());
    write(&folder.path().join("tokenizer_config.json"), br#"{"bos_token": "<s>", "eos_token": "</s>"}"#);
    let config = String::from_utf8(golden("tiny/llama-bytes/config.json")).expect("UTF-8");
    (folder, ModelConfig::from_hf("config.json", &config).expect("a configuration"))
}

#[test]
fn chat_templates() {
    let (folder, config) = tokenizer();
    let path = folder.path().join("chat_template.jinja");
    let goldens: serde_json::Value = serde_json::from_slice(&golden("chat/templates.json")).expect("JSON");
    let cases = goldens["cases"].as_array().expect("cases").iter();
    let texts = cases.map(|case| case["template"].as_str().expect("a text").to_owned());
    // One golden always raises an exception: no seed.
    let seeds = texts.filter(|text| text.len() > 100).map(String::into_bytes).collect();
    let inputs = Damaged { seeds, words: WORDS };
    let settings = ChatSettings { system: Some("Be kind.".to_owned()), date: "2026-01-31".parse().ok() };
    Target { name: "chat-template", other_bytes: 0, executions: 2500, inputs }.run(bolero::check!(), |input| {
        write(&path, input);
        let Ok(tokenizer) = Tokenizer::from_folder(folder.path()) else { return false };
        let Ok(template) = ChatTemplate::new(&tokenizer, &config, settings.clone()) else { return false };
        let _ = template.render(None, "What is\u{301} it?");
        // Some accept no system turn.
        let _ = template.render(Some("Be kind."), "");
        true
    });
}
