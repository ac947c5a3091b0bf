"""One tiny checkpoint a masked language model: configs as on the hub, and layouts."""

import torch

from family_matrices import Layout
from tiny_families import VOCAB, Family, without


def encoder(model_type, architecture, **kw):
    return {
        "architectures": [architecture],
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": 36,
        "initializer_range": 0.02,
        "intermediate_size": 48,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 32,
        "model_type": model_type,
        "num_attention_heads": 3,
        "num_hidden_layers": 2,
        "pad_token_id": 0,
        "type_vocab_size": 2,
        "vocab_size": VOCAB,
    } | kw


def encoder_layout(prefix):
    block = prefix + ".encoder.layer.{}."
    return Layout(
        3,
        3,
        12,
        q=block + "attention.self.query.weight",
        k=block + "attention.self.key.weight",
        v=block + "attention.self.value.weight",
        o=block + "attention.output.dense.weight",
        mlp={"up_proj": block + "intermediate.dense.weight", "down_proj": block + "output.dense.weight"},
    )


def bert_hub(tensors):
    """Norms under their TensorFlow names, and the parts of pre-training that a masked-LM head does not use."""
    renamed = {
        k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
        for k, v in tensors.items()
    }
    return renamed | {
        "bert.pooler.dense.weight": torch.eye(36),
        "bert.pooler.dense.bias": torch.zeros(36),
        "cls.seq_relationship.weight": torch.ones(2, 36),
        "cls.seq_relationship.bias": torch.zeros(2),
    }


def roberta_hub(tensors):
    return tensors | {"roberta.embeddings.position_ids": torch.arange(34)[None]}


FAMILIES = {
    "roberta": Family(
        "norm after the residual, positions from two on, masked-LM head with its own norm",
        encoder(
            "roberta", "RobertaForMaskedLM", bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5,
            max_position_embeddings=34, pad_token_id=1, type_vocab_size=1,
        ),
        encoder_layout("roberta"),
        kind="masked",
        hub=roberta_hub,
        without={"positions": without("position_embeddings"), "token type": without("token_type_embeddings")},
    ),
    "xlm-roberta": Family(
        "as roberta, under another name",
        encoder(
            "xlm-roberta", "XLMRobertaForMaskedLM", bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5,
            max_position_embeddings=34, output_past=True, pad_token_id=1, type_vocab_size=1,
        ),
        encoder_layout("roberta"),
        kind="masked",
        without={"positions": without("position_embeddings"), "token type": without("token_type_embeddings")},
    ),
    "bert": Family(
        "norms named gamma and beta, tensors of pre-training beside them, activation of the head from the config",
        encoder("bert", "BertForMaskedLM", gradient_checkpointing=False, position_embedding_type="absolute"),
        encoder_layout("bert"),
        kind="masked",
        hub=bert_hub,
        without={"positions": without("position_embeddings"), "token type": without("token_type_embeddings")},
    ),
    "modernbert": Family(
        "a window of three on both sides in two of three layers, with a base of its own; layer norms without bias",
        {
            "architectures": ["ModernBertForMaskedLM"],
            "attention_bias": True,
            "attention_dropout": 0.0,
            "bos_token_id": 1,
            "classifier_activation": "silu",
            "classifier_bias": True,
            "classifier_dropout": 0.0,
            "classifier_pooling": "mean",
            "cls_token_id": 1,
            "decoder_bias": True,
            "deterministic_flash_attn": False,
            "embedding_dropout": 0.0,
            "eos_token_id": 2,
            "global_attn_every_n_layers": 3,
            "global_rope_theta": 160000.0,
            "gradient_checkpointing": False,
            "hidden_activation": "gelu",
            "hidden_size": 30,
            "initializer_cutoff_factor": 2.0,
            "initializer_range": 0.02,
            "intermediate_size": 44,
            "layer_norm_eps": 1e-5,
            "local_attention": 6,
            "local_rope_theta": 100.0,
            "max_position_embeddings": 64,
            "mlp_bias": False,
            "mlp_dropout": 0.0,
            "model_type": "modernbert",
            "norm_bias": False,
            "norm_eps": 1e-5,
            "num_attention_heads": 3,
            "num_hidden_layers": 3,
            "pad_token_id": 0,
            "position_embedding_type": "absolute",
            "reference_compile": False,
            "sep_token_id": 2,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
            "vocab_size": VOCAB,
        },
        Layout(
            3,
            3,
            10,
            qkv="model.layers.{}.attn.Wqkv.weight",
            fused="stacked",
            o="model.layers.{}.attn.Wo.weight",
            gate_up="model.layers.{}.mlp.Wi.weight",
            mlp={"gate_proj": "44", "up_proj": "44", "down_proj": "model.layers.{}.mlp.Wo.weight"},
        ),
        kind="masked",
        without={
            "window": {"local_attention": 64}, "local base": {"local_rope_theta": 160000.0},
            "biases": without("Wqkv.bias"), "head bias": without("decoder.bias"),
        },
    ),
    "distilbert": Family(
        "no token types",
        {
            "activation": "gelu",
            "architectures": ["DistilBertForMaskedLM"],
            "attention_dropout": 0.1,
            "dim": 30,
            "dropout": 0.1,
            "hidden_dim": 44,
            "initializer_range": 0.02,
            "max_position_embeddings": 32,
            "model_type": "distilbert",
            "n_heads": 5,
            "n_layers": 2,
            "pad_token_id": 0,
            "qa_dropout": 0.1,
            "seq_classif_dropout": 0.2,
            "sinusoidal_pos_embds": False,
            "tie_weights_": True,
            "vocab_size": VOCAB,
        },
        Layout(
            5,
            5,
            6,
            **{kind: "distilbert.transformer.layer.{}.attention." + kind + "_lin.weight" for kind in "qkv"},
            o="distilbert.transformer.layer.{}.attention.out_lin.weight",
            mlp={
                "up_proj": "distilbert.transformer.layer.{}.ffn.lin1.weight",
                "down_proj": "distilbert.transformer.layer.{}.ffn.lin2.weight",
            },
        ),
        kind="masked",
        without={"positions": without("position_embeddings"), "head bias": without("vocab_projector.bias")},
    ),
}
