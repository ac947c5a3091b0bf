//! Files → model: finds configuration and weights, checks the set of tensors, and puts them into one orientation.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use laser_checkpoint::Checkpoint;

use super::config::{QkNorm, Residual};
use super::layout::{Layout, Place, Vector, vectors};
use super::trajectory::{TrajectoryWeights, Triple};
use crate::arch::{Architecture, Role};
use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::model::{Embedding, Head, HeadNorm, Layer, Linear, Model, Weights};
use crate::tokenizer::Tokenizer;
use crate::weight_id::WeightId;
use laser_kernels::linear::Weight;
use laser_kernels::norm::Norm;

/// An opened model: its files, configuration and tokenizer, but no weights in memory.
#[derive(Debug)]
pub struct ModelFiles {
    path: PathBuf,
    checkpoint: Checkpoint,
    config: ModelConfig,
    layout: Layout,
}

impl ModelFiles {
    /// Opens a Hugging Face folder or a GGUF file and checks its set of tensors and their shapes.
    ///
    /// # Errors
    /// Files that cannot be read, a family or a setting that is not known, or another set of tensors than the
    /// configuration says.
    pub fn open(path: &Path) -> Result<Self> {
        let checkpoint = Checkpoint::open(path)?;
        let file = path.display().to_string();
        let config = match checkpoint.gguf_metadata() {
            Some(metadata) => {
                let shape = |name: &str| checkpoint.info(name).map(|info| info.shape.clone());
                let values = |name: &str| Ok(checkpoint.tensor(name)?.to_f32()?);
                ModelConfig::from_gguf(&file, metadata, &shape, &values)?
            }
            None => {
                let path = path.join("config.json");
                let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
                ModelConfig::from_hf(&path.display().to_string(), &text)?
            }
        };
        // By the file's own word: a GGUF `llama` may be a Mixtral.
        let said =
            checkpoint.gguf_metadata().map(|metadata| metadata.str("general.architecture")).transpose()?.flatten();
        let gguf = said.and_then(Architecture::by_gguf).map(|(_, gguf)| gguf.names);
        let layout = Layout::new(gguf.unwrap_or(config.architecture.names), &checkpoint);
        let files = Self { path: path.to_owned(), checkpoint, config, layout };
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

    /// Names of the tensors that hold an editable matrix, in its order of rows.
    pub fn tensor_names(&self, id: WeightId) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for piece in self.config.pieces(id).unwrap_or_default() {
            let name = self.place(piece.id).weight();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether the files hold several matrices in one tensor, for a kind that stands for several.
    pub fn is_fused(&self, id: WeightId) -> bool {
        self.tensor_names(id).len() == 1 && id.kind.members().len() > 1
    }

    /// The layout of the files.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where a stored matrix is.
    pub fn place(&self, id: WeightId) -> Place {
        let has = |name: &str| self.checkpoint.info(name).is_some();
        let place = self.layout.place(&self.config, id, has);
        place.unwrap_or_else(|| panic!("{id}: the family's table names every matrix its configuration has"))
    }

    /// The tokenizer that belongs to the model.
    ///
    /// # Errors
    /// A model that reads no tokens, or a tokenizer that is not there or cannot be read.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        if self.config.embedding.trajectory.is_some() {
            return Err(self.config.no_tokens());
        }
        Ok(match self.checkpoint.gguf_metadata() {
            Some(metadata) => Tokenizer::from_gguf(metadata)?,
            None => Tokenizer::from_folder(&self.path)?,
        })
    }

