//! What a model answers to the questions of a world.

use laser::kernels::batch_layout::BatchLayout;
use laser::model::candle::Tensor;
use laser::model::forward::{ForwardPass, PassStart};
use laser::model::weight_id::BlockEntry;
use laser::model::{Error as ModelError, Model};
use laser::{Error, Result};

use super::questions::Questions;
use laser::explain::AnswerClass;

/// Log-probabilities of all words after each prompt.
#[derive(Debug, Clone)]
pub struct Answers {
    n_words: usize,
    /// `[facts, words]`, row-major, nats.
    logprobs: Vec<f32>,
    /// Likeliest word after each prompt, the lowest id among equals, `[facts]`.
    predicted: Vec<u32>,
}

/// All prompts of a world in one batch, or some of them.
#[derive(Debug, Clone)]
pub struct PromptBatch {
    layout: BatchLayout,
    /// Row of the last token of each prompt.
    last: Vec<usize>,
}

impl PromptBatch {
    /// Packs the prompts of the facts `indices`.
    pub fn new(questions: &Questions, indices: &[usize]) -> Self {
        let (mut layout, mut last) = (BatchLayout::default(), Vec::with_capacity(indices.len()));
        for index in indices {
            layout.push(&questions.prompts[*index], 0, Vec::new());
            last.push(layout.len() - 1);
        }
        Self { layout, last }
    }

    /// Hidden states at the input of block `layer`, from which [`PromptBatch::answers_from`] continues;
    /// `[tokens, d_model]`.
    ///
    /// # Errors
    /// Failures of the forward pass.
    pub fn states(&self, model: &Model, layer: usize) -> Result<PassStart> {
        let mut cache = model.new_kv_cache();
        let pass = ForwardPass::new(model, &self.layout, &mut cache, false)?.without_caching();
        Ok(pass.run_up_to(layer, BlockEntry::Attention)?)
    }

    /// The answers of a model, from states of a model that is equal below.
    ///
    /// # Errors
    /// Logits that are not finite, and failures of the forward pass.
    pub fn answers_from(&self, model: &Model, start: PassStart) -> Result<Answers> {
        let mut cache = model.new_kv_cache();
        let pass = ForwardPass::new(model, &self.layout, &mut cache, false)?.without_caching();
        let hidden = pass.run(start, Some(&self.last))?.0; // [prompts, d_model]
        Answers::from_logits(&model.head(&hidden)?) // [prompts, words]
    }

    /// The answers of a model.
    ///
    /// # Errors
    /// As [`PromptBatch::answers_from`].
    pub fn answers(&self, model: &Model) -> Result<Answers> {
        self.answers_from(model, PassStart::Tokens)
    }

    /// Hidden states of the last token of each prompt at the input of each block, after the first one: `n_layers − 1`
    /// row-major matrices `[prompts, d_model]`.
    ///
    /// # Errors
    /// Failures of the forward pass.
    pub fn last_states(&self, model: &Model) -> Result<Vec<Vec<f32>>> {
        let values = |layer| -> Result<Vec<f32>> {
            let PassStart::Block(_, x) = self.states(model, layer)?.gather(&self.last)? else {
                unreachable!("the states of a block were asked for")
            };
            Ok(x.flatten_all()?.to_vec1()?) // x [prompts, d_model]
        };
        (1..model.config().n_layers).map(values).collect()
    }
}

impl Answers {
    /// From logits `[facts, words]`.
    ///
    /// # Errors
    /// Logits that are not finite.
    pub fn from_logits(logits: &Tensor) -> Result<Self> {
        let (n, n_words) = logits.dims2()?;
        let logits: Vec<f32> = logits.flatten_all()?.to_vec1()?;
        let (mut logprobs, mut predicted) = (Vec::with_capacity(logits.len()), Vec::with_capacity(n));
        for (fact, row) in logits.chunks_exact(n_words).enumerate() {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = row.iter().map(|logit| f64::from(logit - largest).exp()).sum();
            let log_partition = f64::from(largest) + sum.ln();
            if !log_partition.is_finite() {
                let (what, place) = ("logits".to_owned(), format!("question {fact}"));
                return Err(Error::from(ModelError::NotFinite { what, place }));
            }
            logprobs.extend(row.iter().map(|logit| (f64::from(*logit) - log_partition) as f32));
            predicted.extend((0u32..).zip(row).find(|(_, logit)| **logit == largest).map(|(word, _)| word));
        }
        Ok(Self { n_words, logprobs, predicted })
    }

