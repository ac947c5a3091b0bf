//! OLMo 2: Llama with norms of what each branch gives instead of what it takes, and of all queries and keys at once.

use super::llama::{BASE, GGUF, GGUF_POST_NORMS, GGUF_ROLES, HF, POST_NORMS, ROLES, read};
use super::{Architecture, Gguf, Names};
use crate::config::{QkNorm, Residual};

const NAMES: Names = Names { roles: &[POST_NORMS, ROLES], ..HF };

const GGUF_NAMES: Names = Names { roles: &[GGUF_POST_NORMS, GGUF_ROLES], ..GGUF };

pub(super) static OLMO2: Architecture = Architecture {
    name: "OLMo 2",
    model_type: "olmo2",
    class: "Olmo2ForCausalLM",
    block: |c| {
        c.residual = Residual::BranchNorm;
        c.attention.qk_norm = Some(QkNorm::All);
    },
    hf: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        read(keys, c, false)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf { name: "olmo2", read: |_, _| Ok(()), names: &GGUF_NAMES }),
    to_hf: None,
    ..BASE
};
