//! Finds what the names in a checkpoint begin with: takes the names of the family and of the tensors, gives the wrapper
//! (`module.`) and the prefix of the blocks (`model.`).
//!
//! Both vary between files of one family. A class without an output head saves its tensors without the prefix, and tools
//! for training and models with images put a text of their own before every name.

use std::collections::BTreeSet;

use laser_checkpoint::Checkpoint;

use crate::arch::tensor_names::{StoredTensor, TensorNames};

/// Texts that tools put before every name, also several one after the other.
const WRAPPERS: &[&str] = &[
    "_orig_mod.",            // torch.compile
    "module.",               // data parallel training
    "_fsdp_wrapped_module.", // fully sharded training
    "_forward_module.",      // Lightning
    "base_model.model.",     // PEFT, after merging
    "pretrained_model.",     // TRL, with a value head
    "language_model.",       // models with images
];

/// Number of wrappers, one after the other, that are recognised.
const MAX_NESTED: usize = 3;

/// Prefix of the text model within a model with images, before the family's own prefix or instead of it.
const TEXT_MODEL: &str = "model.language_model.";

/// Wrapper and prefix under which the checkpoint has a matrix of layer 0; `None` if it has none.
pub(super) fn find(names: &TensorNames, checkpoint: &Checkpoint) -> Option<(String, String)> {
    let has_first_matrix = |wrapper: &str, prefix: &str| {
        let fits = |stored: &StoredTensor| {
            let stem = stored.name_at(0, Some(0)).replace("{model}", prefix);
            checkpoint.info(&format!("{wrapper}{stem}{}", stored.endings().weight)).is_some()
        };
        names.matrices.iter().copied().flatten().any(fits)
    };
    // The family's own prefixes come first, then none: the names of its class without a head.
    let own = names.prefixes.iter().copied().chain([""]);
    let in_text_model = own.clone().map(|prefix| format!("{TEXT_MODEL}{prefix}"));
    let prefixes: Vec<String> = own.map(str::to_owned).chain(in_text_model).collect();
    wrappers(checkpoint).into_iter().find_map(|wrapper| {
        let prefix = prefixes.iter().find(|prefix| has_first_matrix(&wrapper, prefix))?;
        Some((wrapper, prefix.clone()))
    })
}

/// The wrappers that occur in a checkpoint, shorter ones first; always with the empty one.
fn wrappers(checkpoint: &Checkpoint) -> Vec<String> {
    let mut found = BTreeSet::from([String::new()]);
    for tensor in checkpoint.tensors() {
        let mut length = 0;
        // No tool nests them deeper; a damaged name could.
        for _ in 0..MAX_NESTED {
            let Some(next) = WRAPPERS.iter().find(|wrapper| tensor.name[length..].starts_with(**wrapper)) else {
                break;
            };
            length += next.len();
            found.insert(tensor.name[..length].to_owned());
        }
    }
    let mut found: Vec<String> = found.into_iter().collect();
    found.sort_by_key(String::len);
    found
}
