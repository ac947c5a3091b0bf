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
    let parts = Parts::of(layout, used.iter().map(String::as_str).chain(head.as_deref()));
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
        } else if parts.is_another(name) || is_further_layer(c, layout, name) {
            left_out.push(name);
        } else {
            return Err(name.to_owned());
        }
    }
    let notes = [(empty, "without values"), (left_out, "that the forward pass of the text model does not use")];
    Ok(notes.into_iter().filter(|(names, _)| !names.is_empty()).map(|(names, what)| sentence(&names, what)).collect())
}

/// The parts of a larger model: the text model's own, and thereby the others.
struct Parts<'a> {
    wrapper: &'a str,
    /// What the names of all tensors in the blocks begin with.
    base: String,
    /// First parts of the names of the text model's tensors outside the base model, such as `lm_head`.
    own: BTreeSet<&'a str>,
}

impl<'a> Parts<'a> {
    /// The parts of a model with tensors of these names.
    fn of(layout: &'a TensorLayout, names: impl Iterator<Item = &'a str>) -> Self {
        let (wrapper, base) = (layout.wrapper(), layout.base());
        let outside = names.filter(|name| !name.starts_with(&base)).filter_map(|name| name.strip_prefix(wrapper));
        let own = outside.filter_map(|rest| rest.split('.').next()).collect();
        Self { wrapper, base, own }
    }

    /// Whether a tensor certainly belongs to another part.
    fn is_another(&self, name: &str) -> bool {
        if BUFFERS.iter().any(|part| name.contains(part)) {
            return true;
        }
        // The other parts of a model with images are beside the text model, and may have the same prefix.
        let places = [self.base.as_str(), self.wrapper, "model.", ""];
        let begins = |rest: &str| OTHER_PARTS.iter().any(|part| rest.starts_with(part));
        if places.iter().any(|place| name.strip_prefix(place).is_some_and(begins)) {
            return true;
        }
        // Where the model's names have a prefix, whatever has another one was added by some tool; but `lm_head.bias`
        // beside `lm_head.weight` was not.
        let first = name.strip_prefix(self.wrapper).and_then(|rest| rest.split('.').next());
        let is_own = name.starts_with(&self.base) || first.is_some_and(|first| self.own.contains(first));
        self.base != self.wrapper && !is_own
    }
}

/// Whether a tensor is in a layer after the last one, where the configuration says how many such layers predict further
/// tokens. Otherwise a surplus layer means that the number of layers is wrong.
fn is_further_layer(c: &ModelConfig, layout: &TensorLayout, name: &str) -> bool {
    let base = layout.base();
    let within = |rest: &'_ str| ["layers.", "blk."].iter().find_map(|part| rest.strip_prefix(part).map(str::to_owned));
    let Some(rest) = name.strip_prefix(&base).and_then(within) else { return false };
    let layer = rest.split('.').next().and_then(|number| number.parse::<usize>().ok());
    layer.is_some_and(|layer| (c.n_layers..c.n_layers.saturating_add(c.further_layers)).contains(&layer))
}

/// A sentence that names a few of the tensors.
fn sentence(names: &[&str], what: &str) -> String {
    const NAMED: usize = 3;
    let first = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
    let (tensors, are) = if names.len() == 1 { ("tensor", "is") } else { ("tensors", "are") };
    format!("{} {tensors} {what} {are} not read: {first}{more}", names.len())
}
