//! Parity with transformers on Gemma 3 270M from its GGUF file: token ids, hidden states, logits, greedy text, edits, and
//! a text longer than the attention window.

use crate::support::{floats, gemma3, goldens, ids, json};
use candle_core::{DType, Device, Tensor};
use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::model::Model;
use laser::model::load::ModelFiles;
use laser::model::tokenizer::Tokenizer;
use laser_linalg::Tolerance;
use serde_json::Value;

/// Largest |difference| of logits, over max|logit|. The project promises 1e-3.
const LOGITS: f64 = 1e-4;
/// Largest |difference| of hidden states, over their root mean square, which grows from 1 to 1400 through the layers.
const HIDDEN: f64 = 1e-4;

/// Values computed by transformers.
struct Reference {
    golden: Value,
    /// The 256 tokens whose logits the golden has for every prompt.
    sample: Vec<u32>,
}

impl Reference {
    /// Compares the logits after the last token, `[vocab]`, with those of the golden: the 32 largest, the sample, and
    /// logsumexp, which depends on all of them.
    fn check_logits(&self, what: &str, logits: &Tensor, golden: &Value) {
        let last: Vec<f32> = logits.to_vec1().expect("values");
        let largest = last.iter().fold(0f32, |m, v| m.max(v.abs()));
        let tolerance = Tolerance { absolute: LOGITS * f64::from(largest), relative: 0.0 };
        let check = |name: &str, actual: &[f32], expected: &[f32]| {
            if let Err(difference) = tolerance.check(actual, expected) {
                panic!("{what}: {name}: {difference}");
            }
        };
        for (tokens, values) in [(&ids(&golden["top_ids"]), "top_values"), (&self.sample, "sample_values")] {
            let actual: Vec<f32> = tokens.iter().map(|token| last[*token as usize]).collect();
            check(values, &actual, &floats(&golden[values]));
        }
        let sum: f64 = last.iter().map(|v| f64::from(v - largest).exp()).sum();
        let logsumexp = (f64::from(largest) + sum.ln()) as f32;
        check("logsumexp", &[logsumexp], &[golden["logsumexp"].as_f64().expect("logsumexp") as f32]);
    }

    /// Compares the logits after each of the 20 prompts, which run as one batch.
    fn check_prompts(&self, what: &str, model: &Model, golden: &Value) {
        let prompts: Vec<Vec<u32>> = self.prompts().iter().map(|prompt| ids(&prompt["ids"])).collect();
        let sequences: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
        let logits = model.next_token_logits(&sequences, 2).expect("logits");
        for (n, (prompt, golden)) in self.prompts().iter().zip(golden.as_array().expect("prompts")).enumerate() {
            self.check_logits(&format!("{what}: {}", prompt["text"]), &logits.get(n).expect("a row"), golden);
        }
    }

    /// Compares the first `n` of 64 greedy tokens, and the text of all.
    fn check_greedy(&self, what: &str, n: usize, model: &Model, tokenizer: &Tokenizer, golden: &Value) {
        let (prompt, expected) = (ids(&golden["prompt_ids"]), ids(&golden["ids"]));
        assert_eq!(expected.len(), 64);
        assert_eq!(model.greedy(&prompt, n).expect("greedy"), expected[..n], "{what}: greedy ids");
        assert_eq!(tokenizer.decode(&expected).expect("decode"), golden["text"], "{what}: greedy text");
    }

    fn prompts(&self) -> &[Value] {
        let prompts = self.golden["prompts"].as_array().expect("prompts");
        assert_eq!(prompts.len(), 20);
        prompts
    }

    /// Compares the token ids of every text in the golden.
    fn check_tokens(&self, tokenizer: &Tokenizer) {
        for item in self.prompts().iter().chain([&self.golden["long"]]) {
            let text = item["text"].as_str().expect("text");
            assert_eq!(tokenizer.encode(text, true).expect("encode"), ids(&item["ids"]), "{text:?}");
        }
    }

