//! A context and its continuation as token ids, split where lm-evaluation-harness splits them.

use super::{Tokenizer, TokenizerError};

impl Tokenizer {
    /// Token ids of `context` and of `continuation`; scoring sums the log-probabilities of the latter.
    ///
    /// White space at the end of the context moves to the continuation, because tokens begin with spaces. The
    /// joined text is encoded once (with the model's beginning token, if it adds one), the context alone once
    /// more, and the joined ids are cut after as many tokens as the context alone has. An empty context
    /// becomes the beginning token, or failing that the end token: the first token needs something before it.
    ///
    /// Where a merge crosses the boundary, the joined text has other tokens there than its two parts would, so
    /// that a piece of the continuation counts as context or the other way round. The ids are nevertheless
    /// always those of the joined text as the model would see it.
    /// Differs from lm-evaluation-harness: it keeps the ids of the context encoded alone.
    ///
    /// # Errors
    /// [`TokenizerError::EmptyContinuation`] if nothing is left behind the cut, [`TokenizerError::EmptyContext`]
    /// if there is no token to begin with, [`TokenizerError::Encode`].
    pub fn encode_pair(&self, context: &str, continuation: &str) -> Result<(Vec<u32>, Vec<u32>), TokenizerError> {
        self.split_pair(context, continuation, true, false)
    }

    /// As [`Tokenizer::encode_pair`], with the beginning token only where `special`, and with the context's ids those
    /// it has alone where `keep`, as lm-evaluation-harness has them.
    pub fn split_pair(
        &self,
        context: &str,
        continuation: &str,
        special: bool,
        keep: bool,
    ) -> Result<(Vec<u32>, Vec<u32>), TokenizerError> {
        let kept = context.trim_end();
        let mut ids = self.encode_begun(&format!("{context}{continuation}"), special)?;
        let mut alone = self.encode_begun(kept, special)?;
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
        let behind = ids.split_off(alone.len());
        Ok((if keep { alone } else { ids }, behind))
    }

    /// What stands before a text that nothing stands before: the beginning token, or failing that the end token.
    pub fn prefix_id(&self) -> Option<u32> {
        self.bos_id().or(self.eos_id())
    }

    /// Ids with the beginning token the model adds (where `special`), but never an end token, which would close the
    /// context.
    pub fn encode_begun(&self, text: &str, special: bool) -> Result<Vec<u32>, TokenizerError> {
        let mut ids: Vec<u32> = self.bos_id().filter(|_| special && self.add_bos()).into_iter().collect();
        ids.extend(self.encode(text, false)?);
        Ok(ids)
    }
}
