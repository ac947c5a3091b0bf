//! Items for a model that fills masks: as many masks in the answer's place as it has tokens, filled side by side.

use super::{AnswerTokens, Encoded, Question, suffix_start};
use crate::error::Result;
use laser_task::join::Boundary;
use laser_task::score::Score;

impl Question<'_> {
    /// The item with masks for its answers.
    pub(super) fn masked(&self) -> Result<Encoded> {
        let (texts, gold) = self.texts()?;
        // The reference's log-loss of answers that are generated: without beginning and end, and counted as one more.
        let bare = self.task.join.boundary == Boundary::Suffix
            && matches!(self.score, Score::Fill { .. } | Score::Choice { .. });
        let candidate = |text: &String| if bare { self.bare(text) } else { self.in_place(text) };
        let candidates: Vec<AnswerTokens> = texts.iter().map(candidate).collect::<Result<_>>()?;
        let masks = match self.score {
            Score::Choice { .. } => 0,
            Score::Fill { masks, .. } => masks,
            _ => candidates[gold].probes.len(),
        };
        let (prompt, asked) = if masks > 0 { self.sequence(masks)? } else { (Vec::new(), Vec::new()) };
        let mut encoded = self.finish(prompt, asked, candidates, gold)?;
        encoded.answer_tokens += usize::from(bare);
        self.add_first_tokens(&mut encoded, |alias| self.answer(alias))?;
        self.check_length(encoded.longest())?;
        Ok(encoded)
    }

    /// The prompt with masks behind it, and where they are.
    fn sequence(&self, masks: usize) -> Result<(Vec<u32>, Vec<usize>)> {
        let (join, item) = (&self.task.join, self.item);
        let mask = self.tokenizer.mask_id().and_then(|id| Some((id, self.tokenizer.token_text(id)?)));
        let (id, name) = mask.ok_or_else(|| self.wrong("the model's tokenizer has no mask token".into()))?;
        let places = format!("{}{name}", join.delimiter).repeat(masks);
        let tokens = self.tokenizer.encode(&format!("{}{places}{}", item.prompt, item.suffix), join.special)?;
        let found: Vec<usize> = (0..tokens.len()).filter(|i| tokens[*i] == id).collect();
        if found.len() != masks {
            return Err(self.wrong(format!("expected {masks} of the token {name}, found {}", found.len())));
        }
        Ok((tokens, found))
    }

    /// Tokens of an answer by itself.
    fn answer(&self, text: &str) -> Result<Vec<u32>> {
        let tokens = self.tokenizer.encode(&format!("{}{text}", self.task.join.delimiter), false)?;
        if tokens.is_empty() { Err(self.wrong(format!("the answer `{text}` has no tokens"))) } else { Ok(tokens) }
    }

    /// An answer in the place of as many masks.
    fn in_place(&self, text: &str) -> Result<AnswerTokens> {
        let answer = self.answer(text)?;
        let (inputs, places) = self.sequence(answer.len())?;
        Ok(AnswerTokens { inputs, probes: places.into_iter().zip(answer).collect() })
    }

    /// An answer encoded with the prompt, its tokens then masked.
    fn bare(&self, text: &str) -> Result<AnswerTokens> {
        let mask = self.tokenizer.mask_id().ok_or_else(|| self.wrong("the tokenizer has no mask token".into()))?;
        let whole = format!("{}{}{text}", self.item.prompt, self.task.join.delimiter);
        let mut inputs = self.tokenizer.encode(&whole, false)?;
        let start = suffix_start(self.tokenizer, &inputs, text)?
            .ok_or_else(|| self.wrong(format!("expected last tokens that read `{}`, found none", text.trim())))?;
        let probes = inputs.iter_mut().enumerate().skip(start).map(|(i, token)| (i, std::mem::replace(token, mask)));
        let probes = probes.collect();
        Ok(AnswerTokens { inputs, probes })
    }
}
