"""What a tiny checkpoint of a family is, and what its features are taken away with.

Every entry of FAMILIES (in tiny_families_*.py) is one folder of goldens/families. `config` has the keys
the hub's files have.
`without` names what is taken away to show that the golden depends on it: config keys to overwrite, or
a function of the file's tensors.
"""

import dataclasses
from collections.abc import Callable

import torch

from family_matrices import Layout

VOCAB = 96
MASK = VOCAB - 1


@dataclasses.dataclass
class Family:
    """One checkpoint, where its matrices are, how its file differs from what transformers writes."""

    about: str
    config: dict
    layout: Layout
    kind: str = "causal"  # or "masked", "decision"
    lengths: tuple[int, int] = (12, 7)
    # transformers' saved tensors -> the hub's; transformers must read them back, or `readable` undoes it.
    hub: Callable | None = None
    readable: Callable | None = None
    # (config, tensors) -> those of the file, where it holds the tensors in a form that is not computed with.
    stored: Callable | None = None
    without: dict = dataclasses.field(default_factory=dict)
    # The family whose seeded weights these are under other names.
    weights_of: str = ""
    # Norm weights are stored as their difference from one.
    norm_offset: bool = False
    # Which of transformers' forms of attention is the reference.
    attention: str = "eager"
    # Factors on the width of the weights whose names contain the key.
    widths: dict[str, float] = dataclasses.field(default_factory=dict)


def causal_mask(positions, dtype=torch.float32):
    return torch.ones(positions, positions).tril().to(dtype)[None, None]


def zero_row(tensor):
    """Row 0 zeroed."""
    return torch.cat([torch.zeros_like(tensor[:1]), tensor[1:]])


def without_biases(tensors):
    """Of the matrices only: norms keep theirs."""
    return {
        k: v if not k.endswith("bias") or "norm" in k.lower() or ".ln" in k else torch.zeros_like(v)
        for k, v in tensors.items()
    }


def without(part):
    """Zeroes the tensors whose name contains `part`."""
    return lambda tensors: {k: torch.zeros_like(v) if part in k else v for k, v in tensors.items()}


def ones(part):
    """Makes the tensors whose name contains `part` ones."""
    return lambda tensors: {k: torch.ones_like(v) if part in k else v for k, v in tensors.items()}


def separate(heads, kv_heads, head_dim, block="model.layers.{}.", o="o_proj", mlp=("gate", "up", "down"), **kw):
    """The Llama names."""
    attention = block + "self_attn."
    return Layout(
        heads,
        kv_heads,
        head_dim,
        q=attention + "q_proj.weight",
        k=attention + "k_proj.weight",
        v=attention + "v_proj.weight",
        o=attention + o + ".weight",
        mlp={f"{m}_proj": f"{block}mlp.{m}_proj.weight" for m in mlp},
        **kw,
    )


def llama_like(model_type, architecture, **kw):
    """Nine query heads on three key/value heads; the keys all of these share."""
    return {
        "architectures": [architecture],
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": 36,
        "initializer_range": 0.02,
        "intermediate_size": 44,
        "max_position_embeddings": 64,
        "model_type": model_type,
        "num_attention_heads": 9,
        "num_hidden_layers": 2,
        "num_key_value_heads": 3,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_size": VOCAB,
    } | kw
