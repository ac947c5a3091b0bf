//! Exports of Hugging Face folders as GGUF files, and back, for every family whose GGUF files are read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use laser::export::{Export, ModelCard};
use laser::model::load::ModelFiles;
use laser::model::tokenizer::Tokenizer;
use laser_checkpoint::{Array, Checkpoint, Dtype, Value};

use super::case::{Case, assert_close, assert_far, load};
use super::checkpoints::{golden, names};

/// Tiny folders of `goldens/families`, the family in GGUF, and an edit.
const FAMILIES: [(&str, &str, &str); 50] = [
    ("apertus", "apertus", "L0.q_proj@r2"),
    ("arcee", "arcee", "L0.q_proj@r2"),
    ("bloom", "bloom", "L0.fc_in@r2"),
    ("cohere", "command-r", "L0.q_proj@r2"),
    ("cohere-qk-norm", "command-r-qk-norm", "L0.q_proj@r2"),
    ("cohere2", "cohere2", "L0.k_proj@r2"),
    ("deepseek_v2", "deepseek2-softmax", "L0.k_b_proj@r2"),
    ("deepseek_v3", "deepseek2", "L0.q_a_proj@r2"),
    ("ernie4_5", "ernie4_5", "L0.q_proj@r2"),
    ("ernie4_5_moe", "ernie4_5-moe", "L0.q_proj@r2"),
    ("exaone4", "exaone4", "L0.q_proj@r2"),
    ("falcon", "falcon", "L0.fc_in@r2"),
    ("falcon-new", "falcon-new", "L0.fc_in@r2"),
    ("falcon-one-norm", "falcon", "L0.fc_in@r2"),
    ("gemma", "gemma", "L0.up_proj@r2"),
    ("gemma2", "gemma2", "L0.up_proj@r2"),
    ("gemma3_text", "gemma3", "L0.q_proj@r2"),
    ("glm", "chatglm", "L0.up_proj@r2"),
    ("glm4", "glm4", "L0.up_proj@r2"),
    ("glm4_moe", "glm4moe", "L0.q_proj@r2"),
    ("gpt2", "gpt2", "L0.fc_in@r2"),
    ("gptj", "gptj", "L0.q_proj@r2"),
    ("gpt_neox", "gptneox", "L0.k_proj@r2"),
    ("gpt_neox-serial", "gptneox-serial", "L0.fc_out@r2"),
    ("gpt_oss", "gpt-oss", "L0.e1.up_proj@r2"),
    ("gpt_oss-mxfp4", "gpt-oss", "L0.e1.gate_proj@r2"),
    ("granite", "granite", "L0.q_proj@r2"),
    ("granitemoe", "granitemoe", "L0.q_proj@r2"),
    ("hunyuan_v1_dense", "hunyuan-dense", "L0.q_proj@r2"),
    ("lfm2", "lfm2", "L0.conv_in_proj@r2"),
    ("minimax_m2", "minimax-m2", "L0.q_proj@r2"),
    ("ministral3", "mistral3", "L0.q_proj@r2"),
    ("mixtral", "mixtral", "L0.e1.up_proj@r2"),
    ("nemotron", "nemotron", "L0.q_proj@r2"),
    ("olmo", "olmo", "L0.q_proj@r2"),
    ("olmo2", "olmo2", "L0.q_proj@r2"),
    ("olmo3", "olmo3", "L0.q_proj@r2"),
    ("olmoe", "olmoe", "L0.q_proj@r2"),
    ("phi", "phi2", "L0.q_proj@r2"),
    ("phi-msft", "phi2", "L0.q_proj@r2"),
    ("phi3", "phi3", "L0.up_proj@r2"),
    ("phi3-longrope", "phi3-longrope", "L0.up_proj@r2"),
    ("qwen2_moe", "qwen2moe", "L0.q_proj@r2"),
    ("qwen3", "qwen3", "L0.q_proj@r2"),
    ("qwen3_moe", "qwen3moe", "L0.q_proj@r2"),
    ("seed_oss", "seed_oss", "L0.q_proj@r2"),
    ("smollm3", "smollm3", "L0.q_proj@r2"),
    ("stablelm", "stablelm", "L0.q_proj@r2"),
    ("stablelm-parallel", "stablelm-parallel", "L0.q_proj@r2"),
    ("starcoder2", "starcoder2", "L0.q_proj@r2"),
];

fn family(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/families").join(name)
}

