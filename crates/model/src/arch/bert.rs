//! BERT, RoBERTa and DistilBERT: every token sees all others, norms follow the branches, and a square matrix stands
//! before the output head.

use super::gpt2::{ALIASES, block, learned_positions, read};
use super::llama::{BASE, HF as LLAMA};
use super::{Architecture, Names, Role, Stored, one};
use crate::config::{Activation, Keys, ModelConfig, Residual};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const ROLES: &[(Role, &str)] = &[
    (Role::Embedding, "{model}embeddings.word_embeddings"),
    (Role::Positions, "{model}embeddings.position_embeddings"),
    (Role::TokenTypes, "{model}embeddings.token_type_embeddings"),
    (Role::EmbeddingNorm, "{model}embeddings.LayerNorm"),
    (Role::AttentionPostNorm, "{model}encoder.layer.{}.attention.output.LayerNorm"),
    (Role::MlpPostNorm, "{model}encoder.layer.{}.output.LayerNorm"),
];

const MATRICES: &[Stored] = &[
    one("{model}encoder.layer.{}.attention.self.query", &[Q]),
    one("{model}encoder.layer.{}.attention.self.key", &[K]),
    one("{model}encoder.layer.{}.attention.self.value", &[V]),
    one("{model}encoder.layer.{}.attention.output.dense", &[O]),
    one("{model}encoder.layer.{}.intermediate.dense", &[Up]),
    one("{model}encoder.layer.{}.output.dense", &[Down]),
];

const NAMES: Names = Names {
    prefixes: &["bert."],
    roles: &[
        ROLES,
        &[
            (Role::HeadTransform, "cls.predictions.transform.dense"),
            (Role::HeadNorm, "cls.predictions.transform.LayerNorm"),
            (Role::Head, "cls.predictions.decoder"),
            (Role::HeadBias, "cls.predictions"),
        ],
    ],
    matrices: &[MATRICES],
    // Heads of other tasks, a list of numbers, and the head's bias under its second name.
    ignored: &["bert.pooler.", "cls.seq_relationship.", ".position_ids", "cls.predictions.decoder.bias"],
    ..LLAMA
};

const ROBERTA_NAMES: Names = Names {
    prefixes: &["roberta."],
    roles: &[
        ROLES,
        &[
            (Role::HeadTransform, "lm_head.dense"),
            (Role::HeadNorm, "lm_head.layer_norm"),
            (Role::Head, "lm_head.decoder"),
            (Role::HeadBias, "lm_head"),
        ],
    ],
    ignored: &["roberta.pooler.", ".position_ids", "lm_head.decoder.bias"],
    ..NAMES
};

const DISTILBERT_NAMES: Names = Names {
    prefixes: &["distilbert."],
    roles: &[&[
        (Role::Embedding, "{model}embeddings.word_embeddings"),
        (Role::Positions, "{model}embeddings.position_embeddings"),
        (Role::EmbeddingNorm, "{model}embeddings.LayerNorm"),
        (Role::AttentionPostNorm, "{model}transformer.layer.{}.sa_layer_norm"),
        (Role::MlpPostNorm, "{model}transformer.layer.{}.output_layer_norm"),
        (Role::HeadTransform, "vocab_transform"),
        (Role::HeadNorm, "vocab_layer_norm"),
        (Role::Head, "vocab_projector"),
        (Role::HeadBias, "vocab_projector"),
    ]],
    matrices: &[&[
        one("{model}transformer.layer.{}.attention.q_lin", &[Q]),
        one("{model}transformer.layer.{}.attention.k_lin", &[K]),
        one("{model}transformer.layer.{}.attention.v_lin", &[V]),
        one("{model}transformer.layer.{}.attention.out_lin", &[O]),
        one("{model}transformer.layer.{}.ffn.lin1", &[Up]),
        one("{model}transformer.layer.{}.ffn.lin2", &[Down]),
    ]],
    ignored: &[".position_ids"],
    ..LLAMA
};