    /// Number of questions.
    pub fn len(&self) -> usize {
        self.predicted.len()
    }

    /// Whether there are no questions.
    pub fn is_empty(&self) -> bool {
        self.predicted.is_empty()
    }

    /// The likeliest word after each prompt, `[facts]`.
    pub fn predicted(&self) -> &[u32] {
        &self.predicted
    }

    /// Log-probabilities after prompt `fact`, `[words]`, nats.
    pub fn row(&self, fact: usize) -> &[f32] {
        &self.logprobs[fact * self.n_words..(fact + 1) * self.n_words]
    }

    /// Log-probability of a word after prompt `fact`, nats.
    pub fn logprob(&self, fact: usize, word: u32) -> f64 {
        f64::from(self.row(fact)[word as usize])
    }

    /// By how much a word is ahead of all others after prompt `fact`, nats; negative if it is behind.
    pub fn margin(&self, fact: usize, word: u32) -> f64 {
        let others = self.row(fact).iter().enumerate().filter(|(other, _)| *other != word as usize);
        self.logprob(fact, word) - f64::from(others.map(|(_, p)| *p).fold(f32::NEG_INFINITY, f32::max))
    }

    /// Whether each of the facts `indices` is answered right; row i answers `indices[i]`.
    pub fn correct(&self, questions: &Questions, indices: &[usize]) -> Vec<bool> {
        self.predicted.iter().zip(indices).map(|(word, index)| *word == questions.gold[*index]).collect()
    }

    /// Mean of −log-probability of the gold answers of the facts `indices`, nats; row i answers `indices[i]`.
    pub fn log_loss(&self, questions: &Questions, indices: &[usize]) -> f64 {
        let losses = indices.iter().enumerate().map(|(row, index)| -self.logprob(row, questions.gold[*index]));
        losses.sum::<f64>() / indices.len().max(1) as f64
    }

    /// Class of the answer to each question, `[facts]`, where row i answers fact i.
    pub fn classes(&self, questions: &Questions) -> Vec<AnswerClass> {
        self.predicted.iter().enumerate().map(|(fact, word)| questions.class(*word, fact)).collect()
    }
}

#[cfg(test)]
mod tests {
    use laser::model::candle::Device;

    use super::*;

    #[test]
    fn log_probabilities_margins_and_answers_follow_from_the_logits() {
        let logits = Tensor::new(&[[1.0f32, 3.0, 3.0, -2.0], [1e4, 0.0, 5.0, 2.0]], &Device::Cpu).expect("a tensor");
        let answers = Answers::from_logits(&logits).expect("finite");
        assert_eq!((answers.len(), answers.predicted()), (2, &[1, 0][..]));
        let sum: f64 = [1.0f64, 3.0, 3.0, -2.0].iter().map(|logit| logit.exp()).sum();
        assert!((answers.logprob(0, 3) - (-2.0 - sum.ln())).abs() < 1e-6);
        let total: f64 = answers.row(0).iter().map(|p| f64::from(*p).exp()).sum();
        assert!((total - 1.0).abs() < 1e-6);
        assert!((answers.margin(0, 0) + 2.0).abs() < 1e-6 && answers.margin(0, 1).abs() < 1e-6);
        assert!((answers.margin(1, 0) - 9_995.0).abs() < 1e-2);
        let broken = Tensor::new(&[[1.0f32, f32::NAN]], &Device::Cpu).expect("a tensor");
        assert!(Answers::from_logits(&broken).expect_err("NaN").to_string().contains("question 0"));
    }
}
