//! Row scores and continuation of an item → its outcome: whether it is right, and by what margin.
//!
//! [`Scorer::judge`] has one arm and one function for each [`JudgementRule`].

use super::batch::BatchItem;
use super::encode::{CandidateTokens, EncodedItem, normalise};
use super::outcome::{Likelihood, Outcome};
use super::score_rules::JudgementRule;
use super::scorer::{Detail, ScoredItem, Scorer};
use crate::error::Result;
use laser_kernels::logits::LogitsSummary;
use laser_model::forward::RowScore;
use laser_task::score::{Match, Ties};

/// The fields of an outcome that depend on the score.
#[derive(Default)]
struct Judgement {
    correct: bool,
    prediction: String,
    tied: bool,
    margin: f64,
    rank: Option<usize>,
}

/// The row scores of one item under one variant.
struct ItemScores<'a> {
    encoded: &'a EncodedItem,
    item: &'a BatchItem,
    /// Scores of all logit rows of the batch.
    rows: &'a [RowScore],
    candidates: Vec<Likelihood>,
}

impl<'a> ItemScores<'a> {
    /// Computes the candidates' log-probabilities.
    fn new(encoded: &'a EncodedItem, item: &'a BatchItem, rows: &'a [RowScore]) -> Self {
        let likelihood = |(candidate, places): (&CandidateTokens, &Vec<(usize, usize)>)| Likelihood {
            logprob: places.iter().map(|(row, slot)| rows[*row].logprobs[*slot]).sum(),
            greedy: candidate
                .scored_tokens
                .iter()
                .zip(places)
                .all(|((_, t), (row, _))| rows[*row].summary.argmax == *t),
        };
        let candidates = encoded.candidates.iter().zip(&item.candidates).map(likelihood).collect();
        Self { encoded, item, rows, candidates }
    }

    /// The smallest margin over some answer tokens, nats.
    fn margin(&self, places: &[(usize, usize)]) -> f64 {
        places.iter().map(|(row, slot)| self.rows[*row].margins[*slot]).fold(f64::INFINITY, f64::min)
    }

    /// The model's own first prediction.
    fn first(&self) -> &LogitsSummary {
        &self.rows[self.item.prediction_rows[0]].summary
    }

    /// The most likely token at each prediction row.
    fn predicted_tokens(&self) -> Vec<u32> {
        self.item.prediction_rows.iter().map(|row| self.rows[*row].summary.argmax).collect()
    }
}

