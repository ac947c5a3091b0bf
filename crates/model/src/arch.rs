//! The architecture table: the only place that knows checkpoint tensor names, what configuration keys mean in each
//! family, and how a family's file layout differs from ours.
//!
//! A family is one file of data beside this one. It says what its block is made of in terms of [`ModelConfig`], and
//! where its tensors are; the forward pass reads the configuration and never asks which family it runs.

mod bert;
mod bloom;
mod decision_transformer;
mod falcon;
mod gemma;
mod gpt2;
mod gpt_neo;
mod gpt_neox;
mod gptj;
mod granite;
mod llama;
mod mixtral;
mod olmo2;
mod opt;
mod phi;
mod phi3;
mod qwen3;
mod qwen_moe;
mod smollm3;
mod stablelm;

use serde_json::Value;

use crate::config::{GgufKeys, Keys, ModelConfig};
use crate::error::Result;
use crate::weight_id::{MatrixPart, WeightId, WeightKind};

/// A name for matrices, and what it stands for.
pub type Alias = (&'static str, &'static [WeightKind]);

/// Keys of `config.json` for a configuration, or what its family's class has no key for.
pub type ToHf = fn(&ModelConfig) -> std::result::Result<Value, String>;

/// One model family.
pub struct Architecture {
    /// Name shown to the user.
    pub name: &'static str,
    /// `model_type` in `config.json`.
    pub model_type: &'static str,
    /// `architectures[0]` written to an exported `config.json`.
    pub class: &'static str,
    /// Sizes that real `config.json` files leave out, with the values that Hugging Face's class gives them.
    pub defaults: &'static [(&'static str, usize)],
    /// `d_mlp / d_model` where `config.json` may leave the width of the MLP out.
    pub mlp_ratio: Option<usize>,
    /// What holds for every model of the family; the configuration is Llama's until then.
    pub block: fn(&mut ModelConfig),
    /// What `config.json` decides beyond the sizes.
    pub hf: fn(&Keys<'_>, &mut ModelConfig) -> Result<()>,
    /// Names in safetensors.
    pub names: &'static Names,
    /// As a GGUF file.
    pub gguf: Option<Gguf>,
    /// The keys of `config.json` that Llama does not have, or that say something else, for a model that came from
    /// GGUF; an error tells what the family's class has no key for. `None`: such a model stays a GGUF file.
    pub to_hf: Option<ToHf>,
    /// The paper's names for its matrices, then those of its own files, in lists that families share.
    pub aliases: &'static [&'static [Alias]],
}

impl std::fmt::Debug for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.model_type)
    }
}

/// A family as a GGUF file.
#[derive(Debug, Clone, Copy)]
pub struct Gguf {
    /// `general.architecture`.
    pub name: &'static str,
    /// What the metadata decides beyond what all families share.
    pub read: fn(&GgufKeys<'_>, &mut ModelConfig) -> Result<()>,
    /// Names of the tensors.
    pub names: &'static Names,
}

/// Tensor names of one file format, and how the values lie.
///
/// In a name, `{}` stands for the layer, `{e}` for the expert, `{h}` for the head and `{model}` for the prefix.
#[derive(Debug)]
pub struct Names {
    /// What `{model}` may be: the first for which the file has the first matrix of layer 0.
    pub prefixes: &'static [&'static str],
    /// Everything but the matrices of the blocks, in lists that families share; names without `.weight` and `.bias`.
    /// Where several names are given for a role, the first that the file has counts, as for the matrices.
    pub roles: &'static [&'static [(Role, &'static str)]],
    /// The matrices of the blocks, in lists that families share. Where several tensors could hold a matrix, the first that
    /// the file has counts.
    pub matrices: &'static [&'static [Stored]],
    /// Matrices of the blocks are stored `[in, out]` (GPT-2's Conv1D).
    pub transposed: bool,
    /// The rotated rows of each head of q and k stand in pairs `(2i, 2i+1)` that turn together; ours stand in halves
    /// `(i, i + d/2)`. The order of rows changes no product of queries and keys, and no truncation.
    pub rotary_pairs: bool,
    /// What is added to the norms' weights on reading (Gemma stores w − 1).
    pub norm_offset: f32,
    /// Tensors that may be in the file and are not read, by a part of the name.
    pub ignored: &'static [&'static str],
}

