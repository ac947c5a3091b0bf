//! Which matrices of any layer are meant: a name or alias, perhaps of some experts or head groups only.

use std::fmt;

use crate::edit::range_of;
use laser_model::config::ModelConfig;
use laser_model::weight_id::{MatrixPart, WeightId, WeightKind};

/// Matrices of a layer, as a selector names them: `gate_proj`, `mlp`, `e*.down_proj`, `h0-2.q_proj`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixSet {
    text: String,
    parts: Vec<MatrixPart>,
    kinds: Vec<WeightKind>,
}

impl MatrixSet {
    /// One matrix of every layer.
    pub fn one(kind: WeightKind) -> Self {
        Self { text: kind.to_string(), parts: vec![MatrixPart::Whole], kinds: vec![kind] }
    }

    /// Reads a name for a model. The matrices of an MLP, named without an expert, are those of all experts where a
    /// layer has them.
    ///
    /// # Errors
    /// A name that the family does not know, or an expert or head group that the model does not have.
    pub fn parse(text: &str, config: &ModelConfig) -> Result<Self, String> {
        let experts = config.mlp.experts.map_or(0, |experts| experts.count);
        let (parts, name) = match text.split_once('.') {
            None => (vec![MatrixPart::Whole], text),
            Some((part, name)) => {
                let parts = match (part.strip_prefix('e'), part.strip_prefix('h')) {
                    (Some(range), _) => {
                        range_of(range, "expert", experts)?.into_iter().map(MatrixPart::Expert).collect()
                    }
                    (_, Some(range)) => {
                        range_of(range, "head group", config.n_kv_heads)?.into_iter().map(MatrixPart::Group).collect()
                    }
                    _ => return Err(format!("`{part}` is neither an expert (e5) nor a head group (h2)")),
                };
                (parts, name)
            }
        };
        let architecture = config.architecture;
        let kinds = architecture.resolve_matrix(name).ok_or_else(|| {
            let mut names: Vec<&str> = config.kinds().into_iter().map(WeightKind::name).collect();
            names.extend(architecture.aliases().map(|(alias, _)| *alias));
            format!("no matrix `{name}` in {}; it has {}", architecture.name, names.join(", "))
        })?;
        let set = Self { text: text.to_owned(), parts, kinds };
        let layers: Vec<usize> = (0..config.n_layers).collect();
        set.in_layers(&layers, config).map(|_| set)
    }

    /// The matrices in a layer, in the order named; none where the layer has none of them.
    pub fn in_layer(&self, layer: usize, config: &ModelConfig) -> Vec<WeightId> {
        let mut ids = Vec::new();
        for &part in &self.parts {
            for &kind in &self.kinds {
                let id = WeightId { layer, part, kind };
                match config.pieces(id) {
                    Some(_) => ids.push(id),
                    None => ids.extend(of_all_experts(id, config)),
                }
            }
        }
        ids
    }

    /// The matrices in some layers.
    ///
    /// # Errors
    /// None of these layers has any.
    pub fn in_layers(&self, layers: &[usize], config: &ModelConfig) -> Result<Vec<WeightId>, String> {
        let ids: Vec<WeightId> = layers.iter().flat_map(|layer| self.in_layer(*layer, config)).collect();
        if ids.is_empty() {
            let names: Vec<&str> = config.kinds().into_iter().map(WeightKind::name).collect();
            let family = config.architecture.name;
            return Err(format!("no layer asked for has a matrix `{self}`; {family} has {}", names.join(", ")));
        }
        Ok(ids)
    }
}

/// The matrices of all experts that a name without an expert stands for.
fn of_all_experts(id: WeightId, config: &ModelConfig) -> Vec<WeightId> {
    let Some(experts) = config.mlp.experts.filter(|_| id.part == MatrixPart::Whole) else { return Vec::new() };
    let of = |expert| WeightId { part: MatrixPart::Expert(expert), ..id };
    (0..experts.count).map(of).filter(|id| config.pieces(*id).is_some()).collect()
}

impl fmt::Display for MatrixSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
