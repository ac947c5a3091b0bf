//! A head that is tied according to the configuration, and what the files hold.

use crate::altered::{Altered, Stored};

const FAMILIES: [(&str, &str, &str); 5] = [
    ("tiny/llama-tied", "model.embed_tokens.weight", "lm_head.weight"),
    ("families/gpt2", "transformer.wte.weight", "lm_head.weight"),
    ("families/bloom-prefix", "transformer.word_embeddings.weight", "lm_head.weight"),
    ("families/gemma2", "model.embed_tokens.weight", "lm_head.weight"),
    ("families/opt", "model.decoder.embed_tokens.weight", "lm_head.weight"),
];

/// The golden without a stored head, and its embedding.
fn tied(name: &str, embedding: &str, head: &str) -> (Altered, Stored) {
    let mut copy = Altered::of(name);
    copy.tensors.remove(head);
    let embedding = copy.tensors.get(embedding).unwrap_or_else(|| panic!("{name}: {:?}", copy.tensors.keys())).clone();
    (copy, embedding)
}

#[test]
fn a_stored_head_that_differs_is_used() {
    for (name, embedding_name, head) in FAMILIES {
        let (copy, embedding) = tied(name, embedding_name, head);
        let mut other = embedding.clone();
        other.bytes.reverse(); // other values of the same type; finite, because the goldens have small exponents
        other.bytes = (0..other.bytes.len() / 4).flat_map(|i| ((i % 7) as f32 / 8.0 - 0.3).to_le_bytes()).collect();
        let differing = copy.clone().with_tensor(head, other.clone());
        let notes = differing.notes().join("; ");
        assert!(notes.contains(head) && notes.contains("the stored head is used"), "{name}: {notes}");
        // As if the flag said so.
        let untied = differing.clone().with("tie_word_embeddings", false);
        assert_eq!(untied.notes(), [""; 0], "{name}");
        assert_eq!(differing.logits(), untied.logits(), "{name}");
        assert_ne!(differing.logits(), copy.logits(), "{name}");
    }
}

#[test]
fn an_equal_head_stored_twice_changes_nothing() {
    for (name, embedding_name, head) in FAMILIES {
        let (copy, embedding) = tied(name, embedding_name, head);
        let twice = copy.clone().with_tensor(head, embedding.clone());
        assert_eq!((twice.notes(), twice.logits()), (vec![], copy.logits()), "{name}");
        assert!(twice.open().expect(name).config().head.tied, "{name}");
        // The same values in another type, as some tools save them.
        let f64s = embedding.bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let rounded: Vec<half::bf16> = f64s.map(half::bf16::from_f32).collect();
        let exact =
            Stored { bytes: rounded.iter().flat_map(|v| v.to_f32().to_le_bytes()).collect(), ..embedding.clone() };
        let bytes = rounded.iter().flat_map(|v| v.to_le_bytes()).collect();
        let short = Stored { dtype: safetensors::tensor::Dtype::BF16, bytes, shape: embedding.shape };
        let mixed = copy.with_tensor(embedding_name, exact).with_tensor(head, short);
        assert!(mixed.open().expect(name).config().head.tied, "{name}");
    }
}

#[test]
fn a_head_that_is_stored_alone_is_used_for_both() {
    for (name, embedding_name, head) in FAMILIES {
        let (copy, embedding) = tied(name, embedding_name, head);
        let mut alone = copy.clone().with_tensor(head, embedding);
        alone.tensors.remove(embedding_name);
        let notes = alone.notes().join("; ");
        assert!(notes.contains(embedding_name) && notes.contains("used for it too"), "{name}: {notes}");
        assert_eq!(alone.logits(), copy.logits(), "{name}");
        // Without the flag, the embedding is missing.
        let error = alone.with("tie_word_embeddings", false).error();
        assert!(error.contains("missing tensor") && error.contains(embedding_name), "{name}: {error}");
    }
}

#[test]
fn a_head_of_another_shape_is_an_error() {
    let (copy, _) = tied("tiny/llama-tied", "model.embed_tokens.weight", "lm_head.weight");
    let error = copy.with_tensor("lm_head.weight", Stored::filled(&[97, 32], 0.5)).error();
    assert!(error.contains("lm_head.weight") && error.contains("[96, 32]"), "{error}");
}
