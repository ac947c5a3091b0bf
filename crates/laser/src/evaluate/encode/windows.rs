//! Texts for perplexity: cut into windows that fit into the model's context, each token scored once.

use super::{CandidateTokens, EncodedItem, ItemEncoder};
use crate::error::Result;
use crate::evaluate::score_rules::WindowRule;

impl ItemEncoder<'_> {
    /// Cuts the item's text into windows.
    ///
    /// With a stride, windows begin that many tokens apart, and each scores the tokens that the one before has not
    /// scored. The text's first token is scored only if the model's beginning token precedes it (the recipe for
    /// perplexity in the documentation of Hugging Face transformers).
    ///
    /// Without a stride, each window scores the next `window` tokens, and the first token of the text is predicted from
    /// the model's beginning or end token. The last window starts early enough to have full context
    /// (the rolling log-likelihood of lm-evaluation-harness).
    pub(super) fn windows(&self, WindowRule { window, stride }: WindowRule) -> Result<Vec<EncodedItem>> {
        if !self.config.attention.causal {
            return Err(self.error(
                "the score `perplexity` needs a model that continues texts, found one that fills masks".into(),
            ));
        }
        let window = window.min(self.config.max_positions);
        let text = self.item.target();
        let windows = if stride == 0 {
            let mut tokens: Vec<u32> = self.tokenizer.prefix_id().into_iter().collect();
            tokens.extend(self.tokenizer.encode(text, false)?);
            side_by_side(&tokens, window)
        } else {
            sliding(&self.tokenizer.encode_context(text, self.task.join.special)?, window, stride)
        };
        if windows.is_empty() {
            return Err(self.error("expected a text of two tokens or more".into()));
        }
        let encoded = |candidate: CandidateTokens| EncodedItem {
            answer_tokens: candidate.scored_tokens.len(),
            candidates: vec![candidate],
            length_divisors: vec![1.0],
            ..EncodedItem::default()
        };
        Ok(windows.into_iter().map(encoded).collect())
    }
}

/// Windows of `window` tokens that begin `stride` tokens apart; all tokens but the first of the text are scored.
fn sliding(tokens: &[u32], window: usize, stride: usize) -> Vec<CandidateTokens> {
    let (window, mut windows, mut scored) = (window.max(2), Vec::new(), 1);
    let mut begin = 0;
    while scored < tokens.len() {
        let end = tokens.len().min(begin + window);
        windows.push(CandidateTokens::after(tokens[begin..scored].to_vec(), &tokens[scored..end]));
        scored = end;
        begin += stride.min(window - 1); // at least one token of context before the first scored one
    }
    windows
}

/// Windows that score `window` tokens each, side by side; the first token of the text is only read.
fn side_by_side(tokens: &[u32], window: usize) -> Vec<CandidateTokens> {
    let mut windows = Vec::new();
    let mut scored = 1;
    while scored < tokens.len() {
        let end = tokens.len().min(scored + window);
        let begin = if scored == 1 { 0 } else { end.saturating_sub(window + 1) };
        windows.push(CandidateTokens::after(tokens[begin..scored].to_vec(), &tokens[scored..end]));
        scored = end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens that each window reads, and those it scores.
    fn read_and_scored(windows: &[CandidateTokens]) -> Vec<(Vec<u32>, Vec<u32>)> {
        windows.iter().map(|w| (w.inputs.clone(), w.scored_tokens.iter().map(|(_, token)| *token).collect())).collect()
    }

    #[test]
    fn every_token_is_scored_once_with_its_context() {
        let tokens: Vec<u32> = (0..11).collect();
        let sliding = sliding(&tokens, 4, 2);
        assert_eq!(
            read_and_scored(&sliding),
            [
                (vec![0, 1, 2], vec![1, 2, 3]),
                (vec![2, 3, 4], vec![4, 5]),
                (vec![4, 5, 6], vec![6, 7]),
                (vec![6, 7, 8], vec![8, 9]),
                (vec![8, 9], vec![10]),
            ]
        );
        assert_eq!(sliding[1].scored_tokens, [(1, 4), (2, 5)]);
        let rolling = side_by_side(&tokens, 4);
        assert_eq!(
            read_and_scored(&rolling),
            [
                (vec![0, 1, 2, 3], vec![1, 2, 3, 4]),
                (vec![4, 5, 6, 7], vec![5, 6, 7, 8]),
                (vec![6, 7, 8, 9], vec![9, 10]),
            ]
        );
        for windows in [sliding, rolling] {
            for window in windows {
                // Tokens are counted up, so each must be one more than the token at the position that predicts it.
                assert!(window.scored_tokens.iter().all(|(at, token)| window.inputs[*at] + 1 == *token));
            }
        }
    }

    #[test]
    fn every_window_and_stride_scores_all_tokens() {
        for n in 0..30u32 {
            let tokens: Vec<u32> = (0..n).collect();
            for window in 2..9 {
                for stride in 1..9 {
                    let scored: Vec<u32> =
                        read_and_scored(&sliding(&tokens, window, stride)).into_iter().flat_map(|w| w.1).collect();
                    assert_eq!(scored, tokens.iter().skip(1).copied().collect::<Vec<_>>(), "{n} {window} {stride}");
                }
                let rolling = side_by_side(&tokens, window);
                assert!(rolling.iter().all(|w| w.inputs.len() <= window));
            }
        }
    }
}
