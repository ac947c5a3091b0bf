//! Files → model: finds configuration and weights, checks the set of tensors, and puts them into one orientation.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use laser_checkpoint::Checkpoint;

use super::{Layer, Linear, Model, ModelConfig, Weight, Weights};
use crate::arch::TensorNames;
use crate::error::{Error, Result};
use crate::tokenizer::Tokenizer;
use crate::weight::{WeightId, WeightKind};

/// An opened model: its files, configuration and tokenizer, but no weights in memory.
#[derive(Debug)]
pub struct Files {
    path: PathBuf,
    checkpoint: Checkpoint,
    config: ModelConfig,
}

impl Files {
    /// Opens a Hugging Face folder or a GGUF file and checks its set of tensors and their shapes.
    pub fn open(path: &Path) -> Result<Self> {
        let checkpoint = Checkpoint::open(path)?;
        let file = path.display().to_string();
        let config = match checkpoint.gguf_metadata() {
            Some(metadata) => {
                let find = |name: &str| checkpoint.tensors().find(|t| t.name == name);
                let divisors = match find("rope_freqs.weight") {
                    Some(_) => Some(checkpoint.tensor("rope_freqs.weight")?.to_f32()?),
                    None => None,
                };
                let vocab = find("token_embd.weight").and_then(|t| t.shape.first().copied()).unwrap_or(0);
                ModelConfig::from_gguf(&file, metadata, vocab, |name| find(name).is_some(), divisors)?
            }
            None => {
                let path = path.join("config.json");
                let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
                ModelConfig::from_hf(&path.display().to_string(), &text)?
            }
        };
        let files = Self { path: path.to_owned(), checkpoint, config };
        files.check_tensors()?;
        Ok(files)
    }

    /// The path opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensors on disk.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Sizes and constants.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Whether the model is a GGUF file.
    pub fn is_gguf(&self) -> bool {
        self.checkpoint.gguf_metadata().is_some()
    }

    /// Name of a matrix's tensor in this checkpoint.
    pub fn tensor_name(&self, id: WeightId) -> String {
        self.names().weight(id.layer, id.kind)
    }