    /// Compares the hidden state of the last token after the embedding and after each block.
    fn check_trace(&self, model: &Model) {
        let hidden = model.trace(&ids(&self.prompts()[0]["ids"])).expect("trace").hidden;
        let golden = self.golden["trace"].as_array().expect("trace");
        assert_eq!(hidden.len(), golden.len());
        for (layer, (state, golden)) in hidden.iter().zip(golden).enumerate() {
            let last = state.get(state.dim(0).expect("rows") - 1).expect("the last row");
            let last: Vec<f32> = last.to_vec1().expect("values");
            let rms = (last.iter().map(|v| f64::from(v * v)).sum::<f64>() / last.len() as f64).sqrt();
            let first = floats(&golden["first"]);
            let tolerance = Tolerance { absolute: HIDDEN * rms, relative: 0.0 };
            let expected = golden["rms"].as_f64().expect("rms") as f32;
            let checked =
                tolerance.check(&last[..first.len()], &first).and(tolerance.check(&[rms as f32], &[expected]));
            assert!(checked.is_ok(), "state {layer}: {checked:?}");
        }
    }
}

#[test]
fn gemma3_equals_transformers() {
    let Some(path) = gemma3() else { return };
    let golden = json(&goldens().join("gemma3/golden.json"));
    let reference = Reference { sample: ids(&golden["vocabulary_sample"]), golden };
    let files = ModelFiles::open(&path).expect("open");
    let tokenizer = files.tokenizer().expect("tokenizer");
    reference.check_tokens(&tokenizer);
    let model = files.load(&Device::Cpu, DType::F32, 2).expect("load");
    reference.check_trace(&model);
    reference.check_prompts("base", &model, &reference.golden["prompts"]);
    reference.check_greedy("base", 64, &model, &tokenizer, &reference.golden["greedy"]);

    let long = ids(&reference.golden["long"]["ids"]);
    assert!(long.len() > 512, "a text within the window cannot show that the window works");
    let logits = model.next_token_logits(&[&long], 2).expect("logits");
    reference.check_logits("long", &logits.get(0).expect("a row"), &reference.golden["long"]);

    for edit in reference.golden["edits"].as_array().expect("edits") {
        let text = edit["edit"].as_str().expect("edit");
        let parsed = Edit::parse(text, files.config()).expect(text);
        let (edited, records) = Truncation::new(SvdMethod::Exact, None, 2).apply(&model, &parsed).expect(text);
        assert_eq!(records[0].rank, edit["rank"].as_u64().map(|rank| rank as usize), "{text}");
        assert!(records[0].rank.is_some(), "{text}");
        let stated = edit["relative_error"].as_f64().expect("relative_error");
        assert!((records[0].relative_error - stated).abs() < 1e-4, "{text}: {}", records[0].relative_error);
        reference.check_prompts(text, &edited, &edit["prompts"]);
        // Fewer than of the base: each takes a second in a build for tests.
        reference.check_greedy(text, 16, &edited, &tokenizer, &edit["greedy"]);
    }
}

#[test]
fn gemma3_tokenizer_written_as_json_gives_the_same_ids() {
    let Some(path) = gemma3() else { return };
    let golden = json(&goldens().join("gemma3/golden.json"));
    let tokenizer = ModelFiles::open(&path).expect("open").tokenizer().expect("tokenizer");
    assert_eq!(tokenizer.vocab_size(), 262_144);
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_ids(), tokenizer.add_bos()), (Some(2), &[1][..], true));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_json()).expect("write");
    std::fs::write(folder.path().join("tokenizer_config.json"), tokenizer.config_json()).expect("write");
    let again = Tokenizer::from_folder(folder.path()).expect("read");
    Reference { sample: Vec::new(), golden }.check_tokens(&again);

    let ids = |text: &str| {
        let ids = tokenizer.encode(text, false).expect("encode");
        assert_eq!(again.encode(text, false).expect("encode"), ids, "{text:?}");
        assert_eq!(tokenizer.decode(&ids).expect("decode").trim(), text.trim(), "{text:?}");
        ids
    };
    assert_eq!(ids("A"), [236_776]);
    assert_eq!(ids("   "), [139], "several spaces are one token");
    assert_eq!(ids(" "), [236_743]);
    assert_eq!(tokenizer.encode("<start_of_turn><end_of_turn>", true).expect("encode"), [2, 105, 106]);
    let rune = ids("\u{12031}"); // four bytes in UTF-8, no two of which are one token
    assert!(rune.iter().all(|id| (238..494).contains(id)), "{rune:?}");
}