/// A tensor that holds matrices of a block.
#[derive(Debug)]
pub struct Stored {
    /// Name without `.weight`.
    name: &'static str,
    /// What it holds, one below the other.
    holds: &'static [WeightKind],
    /// Whether the rows of each key/value head and its query heads stand together: `q₀ k₀ v₀ q₁ k₁ v₁ …`.
    grouped: bool,
    /// Whether it is of an expert, or of all experts at once: `[experts, out, in]`.
    experts: Option<ExpertStorage>,
}

/// How experts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExpertStorage {
    /// A tensor each.
    Apart,
    /// All in one.
    Together,
}

/// One matrix in a tensor of its own.
pub(crate) const fn one(name: &'static str, holds: &'static [WeightKind; 1]) -> Stored {
    Stored { name, holds, grouped: false, experts: None }
}

/// Several matrices in one tensor, one below the other.
pub(crate) const fn fused(name: &'static str, holds: &'static [WeightKind]) -> Stored {
    Stored { name, holds, grouped: false, experts: None }
}

/// Queries, keys and values in one tensor, head by head.
pub(crate) const fn fused_by_head(name: &'static str, holds: &'static [WeightKind]) -> Stored {
    Stored { name, holds, grouped: true, experts: None }
}

/// A matrix of one expert; the name has an `{e}`.
pub(crate) const fn expert(name: &'static str, holds: &'static [WeightKind]) -> Stored {
    Stored { name, holds, grouped: false, experts: Some(ExpertStorage::Apart) }
}

/// A matrix of all experts in one tensor, `[experts, out, in]`.
pub(crate) const fn all_experts(name: &'static str, holds: &'static [WeightKind]) -> Stored {
    Stored { name, holds, grouped: false, experts: Some(ExpertStorage::Together) }
}

/// What a tensor outside the blocks' matrices is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Token embedding, `[vocab, d_model]`.
    Embedding,
    /// Learned positions, `[offset + positions, d_model]`.
    Positions,
    /// Kinds of text segments, `[token_types, d_model]`.
    TokenTypes,
    /// Norm of the sum of embeddings.
    EmbeddingNorm,
    /// Norm before attention.
    AttentionNorm,
    /// Norm of attention's output, or of the stream after it.
    AttentionPostNorm,
    /// Norm before the MLP.
    MlpNorm,
    /// Norm of the MLP's output, or of the stream after it.
    MlpPostNorm,
    /// Norm of the queries.
    QueryNorm,
    /// Norm of the keys.
    KeyNorm,
    /// What weighs the expert that sees every token, `[1, d_model]`.
    SharedWeight,
    /// Norm after the last block.
    FinalNorm,
    /// Square matrix before the output head, `[d_model, d_model]`.
    HeadTransform,
    /// Norm after it.
    HeadNorm,
    /// Output head, `[vocab, d_model]`; absent from the file when tied to the embedding.
    Head,
    /// What carries the head's bias, `[vocab]`.
    HeadBias,
    /// Time steps of a trajectory, `[time_steps, d_model]`.
    TimeSteps,
    /// What makes a token of a return, `[d_model, 1]`, of a state, of an action.
    ReturnInput,
    /// Of a state, `[d_model, state]`.
    StateInput,
    /// Of an action, `[d_model, action]`.
    ActionInput,
    /// What makes a return of a token, `[1, d_model]`.
    ReturnOutput,
    /// A state, `[state, d_model]`.
    StateOutput,
    /// An action, `[action, d_model]`.
    ActionOutput,
}

/// Every family Laser knows.
pub static ARCHITECTURES: &[&Architecture] = &[
    &llama::LLAMA,
    &llama::MISTRAL,
    &llama::QWEN2,
    &qwen3::QWEN3,
    &mixtral::MIXTRAL,
    &qwen_moe::QWEN2_MOE,
    &qwen_moe::QWEN3_MOE,
    &gemma::GEMMA,
    &gemma::GEMMA2,
    &gemma::GEMMA3,
    &olmo2::OLMO2,
    &stablelm::STABLELM,
    &granite::GRANITE,
    &smollm3::SMOLLM3,
    &phi3::PHI3,
    &gpt2::GPT2,
    &gptj::GPTJ,
    &gpt_neo::GPT_NEO,
    &gpt_neox::GPT_NEOX,
    &phi::PHI,
    &phi::PHI_MSFT,
    &opt::OPT,
    &bloom::BLOOM,
    &falcon::FALCON,
    &bert::BERT,
    &bert::ROBERTA,
    &bert::DISTILBERT,
    &decision_transformer::DECISION_TRANSFORMER,
];