    /// Reads all weights. On the CPU `dtype` is f32.
    ///
    /// # Errors
    /// Values that cannot be read or are not finite.
    pub fn load(&self, device: &Device, dtype: DType, threads: usize) -> Result<Model> {
        let reader = Reader { files: self, vectors: vectors(&self.config), device, dtype };
        let c = &self.config;
        // The largest first: what is in memory twice while it is packed is then alone.
        let tokens = reader.weight(Role::Embedding)?;
        let head = match (c.head.tied, &tokens) {
            (true, Some(tokens)) => Some(tokens.clone()),
            _ => reader.weight(Role::Head)?,
        };
        let bias = if c.head.bias { reader.vector(Role::HeadBias, 0, "bias")? } else { None };
        let head = Head {
            norm: reader.norm(Role::FinalNorm, 0)?,
            transform: match (reader.linear(Role::HeadTransform)?, reader.norm(Role::HeadNorm, 0)?) {
                (Some(linear), Some(norm)) => Some((linear, norm)),
                _ => None,
            },
            tokens: head.map(|weight| Linear { weight, bias }),
        };
        let constant = match reader.vector(Role::TokenTypes, 0, "weight")? {
            Some(kinds) => Some(kinds.get(0)?.contiguous()?),
            None => None,
        };
        let positions = reader.weight(Role::Positions)?;
        let embedding = Embedding { tokens, positions, constant, norm: reader.norm(Role::EmbeddingNorm, 0)? };
        let trajectory = reader.trajectory()?;
        let layers = (0..c.n_layers).map(|layer| reader.layer(layer)).collect::<Result<_>>()?;
        self.checkpoint.release_pages();
        let weights = Weights { device: device.clone(), dtype, embedding, trajectory, layers, head };
        Ok(Model::new(c.clone(), weights, threads))
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
                if self.config.head.tied { " and a tied head" } else { "" }
            ),
        };
        let has = |name: &str| self.checkpoint.info(name).is_some();
        let mut known = BTreeSet::new();
        for expected in self.layout.expected(&self.config, has) {
            let info = self.checkpoint.info(&expected.name).ok_or_else(|| problem("missing", &expected.name))?;
            let single = |shape: &[usize]| shape.iter().copied().skip_while(|n| *n == 1).collect::<Vec<_>>();
            if single(&info.shape) != single(&expected.shape) {
                return Err(Error::TensorShape {
                    file: file(),
                    tensor: expected.name,
                    expected: expected.shape,
                    found: info.shape.clone(),
                });
            }
            known.insert(expected.name);
        }
        let head = self.layout.role(Role::Head, 0).map(|stem| format!("{stem}.weight"));
        let surplus = |name: &str| {
            // Some tied checkpoints store the head as well.
            let stored_twice = self.config.head.tied && head.as_deref() == Some(name);
            !known.contains(name) && !stored_twice && !self.layout.names.ignored.iter().any(|part| name.contains(part))
        };
        match self.checkpoint.tensors().find(|t| surplus(&t.name)) {
            Some(info) => Err(problem("surplus", &info.name)),
            None => Ok(()),
        }
    }
}

/// Reads tensors to where the model computes.
struct Reader<'a> {
    files: &'a ModelFiles,
    /// What the model has besides the matrices of its blocks.
    vectors: Vec<Vector>,
    device: &'a Device,
    dtype: DType,
}

