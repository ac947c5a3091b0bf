//! Parity with Hugging Face transformers on tiny checkpoints of every family: hidden states, logits, greedy text and
//! filled masks. The test of the same name in `crates/laser/tests/parity.rs` covers edits.

use crate::support::{ids, token_goldens};
use laser_linalg::Tolerance;

/// The project promises |difference| ≤ 1e-3·max|logit|. Both sides compute in f32, so that a hundredth of it holds.
const LOGITS: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };

#[test]
fn hidden_states_and_logits_equal_the_reference() {
    for golden in token_goldens() {
        for s in 0..2 {
            let trace = golden.model.trace(&ids(&golden.json["sequences"][s])).expect("trace");
            for (layer, hidden) in trace.hidden.iter().enumerate() {
                let expected = golden.arrays.get(&format!("s{s}.hidden.{layer}"));
                golden.check(&format!("hidden {layer}"), hidden, &expected, LOGITS);
            }
            golden.check("logits", &trace.logits, &golden.arrays.get(&format!("s{s}.logits")), LOGITS);
        }
    }
}

#[test]
fn greedy_text_equals_the_reference_with_and_without_a_cache() {
    for golden in token_goldens().into_iter().filter(|golden| golden.kind == "causal") {
        for s in 0..2 {
            let greedy = &golden.json["greedy"][s];
            let (prompt, expected) = (ids(&golden.json["sequences"][s]), ids(&greedy["ids"]));
            let mut sequence = prompt.clone();
            for token in &expected {
                let logits = golden.model.trace(&sequence).expect("trace").logits;
                let last = logits.get(sequence.len() - 1).expect("last row").to_vec1::<f32>().expect("values");
                let next = largest(&last);
                assert_eq!(next, *token, "{}: greedy of sequence {s} after {} tokens", golden.name, sequence.len());
                sequence.push(*token);
            }
            // Rotary frequencies of some models depend on the length of the sequence. A cache has keys of shorter
            // sequences, so that its text is a different one.
            if greedy["same_with_cache"] == true {
                let cached = golden.model.greedy(&prompt, expected.len()).expect("greedy");
                assert_eq!(cached, expected, "{}: cached greedy of sequence {s}", golden.name);
            }
        }
    }
}

#[test]
fn filled_masks_equal_the_reference() {
    for golden in token_goldens().into_iter().filter(|golden| golden.kind == "masked") {
        for s in 0..2 {
            let logits = golden.model.trace(&ids(&golden.json["sequences"][s])).expect("trace").logits;
            let fill = &golden.json["fills"][s];
            for (position, expected) in ids(&fill["positions"]).iter().zip(ids(&fill["ids"])) {
                let row = logits.get(*position as usize).expect("a row").to_vec1::<f32>().expect("values");
                assert_eq!(largest(&row), expected, "{}: sequence {s}, mask at {position}", golden.name);
            }
        }
    }
}

/// The token with the largest logit, of logits `[vocab]`.
fn largest(logits: &[f32]) -> u32 {
    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).expect("a token") as u32
}
