//! Compares the sizes of a configuration with the tensors of its files, before anything is allocated or computed by them.
//!
//! A size that is larger than every dimension in the files cannot be right, whatever it is the size of. This bounds all
//! sizes by the length of the files. Whether each tensor has the shape that the sizes require is checked later, when the
//! tensors are looked up by name.

use laser_checkpoint::{Checkpoint, TensorInfo};

use super::ModelConfig;
use crate::error::{Error, Result};

/// A size of the configuration: its key in `config.json` and in GGUF metadata, and its value; `None` for a product that
/// overflows.
type Size = (&'static str, &'static str, Option<usize>);

impl ModelConfig {
    /// Rejects a size that no tensor of `checkpoint` is large enough for. `file` is named in errors.
    ///
    /// # Errors
    /// A size, or a product of sizes, beyond what the files hold.
    pub(crate) fn check_fits(&self, file: &str, checkpoint: &Checkpoint) -> Result<()> {
        let is_gguf = checkpoint.gguf_metadata().is_some();
        let too_large = |(hf, gguf, value): Size, limit: usize, what: &str| Error::Config {
            file: file.into(),
            key: if is_gguf { gguf } else { hf }.into(),
            expected: format!("at most {limit}, {what}"),
            found: value.map_or_else(|| "a number beyond 64 bits".into(), |value| value.to_string()),
        };
        // A tensor without values may claim any dimension at no cost.
        let stored = || checkpoint.tensors().filter(|tensor| !tensor.shape.contains(&0));
        let largest = stored().flat_map(|tensor| &tensor.shape).max().copied().unwrap_or(0);
        for size in self.dimensions() {
            if size.2.is_none_or(|value| value > largest) {
                return Err(too_large(size, largest, "the largest dimension of any tensor"));
            }
        }
        let tensors = stored().count();
        if self.n_layers > tensors {
            let size = ("num_hidden_layers", "block_count", Some(self.n_layers));
            return Err(too_large(size, tensors, "the number of tensors"));
        }
        if let Some(experts) = &self.mlp.experts {
            // Each layer with experts has a router with a row for each of them.
            let layers = self.mlp.expert_layers.iter().filter(|has| **has).count();
            let rows = stored().map(TensorInfo::rows).fold(0, usize::saturating_add);
            let all = experts.count.checked_mul(layers);
            if all.is_none_or(|all| all > rows) {
                let size = ("num_experts (in all layers)", "expert_count (in all layers)", all);
                return Err(too_large(size, rows, "the number of rows of all tensors"));
            }
        }
        self.check_frequencies(file)
    }

    /// All sizes that are the dimension of some tensor.
    fn dimensions(&self) -> Vec<Size> {
        let heads = |count: usize| count.checked_mul(self.d_head);
        let mut sizes: Vec<Size> = vec![
            ("hidden_size", "embedding_length", Some(self.d_model)),
            ("vocab_size", "vocab_size", Some(self.vocab_size)),
            ("num_attention_heads × head_dim", "attention.head_count × key_length", heads(self.n_heads)),
            ("num_key_value_heads × head_dim", "attention.head_count_kv × key_length", heads(self.n_kv_heads)),
        ];
        if let Some(latent) = self.attention.latent {
            let with_rotary = latent.key_value_rank.checked_add(latent.d_rotary);
            sizes.push((
                "kv_lora_rank + qk_rope_head_dim",
                "attention.kv_lora_rank + rope.dimension_count",
                with_rotary,
            ));
            sizes.push(("q_lora_rank", "attention.q_lora_rank", Some(latent.query_rank.unwrap_or(0))));
            let values = self.n_heads.checked_mul(latent.d_value);
            sizes.push(("num_attention_heads × v_head_dim", "attention.head_count × value_length", values));
        }
        if let Some(offset) = self.embedding.position_offset {
            sizes.push(("max_position_embeddings", "context_length", offset.checked_add(self.max_positions)));
        }
        if self.embedding.token_types > 0 {
            sizes.push(("type_vocab_size", "token_type_count", Some(self.embedding.token_types)));
        }
        if (0..self.n_layers).any(|layer| !self.has_experts(layer)) {
            sizes.push(("intermediate_size", "feed_forward_length", Some(self.d_mlp)));
        }
        if let Some(experts) = self.mlp.experts.filter(|_| self.mlp.expert_layers.contains(&true)) {
            sizes.push(("num_experts", "expert_count", Some(experts.count)));
            sizes.push(("moe_intermediate_size", "expert_feed_forward_length", Some(experts.d_expert)));
            sizes.push((
                "shared_expert_intermediate_size",
                "expert_shared_feed_forward_length",
                Some(experts.d_shared),
            ));
        }
        if let Some(convolution) = self.convolution() {
            sizes.push(("conv_L_cache", "shortconv.l_cache", Some(convolution.width)));
        }
        if let Some(trajectory) = self.embedding.trajectory {
            sizes.push(("state_dim", "state_dim", Some(trajectory.state)));
            sizes.push(("act_dim", "act_dim", Some(trajectory.action)));
            sizes.push(("max_ep_len", "max_ep_len", Some(trajectory.time_steps)));
        }
        sizes
    }

    /// Rejects rotary positions whose frequencies are no numbers, such as those of a base or factor of 0. Their number
    /// follows from the width of a head, which is why this comes after the sizes.
    fn check_frequencies(&self, file: &str) -> Result<()> {
        for rope in &self.attention.ropes {
            for length in [1, self.max_positions.max(1)] {
                let (frequencies, factor) = rope.inverse_frequencies(length);
                if !factor.is_finite() || !frequencies.iter().all(|frequency| frequency.is_finite()) {
                    return Err(Error::Config {
                        file: file.into(),
                        key: "rope_theta and the keys of rope_scaling".into(),
                        expected: "numbers that give finite frequencies".into(),
                        found: format!("{:?} with base {}", rope.scaling, rope.theta).chars().take(200).collect(),
                    });
                }
            }
        }
        Ok(())
    }
}