impl Reader<'_> {
    fn tensor(&self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_device(self.device)?.to_dtype(self.dtype)?)
    }

    /// What has a role, where the model has it: its weight or its bias.
    fn vector(&self, role: Role, layer: usize, which: &'static str) -> Result<Option<Tensor>> {
        let Some(vector) = self.vectors.iter().find(|v| v.role == role) else { return Ok(None) };
        let mut values = Vec::new();
        for stem in self.files.layout.stems(vector, layer) {
            let suffix = self.files.layout.suffix(vector, which);
            values.extend(self.files.checkpoint.tensor(&format!("{stem}.{suffix}"))?.to_f32()?);
        }
        let offset = self.files.layout.names.norm_offset;
        if offset != 0.0 && vector.is_norm() {
            values.iter_mut().for_each(|value| *value += offset);
        }
        let shape = if which == "bias" { &vector.shape[..1] } else { &vector.shape[..] };
        self.tensor(values, shape).map(Some)
    }

    fn norm(&self, role: Role, layer: usize) -> Result<Option<Norm>> {
        let c = &self.files.config;
        let Some(weight) = self.vector(role, layer, "weight")? else { return Ok(None) };
        let biased = self.vectors.iter().any(|v| v.role == role && v.bias);
        let bias = if biased { self.vector(role, layer, "bias")? } else { None };
        let eps = match (role, c.embedding.norm_eps) {
            (Role::EmbeddingNorm, Some(eps)) => eps,
            _ => c.norm_eps,
        };
        Ok(Some(Norm { kind: c.norm, weight, bias, eps }))
    }

    /// The norm of queries or keys.
    fn head_norm(&self, role: Role, layer: usize) -> Result<Option<HeadNorm>> {
        let Some(norm) = self.norm(role, layer)? else { return Ok(None) };
        if self.files.config.attention.qk_norm != Some(QkNorm::EachHead) {
            return Ok(Some(HeadNorm { norm, scale: None }));
        }
        let scale = Some(norm.weight.flatten_all()?); // [heads·d_head]
        let weight = norm.weight.get(0)?.ones_like()?; // [d_head]
        Ok(Some(HeadNorm { norm: Norm { weight, ..norm }, scale }))
    }

    /// A matrix outside the blocks, packed as it is read.
    fn weight(&self, role: Role) -> Result<Option<Weight>> {
        Ok(self.vector(role, 0, "weight")?.map(Weight::new).transpose()?)
    }

    fn linear(&self, role: Role) -> Result<Option<Linear>> {
        let Some(weight) = self.weight(role)? else { return Ok(None) };
        Ok(Some(Linear { weight, bias: self.vector(role, 0, "bias")? }))
    }

    /// What a model of trajectories has in the places of embedding and head.
    fn trajectory(&self) -> Result<Option<TrajectoryWeights>> {
        let Some(time_steps) = self.weight(Role::TimeSteps)? else { return Ok(None) };
        let triple = |returns, states, actions| -> Result<Option<Triple<Linear>>> {
            let (returns, states, actions) = (self.linear(returns)?, self.linear(states)?, self.linear(actions)?);
            Ok(returns.zip(states).zip(actions).map(|((returns, states), actions)| Triple { returns, states, actions }))
        };
        let inputs = triple(Role::ReturnInput, Role::StateInput, Role::ActionInput)?;
        let outputs = triple(Role::ReturnOutput, Role::StateOutput, Role::ActionOutput)?;
        Ok(inputs.zip(outputs).map(|(inputs, outputs)| TrajectoryWeights { time_steps, inputs, outputs }))
    }

    fn layer(&self, layer: usize) -> Result<Layer> {
        let (c, checkpoint) = (&self.files.config, &self.files.checkpoint);
        let mut linears = std::collections::BTreeMap::new();
        let mut shared: Option<(String, Vec<f32>)> = None; // the last tensor that was read whole
        for id in c.stored(layer) {
            let (place, shape) = (self.files.place(id), c.shape(id));
            let values = if place.is_together() {
                place.read(checkpoint)?
            } else {
                // Matrices whose rows stand between one another's come from one reading of their tensor.
                let name = place.weight();
                let whole = match shared.take().filter(|(of, _)| *of == name) {
                    Some((_, whole)) => whole,
                    None => checkpoint.tensor(&name)?.to_f32()?,
                };
                let values = place.take(&whole);
                shared = Some((name, whole));
                values
            };
            let weight = Weight::new(self.tensor(values, &shape)?)?;
            let bias = match c.has_bias(id) {
                true => Some(self.tensor(place.read_bias(checkpoint)?, &shape[..1])?),
                false => None,
            };
            linears.insert((id.part, id.kind), Linear { weight, bias });
        }
        let attention_norm = self.norm(Role::AttentionNorm, layer)?;
        let mlp_norm = match c.residual {
            Residual::Parallel { one_norm: true } => attention_norm.clone(),
            _ => self.norm(Role::MlpNorm, layer)?,
        };
        Ok(Layer {
            attention_norm,
            attention_post_norm: self.norm(Role::AttentionPostNorm, layer)?,
            mlp_norm,
            mlp_post_norm: self.norm(Role::MlpPostNorm, layer)?,
            query_norm: self.head_norm(Role::QueryNorm, layer)?,
            key_norm: self.head_norm(Role::KeyNorm, layer)?,
            shared_weight: match c.has_experts(layer) {
                true => self.vector(Role::SharedWeight, layer, "weight")?.map(Weight::new).transpose()?,
                false => None,
            },
            linears,
        })
    }
}