impl Architecture {
    /// The family with this `model_type` of `config.json`.
    pub fn by_model_type(model_type: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().copied().find(|a| a.model_type == model_type)
    }

    /// The family with this `general.architecture` of GGUF. Mistral files say `llama`.
    pub fn by_gguf(name: &str) -> Option<(&'static Self, Gguf)> {
        ARCHITECTURES.iter().find_map(|a| Some((*a, a.gguf.filter(|gguf| gguf.name == name)?)))
    }

    /// The values of `model_type` that are known, for error messages.
    pub fn known() -> String {
        one_of(ARCHITECTURES.iter().map(|a| a.model_type).collect())
    }

    /// The values of `general.architecture` that are known, for error messages.
    pub fn known_gguf() -> String {
        one_of(ARCHITECTURES.iter().filter_map(|a| Some(a.gguf?.name)).collect())
    }

    /// The matrices a name stands for: a canonical name itself, or one of the family's aliases.
    pub fn resolve_matrix(&self, name: &str) -> Option<Vec<WeightKind>> {
        if let Some(kind) = WeightKind::from_name(name) {
            return Some(vec![kind]);
        }
        self.aliases().find(|(alias, _)| *alias == name).map(|(_, kinds)| kinds.to_vec())
    }

    /// The paper's alias of one matrix, if it has one of its own.
    pub fn paper_alias(&self, kind: WeightKind) -> Option<&'static str> {
        self.aliases().find(|(_, kinds)| *kinds == [kind]).map(|(alias, _)| *alias)
    }

    /// All its aliases.
    pub fn aliases(&self) -> impl Iterator<Item = &'static Alias> {
        self.aliases.iter().copied().flatten()
    }
}

fn one_of(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    format!("one of {} (docs/adding-an-architecture.md tells how to add one)", names.join(", "))
}

impl Names {
    /// One name for each role: the first that `has` tells to be there, the last that is given if none.
    pub(crate) fn roles(&self, has: impl Fn(&str) -> bool) -> Vec<(Role, &'static str)> {
        let mut chosen: Vec<(Role, &'static str)> = Vec::new();
        for &(role, name) in self.roles.iter().copied().flatten() {
            match chosen.iter_mut().find(|(of, _)| *of == role) {
                Some((_, before)) if has(before) => (),
                Some((_, before)) => *before = name,
                None => chosen.push((role, name)),
            }
        }
        chosen
    }

    /// The tensors that could hold a stored matrix.
    pub(crate) fn holders(&self, id: WeightId) -> impl Iterator<Item = &Stored> {
        let of_expert = matches!(id.part, MatrixPart::Expert(_));
        self.matrices
            .iter()
            .copied()
            .flatten()
            .filter(move |stored| stored.holds.contains(&id.kind) && stored.experts.is_some() == of_expert)
    }
}

impl Stored {
    /// The tensor's name without `.weight`; the prefix still stands for itself.
    pub(crate) fn at(&self, layer: usize, expert: Option<usize>) -> String {
        let name = self.name.replace("{}", &layer.to_string());
        match expert {
            Some(expert) => name.replace("{e}", &expert.to_string()),
            None => name,
        }
    }

    /// What it holds, one below the other.
    pub(crate) fn holds(&self) -> &'static [WeightKind] {
        self.holds
    }

    /// Whether its rows stand head by head.
    pub(crate) fn is_grouped(&self) -> bool {
        self.grouped
    }

    /// Whether it holds all experts.
    pub(crate) fn is_all_experts(&self) -> bool {
        self.experts == Some(ExpertStorage::Together)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::layout::vectors;
    use crate::load::ModelFiles;

    fn unique<'a>(names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        names.for_each(|name| assert!(seen.insert(name), "{name} is there twice"));
    }

    #[test]
    fn each_file_has_one_family() {
        unique(ARCHITECTURES.iter().map(|a| a.model_type));
        unique(ARCHITECTURES.iter().filter_map(|a| a.gguf.map(|gguf| gguf.name)));
    }

