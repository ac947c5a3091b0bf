//! Explains what a session's model, and an edit of it, say after one prompt.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use laser_kernels::batch_layout::BatchLayout;
use laser_linalg::Svd;
use laser_model::Model;
use laser_model::forward::ForwardPass;
use laser_model::weight_id::WeightId;
use laser_task::score::Score;
use laser_task::{Item, Task};

use super::Session;
use super::likely_tokens::likely_tokens;
use crate::edit::activations::MatrixInput;
use crate::edit::truncation::{SvdMethod, Truncation};
use crate::edit::{Edit, parse_selector};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, RunContext, input_tensor};
use crate::explain::{
    ActiveComponent, LensLayer, MatrixBands, MatrixComponents, NextToken, PromptExplanation, ResidualPath,
    WordDirections, kept_rank, removed_part,
};
use crate::gradient::{Loss, Sensitivity, sensitivities};

/// Number of likeliest tokens of a prediction.
const TOP: usize = 10;
/// Number of tenths of the components.
const BANDS: usize = 10;
/// Number of components that are described of each matrix.
const ACTIVE: usize = 10;
/// Number of matrices whose components are described where no edit names them.
const DESCRIBED: usize = 3;
/// Number of words of a direction.
const WORDS: usize = 5;

/// Options of the explanation of a prompt.
#[derive(Debug, Clone)]
pub struct PromptOptions {
    /// The prompt, used as it stands.
    pub prompt: String,
    /// The answer that is looked for, without the blank before it.
    pub answer: String,
    /// The edit; may be empty.
    pub edit: Edit,
    /// Matrices whose components' contributions are computed, such as `mlp` or `L20-27.down_proj`.
    pub matrices: String,
}

impl Session {
    /// Explains one prompt: predictions of the unedited model, of the edited one and of the removed components alone; the
    /// residual stream after each layer; and the components that carry the answer.
    ///
    /// # Errors
    /// A model that does not continue texts, a prompt or an answer without tokens, an edit that cannot be applied or does not
    /// keep the largest components, or matrices that the model does not have.
    pub fn explain_prompt(&self, options: &PromptOptions) -> Result<PromptExplanation> {
        self.config().check_continues_texts()?;
        if options.answer.trim().is_empty() {
            return Err(Error::setting("answer", "expected a text to look for, found an empty one"));
        }
        let tokenizer = self.tokenizer()?;
        let item = Item {
            id: "prompt".to_owned(),
            group: "prompt".to_owned(),
            prompt: options.prompt.clone(),
            answers: vec![options.answer.trim().to_owned()],
            ..Item::default()
        };
        let task = Task::new("prompt".to_owned(), vec![item], Score::TOP1)?;
        let evaluator = Evaluator::new(&[(&task, Score::TOP1)], tokenizer, self.config())?;
        let start = evaluator.answer_start(0);
        let (tokens, answer) = (start.inputs.clone(), start.gold_token());
        let mut ids = parse_selector(&options.matrices, self.config())?;
        ids.extend(options.edit.reductions().map(|(id, _)| id));
        ids.sort_unstable();
        ids.dedup();

        let model = self.load()?;
        let truncation = self.truncation(SvdMethod::Exact);
        let reader = Reader { session: self, tokens: &tokens, answer };
        let lens = reader.lens(&model)?;
        let edited_lens = if options.edit.is_empty() {
            Vec::new()
        } else {
            reader.lens(&truncation.apply(&model, &options.edit)?.0)?
        };
        // After the last layer, the lens is the prediction.
        let (base, edited) =
            (lens.last().expect("a lens begins with the embedding").clone(), edited_lens.last().cloned());
        let mut removed = Vec::new();
        let mut kept_of = BTreeMap::new();
        for (id, reduction) in options.edit.reductions() {
            let spectrum = truncation.spectrum(&model, id)?;
            let kept = kept_rank(&id.to_string(), reduction, &spectrum)?;
            kept_of.insert(id, kept);
            let alone = options.edit.with(id, removed_part(kept, spectrum.values().len()));
            removed.push((id.to_string(), reader.next_token(&truncation.apply(&model, &alone)?.0)?));
        }

        let context = RunContext { threads: self.threads(), stage: "components", observer: &*self.options.observer };
        let effects = sensitivities(&model, &evaluator, &[0], &ids, &truncation, Loss::LogLoss, context)?;
        let bands: Vec<MatrixBands> = ids
            .iter()
            .map(|id| matrix_bands(*id, &effects[id], options.edit.reductions().any(|(edited, _)| edited == *id)))
            .collect();
        let mut described: Vec<WeightId> = kept_of.keys().copied().collect();
        if described.is_empty() {
            let mut by_size: Vec<(f64, WeightId)> = bands
                .iter()
                .zip(&ids)
                .map(|(bands, id)| (bands.bands.iter().map(|band| band.abs()).sum(), *id))
                .collect();
            by_size.sort_by(|a, b| b.0.total_cmp(&a.0));
            described = by_size.into_iter().take(DESCRIBED).map(|(_, id)| id).collect();
        }
        let words = WordDirections::of(&model)?;
        let describe = |id: &WeightId| {
            let components = reader.active_components(&model, *id, &truncation, &effects[id], &words)?;
            Ok(MatrixComponents { matrix: id.to_string(), kept: kept_of.get(id).copied(), components })
        };
        Ok(PromptExplanation {
            model: self.name().to_owned(),
            prompt: options.prompt.clone(),
            tokens: tokens.iter().map(|token| Ok(tokenizer.decode(&[*token])?)).collect::<Result<_>>()?,
            answer: options.answer.clone(),
            answer_token: tokenizer.decode(&[answer])?,
            edit: (!options.edit.is_empty()).then(|| options.edit.to_string()),
            base,
            edited,
            removed,
            lens: lens
                .into_iter()
                .enumerate()
                .map(|(layers, base)| LensLayer { layers, base, edited: edited_lens.get(layers).cloned() })
                .collect(),
            bands,
            components: described.iter().map(describe).collect::<Result<_>>()?,
            notes: self.notes(),
        })
    }
}

