//! Items for models that fill masks: as many masks after the prompt as an answer has tokens, all filled in one forward
//! pass.

use super::{CandidateTokens, EncodedItem, ItemEncoder, suffix_start};
use crate::error::Result;
use crate::evaluate::score_rules::MaskRule;
use laser_task::join::Boundary;

impl ItemEncoder<'_> {
    /// Encodes the prompt with masks, and each candidate in place of masks.
    pub(super) fn masked(&self) -> Result<EncodedItem> {
        let (texts, gold) = self.candidate_texts()?;
        // The reference code computes the log-loss of choices and of filled answers without beginning and end token, and
        // counts one token more than the answer has (`docs/method.md`, "Quirks of the reference code").
        let as_reference = self.task.join.boundary == Boundary::Suffix && self.rules.masks != MaskRule::GoldAnswer;
        let candidate =
            |text: &String| if as_reference { self.without_special_tokens(text) } else { self.in_masks(text) };
        let candidates: Vec<CandidateTokens> = texts.iter().map(candidate).collect::<Result<_>>()?;
        let masks = match self.rules.masks {
            MaskRule::None => 0,
            MaskRule::Fixed(masks) => masks,
            MaskRule::GoldAnswer => candidates[gold].scored_tokens.len(),
        };
        let (prompt, positions) = if masks > 0 { self.prompt_with_masks(masks)? } else { (Vec::new(), Vec::new()) };
        let mut encoded = self.assemble(prompt, positions, candidates, gold)?;
        encoded.answer_tokens += usize::from(as_reference);
        self.add_first_tokens(&mut encoded, |alias| self.answer_tokens(alias))?;
        self.check_length(encoded.longest())?;
        Ok(encoded)
    }

    /// Tokens of the prompt with `masks` masks after it and the item's suffix after them, and the positions of the masks.
    fn prompt_with_masks(&self, masks: usize) -> Result<(Vec<u32>, Vec<usize>)> {
        let (join, item) = (&self.task.join, self.item);
        let mask = self.tokenizer.mask_id().and_then(|id| Some((id, self.tokenizer.token_text(id)?)));
        let (id, name) = mask.ok_or_else(|| self.error("the model's tokenizer has no mask token".into()))?;
        let mask_text = format!("{}{name}", self.task.delimiter(item)).repeat(masks);
        let tokens = self.tokenizer.encode(&format!("{}{mask_text}{}", item.prompt, item.suffix), join.special)?;
        let positions: Vec<usize> = (0..tokens.len()).filter(|i| tokens[*i] == id).collect();
        // More if the prompt itself contains a mask.
        if positions.len() != masks {
            return Err(self.error(format!("expected {masks} of the token {name}, found {}", positions.len())));
        }
        Ok((tokens, positions))
    }

    /// Tokens of an answer, without special tokens.
    fn answer_tokens(&self, text: &str) -> Result<Vec<u32>> {
        let tokens = self.tokenizer.encode(&format!("{}{text}", self.task.delimiter(self.item)), false)?;
        if tokens.is_empty() { Err(self.error(format!("the answer `{text}` has no tokens"))) } else { Ok(tokens) }
    }

    /// An answer in place of as many masks as it has tokens.
    fn in_masks(&self, text: &str) -> Result<CandidateTokens> {
        let answer = self.answer_tokens(text)?;
        let (inputs, positions) = self.prompt_with_masks(answer.len())?;
        Ok(CandidateTokens { inputs, scored_tokens: positions.into_iter().zip(answer).collect() })
    }

    /// An answer encoded together with the prompt, without special tokens; the answer's tokens are then masked.
    fn without_special_tokens(&self, text: &str) -> Result<CandidateTokens> {
        let mask = self.tokenizer.mask_id().ok_or_else(|| self.error("the tokenizer has no mask token".into()))?;
        let whole = format!("{}{}{text}", self.item.prompt, self.task.delimiter(self.item));
        let mut inputs = self.tokenizer.encode(&whole, false)?;
        let start = suffix_start(self.tokenizer, &inputs, text)?
            .ok_or_else(|| self.error(format!("expected last tokens that read `{}`, found none", text.trim())))?;
        let masked = inputs.iter_mut().enumerate().skip(start).map(|(i, token)| (i, std::mem::replace(token, mask)));
        let scored_tokens = masked.collect();
        Ok(CandidateTokens { inputs, scored_tokens })
    }
}
