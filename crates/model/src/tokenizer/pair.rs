//! Encoding of a context and its continuation: takes two texts, gives the token ids of both.

use super::Tokenizer;
use super::error::TokenizerError;

impl Tokenizer {
    /// Token ids of `context` and of `continuation`, whose log-probabilities a score adds up.
    ///
    /// The joined text is encoded (with the beginning token, if the model adds one), and its ids are cut after as many
    /// tokens as the context alone has. White space at the end of the context counts as part of the continuation,
    /// because tokens begin with spaces. An empty context becomes the beginning token, or without one the end token:
    /// the model predicts the first token of the continuation from it.
    ///
    /// If a merge crosses the boundary, the joined text has other tokens there than the two texts alone: a piece of the
    /// continuation counts as context, or the reverse. The ids are always those of the joined text, which the model
    /// reads in normal use. lm-evaluation-harness differs: it uses the ids of the context encoded alone.
    ///
    /// # Errors
    /// [`TokenizerError::EmptyContinuation`] if no token is left after the cut, [`TokenizerError::EmptyContext`] if the
    /// context is empty and the model has neither a beginning nor an end token, [`TokenizerError::Encode`].
    pub fn encode_pair(&self, context: &str, continuation: &str) -> Result<(Vec<u32>, Vec<u32>), TokenizerError> {
        self.split_pair(context, continuation, true, false)
    }

    /// [`Tokenizer::encode_pair`] with two options: `special` false leaves the beginning token out; `keep` true returns
    /// the ids of the context encoded alone, as lm-evaluation-harness does.
    ///
    /// # Errors
    /// As [`Tokenizer::encode_pair`].
    pub fn split_pair(
        &self,
        context: &str,
        continuation: &str,
        special: bool,
        keep: bool,
    ) -> Result<(Vec<u32>, Vec<u32>), TokenizerError> {
        let trimmed = context.trim_end();
        let mut ids = self.encode_context(&format!("{context}{continuation}"), special)?;
        let mut alone = self.encode_context(trimmed, special)?;
        if alone.is_empty() {
            let first = self
                .prefix_id()
                .ok_or_else(|| TokenizerError::EmptyContext { continuation: continuation.to_owned() })?;
            ids.insert(0, first);
            alone.push(first);
        }
        if ids.len() <= alone.len() {
            return Err(TokenizerError::EmptyContinuation {
                context: context.to_owned(),
                continuation: continuation.to_owned(),
            });
        }
        let continuation_ids = ids.split_off(alone.len());
        Ok((if keep { alone } else { ids }, continuation_ids))
    }

    /// Token before a text without context (`prefix_token_id` of lm-evaluation-harness): the beginning token, or
    /// without one the end token.
    pub fn prefix_id(&self) -> Option<u32> {
        self.bos_id().or(self.eos_id())
    }

    /// Token ids of a context: with the beginning token if the model adds one and `special` is true, but never with an
    /// end token, after which the model would not continue the text.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`], as [`Tokenizer::encode`].
    pub fn encode_context(&self, text: &str, special: bool) -> Result<Vec<u32>, TokenizerError> {
        let mut ids: Vec<u32> = self.bos_id().filter(|_| special && self.add_bos()).into_iter().collect();
        ids.extend(self.encode(text, false)?);
        Ok(ids)
    }
}