    /// The tokenizer that belongs to the model.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        Ok(match self.checkpoint.gguf_metadata() {
            Some(metadata) => Tokenizer::from_gguf(metadata)?,
            None => Tokenizer::from_folder(&self.path)?,
        })
    }

    /// Reads all weights. On the CPU `dtype` is f32.
    pub fn load(&self, device: &Device, dtype: DType, threads: usize) -> Result<Model> {
        let read = |name: &str, shape: &[usize], permute: Option<usize>| -> Result<Tensor> {
            let mut values = self.checkpoint.tensor(name)?.to_f32()?;
            if let Some(heads) = permute {
                values = from_interleaved(&values, shape[0], heads);
            }
            Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_device(device)?.to_dtype(dtype)?)
        };
        // Packs each weight as it is read and drops the original.
        let weight = |name: &str, shape: &[usize], permute| Weight::new(read(name, shape, permute)?);
        let (c, names) = (&self.config, self.names());
        // The largest first: what is in memory twice while it is packed is then alone.
        let table = [c.vocab_size, c.d_model];
        let embedding = weight(names.embedding, &table, None)?;
        let head = if c.tied { embedding.clone() } else { weight(names.head, &table, None)? };
        let mut layers = Vec::with_capacity(c.n_layers);
        for layer in 0..c.n_layers {
            let mut linears = Vec::with_capacity(WeightKind::ALL.len());
            for kind in WeightKind::ALL {
                let permute = self.interleaved_heads(kind);
                let shape = c.shape(kind);
                let weight = weight(&names.weight(layer, kind), &shape, permute)?;
                let bias = if self.has_bias(kind) {
                    Some(read(&names.bias(layer, kind), &shape[..1], permute)?)
                } else {
                    None
                };
                linears.push(Linear { weight, bias });
            }
            let norm = |name: &str| read(&TensorNames::at(name, layer), &[c.d_model], None);
            layers.push(Layer {
                attention_norm: norm(names.attention_norm)?,
                mlp_norm: norm(names.mlp_norm)?,
                linears,
            });
        }
        let final_norm = read(names.final_norm, &[c.d_model], None)?;
        self.checkpoint.forget_pages();
        Ok(Model {
            config: Arc::new(c.clone()),
            weights: Arc::new(Weights { embedding, head, final_norm, layers }),
            head: None,
            overlay: std::collections::BTreeMap::new(),
            threads: threads.max(1),
            meter: Arc::default(),
        })
    }

    /// Turns a matrix from our orientation into the file's, for writing: the inverse of what `load` does.
    pub(crate) fn to_file_layout(&self, kind: WeightKind, values: Vec<f32>) -> Vec<f32> {
        match self.interleaved_heads(kind) {
            Some(heads) => to_interleaved(&values, self.config.shape(kind)[0], heads),
            None => values,
        }
    }

    pub(crate) fn names(&self) -> &'static TensorNames {
        let architecture = self.config.architecture;
        if self.is_gguf() { architecture.gguf_names } else { architecture.hf_names }
    }

    pub(crate) fn has_bias(&self, kind: WeightKind) -> bool {
        match kind {
            WeightKind::Q | WeightKind::K | WeightKind::V => self.config.qkv_bias,
            WeightKind::O => self.config.o_bias,
            WeightKind::Gate | WeightKind::Up | WeightKind::Down => self.config.mlp_bias,
        }
    }

    /// Heads whose rows the file interleaves for rotary pairs, for the kinds it does that to.
    fn interleaved_heads(&self, kind: WeightKind) -> Option<usize> {
        let permuted = self.is_gguf() && self.config.architecture.gguf_permutes_qk;
        match kind {
            WeightKind::Q if permuted => Some(self.config.n_heads),
            WeightKind::K if permuted => Some(self.config.n_kv_heads),
            _ => None,
        }
    }

    /// Every tensor the architecture has, with its shape.
    pub(crate) fn expected_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (c, names) = (&self.config, self.names());
        let table = vec![c.vocab_size, c.d_model];
        let mut expected = vec![(names.embedding.to_owned(), table.clone())];
        for layer in 0..c.n_layers {
            for norm in [names.attention_norm, names.mlp_norm] {
                expected.push((TensorNames::at(norm, layer), vec![c.d_model]));
            }
            for kind in WeightKind::ALL {
                let shape = c.shape(kind);
                expected.push((names.weight(layer, kind), shape.to_vec()));
                if self.has_bias(kind) {
                    expected.push((names.bias(layer, kind), shape[..1].to_vec()));
                }
            }
        }
        expected.push((names.final_norm.to_owned(), vec![c.d_model]));
        if !c.tied {
            expected.push((names.head.to_owned(), table));
        }
        expected
    }

    fn check_tensors(&self) -> Result<()> {
        let file = || self.path.display().to_string();
        let problem = |problem, tensor: &str| Error::TensorSet {
            file: file(),
            problem,
            tensor: tensor.to_owned(),
            hint: format!(
                "a {} model with {} layers{}",
                self.config.architecture.name,
                self.config.n_layers,
                if self.config.tied { " and a tied head" } else { "" }
            ),
        };
        let mut known = BTreeSet::new();
        for (name, shape) in self.expected_tensors() {
            let info = self.checkpoint.tensors().find(|t| t.name == name).ok_or_else(|| problem("missing", &name))?;
            if info.shape != shape {
                return Err(Error::TensorShape {
                    file: file(),
                    tensor: name,
                    expected: shape,
                    found: info.shape.clone(),
                });
            }
            known.insert(name);
        }
        let names = self.names();
        let surplus = |name: &str| {
            let stored_twice = self.config.tied && name == names.head; // some tied checkpoints store the head as well
            !known.contains(name) && !stored_twice && !names.ignored.iter().any(|suffix| name.ends_with(suffix))
        };
        match self.checkpoint.tensors().find(|t| surplus(&t.name)) {
            Some(info) => Err(problem("surplus", &info.name)),
            None => Ok(()),
        }
    }
}

/// Rows of each head from rotary pairs (`2i`, `2i+1`) to halves (`i`, `i + d/2`).
fn from_interleaved(values: &[f32], rows: usize, heads: usize) -> Vec<f32> {
    reorder_rows(values, rows, heads, |half, i| 2 * (i % half) + i / half)
}

/// The inverse of [`from_interleaved`].
fn to_interleaved(values: &[f32], rows: usize, heads: usize) -> Vec<f32> {
    reorder_rows(values, rows, heads, |half, i| (i % 2) * half + i / 2)
}

/// Row `i` of each head is taken from the head's row `source(d_head/2, i)`.
fn reorder_rows(values: &[f32], rows: usize, heads: usize, source: impl Fn(usize, usize) -> usize) -> Vec<f32> {
    let (width, d_head) = (values.len() / rows, rows / heads);
    let mut out = Vec::with_capacity(values.len());
    for row in 0..rows {
        let from = row / d_head * d_head + source(d_head / 2, row % d_head);
        out.extend_from_slice(&values[from * width..(from + 1) * width]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaving_is_undone() {
        let values: Vec<f32> = (0..8 * 3).map(|i| i as f32).collect();
        let halves = from_interleaved(&values, 8, 2);
        let first: Vec<f32> = halves.chunks(3).map(|row| row[0] / 3.0).collect();
        assert_eq!(first, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
        assert_eq!(to_interleaved(&halves, 8, 2), values);
    }
}
