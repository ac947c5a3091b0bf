//! Items for a model that continues texts: answers after the prompt.

use super::{AnswerTokens, Encoded, Question, suffix_start};
use crate::error::Result;
use laser_task::join::Boundary;
use laser_task::score::Score;

impl Question<'_> {
    /// The item with its answers behind the prompt.
    pub(super) fn continued(&self) -> Result<Encoded> {
        let (texts, gold) = self.texts()?;
        let mut candidates = Vec::with_capacity(texts.len());
        for text in texts {
            let (context, answer) = self.pair(text)?;
            candidates.push(AnswerTokens::after(context, &answer));
        }
        let prompt = self.begun()?;
        if prompt.is_empty() {
            return Err(self.wrong("the prompt has no tokens".into()));
        }
        let asked = vec![prompt.len() - 1];
        let mut encoded = self.finish(prompt, asked, candidates, gold)?;
        self.add_first_tokens(&mut encoded, |alias| Ok(self.pair(alias)?.1))?;
        self.check_text(&encoded)?;
        Ok(encoded)
    }

    /// Tokens of the prompt and of an answer behind it.
    fn pair(&self, answer: &str) -> Result<(Vec<u32>, Vec<u32>)> {
        let (join, prompt, tokenizer) = (&self.task.join, &self.item.prompt, self.tokenizer);
        let continuation = format!("{}{answer}", join.delimiter);
        match join.boundary {
            Boundary::Joint => Ok(tokenizer.split_pair(prompt, &continuation, join.special, false)?),
            Boundary::Harness => Ok(tokenizer.split_pair(prompt, &continuation, join.special, true)?),
            Boundary::Apart => Ok((self.begun()?, tokenizer.encode(&continuation, false)?)),
            Boundary::Suffix => {
                let mut whole = tokenizer.encode_begun(&format!("{prompt}{continuation}"), join.special)?;
                let start = suffix_start(tokenizer, &whole, answer)?.filter(|start| *start > 0);
                let start = start.ok_or_else(|| {
                    self.wrong(format!("expected last tokens that read `{}`, found none", answer.trim()))
                })?;
                let answer = whole.split_off(start);
                Ok((whole, answer))
            }
        }
    }

    /// Tokens of the prompt alone. The blank before an answer is the answer's, unless the prompt is to be read as it
    /// stands: by who generates, and where prompt and answer are encoded apart or the reference says so.
    fn begun(&self) -> Result<Vec<u32>> {
        let (join, prompt) = (&self.task.join, self.item.prompt.as_str());
        let trims = matches!(join.boundary, Boundary::Joint | Boundary::Harness) && !self.score.generates();
        let tokens = self.tokenizer.encode_begun(if trims { prompt.trim_end() } else { prompt }, join.special)?;
        Ok(if tokens.is_empty() { self.tokenizer.prefix_id().into_iter().collect() } else { tokens })
    }

    /// Refuses texts that do not fit the context, or cross the length where rotary frequencies change.
    fn check_text(&self, encoded: &Encoded) -> Result<()> {
        let generated = if let Score::Generate { max_tokens, .. } = self.score { max_tokens } else { 0 };
        let read = encoded.prompt.len();
        let scored = encoded.candidates.iter().map(|c| c.inputs.len() + 1).max().unwrap_or(0);
        let longest = scored.max(read + generated);
        self.check_length(longest)?;
        // Cached keys would keep the old frequencies, and variants side by side would change at different steps.
        match self.config.length_dependent_beyond() {
            Some(limit) if generated > 0 && (read + 1..=longest).contains(&(limit + 1)) => Err(self.wrong(format!(
                "a text of {read} to {longest} tokens would cross {limit}, where the model's rotary frequencies change"
            ))),
            _ => Ok(()),
        }
    }
}