    #[test]
    fn aliases_are_names_of_their_own_and_include_those_of_the_default_search() {
        for family in ARCHITECTURES {
            unique(family.aliases().map(|(alias, _)| *alias));
            for (alias, kinds) in family.aliases() {
                assert_eq!(WeightKind::from_name(alias), None, "{family:?}: {alias}");
                assert!(!kinds.is_empty(), "{family:?}: {alias}");
            }
            for name in ["fc_in", "fc_out"] {
                assert_eq!(family.resolve_matrix(name).map(|kinds| kinds.len()), Some(1), "{family:?}: {name}");
            }
        }
    }

    /// The checkpoints among the goldens that are of a known family, with what they are called in messages.
    fn goldens(folder: &str) -> Vec<(String, ModelFiles)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens").join(folder);
        let entries = std::fs::read_dir(&folder).expect("the goldens are in the repository");
        let is_model = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|e| e == "gguf");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).filter(is_model).collect();
        paths.sort();
        let open = |path: PathBuf| {
            let name = path.display().to_string();
            let files = ModelFiles::open(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, files)
        };
        paths.into_iter().map(open).collect()
    }

    #[test]
    fn every_family_names_all_that_its_configurations_ask_for() {
        let mut seen = BTreeSet::new();
        for (name, files) in ["tiny", "families", "gguf"].into_iter().flat_map(goldens) {
            let (config, names) = (files.config(), files.layout().names);
            seen.insert(config.architecture.model_type);
            let roles = names.roles(|_| false);
            for vector in vectors(config) {
                assert!(roles.iter().any(|(role, _)| *role == vector.role), "{name}: {:?}", vector.role);
            }
            for id in (0..config.n_layers).flat_map(|layer| config.stored(layer)) {
                assert!(names.holders(id).next().is_some(), "{name}: {id}");
            }
            for (alias, _) in config.architecture.aliases() {
                let kinds = config.architecture.resolve_matrix(alias).unwrap_or_default();
                let has = |layer| kinds.iter().any(|kind| config.pieces(WeightId::new(layer, *kind)).is_some());
                assert!(config.has_experts(0) || (0..config.n_layers).any(has), "{name}: {alias}");
            }
        }
        let all: BTreeSet<_> = ARCHITECTURES.iter().map(|a| a.model_type).collect();
        assert_eq!(seen, all, "every family has a golden");
    }

    #[test]
    fn values_that_are_not_implemented_are_errors_that_name_the_key() {
        let cases = [
            ("gpt2", r#"{"scale_attn_by_inverse_layer_idx": true}"#),
            ("gpt2", r#"{"n_head": 1099511627775}"#),
            ("gptj", r#"{"rotary_dim": null}"#),
            ("gpt_neo", r#"{"attention_types": [[["global", "local"], 1]]}"#),
            ("gpt_neo", r#"{"attention_types": [[["global", "sparse", "local"], 1]]}"#),
            ("gpt_neox", r#"{"hidden_act": "xielu"}"#),
            ("opt", r#"{"word_embed_proj_dim": 18}"#),
            ("opt", r#"{"layer_norm_elementwise_affine": false}"#),
            ("falcon-new", r#"{"parallel_attn": false}"#),
            ("falcon", r#"{"num_ln_in_parallel_attn": 2}"#),
            ("bert", r#"{"position_embedding_type": "relative_key"}"#),
            ("roberta", r#"{"is_decoder": true}"#),
            ("roberta", r#"{"max_position_embeddings": 2}"#),
            ("roberta", r#"{"add_cross_attention": true}"#),
        ];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/families");
        for (name, change) in cases {
            let text = std::fs::read_to_string(folder.join(name).join("config.json")).expect(name);
            let mut config: serde_json::Map<String, Value> = serde_json::from_str(&text).expect(name);
            let change: serde_json::Map<String, Value> = serde_json::from_str(change).expect("an object");
            let key = change.keys().next().expect("a key").clone();
            config.extend(change);
            let result = ModelConfig::from_hf("config.json", &Value::from(config).to_string());
            let problem = result.err().unwrap_or_else(|| panic!("{name} takes another {key}")).to_string();
            let named = if key == "n_head" { "num_attention_heads" } else { &key };
            assert!(problem.contains(named), "{name}: {problem}");
        }
    }
}