pub(super) static BERT: Architecture = Architecture {
    name: "BERT",
    model_type: "bert",
    class: "BertForMaskedLM",
    block: encoder,
    hf: |keys, c| {
        token_types(keys, c)?;
        read(keys, c, "gelu")?;
        c.head.transform = Some(c.mlp.activation);
        Ok(())
    },
    names: &NAMES,
    gguf: None,
    to_hf: None,
    aliases: &[ALIASES, &[("query", &[Q]), ("key", &[K]), ("value", &[V])]],
    ..BASE
};

pub(super) static ROBERTA: Architecture = Architecture {
    name: "RoBERTa",
    model_type: "roberta",
    class: "RobertaForMaskedLM",
    hf: |keys, c| {
        token_types(keys, c)?;
        read(keys, c, "gelu")?;
        c.head.transform = Some(Activation::Gelu); // whatever the blocks have
        // The rows up to the padding token's number are never those of a position.
        let unused = keys.size_or("pad_token_id", 1)? + 1;
        learned_positions(c, unused);
        c.max_positions = match c.max_positions.checked_sub(unused) {
            Some(positions) if positions > 0 => positions,
            _ => return Err(keys.wrong("max_position_embeddings", format!("more than {unused}"), c.max_positions)),
        };
        Ok(())
    },
    names: &ROBERTA_NAMES,
    ..BERT
};

pub(super) static DISTILBERT: Architecture = Architecture {
    name: "DistilBERT",
    model_type: "distilbert",
    class: "DistilBertForMaskedLM",
    hf: |keys, c| {
        read(keys, c, "gelu")?;
        c.head.tied = keys.flag_or("tie_weights_", c.head.tied)?;
        c.head.transform = Some(c.mlp.activation);
        Ok(())
    },
    names: &DISTILBERT_NAMES,
    aliases: &[
        ALIASES,
        &[("q_lin", &[Q]), ("k_lin", &[K]), ("v_lin", &[V]), ("out_lin", &[O]), ("lin1", &[Up]), ("lin2", &[Down])],
    ],
    ..BERT
};

fn encoder(c: &mut ModelConfig) {
    block(c);
    learned_positions(c, 0);
    c.norm_eps = 1e-12;
    c.mlp.activation = Activation::Gelu;
    c.attention.causal = false;
    c.residual = Residual::PostNorm;
    c.embedding.normed = true;
    c.head.normed = false;
    c.head.transform = Some(Activation::Gelu);
    c.head.bias = true;
}

fn token_types(keys: &Keys<'_>, c: &mut ModelConfig) -> Result<()> {
    c.embedding.token_types = keys.count_or("type_vocab_size", 2)?;
    keys.only("is_decoder", false)?;
    match keys.string_or("position_embedding_type", "absolute")?.as_str() {
        "absolute" => Ok(()),
        other => Err(keys.wrong("position_embedding_type", "absolute", other)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_core::{DType, Device};
    use safetensors::SafeTensors;

    use crate::load::ModelFiles;

    #[test]
    fn norms_may_have_the_old_names_or_the_new() {
        let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/families/bert");
        let new = tempfile::tempdir().expect("a folder");
        std::fs::copy(old.join("config.json"), new.path().join("config.json")).expect("a copy");
        let bytes = std::fs::read(old.join("model.safetensors")).expect("the golden");
        let tensors = SafeTensors::deserialize(&bytes).expect("the golden");
        let renamed = tensors.iter().map(|(name, tensor)| {
            (name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias"), tensor)
        });
        let renamed: Vec<_> = renamed.collect();
        assert!(renamed.iter().all(|(name, _)| !name.contains("gamma")), "the norms' names are the only such ones");
        assert!(tensors.names().iter().any(|name| name.ends_with("LayerNorm.gamma")), "the golden has the old names");
        safetensors::serialize_to_file(renamed, None, &new.path().join("model.safetensors")).expect("written");
        let logits = |path: &Path| {
            let model =
                ModelFiles::open(path).and_then(|files| files.load(&Device::Cpu, DType::F32, 1)).expect("a model");
            let logits = model.trace(&[5, 3, 8, 21]).expect("a pass").logits;
            logits.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values")
        };
        assert_eq!(logits(&old), logits(new.path()));
    }
}
