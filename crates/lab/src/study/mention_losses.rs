//! How unlikely a model finds the last words of sentences.

use laser::Result;
use laser::model::Model;
use laser::model::tokenizer::Tokenizer;

use super::answers::Answers;
use crate::facts::Mention;

/// Number of sentences computed at once: their logits stay in memory.
const CHUNK: usize = 1_024;

/// −log-probability of the last word of each sentence, given the words before it, `[sentences]`, nats.
///
/// # Errors
/// A sentence that the tokenizer cannot spell, or logits that are not finite.
pub(super) fn mention_losses(model: &Model, tokenizer: &Tokenizer, mentions: &[Mention]) -> Result<Vec<f64>> {
    let mut losses = Vec::with_capacity(mentions.len());
    for chunk in mentions.chunks(CHUNK) {
        let encode = |mention: &Mention| tokenizer.encode(&mention.text, true);
        let sentences = chunk.iter().map(encode).collect::<Result<Vec<Vec<u32>>, _>>()?;
        let beginnings: Vec<&[u32]> = sentences.iter().map(|tokens| &tokens[..tokens.len() - 1]).collect();
        let answers = Answers::from_logits(&model.next_token_logits(&beginnings, model.threads())?)?; // [chunk, words]
        losses.extend(sentences.iter().enumerate().map(|(i, tokens)| -answers.logprob(i, tokens[tokens.len() - 1])));
    }
    Ok(losses)
}