/// Keys of the family, and the tensors of the first block and outside of blocks with their number of dimensions, and
/// whether they are F32; as llama.cpp's own converter writes them.
fn form(path: &Path) -> (BTreeSet<String>, BTreeSet<(String, bool)>) {
    let checkpoint = Checkpoint::open(path).expect("opens");
    let metadata = checkpoint.gguf_metadata().expect("GGUF");
    let architecture = metadata.str("general.architecture").expect("a text").expect("a family").to_owned();
    let own = metadata.iter().filter(|(key, _)| key.starts_with(&format!("{architecture}.")));
    let keys = own.map(|(key, value)| format!("{key} {}", value.type_name())).collect();
    let first = checkpoint.tensors().filter(|info| !info.name.starts_with("blk.") || info.name.starts_with("blk.0."));
    let tensors = first.map(|info| (info.name.clone(), info.dtype == Dtype::F32)).collect();
    (keys, tensors)
}

#[test]
fn every_family_becomes_a_gguf_file_and_a_folder_again() {
    for (name, reference, edit) in FAMILIES {
        let place = tempfile::tempdir().expect("a temporary folder");
        let case = Case::with_edit(&family(name), edit);
        let gguf = place.path().join("model.gguf");
        let export = case.export();
        let written = match export.to_gguf(&gguf, Some(Dtype::F32)) {
            // Tiny checkpoints with what GGUF has no key for, and the family's real models do not have.
            Err(e) if name.starts_with("gemma") && e.to_string().contains("scale of attention") => continue,
            Err(e) if name == "smollm3" && e.to_string().contains("rotary positions of layer") => continue,
            written => written.unwrap_or_else(|e| panic!("{name}: {e}")),
        };
        assert!(written.notes.iter().any(|note| note.contains("no vocabulary")), "{name}: {:?}", written.notes);
        assert_eq!(written.matrices.len(), case.matrices.len(), "{name}");
        assert_close(&load(&gguf), &case.edited, 1e-5);
        assert_far(&load(&gguf), &case.base, 1e-4);
        let files = ModelFiles::open(&gguf).expect("opens");
        assert_eq!(files.config().difference(case.files.config()), None, "{name}");

        // The same tensors in the same types as llama.cpp's converter writes, and at least its keys.
        let half = place.path().join("half.gguf");
        export.to_gguf(&half, Some(Dtype::F16)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../goldens/gguf/{reference}.gguf"));
        let ((keys, tensors), (known_keys, known_tensors)) = (form(&half), form(&golden));
        let missing: Vec<_> = known_keys.difference(&keys).collect();
        // The converter writes defaults of the original context, and windows beyond the context.
        // A multiplier of YaRN's factor says again what the factor itself says.
        let excused = |key: &&&String| {
            ["original_context_length", "sliding_window", "yarn_log_multiplier"].iter().any(|part| key.contains(part))
        };
        assert!(missing.iter().all(|key| excused(&key)), "{name}: no {missing:?}");
        // The tiny checkpoints have biases that their families usually lack.
        let names = |tensors: &BTreeSet<(String, bool)>| {
            let names = tensors.iter().map(|(name, _)| name.clone());
            names.filter(|name| !name.ends_with(".bias")).collect::<BTreeSet<_>>()
        };
        if name != "phi-msft" && name != "falcon-one-norm" {
            let mut known = names(&known_tensors);
            // Of a tied head the converter writes the embedding twice for some families; llama.cpp needs it once.
            if case.files.config().head.tied {
                known.remove("output.weight");
            }
            assert_eq!(names(&tensors), known, "{name}");
        }
        // Some references are stored in 32 bits as a whole.
        if known_tensors.iter().any(|(_, is_single)| !is_single) {
            for (tensor, is_single) in known_tensors.intersection(&known_tensors) {
                let own = tensors.iter().find(|(own, _)| own == tensor);
                assert!(own.is_none_or(|own| own.1 == *is_single), "{name}: {tensor}");
            }
        }

        // A model of this family is not written as a folder.
        if name == "ernie4_5_moe" {
            continue;
        }
        let back = place.path().join("back");
        let again = Case::with_edit(&gguf, edit);
        again.export().to_folder(&back, Some(Dtype::F32)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_close(&load(&back), &again.edited, 1e-5);
        let config = fs::read_to_string(back.join("config.json")).expect("reads");
        let model_type = match name {
            "phi-msft" => "phi",
            _ => case.files.config().family.model_type,
        };
        assert!(config.contains(&format!("\"model_type\": \"{model_type}\"")), "{name}: {config}");
    }
}

#[test]
fn tensors_with_a_matrix_for_each_head_are_edited_in_their_places() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/gguf/deepseek2-k_b.gguf");
    for edit in ["L0.k_b_proj@r1", "L1.h1.v_b_proj@r1", "L1.kv_b_proj@r2"] {
        let place = tempfile::tempdir().expect("a temporary folder");
        let case = Case::with_edit(&golden, edit);
        let out = place.path().join("model.gguf");
        case.export().to_gguf(&out, Some(Dtype::F32)).unwrap_or_else(|e| panic!("{edit}: {e}"));
        assert_close(&load(&out), &case.edited, 1e-5);
        assert_far(&load(&out), &case.base, 1e-4);
    }
}

#[test]
fn llamas_with_rotary_scalings_and_biases_become_gguf_files() {
    for name in [
        "llama-tied",
        "llama-gqa-untied",
        "llama-bias",
        "llama-linear",
        "llama-yarn",
        "llama3-rope",
        "llama-sharded",
        "qwen2-bias",
        "mistral-window",
    ] {
        let place = tempfile::tempdir().expect("a temporary folder");
        let case = Case::open(&golden(name));
        let out = place.path().join("model.gguf");
        case.export().to_gguf(&out, None).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_close(&load(&out), &case.edited, 1e-5);
    }
    for (name, dtype) in [("llama-bf16", Dtype::BF16), ("llama-f16", Dtype::F16)] {
        let place = tempfile::tempdir().expect("a temporary folder");
        let case = Case::open(&golden(name));
        let out = place.path().join("model.gguf");
        case.export().to_gguf(&out, None).expect(name);
        let checkpoint = Checkpoint::open(&out).expect("opens");
        assert_eq!(checkpoint.info("blk.0.attn_v.weight").expect("is there").dtype, dtype, "its own type");
        assert_eq!(checkpoint.info("blk.0.attn_norm.weight").expect("is there").dtype, Dtype::F32);
        assert_close(&load(&out), &case.rounded(|_| dtype), 1e-6);
    }
}

#[test]
fn what_gguf_cannot_say_is_refused_before_or_after_writing_and_leaves_nothing() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let out = place.path().join("model.gguf");
    for (folder, words) in [
        (family("bert"), "BERT"),
        (family("opt"), "OPT"),
        (family("gpt_neo"), "GPT-Neo"),
        (family("falcon-alibi"), "ffn_norm"),
        // llama.cpp reads such factors, this program only of Phi-3.
        (golden("llama-longrope"), "rope_factors"),
        (golden("llama-dynamic"), "dynamic rotary scaling"),
    ] {
        let files = ModelFiles::open(&folder).expect("opens");
        let recipe = &Case::with_edit(&golden("llama-tied"), "L0.q_proj@r2").recipe;
        let export = Export::new(&files, Default::default(), recipe, ModelCard::default()).expect("no matrices");
        let message = export.to_gguf(&out, None).expect_err("refused").to_string();
        assert!(message.contains(words) && message.contains("folder instead"), "{message}");
        assert!(names(place.path()).is_empty());
    }
}