impl Scorer<'_> {
    /// Makes the outcome of one item under one variant, from the scores of the batch's logit rows and the item's
    /// continuation.
    pub(super) fn judge(&self, item: &BatchItem, rows: &[RowScore], continuation: Vec<u32>) -> Result<ScoredItem> {
        let encoded = &self.encoded[item.index];
        let scores = ItemScores::new(encoded, item, rows);
        let judgement = match self.rules.judgement {
            JudgementRule::FirstToken => self.judge_first_token(&scores)?,
            JudgementRule::WholeAnswer => self.judge_whole_answer(&scores)?,
            JudgementRule::Continuation(matching) => self.judge_text(&scores, &continuation, matching)?,
            JudgementRule::FilledMasks(matching) => self.judge_text(&scores, &scores.predicted_tokens(), matching)?,
            JudgementRule::BestChoice(ties) => self.judge_choice(&scores, ties),
            JudgementRule::WholeText => judge_whole_text(&scores),
        };
        let outcome = Outcome {
            correct: judgement.correct,
            logprob: scores.candidates[encoded.gold].logprob,
            margin: judgement.margin,
            answer_tokens: encoded.answer_tokens,
            prediction: judgement.prediction,
            candidates: scores.candidates,
            rank: judgement.rank,
            tied: judgement.tied,
            play: None,
        };
        Ok(ScoredItem { outcome, continuation })
    }

    /// Right if the most likely first token reads as the first token of an accepted answer.
    fn judge_first_token(&self, scores: &ItemScores<'_>) -> Result<Judgement> {
        let decode = |token: u32| self.tokenizer.decode(&[token]);
        let right = |text: &str| scores.encoded.first_token_texts.contains(&normalise(text));
        let prediction = decode(scores.first().argmax)?;
        let top = scores.rows[scores.item.prediction_rows[0]].top.iter();
        let right_in_top = top.map(|token| decode(*token).map(|text| right(&text)));
        let rank = right_in_top.collect::<Result<Vec<_>, _>>()?.into_iter().position(|right| right);
        let margin = scores.margin(&scores.item.candidates[scores.encoded.gold][..1]);
        let (correct, tied) = (right(&prediction), scores.first().tied());
        Ok(Judgement { correct, prediction, tied, margin, rank: rank.map(|place| place + 1) })
    }

    /// Right if greedy decoding would generate an accepted answer.
    fn judge_whole_answer(&self, scores: &ItemScores<'_>) -> Result<Judgement> {
        let margins = scores.item.candidates.iter().map(|places| scores.margin(places));
        Ok(Judgement {
            correct: scores.candidates.iter().any(|candidate| candidate.greedy),
            prediction: self.tokenizer.decode(&scores.predicted_tokens())?,
            tied: scores.first().tied(),
            margin: margins.fold(f64::NEG_INFINITY, f64::max),
            rank: None,
        })
    }

    /// Right if the text of the generated or filled-in tokens matches an accepted answer.
    fn judge_text(&self, scores: &ItemScores<'_>, tokens: &[u32], matching: Match) -> Result<Judgement> {
        let item = self.items[scores.item.index];
        let prediction = self.cut_at_stop_text(self.tokenizer.decode(tokens)?);
        let correct = matching.accepts(&item.prompt, &self.task.filters.apply(&prediction), &item.answers);
        let margin = scores.margin(&scores.item.candidates[scores.encoded.gold]);
        Ok(Judgement { correct, prediction, tied: scores.first().tied(), margin, rank: None })
    }

    /// Right if the gold choice has the largest log-probability, divided by a length as the score says.
    fn judge_choice(&self, scores: &ItemScores<'_>, ties: Ties) -> Judgement {
        let encoded = scores.encoded;
        let score = |i: usize| scores.candidates[i].logprob / encoded.length_divisors[i];
        let gold = score(encoded.gold);
        // `max_by` returns the last of equal values, so the reversed order gives the first.
        let rivals = (0..scores.candidates.len()).rev().filter(|i| *i != encoded.gold);
        let best_rival = rivals.max_by(|a, b| score(*a).total_cmp(&score(*b)));
        let rival = best_rival.map_or(f64::NEG_INFINITY, score);
        let wins_ties = ties == Ties::First && best_rival.is_none_or(|rival| encoded.gold < rival);
        let correct = gold > rival || (gold == rival && wins_ties);
        let chosen = if correct { encoded.gold } else { best_rival.unwrap_or(encoded.gold) };
        let prediction = self.items[scores.item.index].choices[chosen].clone();
        Judgement { correct, prediction, tied: gold == rival, margin: gold - rival, rank: None }
    }

    /// Cuts a text before the first of the task's stop texts.
    fn cut_at_stop_text(&self, mut text: String) -> String {
        let ends = self.task.until.iter().filter_map(|end| text.find(end.as_str()));
        if let Some(end) = ends.min() {
            text.truncate(end);
        }
        text
    }

    /// Whether a continuation needs no further token. `index`: index of the item in the evaluation.
    pub(super) fn is_complete(&self, index: usize, tokens: &[u32]) -> Result<bool> {
        let (Some(max_new_tokens), JudgementRule::Continuation(matching)) =
            (self.rules.max_new_tokens, self.rules.judgement)
        else {
            return Ok(true);
        };
        if tokens.len() >= max_new_tokens {
            return Ok(true);
        }
        // Filters may change a text that is right so far, so only unfiltered texts stop early.
        let early = self.detail != Detail::Full && matching.is_monotone() && self.task.filters.is_empty();
        if !early && self.task.until.is_empty() {
            return Ok(false);
        }
        let text = self.tokenizer.decode(tokens)?;
        if self.task.until.iter().any(|end| text.contains(end.as_str())) {
            return Ok(true);
        }
        let item = &self.items[index];
        // The last character may be incomplete until the next token adds its missing bytes.
        let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        Ok(early && matching.accepts(&item.prompt, text, &item.answers))
    }
}

/// Right if every token of the text is the most likely one; the margin is the mean log-probability.
fn judge_whole_text(scores: &ItemScores<'_>) -> Judgement {
    let gold = scores.candidates[scores.encoded.gold];
    let margin = gold.logprob / scores.encoded.answer_tokens.max(1) as f64;
    Judgement { correct: gold.greedy, margin, ..Judgement::default() }
}
