//! Changed copies of the goldens: another configuration, other names of tensors, other tensors.
#![allow(dead_code)] // each test target uses only some of it

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use laser_model::ModelFiles;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// A tensor of a copy.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Stored {
    /// A tensor of this shape in which all values are the same.
    pub(crate) fn filled(shape: &[usize], value: f32) -> Self {
        let count: usize = shape.iter().product();
        Self { dtype: Dtype::F32, shape: shape.to_vec(), bytes: value.to_le_bytes().repeat(count) }
    }
}

/// A copy of a golden in memory.
#[derive(Clone)]
pub(crate) struct Altered {
    name: String,
    pub(crate) config: Map<String, Value>,
    pub(crate) tensors: BTreeMap<String, Stored>,
}

/// Path of a golden, such as `tiny/llama-tied`.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens").join(name)
}

/// Names of all goldens in one file that are folders, such as `families/gpt2`.
pub(crate) fn all() -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["tiny", "families"] {
        for entry in std::fs::read_dir(golden(folder)).expect("the goldens") {
            let path = entry.expect("an entry").path();
            if path.join("model.safetensors").is_file() {
                names.push(format!("{folder}/{}", path.file_name().expect("a name").to_string_lossy()));
            }
        }
    }
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    names
}

impl Altered {
    /// A copy of a golden that has one file of weights.
    pub(crate) fn of(name: &str) -> Self {
        let text = std::fs::read_to_string(golden(name).join("config.json")).expect(name);
        let bytes = std::fs::read(golden(name).join("model.safetensors")).expect(name);
        let tensors = SafeTensors::deserialize(&bytes).expect(name);
        let tensors = tensors.iter().map(|(name, t)| {
            (name.to_owned(), Stored { dtype: t.dtype(), shape: t.shape().to_vec(), bytes: t.data().to_vec() })
        });
        Self { name: name.to_owned(), config: serde_json::from_str(&text).expect(name), tensors: tensors.collect() }
    }

    /// The copy with a key of `config.json` set.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }

    /// The copy without a key of `config.json`.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.config.remove(key);
        self
    }

    /// The copy with one more tensor, or another one under the same name.
    pub(crate) fn with_tensor(mut self, name: &str, tensor: Stored) -> Self {
        self.tensors.insert(name.to_owned(), tensor);
        self
    }

    /// The copy with other names of tensors.
    pub(crate) fn renamed(mut self, rename: impl Fn(&str) -> String) -> Self {
        self.tensors = self.tensors.into_iter().map(|(name, tensor)| (rename(&name), tensor)).collect();
        self
    }

    /// Writes the copy into a folder.
    pub(crate) fn write(&self) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("config.json"), Value::from(self.config.clone()).to_string())
            .expect("written");
        self.write_weights(&folder.path().join("model.safetensors"));
        folder
    }

    /// Writes the tensors as one file.
    pub(crate) fn write_weights(&self, path: &Path) {
        let views = self
            .tensors
            .iter()
            .map(|(name, t)| (name.clone(), TensorView::new(t.dtype, t.shape.clone(), &t.bytes).expect("a tensor")));
        safetensors::serialize_to_file(views, None, path).expect("written");
    }

    /// Opens the copy.
    pub(crate) fn open(&self) -> Result<ModelFiles, laser_model::Error> {
        // The weights stay mapped after the folder is gone.
        ModelFiles::open(self.write().path())
    }

    /// The copy's remarks, which must exist.
    pub(crate) fn notes(&self) -> Vec<String> {
        let files = self.open().unwrap_or_else(|e| panic!("{}: {e}", self.name));
        files.notes().map(str::to_owned).collect()
    }

    /// Text of the error on opening the copy.
    pub(crate) fn error(&self) -> String {
        match self.open() {
            Ok(_) => panic!("{}: opens", self.name),
            Err(error) => error.to_string(),
        }
    }

    /// Logits of a few tokens, flattened.
    pub(crate) fn logits(&self) -> Vec<f32> {
        let files = self.open().unwrap_or_else(|e| panic!("{}: {e}", self.name));
        logits(&files)
    }
}

/// Logits of a few tokens, flattened.
pub(crate) fn logits(files: &ModelFiles) -> Vec<f32> {
    logits_within(files, None)
}

/// Logits of a few tokens, flattened, of the model with at most `bound` bytes of matrices in memory.
pub(crate) fn logits_within(files: &ModelFiles, bound: Option<usize>) -> Vec<f32> {
    let model = files.load_within(&Device::Cpu, DType::F32, 1, bound).expect("weights");
    let tokens: Vec<u32> = vec![5, 3, 8, 21, 40, 7, 11, 2, 9, 30];
    let logits = model.trace(&tokens).expect("a pass").logits;
    logits.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values")
}
