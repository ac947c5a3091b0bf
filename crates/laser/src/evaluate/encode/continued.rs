//! Items for causal models: the candidates follow the prompt.

use super::{CandidateTokens, EncodedItem, ItemEncoder, suffix_start};
use crate::error::Result;
use laser_task::join::Boundary;

impl ItemEncoder<'_> {
    /// Encodes the prompt, and each candidate after it.
    pub(super) fn continued(&self) -> Result<EncodedItem> {
        let (texts, gold) = self.candidate_texts()?;
        let mut candidates = Vec::with_capacity(texts.len());
        for text in texts {
            let (context, answer) = self.context_and_answer(text)?;
            candidates.push(CandidateTokens::after(context, &answer));
        }
        let prompt = self.prompt_tokens()?;
        if prompt.is_empty() {
            return Err(self.error("the prompt has no tokens".into()));
        }
        let last = prompt.len() - 1;
        let mut encoded = self.assemble(prompt, vec![last], candidates, gold)?;
        self.add_first_tokens(&mut encoded, |alias| Ok(self.context_and_answer(alias)?.1))?;
        self.check_lengths(&encoded)?;
        Ok(encoded)
    }

    /// Tokens of the prompt and of an answer after it, divided where the task's [`Boundary`] says.
    fn context_and_answer(&self, answer: &str) -> Result<(Vec<u32>, Vec<u32>)> {
        let (join, prompt, tokenizer) = (&self.task.join, &self.item.prompt, self.tokenizer);
        let continuation = format!("{}{answer}", self.task.delimiter(self.item));
        match join.boundary {
            Boundary::Joint => match self.prompt_with_line_end() {
                Some(prompt_alone) => {
                    let blanks = &prompt[prompt_alone.len()..];
                    self.after_line_end(prompt_alone, &format!("{blanks}{continuation}"))
                }
                None => Ok(tokenizer.split_pair(prompt, &continuation, join.special, false)?),
            },
            Boundary::Harness => Ok(tokenizer.split_pair(prompt, &continuation, join.special, true)?),
            Boundary::Apart => Ok((self.prompt_tokens()?, tokenizer.encode(&continuation, false)?)),
            Boundary::Suffix => {
                let mut whole = tokenizer.encode_context(&format!("{prompt}{continuation}"), join.special)?;
                // A first token has no context that predicts it.
                let start = suffix_start(tokenizer, &whole, answer)?.filter(|start| *start > 0);
                let start = start.ok_or_else(|| {
                    self.error(format!("expected last tokens that read `{}`, found none", answer.trim()))
                })?;
                let answer = whole.split_off(start);
                Ok((whole, answer))
            }
        }
    }

    /// The prompt without blanks at its end, if a line end is then its last character; a line end is no part of an answer's
    /// first token, as a blank is.
    fn prompt_with_line_end(&self) -> Option<&str> {
        let prompt = self.item.prompt.trim_end_matches(|c: char| c.is_whitespace() && c != '\n');
        Some(prompt).filter(|prompt| prompt.ends_with('\n') && self.task.join.boundary == Boundary::Joint)
    }

    /// Tokens of a prompt that ends with a line end, and of the text after it: those of both together, unless line ends of
    /// the prompt have other tokens there than at the end of a text, as in GPT-2's vocabulary two of them have.
    fn after_line_end(&self, prompt: &str, continuation: &str) -> Result<(Vec<u32>, Vec<u32>)> {
        let special = self.task.join.special;
        let alone = self.tokenizer.encode_context(prompt, special)?;
        let mut whole = self.tokenizer.encode_context(&format!("{prompt}{continuation}"), special)?;
        let answer = match whole.starts_with(&alone) && whole.len() > alone.len() {
            true => whole.split_off(alone.len()),
            false => self.tokenizer.encode(continuation, false)?,
        };
        if answer.is_empty() {
            return Err(self.error(format!("the answer `{}` has no tokens", continuation.trim())));
        }
        Ok((alone, answer))
    }

    /// Tokens of the prompt alone.
    ///
    /// Where prompt and answer are encoded together, blanks at the end of the prompt belong to the answer's first token
    /// and are cut off. They stay if a text is generated from the prompt, and for boundaries that encode the prompt by
    /// itself.
    fn prompt_tokens(&self) -> Result<Vec<u32>> {
        let (join, prompt) = (&self.task.join, self.item.prompt.as_str());
        let generates = self.rules.max_new_tokens.is_some();
        let trims = matches!(join.boundary, Boundary::Joint | Boundary::Harness) && !generates;
        let trimmed = || self.prompt_with_line_end().unwrap_or_else(|| prompt.trim_end());
        let tokens = self.tokenizer.encode_context(if trims { trimmed() } else { prompt }, join.special)?;
        Ok(if tokens.is_empty() { self.tokenizer.prefix_id().into_iter().collect() } else { tokens })
    }

    /// Checks that the item with its continuation fits into the model's context, and that the continuation does not cross
    /// the length at which the model's rotary frequencies change.
    fn check_lengths(&self, encoded: &EncodedItem) -> Result<()> {
        let generated = self.rules.max_new_tokens.unwrap_or(0);
        let read = encoded.prompt.len();
        let scored = encoded.candidates.iter().map(|c| c.inputs.len() + 1).max().unwrap_or(0);
        let longest = scored.max(read + generated);
        self.check_length(longest)?;
        // Cached keys would keep the old frequencies, and variants side by side would change at different steps.
        match self.config.length_dependent_beyond() {
            Some(limit) if generated > 0 && (read + 1..=longest).contains(&(limit + 1)) => Err(self.error(format!(
                "a text of {read} to {longest} tokens would cross {limit}, where the model's rotary frequencies change"
            ))),
            _ => Ok(()),
        }
    }
}
