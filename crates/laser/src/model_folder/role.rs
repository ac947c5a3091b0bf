//! What a file of a model folder is to a loader: takes its name, gives its role.

/// What a file is to a loader of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Configuration, tokenizer, documents: belongs to any copy of the model.
    Companion,
    /// Weights, in whatever format. Beside edited weights, some tools would load these instead.
    Weights,
    /// A list of weight files.
    Index,
    /// Part of an adapter. Loaders that find its description load the base model that it names.
    Adapter,
    /// Settings of quantised weights, by which loaders read weights as what they are not.
    Quantisation,
    /// Code, which loaders run instead of their own.
    Code,
    /// Settings of another runtime, which name its weights.
    Runtime,
}

/// Endings of weight files, without `.bin`, which [`is_pickled_weights`] judges.
const WEIGHT_ENDINGS: [&str; 25] = [
    "safetensors",
    "gguf",
    "ggml",
    "pt",
    "pth",
    "ckpt",
    "h5",
    "hdf5",
    "msgpack",
    "ot",
    "onnx",
    "onnx_data",
    "pkl",
    "pickle",
    "npz",
    "npy",
    "distcp",
    "tflite",
    "pb",
    "mlmodel",
    "mlpackage",
    "nemo",
    "pdparams",
    "engine",
    "llamafile",
];
/// Beginnings of the names of `.bin` files that hold settings or vocabularies.
const SMALL_BINS: [&str; 3] = ["training_args", "tokenizer", "vocab"];
/// Settings of quantised weights: AutoGPTQ, AutoAWQ, ModelOpt, Pruna, and older names of the same.
const QUANTISATION: [&str; 5] = [
    "quantize_config.json",
    "quant_config.json",
    "hf_quant_config.json",
    "quantization_config.json",
    "smash_config.json",
];
/// Settings that name the weights of Ollama, MLC, ONNX Runtime, CTranslate2 and the original Llama files.
const RUNTIME: [&str; 6] = [
    "modelfile",
    "mlc-chat-config.json",
    "ndarray-cache.json",
    "genai_config.json",
    "tensor-cache.json",
    "params.json",
];

impl Role {
    /// Role of the file with this name, a path within the folder with `/` between its parts. Capitals do not matter.
    pub(crate) fn of(name: &str) -> Self {
        let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        let (stem, ending) = file.rsplit_once('.').unwrap_or((&file, ""));
        if file.starts_with("adapter_config.") || file.starts_with("adapter_model.") {
            Self::Adapter
        } else if QUANTISATION.contains(&file.as_str()) {
            Self::Quantisation
        } else if RUNTIME.contains(&file.as_str()) {
            Self::Runtime
        } else if ending == "json" && (stem.ends_with(".index") || stem.contains(".index.")) {
            Self::Index // also of a variant: `model.safetensors.index.fp16.json`
        } else if WEIGHT_ENDINGS.contains(&ending) || is_pickled_weights(&file) {
            Self::Weights
        } else if matches!(ending, "py" | "pyc" | "so") {
            Self::Code
        } else {
            Self::Companion
        }
    }

    /// Why a file of this role is left out of an export; empty for companions.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Companion => "",
            Self::Weights => "unedited weights",
            Self::Index => "a list of unedited weight files",
            Self::Adapter => "an adapter, with which loaders would take its base model instead of the edited weights",
            Self::Quantisation => "settings of quantised weights, by which loaders would misread the edited ones",
            Self::Code => "code that loaders would run instead of their own",
            Self::Runtime => "settings of another runtime, which name unedited weights",
        }
    }
}

/// Whether a file is a `.bin` of weights. Names are many (`pytorch_model-00001-of-00002.bin`, `openvino_model.bin`,
/// `params_shard_0.bin`, `ggml-model-f16.bin`), so all `.bin` files are, a few kinds aside; the data of ONNX files too.
fn is_pickled_weights(file: &str) -> bool {
    file.ends_with(".onnx.data") || file.ends_with(".bin") && !SMALL_BINS.iter().any(|start| file.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_names() {
        for (role, names) in [
            (
                Role::Weights,
                "consolidated.safetensors onnx/model.onnx onnx/model.onnx.data pytorch_model-1-of-2.bin tf_model.h5 \
                 flax_model.msgpack sub/MODEL.GGUF openvino_model.bin rust_model.ot weights.npz original/consolidated.00.pth",
            ),
            (
                Role::Index,
                "pytorch_model.bin.index.json model.safetensors.index.fp16.json tf_model.h5.index.json sub/a.index.json",
            ),
            (
                Role::Adapter,
                "adapter_config.json adapter_model.safetensors adapter_model.bin checkpoint-9/adapter_config.json",
            ),
            (Role::Quantisation, "quantize_config.json quant_config.json hf_quant_config.json"),
            (Role::Code, "modeling_llama.py handler.py custom_generate/generate.py"),
            (Role::Runtime, "Modelfile genai_config.json mlc-chat-config.json"),
            (
                Role::Companion,
                "config.json tokenizer.model training_args.bin .gitattributes LICENSE merges.txt index.json \
                 generation_config.json tokenizer_config.json README.md vocab.bin chat_template.jinja",
            ),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(Role::of(name), role, "{name}");
            }
        }
    }
}