/// The ids of texts with words, digits, spaces, other scripts and special tokens.
fn ids(tokenizer: &Tokenizer) -> Vec<Vec<u32>> {
    let texts = ["the thin heron ate 3 äpples", "  two  spaces\n\n12345 don't", "<|start|>日本語 🙂<|end|>", ""];
    texts.iter().map(|text| tokenizer.encode(text, true).expect("encodes")).collect()
}

#[test]
fn the_tokenizer_of_a_folder_is_converted() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let case = Case::open(&golden("llama-bytes"));
    let out = place.path().join("model.gguf");
    let written = case.export().to_gguf(&out, None).expect("writes");
    assert!(written.notes.is_empty(), "{:?}", written.notes);
    let (before, files) = (case.files.tokenizer().expect("in the folder"), ModelFiles::open(&out).expect("opens"));
    let after = files.tokenizer().expect("in the file");
    assert_eq!(ids(&after), ids(&before));
    assert_eq!(
        (after.bos_id(), after.eos_ids(), after.add_bos()),
        (before.bos_id(), before.eos_ids(), before.add_bos())
    );
    assert_eq!(after.chat_template(), before.chat_template());
    let metadata = files.checkpoint().gguf_metadata().expect("GGUF");
    assert_eq!(metadata.str("tokenizer.ggml.model").expect("a text"), Some("gpt2"));
    assert!(metadata.str("tokenizer.ggml.pre").expect("a text").is_some());
    let rows = files.config().vocab_size;
    let tokens = metadata.strings("tokenizer.ggml.tokens").expect("texts").expect("tokens");
    let types = metadata.i32s("tokenizer.ggml.token_type").expect("numbers").expect("types");
    assert_eq!((tokens.len(), types.len()), (rows, rows), "one token for each row of the embedding");
    for (id, kind) in [(before.bos_id(), 3), (before.eos_id(), 3)] {
        let id = id.expect("a special token");
        assert_eq!(types[id as usize], kind, "{}", tokens[id as usize]);
    }
    for key in ["bos_token_id", "eos_token_id"] {
        assert!(metadata.u64(&format!("tokenizer.ggml.{key}")).expect("a number").is_some(), "{key}");
    }
    assert!(matches!(metadata.get("tokenizer.ggml.add_bos_token"), Some(Value::Bool(_))));
    assert!(
        matches!(metadata.get("tokenizer.ggml.merges"), Some(Value::Array(Array::Strings(list))) if !list.is_empty())
    );
}
