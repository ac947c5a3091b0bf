//! The beginning of an item's answers: the question is only which token comes first.

use super::{CandidateTokens, EncodedItem};

/// Everything before the first token of an item's answers, and these tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnswerStart {
    /// Tokens that the model reads; of a model that fills masks, the whole text.
    pub(crate) inputs: Vec<u32>,
    /// Position of `inputs` whose logits predict the first token.
    pub(crate) position: usize,
    /// First token of each candidate: of all choices, or of the gold answer.
    pub(crate) candidates: Vec<u32>,
    /// Index of the gold answer among the candidates.
    pub(crate) gold: usize,
    /// Other tokens that read as the first token of an accepted answer, with another blank or other capitals.
    pub(crate) readings: Vec<u32>,
    /// Texts of the first tokens of all accepted answers, as [`normalise`](super::normalise) gives them; empty for choices.
    pub(crate) accepted: Vec<String>,
}

impl EncodedItem {
    /// The beginning of the item's answers. Choices are compared after the inputs of the gold one. `causal`: the model attends
    /// to earlier tokens only, so that later ones need not be read.
    pub(crate) fn answer_start(&self, causal: bool) -> AnswerStart {
        let gold = &self.candidates[self.gold];
        let position = gold.scored_tokens[0].0;
        let inputs = if causal { gold.inputs[..=position].to_vec() } else { gold.inputs.clone() };
        AnswerStart {
            inputs,
            position,
            candidates: self.candidates.iter().map(|candidate| candidate.scored_tokens[0].1).collect(),
            gold: self.gold,
            readings: Vec::new(),
            accepted: self.first_token_texts.clone(),
        }
    }
}

impl AnswerStart {
    /// The first token of the gold answer.
    pub(crate) fn gold_token(&self) -> u32 {
        self.candidates[self.gold]
    }

    /// The question as an item whose candidates are single tokens: the candidates, then the readings.
    pub(crate) fn encoded(&self) -> EncodedItem {
        let candidate =
            |token: &u32| CandidateTokens { inputs: self.inputs.clone(), scored_tokens: vec![(self.position, *token)] };
        let candidates: Vec<CandidateTokens> = self.candidates.iter().chain(&self.readings).map(candidate).collect();
        EncodedItem {
            // Not a prompt after which something is read, but the order of the packing follows it.
            prompt: self.inputs.clone(),
            length_divisors: vec![1.0; candidates.len()],
            candidates,
            gold: self.gold,
            answer_tokens: 1,
            ..EncodedItem::default()
        }
    }
}
