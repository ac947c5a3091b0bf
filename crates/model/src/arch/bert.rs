//! BERT, RoBERTa, XLM-RoBERTa (the same block) and DistilBERT: every token attends to all others, norms follow attention and MLP, and a square matrix
//! comes before the output head.

use super::definition::FamilyDefinition;
use super::family::Family;
use super::gpt2::{ALIASES, learned_positions, read_common_keys, set_common_block};
use super::llama::{BASE, HF as LLAMA};
use super::tensor_names::{StoredTensor, TensorNames, TensorRole, one};
use crate::config::{Activation, HfKeys, ModelConfig, Residual};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const ROLES: &[(TensorRole, &str)] = &[
    (TensorRole::Embedding, "{model}embeddings.word_embeddings"),
    (TensorRole::Positions, "{model}embeddings.position_embeddings"),
    (TensorRole::TokenTypes, "{model}embeddings.token_type_embeddings"),
    (TensorRole::EmbeddingNorm, "{model}embeddings.LayerNorm"),
    (TensorRole::AttentionPostNorm, "{model}encoder.layer.{}.attention.output.LayerNorm"),
    (TensorRole::MlpPostNorm, "{model}encoder.layer.{}.output.LayerNorm"),
];

const MATRICES: &[StoredTensor] = &[
    one("{model}encoder.layer.{}.attention.self.query", &[Q]),
    one("{model}encoder.layer.{}.attention.self.key", &[K]),
    one("{model}encoder.layer.{}.attention.self.value", &[V]),
    one("{model}encoder.layer.{}.attention.output.dense", &[O]),
    one("{model}encoder.layer.{}.intermediate.dense", &[Up]),
    one("{model}encoder.layer.{}.output.dense", &[Down]),
];

const NAMES: TensorNames = TensorNames {
    prefixes: &["bert."],
    roles: &[
        ROLES,
        &[
            (TensorRole::HeadTransform, "cls.predictions.transform.dense"),
            (TensorRole::HeadTransformNorm, "cls.predictions.transform.LayerNorm"),
            (TensorRole::Head, "cls.predictions.decoder"),
            (TensorRole::HeadBias, "cls.predictions"),
        ],
    ],
    matrices: &[MATRICES],
    // Heads of other tasks, the list of position ids, and the bias of the head under its second name.
    ignored: &["bert.pooler.", "cls.seq_relationship.", ".position_ids", "cls.predictions.decoder.bias"],
    ..LLAMA
};

const ROBERTA_NAMES: TensorNames = TensorNames {
    prefixes: &["roberta."],
    roles: &[
        ROLES,
        &[
            (TensorRole::HeadTransform, "lm_head.dense"),
            (TensorRole::HeadTransformNorm, "lm_head.layer_norm"),
            (TensorRole::Head, "lm_head.decoder"),
            (TensorRole::HeadBias, "lm_head"),
        ],
    ],
    ignored: &["roberta.pooler.", ".position_ids", "lm_head.decoder.bias"],
    ..NAMES
};

const DISTILBERT_NAMES: TensorNames = TensorNames {
    prefixes: &["distilbert."],
    roles: &[&[
        (TensorRole::Embedding, "{model}embeddings.word_embeddings"),
        (TensorRole::Positions, "{model}embeddings.position_embeddings"),
        (TensorRole::EmbeddingNorm, "{model}embeddings.LayerNorm"),
        (TensorRole::AttentionPostNorm, "{model}transformer.layer.{}.sa_layer_norm"),
        (TensorRole::MlpPostNorm, "{model}transformer.layer.{}.output_layer_norm"),
        (TensorRole::HeadTransform, "vocab_transform"),
        (TensorRole::HeadTransformNorm, "vocab_layer_norm"),
        (TensorRole::Head, "vocab_projector"),
        (TensorRole::HeadBias, "vocab_projector"),
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

pub(super) static BERT: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "BERT",
        model_type: "bert",
        class: "BertForMaskedLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES, &[("query", &[Q]), ("key", &[K]), ("value", &[V])]],
    },
    equal_heads: true,
    set_block: set_encoder_block,
    read_config_json: |keys, c| {
        read_token_types(keys, c)?;
        read_common_keys(keys, c, "hidden_act", "gelu")?;
        c.head.transform = Some(c.mlp.activation);
        Ok(())
    },
    gguf: None,
    write_config_json: None,
    ..BASE
};

pub(super) static ROBERTA: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "RoBERTa",
        model_type: "roberta",
        class: "RobertaForMaskedLM",
        tensor_names: &ROBERTA_NAMES,
        ..BERT.family
    },
    read_config_json: |keys, c| {
        read_token_types(keys, c)?;
        read_common_keys(keys, c, "hidden_act", "gelu")?;
        c.head.transform = Some(Activation::Gelu); // independent of the activation of the blocks
        // Positions start after the row whose index is the padding token's id.
        let unused = keys.size_or("pad_token_id", 1)?.saturating_add(1);
        learned_positions(c, unused);
        c.max_positions = match c.max_positions.checked_sub(unused) {
            Some(positions) if positions > 0 => positions,
            _ => return Err(keys.wrong("max_position_embeddings", format!("more than {unused}"), c.max_positions)),
        };
        Ok(())
    },
    ..BERT
};

pub(super) static XLM_ROBERTA: FamilyDefinition = FamilyDefinition {
    family: Family { name: "XLM-RoBERTa", model_type: "xlm-roberta", class: "XLMRobertaForMaskedLM", ..ROBERTA.family },
    ..ROBERTA
};

pub(super) static DISTILBERT: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "DistilBERT",
        model_type: "distilbert",
        class: "DistilBertForMaskedLM",
        tensor_names: &DISTILBERT_NAMES,
        aliases: &[
            ALIASES,
            &[("q_lin", &[Q]), ("k_lin", &[K]), ("v_lin", &[V]), ("out_lin", &[O]), ("lin1", &[Up]), ("lin2", &[Down])],
        ],
    },
    read_config_json: |keys, c| {
        read_common_keys(keys, c, "activation", "gelu")?;
        // DistilBERT's own key, besides the one that `read_common_keys` reads.
        c.head.tied = keys.flag_or("tie_weights_", c.head.tied)?;
        c.head.transform = Some(c.mlp.activation);
        Ok(())
    },
    ..BERT
};

/// The form of block that BERT, RoBERTa and DistilBERT share.
fn set_encoder_block(c: &mut ModelConfig) {
    set_common_block(c);
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

/// Reads the number of segment embeddings; rejects decoders and relative positions.
fn read_token_types(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
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
    fn norms_may_be_called_gamma_and_beta_or_weight_and_bias() {
        let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/families/bert");
        let new = tempfile::tempdir().expect("a folder");
        std::fs::copy(old.join("config.json"), new.path().join("config.json")).expect("a copy");
        let bytes = std::fs::read(old.join("model.safetensors")).expect("the golden");
        let tensors = SafeTensors::deserialize(&bytes).expect("the golden");
        let renamed = tensors.iter().map(|(name, tensor)| {
            (name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias"), tensor)
        });
        let renamed: Vec<_> = renamed.collect();
        assert!(renamed.iter().all(|(name, _)| !name.contains("gamma")), "only norms have such names");
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
