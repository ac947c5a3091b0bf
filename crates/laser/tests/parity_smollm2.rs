//! Parity with transformers on SmolLM2-135M-Instruct from its GGUF file: token ids, logits, greedy text,
//! edits.

use crate::support::{floats, goldens, ids, json, smollm2};
use candle_core::{DType, Device};
use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::model::Model;
use laser::model::load::ModelFiles;
use laser::model::tokenizer::Tokenizer;
use laser_linalg::Tolerance;
use serde_json::Value;

/// Compares the logits after each prompt with the golden's: the 32 largest, and those of the tokens `sample`. Allows
/// |difference| ≤ 1e-4·max|logit|; the project promises 1e-3.
fn check_prompts(what: &str, model: &Model, prompts: &[Value], golden: &[Value], sample: &[u32]) {
    for (prompt, golden) in prompts.iter().zip(golden) {
        let prompt_ids = ids(&prompt["ids"]);
        let logits = model.trace(&prompt_ids).expect("trace").logits;
        let last: Vec<f32> = logits.get(prompt_ids.len() - 1).expect("last").to_vec1().expect("values");
        let max = last.iter().fold(0f32, |m, v| m.max(v.abs()));
        let tolerance = Tolerance { absolute: 1e-4 * f64::from(max), relative: 0.0 };
        for (tokens, values) in [(ids(&golden["top_ids"]), "top_values"), (sample.to_vec(), "sample_values")] {
            let actual: Vec<f32> = tokens.iter().map(|token| last[*token as usize]).collect();
            if let Err(difference) = tolerance.check(&actual, &floats(&golden[values])) {
                panic!("{what}: {}: {values}: {difference}", prompt["text"]);
            }
        }
    }
}

/// Compares the greedy tokens after `prompt` and their text.
fn check_greedy(what: &str, model: &Model, tokenizer: &Tokenizer, golden: &Value, prompt: &[u32]) {
    let expected = ids(&golden["ids"]);
    assert_eq!(model.greedy(prompt, expected.len()).expect("greedy"), expected, "{what}: greedy ids");
    assert_eq!(tokenizer.decode(&expected).expect("decode"), golden["text"], "{what}: greedy text");
}

#[test]
fn smollm2_equals_transformers() {
    let Some(path) = smollm2() else { return };
    let golden = json(&goldens().join("smollm2/golden.json"));
    let files = ModelFiles::open(&path).expect("open");
    let tokenizer = files.tokenizer().expect("tokenizer");
    let model = files.load(&Device::Cpu, DType::F32, 2).expect("load");
    let prompts = golden["prompts"].as_array().expect("prompts");
    assert!(prompts.len() >= 20);
    for prompt in prompts {
        let text = prompt["text"].as_str().expect("text");
        assert_eq!(tokenizer.encode(text, true).expect("encode"), ids(&prompt["ids"]), "{text:?}");
    }
    let sample = ids(&golden["vocabulary_sample"]);
    check_prompts("base", &model, prompts, prompts, &sample);
    let prompt = ids(&golden["greedy"]["prompt_ids"]);
    check_greedy("base", &model, &tokenizer, &golden["greedy"], &prompt);
    for edit in golden["edits"].as_array().expect("edits") {
        let text = edit["edit"].as_str().expect("edit");
        let parsed = Edit::parse(text, files.config()).expect(text);
        let (edited, records) = Truncation::new(SvdMethod::Exact, None, 2).apply(&model, &parsed).expect(text);
        assert_eq!(records[0].rank, edit["rank"].as_u64().map(|rank| rank as usize), "{text}");
        assert!(records[0].rank.is_some(), "{text}");
        let stated = edit["relative_error"].as_f64().expect("relative_error");
        assert!((records[0].relative_error - stated).abs() < 1e-4);
        check_prompts(text, &edited, prompts, edit["prompts"].as_array().expect("prompts"), &sample);
        check_greedy(text, &edited, &tokenizer, &edit["greedy"], &prompt);
    }
}