/// Reads what models say after one prompt.
struct Reader<'a> {
    session: &'a Session,
    tokens: &'a [u32],
    /// First token of the answer.
    answer: u32,
}

impl Reader<'_> {
    /// The prediction after the prompt.
    fn next_token(&self, model: &Model) -> Result<NextToken> {
        let logits = model.next_token_logits(&[self.tokens], self.session.threads())?; // [1, vocab]
        self.prediction(&logits.flatten_all()?.to_vec1()?)
    }

    /// The prediction of the output head after each layer, from the embedding to the last.
    fn lens(&self, model: &Model) -> Result<Vec<NextToken>> {
        let last = self.tokens.len() - 1;
        let trace = model.trace(self.tokens)?;
        let read = |hidden: &candle_core::Tensor| {
            let x = hidden.narrow(0, last, 1)?.to_device(&model.weights().device)?.to_dtype(model.weights().dtype)?; // [1, d_model]
            let logits = model.head(&x)?; // [1, vocab]
            self.prediction(&logits.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1()?)
        };
        trace.hidden.iter().map(read).collect()
    }

    /// A prediction from the logits of one row, `[vocab]`.
    fn prediction(&self, logits: &[f32]) -> Result<NextToken> {
        let top = likely_tokens(logits, TOP, self.session.tokenizer()?)?;
        let of_answer = logits[self.answer as usize];
        let is_before = |(token, logit): &(u32, &f32)| match logit.total_cmp(&of_answer) {
            Ordering::Equal => *token < self.answer,
            order => order == Ordering::Greater,
        };
        let partition = laser_kernels::logits::summarise(logits).log_partition;
        Ok(NextToken {
            top,
            answer_rank: 1 + (0..).zip(logits).filter(is_before).count(),
            answer_logprob: f64::from(of_answer) - partition,
        })
    }

    /// The most active components of a matrix at the last token.
    fn active_components(
        &self,
        model: &Model,
        id: WeightId,
        truncation: &Truncation,
        sensitivity: &Sensitivity,
        words: &WordDirections,
    ) -> Result<Vec<ActiveComponent>> {
        let Some(x) = self.input(model, id)? else { return Ok(Vec::new()) };
        let Svd { u, s, vt } = truncation.svd(id, &model.matrix(id)?)?;
        let (rows, cols) = (u.rows(), vt.cols());
        let left = |i: usize| (0..rows).map(|row| u.data()[row * s.len() + i]).collect::<Vec<f32>>();
        let right = |i: usize| &vt.data()[i * cols..(i + 1) * cols];
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let mut active: Vec<(usize, f64)> = (0..s.len()).map(|i| (i, s[i] * dot(right(i), &x))).collect();
        active.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let path = ResidualPath::of(model, id)?;
        let nearest = |direction: Option<Vec<f32>>, sign: f64| -> Result<Vec<String>> {
            let Some(direction) = direction else { return Ok(Vec::new()) };
            let signed: Vec<f32> = direction.iter().map(|x| (f64::from(*x) * sign) as f32).collect();
            let tokenizer = self.session.tokenizer()?;
            words.nearest(&signed, WORDS).into_iter().map(|(word, _)| Ok(tokenizer.decode(&[word])?)).collect()
        };
        let component = |(i, activation): &(usize, f64)| {
            let sign = activation.signum();
            Ok(ActiveComponent {
                index: *i,
                sigma: s[*i],
                activation: *activation,
                contribution: -f64::from(sensitivity.effects(0)[*i]),
                writes: nearest(path.written(&left(*i)), sign)?,
                reads: nearest(path.read(right(*i)), sign)?,
            })
        };
        active.iter().take(ACTIVE).map(component).collect()
    }

    /// The input of a matrix at the last token; `None` for a matrix of one expert or of some columns.
    fn input(&self, model: &Model, id: WeightId) -> Result<Option<Vec<f32>>> {
        let Some(input) = MatrixInput::of(id) else { return Ok(None) };
        let mut layout = BatchLayout::default();
        layout.push(self.tokens, 0, Vec::new());
        let mut cache = model.new_kv_cache();
        let mut pass = ForwardPass::new(model, &layout, &mut cache, false)?.without_caching();
        let mut x = pass.embed()?; // [tokens, d_model]
        for layer in 0..id.layer {
            x = pass.step(layer, &x, None)?;
        }
        let block = pass.block_inputs(id.layer, &x)?;
        let Some(values) = input_tensor(input, &block) else { return Ok(None) };
        let last = values.narrow(0, self.tokens.len() - 1, 1)?; // [1, in]
        Ok(Some(last.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1()?))
    }
}

/// Contributions of the tenths of a matrix's components to the answer's log-probability.
fn matrix_bands(id: WeightId, sensitivity: &Sensitivity, edited: bool) -> MatrixBands {
    let bands = sensitivity.band_contributions(0, BANDS);
    MatrixBands { matrix: id.to_string(), total: bands.iter().sum(), bands, edited }
}
