//! Modules of a Hugging Face class → parameters of the model: where the values of a module's weight and bias are.
//!
//! An adapter names modules as transformers does, whatever format the base model is in. The map is therefore made from
//! the family's Hugging Face names, not from the names in the model's files.

use std::collections::BTreeMap;

use crate::arch::tensor_names::{StoredTensor, TensorRole};
use crate::config::ModelConfig;
use crate::tensor_layout::{TensorLayout, TensorLocation, role_parameters};
use crate::weight_id::{MatrixPart, WeightId};

/// Texts that may stand before a module's own path: of tools, of classes with a head, of models with images.
const BEFORE: [&str; 5] = ["_orig_mod.", "module.", "model.", "language_model.", "text_model."];

/// Largest number of such texts one after the other.
const MAX_NESTED: usize = 4;

/// A module whose weight is one or more matrices of a block.
#[derive(Debug, Clone)]
pub(super) struct MatrixModule {
    /// The matrices in it.
    pub(super) ids: Vec<WeightId>,
    stored: &'static StoredTensor,
    /// Rows of its weight in the orientation `[out, in]`.
    pub(super) out: usize,
    /// Columns of its weight in the orientation `[out, in]`.
    pub(super) width: usize,
    /// Shape of its weight in a file.
    pub(super) shape: Vec<usize>,
    /// Whether it has a bias.
    pub(super) biased: bool,
}

/// A parameter that is no matrix of a block, or one head's part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RolePlace {
    pub(super) role: TensorRole,
    pub(super) layer: usize,
    /// Index of the attention head whose part it is, where each head has a module of its own.
    pub(super) head: Option<usize>,
}

/// What a module is to the model.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Matrices of a block.
    Matrices(MatrixModule),
    /// Another parameter: places and shapes of weight and bias, as far as it has them.
    Parameter { weight: Option<(RolePlace, Vec<usize>)>, bias: Option<(RolePlace, Vec<usize>)> },
}

/// The modules of a model by path.
pub(super) struct Places {
    layout: TensorLayout,
    /// By the path without the prefix `{model}`.
    modules: BTreeMap<String, Place>,
}

impl Places {
    /// The modules of a model with this configuration.
    pub(super) fn of(config: &ModelConfig) -> Self {
        let layout = TensorLayout::of_new_files(config.family.tensor_names);
        let mut modules = BTreeMap::new();
        for id in (0..config.n_layers).flat_map(|layer| config.stored(layer)) {
            let expert = if let MatrixPart::Expert(expert) = id.part { Some(expert) } else { None };
            // Stacked experts are no module each, and PEFT adapts them under another name.
            for stored in layout.names.holders(id).filter(|stored| !stored.is_all_experts()) {
                let path = stored.name_at(id.layer, expert).replace("{model}", "");
                let place = modules.entry(path).or_insert_with(|| {
                    let holder = layout.holder_in(config, id, stored);
                    Place::Matrices(MatrixModule {
                        ids: Vec::new(),
                        stored,
                        out: holder.together(),
                        width: config.shape(id)[1],
                        shape: holder.shape().to_vec(),
                        biased: config.has_bias(id),
                    })
                });
                if let Place::Matrices(module) = place {
                    module.ids.push(id);
                }
            }
        }
        let mut places = Self { layout, modules };
        places.add_parameters(config);
        places
    }

    /// Adds the parameters that are no matrices of blocks.
    fn add_parameters(&mut self, config: &ModelConfig) {
        let mut all = Vec::new();
        for parameter in role_parameters(config) {
            for (usual, shape) in parameter.tensors() {
                all.push((parameter.role, parameter.layers(config), usual, shape.to_vec()));
            }
        }
        if config.head.tied {
            // It has a module of its own even where it shares the weight of the embedding.
            all.push((TensorRole::Head, vec![0], "weight", vec![config.vocab_size, config.d_model]));
        }
        for (role, layers, usual, shape) in all {
            let names = self.layout.names.roles.iter().copied().flatten().filter(|(of, _)| *of == role);
            let names: Vec<&'static str> = names.map(|(_, name)| *name).collect();
            for (name, layer) in names.iter().flat_map(|name| layers.iter().map(move |layer| (*name, *layer))) {
                let path = name.replace("{}", &layer.to_string()).replace("{model}", "");
                let heads = path.contains("{h}").then(|| shape[0]);
                for head in heads.map_or_else(|| vec![None], |heads| (0..heads).map(Some).collect()) {
                    let path = head.map_or_else(|| path.clone(), |head| path.replace("{h}", &head.to_string()));
                    let shape = if head.is_some() { shape[1..].to_vec() } else { shape.clone() };
                    let place = self.modules.entry(path).or_insert(Place::Parameter { weight: None, bias: None });
                    if let Place::Parameter { weight, bias } = place {
                        let of = if usual == "weight" { weight } else { bias };
                        *of = Some((RolePlace { role, layer, head }, shape));
                    }
                }
            }
        }
    }

    /// The place of the module with this path; `None` if the model has no such module.
    pub(super) fn find(&self, path: &str) -> Option<&Place> {
        let prefixes = self.layout.names.prefixes;
        let mut rest = path;
        for _ in 0..=MAX_NESTED {
            if let Some(place) = self.modules.get(rest) {
                return Some(place);
            }
            rest = prefixes.iter().chain(&BEFORE).filter(|text| !text.is_empty()).find_map(|t| rest.strip_prefix(t))?;
        }
        None
    }

    /// Where the rows of a matrix are in the weight of its module.
    pub(super) fn location(&self, config: &ModelConfig, id: WeightId, module: &MatrixModule) -> TensorLocation {
        self.layout.location_in(config, id, module.stored)
    }

    /// Number added to the weights of norms when they are read from Hugging Face files.
    pub(super) fn norm_offset(&self) -> f32 {
        self.layout.names.norm_offset
    }

    /// Path of some module, as an example for errors.
    pub(super) fn example(&self) -> String {
        let of_block = self.modules.iter().find(|(_, place)| matches!(place, Place::Matrices(_)));
        let prefix = self.layout.names.prefixes.first().copied().unwrap_or("");
        of_block.map_or_else(String::new, |(path, _)| format!("{prefix}{path}"))
    }
}
