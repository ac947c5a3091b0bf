//! What the model said, as tokens and likelihoods → whether it was right, and how clearly.

use super::batch::BatchItem;
use super::encode::{Encoded, normalise};
use crate::error::Result;
use crate::evaluate::outcome::{Likelihood, Outcome};
use crate::evaluate::scorer::{Scored, Scorer};
use laser_kernels::softmax::RowSummary;
use laser_model::forward::RowScore;
use laser_task::score::{Match, Score, Ties};

/// The part of an outcome that the score decides.
#[derive(Default)]
struct Verdict {
    correct: bool,
    prediction: String,
    tied: bool,
    margin: f64,
    rank: Option<usize>,
}

/// What the model said of one item.
struct Said<'a> {
    encoded: &'a Encoded,
    item: &'a BatchItem,
    scores: &'a [RowScore],
    candidates: Vec<Likelihood>,
}

impl Said<'_> {
    /// The smallest lead of some answer tokens over their rivals.
    fn lead(&self, probes: &[(usize, usize)]) -> f64 {
        probes.iter().map(|(row, slot)| self.scores[*row].margins[*slot]).fold(f64::INFINITY, f64::min)
    }

    /// The first thing the model says of itself.
    fn first(&self) -> &RowSummary {
        &self.scores[self.item.asked[0]].summary
    }
}

impl Scorer<'_> {
    /// The outcome of an item of a batch: `scores` of the kept rows of one variant, and the text that followed.
    pub(super) fn judge(&self, item: &BatchItem, scores: &[RowScore], continuation: Vec<u32>) -> Result<Scored> {
        let encoded = &self.encoded[item.index];
        let likelihood = |(candidate, probes): (&super::encode::AnswerTokens, &Vec<(usize, usize)>)| Likelihood {
            logprob: probes.iter().map(|(row, slot)| scores[*row].logprobs[*slot]).sum(),
            greedy: candidate.probes.iter().zip(probes).all(|((_, t), (row, _))| scores[*row].summary.argmax == *t),
        };
        let candidates: Vec<Likelihood> = encoded.candidates.iter().zip(&item.candidates).map(likelihood).collect();
        let said = Said { encoded, item, scores, candidates };
        let verdict = match self.score {
            Score::Top1 => self.top1(&said)?,
            Score::Greedy => self.greedy(&said)?,
            Score::Generate { matching, .. } => self.text(&said, &continuation, matching)?,
            Score::Fill { matching, .. } => {
                let filled: Vec<u32> = item.asked.iter().map(|row| scores[*row].summary.argmax).collect();
                self.text(&said, &filled, matching)?
            }
            Score::Choice { ties, .. } => self.choice(&said, ties),
            Score::Perplexity { .. } => {
                let gold = said.candidates[encoded.gold];
                let margin = gold.logprob / encoded.answer_tokens.max(1) as f64;
                Verdict { correct: gold.greedy, margin, ..Verdict::default() }
            }
        };
        let outcome = Outcome {
            correct: verdict.correct,
            logprob: said.candidates[encoded.gold].logprob,
            margin: verdict.margin,
            answer_tokens: encoded.answer_tokens,
            prediction: verdict.prediction,
            candidates: said.candidates,
            rank: verdict.rank,
            tied: verdict.tied,
        };
        Ok(Scored { outcome, continuation })
    }

    fn top1(&self, said: &Said<'_>) -> Result<Verdict> {
        let reads = |token: u32| self.tokenizer.decode(&[token]);
        let right = |text: &str| said.encoded.first_tokens.contains(&normalise(text));
        let prediction = reads(said.first().argmax)?;
        let top = said.scores[said.item.asked[0]].top.iter().map(|token| reads(*token).map(|text| right(&text)));
        let rank = top.collect::<Result<Vec<_>, _>>()?.into_iter().position(|right| right);
        let margin = said.lead(&said.item.candidates[said.encoded.gold][..1]);
        let (correct, tied) = (right(&prediction), said.first().tied());
        Ok(Verdict { correct, prediction, tied, margin, rank: rank.map(|place| place + 1) })
    }

    fn greedy(&self, said: &Said<'_>) -> Result<Verdict> {
        let asked: Vec<u32> = said.item.asked.iter().map(|row| said.scores[*row].summary.argmax).collect();
        let margins = said.item.candidates.iter().map(|probes| said.lead(probes));
        Ok(Verdict {
            correct: said.candidates.iter().any(|candidate| candidate.greedy),
            prediction: self.tokenizer.decode(&asked)?,
            tied: said.first().tied(),
            margin: margins.fold(f64::NEG_INFINITY, f64::max),
            rank: None,
        })
    }

    fn text(&self, said: &Said<'_>, tokens: &[u32], matching: Match) -> Result<Verdict> {
        let item = self.items[said.item.index];
        let prediction = self.cut(self.tokenizer.decode(tokens)?);
        let correct = matching.accepts(&item.prompt, &self.task.filters.apply(&prediction), &item.answers);
        let margin = said.lead(&said.item.candidates[said.encoded.gold]);
        Ok(Verdict { correct, prediction, tied: said.first().tied(), margin, rank: None })
    }

    fn choice(&self, said: &Said<'_>, ties: Ties) -> Verdict {
        let encoded = said.encoded;
        let score = |i: usize| said.candidates[i].logprob / encoded.lengths[i];
        let gold = score(encoded.gold);
        // The first of equals.
        let rivals = (0..said.candidates.len()).rev().filter(|i| *i != encoded.gold);
        let best_rival = rivals.max_by(|a, b| score(*a).total_cmp(&score(*b)));
        let rival = best_rival.map_or(f64::NEG_INFINITY, score);
        let wins_ties = ties == Ties::First && best_rival.is_none_or(|rival| encoded.gold < rival);
        let correct = gold > rival || (gold == rival && wins_ties);
        let chosen = if correct { encoded.gold } else { best_rival.unwrap_or(encoded.gold) };
        let prediction = self.items[said.item.index].choices[chosen].clone();
        Verdict { correct, prediction, tied: gold == rival, margin: gold - rival, rank: None }
    }

    /// The text before the first of the texts that end it.
    fn cut(&self, mut text: String) -> String {
        let ends = self.task.until.iter().filter_map(|end| text.find(end.as_str()));
        if let Some(end) = ends.min() {
            text.truncate(end);
        }
        text
    }

    /// Whether a continuation needs no further token.
    pub(crate) fn is_complete(&self, index: usize, tokens: &[u32]) -> Result<bool> {
        let Score::Generate { max_tokens, matching } = self.score else { return Ok(true) };
        if tokens.len() >= max_tokens {
            return Ok(true);
        }
        let early = self.stop_early && matching.is_monotone() && self.task.filters.is_empty();
        if !early && self.task.until.is_empty() {
            return Ok(false);
        }
        let text = self.tokenizer.decode(tokens)?;
        if self.task.until.iter().any(|end| text.contains(end.as_str())) {
            return Ok(true);
        }
        let item = &self.items[index];
        // The last character may lack bytes that the next token brings.
        let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        Ok(early && matching.accepts(&item.prompt, text, &item.answers))
    }
}
