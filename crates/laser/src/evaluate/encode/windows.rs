//! Texts that are only to be likely: cut into windows that fit the model, each token scored once.

use super::{AnswerTokens, Encoded, Question};
use crate::error::Result;

impl Question<'_> {
    /// The windows of the item's text, at most `window` tokens each.
    ///
    /// With a stride, windows begin that many tokens apart, and each scores what the one before has not; the text's
    /// first token is scored only where the model's beginning token stands before it (the recipe for perplexity in
    /// Hugging Face's documentation). Without one, windows score stretches of `window` tokens side by side, the first
    /// token from the beginning or end token before it, and the last window reaches back as far as it can
    /// (lm-evaluation-harness' rolling log-likelihood).
    pub(super) fn windows(&self, window: usize, stride: usize) -> Result<Vec<Encoded>> {
        if !self.config.attention.causal {
            return Err(self.wrong(
                "the score `perplexity` needs a model that continues texts, found one that fills masks".into(),
            ));
        }
        let window = window.min(self.config.max_positions);
        let text = self.item.target();
        let cuts = if stride == 0 {
            let mut tokens: Vec<u32> = self.tokenizer.prefix_id().into_iter().collect();
            tokens.extend(self.tokenizer.encode(text, false)?);
            side_by_side(&tokens, window)
        } else {
            sliding(&self.tokenizer.encode_begun(text, self.task.join.special)?, window, stride)
        };
        if cuts.is_empty() {
            return Err(self.wrong("expected a text of two tokens or more".into()));
        }
        let encoded = |candidate: AnswerTokens| Encoded {
            answer_tokens: candidate.probes.len(),
            candidates: vec![candidate],
            lengths: vec![1.0],
            ..Encoded::default()
        };
        Ok(cuts.into_iter().map(encoded).collect())
    }
}

/// Windows of `window` tokens that begin `stride` apart; the tokens from the second on are scored.
fn sliding(tokens: &[u32], window: usize, stride: usize) -> Vec<AnswerTokens> {
    let (window, mut windows, mut scored) = (window.max(2), Vec::new(), 1);
    let mut begin = 0;
    while scored < tokens.len() {
        let end = tokens.len().min(begin + window);
        windows.push(AnswerTokens::after(tokens[begin..scored].to_vec(), &tokens[scored..end]));
        scored = end;
        begin += stride.min(window - 1); // so that a token stands before the first scored one
    }
    windows
}

/// Stretches of `window` tokens after the first, which is only read.
fn side_by_side(tokens: &[u32], window: usize) -> Vec<AnswerTokens> {
    let mut windows = Vec::new();
    let mut scored = 1;
    while scored < tokens.len() {
        let end = tokens.len().min(scored + window);
        let begin = if scored == 1 { 0 } else { end.saturating_sub(window + 1) };
        windows.push(AnswerTokens::after(tokens[begin..scored].to_vec(), &tokens[scored..end]));
        scored = end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each window reads and scores.
    fn shown(windows: &[AnswerTokens]) -> Vec<(Vec<u32>, Vec<u32>)> {
        windows.iter().map(|w| (w.inputs.clone(), w.probes.iter().map(|(_, token)| *token).collect())).collect()
    }

    #[test]
    fn every_token_is_scored_once_with_its_context() {
        let tokens: Vec<u32> = (0..11).collect();
        let sliding = sliding(&tokens, 4, 2);
        assert_eq!(
            shown(&sliding),
            [
                (vec![0, 1, 2], vec![1, 2, 3]),
                (vec![2, 3, 4], vec![4, 5]),
                (vec![4, 5, 6], vec![6, 7]),
                (vec![6, 7, 8], vec![8, 9]),
                (vec![8, 9], vec![10]),
            ]
        );
        assert_eq!(sliding[1].probes, [(1, 4), (2, 5)]);
        let rolling = side_by_side(&tokens, 4);
        assert_eq!(
            shown(&rolling),
            [
                (vec![0, 1, 2, 3], vec![1, 2, 3, 4]),
                (vec![4, 5, 6, 7], vec![5, 6, 7, 8]),
                (vec![6, 7, 8, 9], vec![9, 10]),
            ]
        );
        for windows in [sliding, rolling] {
            for window in windows {
                // A token is predicted by the one before it.
                assert!(window.probes.iter().all(|(at, token)| window.inputs[*at] + 1 == *token));
            }
        }
    }

    #[test]
    fn short_texts_and_wide_strides_lose_nothing() {
        for n in 0..30u32 {
            let tokens: Vec<u32> = (0..n).collect();
            for window in 2..9 {
                for stride in 1..9 {
                    let scored: Vec<u32> =
                        shown(&sliding(&tokens, window, stride)).into_iter().flat_map(|w| w.1).collect();
                    assert_eq!(scored, tokens.iter().skip(1).copied().collect::<Vec<_>>(), "{n} {window} {stride}");
                }
                let rolling = side_by_side(&tokens, window);
                assert!(rolling.iter().all(|w| w.inputs.len() <= window));
            }
        }
    }
}
