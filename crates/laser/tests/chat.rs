//! The chat template in SmolLM2's GGUF metadata against `transformers` (`tools/make_chat_goldens.py`).

use crate::support::{goldens, json, smollm2};
use laser::model::load::ModelFiles;
use laser::task::chat::{ChatSettings, ChatTemplate};

#[test]
fn the_template_in_a_gguf_renders_as_transformers_renders_it() {
    let Some(path) = smollm2() else { return };
    let files = ModelFiles::open(&path).expect("open");
    let tokenizer = files.tokenizer().expect("tokenizer");
    let chat = ChatTemplate::new(&tokenizer, files.config(), ChatSettings::default()).expect("a template");
    let golden = json(&goldens().join("chat/smollm2.json"));
    assert_eq!(golden["sha256"], chat.sha256.as_str());
    let rows = golden["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 8);
    for row in rows {
        let rendered = chat.render(row["system"].as_str(), row["question"].as_str().expect("text")).expect("rendered");
        assert_eq!(rendered, row["text"], "{row}");
        // The harness's rule: what begins with the beginning token is encoded without another.
        assert!(rendered.starts_with(tokenizer.token_text(1).expect("the beginning token").as_str()));
    }
}
