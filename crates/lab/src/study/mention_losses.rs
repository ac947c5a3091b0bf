//! How unlikely a model finds the last words of sentences.

use laser::Result;
use laser::model::Model;
use laser::model::tokenizer::Tokenizer;

use super::answers::Answers;
use crate::facts::{Mention, MentionKind};

/// Number of sentences computed at once: their logits stay in memory.
const CHUNK: usize = 1_024;

/// Number of sentences without facts that are read, at most.
const FILLER: usize = 400;

/// Mean of −log-probability of the words of sentences without facts, each after those before it, nats a word; `None` if
/// there are no such sentences.
///
/// # Errors
/// As [`mention_losses`].
pub(super) fn filler_loss(model: &Model, tokenizer: &Tokenizer, mentions: &[Mention]) -> Result<Option<f64>> {
    let filler = mentions.iter().filter(|mention| mention.kind == MentionKind::Filler).take(FILLER);
    let beginnings: Vec<Mention> = filler.flat_map(beginnings).collect();
    let losses = mention_losses(model, tokenizer, &beginnings)?;
    Ok(laser::statistics::mean(&losses))
}

/// The sentence up to each of its words.
fn beginnings(sentence: &Mention) -> Vec<Mention> {
    let ends = sentence.text.match_indices(' ').map(|(end, _)| end).chain([sentence.text.len()]);
    ends.map(|end| Mention { text: sentence.text[..end].to_owned(), ..sentence.clone() }).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_a_beginning_for_each_of_its_words() {
        let text = "tam sof rem".to_owned();
        let filler = Mention { text, fact: None, kind: MentionKind::Filler, template: None };
        let texts: Vec<String> = beginnings(&filler).into_iter().map(|beginning| beginning.text).collect();
        assert_eq!(texts, ["tam", "tam sof", "tam sof rem"]);
    }
}
