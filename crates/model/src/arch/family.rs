//! A model family as plain data: its names, its names for matrices, its tensor names. Every configuration refers to
//! one.

use super::tensor_names::TensorNames;
use crate::weight_id::WeightKind;

/// A name for one or more kinds of matrices, and these kinds.
pub type Alias = (&'static str, &'static [WeightKind]);

/// A model family: models that share a configuration format, tensor names and a form of block.
#[derive(Clone, Copy)]
pub struct Family {
    /// Name shown to the user.
    pub name: &'static str,
    /// `model_type` in `config.json`.
    pub model_type: &'static str,
    /// Class of Hugging Face transformers, written to `architectures` of an exported `config.json`.
    pub class: &'static str,
    /// Tensor names in safetensors files.
    pub tensor_names: &'static TensorNames,
    /// Names that selectors accept besides the canonical ones: the paper's names, then those in the family's own files.
    /// Families share lists.
    pub aliases: &'static [&'static [Alias]],
}

impl std::fmt::Debug for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.model_type)
    }
}

impl Family {
    /// Kinds of matrices that a name means: the kind with this canonical name, or the kinds of an alias.
    pub fn resolve_matrix(&self, name: &str) -> Option<Vec<WeightKind>> {
        if let Some(kind) = WeightKind::from_name(name) {
            return Some(vec![kind]);
        }
        self.aliases().find(|(alias, _)| *alias == name).map(|(_, kinds)| kinds.to_vec())
    }

    /// First alias that means this kind of matrix alone, if there is one.
    pub fn paper_alias(&self, kind: WeightKind) -> Option<&'static str> {
        self.aliases().find(|(_, kinds)| *kinds == [kind]).map(|(alias, _)| *alias)
    }

    /// All aliases of the family.
    pub fn aliases(&self) -> impl Iterator<Item = &'static Alias> {
        self.aliases.iter().copied().flatten()
    }
}
