//! Tests of the registry: every family is complete, unique, and refuses what is not implemented.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{FAMILIES, FamilyDefinition, SHARED_NAMES, families};
use crate::config::ModelConfig;
use crate::load::ModelFiles;
use crate::tensor_layout::role_parameters;
use crate::weight_id::{WeightId, WeightKind};

fn unique<'a>(names: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    names.for_each(|name| assert!(seen.insert(name), "{name} occurs twice"));
}

#[test]
fn each_file_has_one_family() {
    unique(families().map(|family| family.model_type));
    let is_shared = |of: &&&FamilyDefinition| {
        SHARED_NAMES.iter().any(|(shared, _)| shared.family.model_type == of.family.model_type)
    };
    let others = FAMILIES.iter().filter(|definition| !is_shared(definition));
    unique(others.filter_map(|definition| definition.gguf.map(|gguf| gguf.name)));
}

#[test]
fn aliases_are_unique_and_include_those_of_the_default_search() {
    for family in families() {
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

/// Models in a folder of the goldens, with their paths for messages.
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
fn every_family_names_all_tensors_of_its_configurations() {
    let mut seen = BTreeSet::new();
    for (name, files) in ["tiny", "families", "gguf"].into_iter().flat_map(goldens) {
        let (config, names) = (files.config(), files.layout().names);
        seen.insert(config.family.model_type);
        let roles = names.roles(|_| false);
        for parameter in role_parameters(config) {
            assert!(roles.iter().any(|(role, _)| *role == parameter.role), "{name}: {:?}", parameter.role);
        }
        for id in (0..config.n_layers).flat_map(|layer| config.stored(layer)) {
            assert!(names.holders(id).next().is_some(), "{name}: {id}");
        }
        for (alias, _) in config.family.aliases() {
            let kinds = config.family.resolve_matrix(alias).unwrap_or_default();
            let has = |layer| kinds.iter().any(|kind| config.pieces(WeightId::new(layer, *kind)).is_some());
            assert!(config.has_experts(0) || (0..config.n_layers).any(has), "{name}: {alias}");
        }
    }
    let all: BTreeSet<_> = families().map(|family| family.model_type).collect();
    assert_eq!(seen, all, "every family has a golden");
}

#[test]
fn values_that_are_not_implemented_are_errors_that_name_the_key() {
    let cases = [
        ("deepseek_v2", r#"{"norm_topk_prob": true}"#),
        ("deepseek_v2", r#"{"topk_method": "noaux_tc"}"#),
        ("deepseek_v2", r#"{"n_group": 4}"#),
        ("glm4_moe", r#"{"n_group": 3}"#),
        ("glm4_moe_lite", r#"{"mlp_layer_types": ["dense"]}"#),
        ("glm4_moe_lite", r#"{"mlp_layer_types": ["dense", "other"]}"#),
        ("glm4_moe_lite", r#"{"first_k_dense_replace": 2}"#),
        ("deepseek_v3", r#"{"rope_interleave": false}"#),
        ("deepseek_v3", r#"{"scoring_func": "softmax"}"#),
        ("deepseek_v3", r#"{"topk_method": "greedy"}"#),
        ("deepseek_v3", r#"{"moe_layer_freq": 2}"#),
        ("deepseek_v3", r#"{"n_group": 4}"#),
        ("deepseek_v3", r#"{"n_group": 6}"#),
        ("deepseek_v3", r#"{"topk_group": 1}"#),
        ("deepseek_v3", r#"{"topk_group": 5}"#),
        ("deepseek_v3", r#"{"num_key_value_heads": 1}"#),
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
        ("lfm2", r#"{"block_ffn_dim_multiplier": 0.0}"#),
        ("lfm2", r#"{"block_ffn_dim_multiplier": 1e300}"#),
        ("lfm2", r#"{"layer_types": ["conv", "conv"]}"#),
        ("lfm2", r#"{"layer_types": ["conv", "full_attention", "linear_attention"]}"#),
        ("lfm2", r#"{"conv_L_cache": 0}"#),
        ("bert", r#"{"position_embedding_type": "relative_key"}"#),
        ("roberta", r#"{"is_decoder": true}"#),
        ("roberta", r#"{"max_position_embeddings": 2}"#),
        ("roberta", r#"{"add_cross_attention": true}"#),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/families");
    for (name, change) in cases {
        let text = std::fs::read_to_string(folder.join(name).join("config.json")).expect(name);
        let mut config: Map<String, Value> = serde_json::from_str(&text).expect(name);
        let change: Map<String, Value> = serde_json::from_str(change).expect("an object");
        let key = change.keys().next().expect("a key").clone();
        config.extend(change);
        let result = ModelConfig::from_hf("config.json", &Value::from(config).to_string());
        let problem = result.err().unwrap_or_else(|| panic!("{name} accepts another {key}")).to_string();
        let named = if key == "n_head" { "num_attention_heads" } else { &key };
        assert!(problem.contains(named), "{name}: {problem}");
    }
}

#[test]
fn a_kimi_k2_is_a_deepseek_v3() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/families/deepseek_v3/config.json");
    let text = std::fs::read_to_string(path).expect("the golden");
    let read = |text: &str| ModelConfig::from_hf("config.json", text).expect("a configuration");
    let (plain, renamed) = (read(&text), read(&text.replace("\"deepseek_v3\"", "\"kimi_k2\"")));
    assert_eq!(renamed.family.model_type, "deepseek_v3");
    assert_eq!((renamed.difference(&plain), renamed.notes), (None, plain.notes));
}

#[test]
fn a_glm_4_5_may_have_groups_of_experts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/families/glm4_moe/config.json");
    let text = std::fs::read_to_string(path).expect("the golden");
    let mut config: Map<String, Value> = serde_json::from_str(&text).expect("an object");
    config.extend([("n_group".to_owned(), 2.into()), ("num_experts_per_tok".to_owned(), 2.into())]);
    let config = ModelConfig::from_hf("config.json", &Value::from(config).to_string()).expect("a configuration");
    let groups = config.mlp.experts.and_then(|experts| experts.groups).expect("groups");
    assert_eq!((groups.count, groups.per_token, groups.summed), (2, 1, 2));
}
