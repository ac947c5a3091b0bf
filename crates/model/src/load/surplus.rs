//! Tensors that a model does not use: which of them are harmless, and a sentence about those.
//!
//! A tensor that may belong to the forward pass is an error, because leaving it out would change results: anything in a
//! block, or the bias of a matrix that is used. Other parts of a larger model are left out: heads of other tasks, layers
//! that predict further tokens, and what reads images or sound.

use std::collections::BTreeSet;

use laser_checkpoint::Checkpoint;

use crate::arch::tensor_names::TensorRole;
use crate::config::ModelConfig;
use crate::tensor_layout::TensorLayout;

/// First parts of names, after wrapper and prefix, of tensors that take no part in the forward pass of the text model.
const OTHER_PARTS: &[&str] = &[
    // Heads of other tasks.
    "v_head.",
    "value_head.",
    "score.",
    "classifier.",
    "qa_outputs.",
    "pooler.",
    "cls.seq_relationship.",
    "medusa_head.",
    // Prediction of further tokens.
    "mtp.",
    "mtp_layers.",
    "mtp_head.",
    "nextn.",
    // Images and sound.
    "vision_tower.",
    "vision_model.",
    "visual.",
    "vision_embed_tokens.",
    "multi_modal_projector.",
    "mm_projector.",
    "image_newline",
    "audio_tower.",
    "audio_model.",
    "audio_projector.",
    "connector.",
    "qformer.",
    "query_tokens",
    "language_projection.",
    "vision_encoder.",
    "vision_language_adapter.",
    "patch_merger.",
    "resampler.",
];

/// Parts of names of buffers, which older versions stored like weights: they follow from the configuration.
const BUFFERS: &[&str] =
    &["rotary_emb.inv_freq", ".masked_bias", ".position_ids", "rotary_emb.cos_cached", "rotary_emb.sin_cached"];

/// Sorts the tensors that are not in `used`: gives the name of the first that must not be left out, or else sentences
/// about those that are.
pub(super) fn check(
    c: &ModelConfig,
    layout: &TensorLayout,
    checkpoint: &Checkpoint,
    used: &BTreeSet<String>,
) -> Result<Vec<String>, String> {
    let head = layout.role_stem(TensorRole::Head, 0);
    let mut left_out: Vec<&str> = Vec::new();
    let mut empty: Vec<&str> = Vec::new();
    for tensor in checkpoint.tensors().filter(|tensor| !used.contains(&tensor.name)) {
        let name = tensor.name.as_str();
        // Some checkpoints with a tied head store the head as well.
        let stored_twice = c.head.tied && head.as_ref().is_some_and(|stem| name == format!("{stem}.weight"));
        if stored_twice || layout.names.ignored.iter().any(|part| name.contains(part)) {
            continue;
        }
        if tensor.shape.contains(&0) {
            empty.push(name);
        } else if is_other_part(c, layout, name, used) {
            left_out.push(name);
        } else {
            return Err(name.to_owned());
        }
    }
    let notes = [(empty, "without values"), (left_out, "that take no part in the forward pass of the text model")];
    Ok(notes.into_iter().filter(|(names, _)| !names.is_empty()).map(|(names, what)| sentence(&names, what)).collect())
}

/// Whether a tensor certainly takes no part in the forward pass.
fn is_other_part(c: &ModelConfig, layout: &TensorLayout, name: &str, used: &BTreeSet<String>) -> bool {
    let base = layout.base();
    if BUFFERS.iter().any(|part| name.contains(part)) {
        return true;
    }
    // Within a model with images, its other parts are beside the text model, and may have the same prefix.
    let outer = [base.as_str(), layout.wrapper(), "model.", ""];
    let rest = |prefix: &&str| name.strip_prefix(*prefix);
    if outer.iter().filter_map(rest).any(|rest| OTHER_PARTS.iter().any(|part| rest.starts_with(part))) {
        return true;
    }
    if further_layer(c, layout, name) {
        return true;
    }
    // Whatever is beside the model under a name of its own, but not, for example, `lm_head.bias` beside a head without bias.
    let part = |name: &str| name[layout.wrapper().len()..].split('.').next().unwrap_or_default().to_owned();
    let is_beside = |name: &str| name.starts_with(layout.wrapper()) && !name.starts_with(&base);
    let of_model = used.iter().cloned().chain(layout.role_stem(TensorRole::Head, 0)).filter(|name| is_beside(name));
    base != layout.wrapper()
        && !name.starts_with(&base)
        && !(is_beside(name) && of_model.map(|n| part(&n)).any(|p| p == part(name)))
}

/// Whether a tensor is in a layer after the last one, where the configuration says how many such layers predict further
/// tokens. Otherwise a surplus layer means that the number of layers is wrong.
fn further_layer(c: &ModelConfig, layout: &TensorLayout, name: &str) -> bool {
    let base = layout.base();
    let Some(rest) = name.strip_prefix(&base).and_then(|rest| rest.strip_prefix("layers.")) else { return false };
    let layer = rest.split('.').next().and_then(|number| number.parse::<usize>().ok());
    layer.is_some_and(|layer| (c.n_layers..c.n_layers.saturating_add(c.further_layers)).contains(&layer))
}

/// A sentence that names a few of the tensors.
fn sentence(names: &[&str], what: &str) -> String {
    const NAMED: usize = 3;
    let first = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
    format!("{} tensors {what} are not read: {first}{more}", names.len())
}
