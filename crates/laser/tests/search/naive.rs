//! Reference implementation of the scores, which computes everything anew for every token, and tolerances for comparing
//! with it.

use laser::evaluate::Evaluator;
use laser::evaluate::outcome::Outcome;
use laser::model::Model;
use laser::task::Item;
use laser::task::score::{LengthNormalization, Score};

use super::case::Case;

/// Largest difference between batches and single items, nats: the same f32 sums in another order.
pub(crate) const SAME_SUMS: f64 = 1e-4;
/// Two logits or log-likelihoods closer than this may be ordered either way by rounding.
pub(crate) const NEAR_TIE: f64 = 1e-3;

/// Outcome of one item, with everything computed anew for every token.
pub(crate) struct Naive {
    pub(crate) correct: bool,
    pub(crate) logprob: f64,
    pub(crate) answer_tokens: usize,
    pub(crate) prediction: String,
    /// Lead of the gold answer over its best rival, nats.
    pub(crate) lead: f64,
    /// Distance of the closest decision from a tie, nats.
    pub(crate) margin: f64,
}

/// `ln softmax` of the logits at every position, `[tokens, vocab]`, in f64.
fn log_softmax(model: &Model, tokens: &[u32]) -> Vec<Vec<f64>> {
    let logits = model.trace(tokens).expect("trace").logits.to_vec2::<f32>().expect("logits");
    let normalise = |row: Vec<f32>| {
        let partition = row.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln();
        row.iter().map(|v| f64::from(*v) - partition).collect()
    };
    logits.into_iter().map(normalise).collect()
}

/// Index of the largest value, and its distance from the next.
fn best(values: &[f64]) -> (usize, f64) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    (order[0], values[order[0]] - values[order[1]])
}

pub(crate) fn naive(case: &Case, model: &Model, item: &Item, score: Score) -> Naive {
    let tokenizer = &case.tokenizer;
    let decode = |tokens: &[u32]| tokenizer.decode(tokens).expect("decode");
    let prompt = tokenizer.encode(&item.prompt, true).expect("encode");
    let answer = |text: &str| {
        let whole = tokenizer.encode(&format!("{} {text}", item.prompt), true).expect("encode");
        assert!(whole.starts_with(&prompt), "no merge crosses the boundary");
        whole[prompt.len()..].to_vec()
    };
    let likelihood = |text: &str| -> f64 {
        let tokens = answer(text);
        let rows = log_softmax(model, &[&prompt[..], &tokens[..]].concat());
        tokens.iter().enumerate().map(|(i, t)| rows[prompt.len() - 1 + i][*t as usize]).sum()
    };
    // Smallest lead of the answer's first `tokens` tokens over all other tokens.
    let lead = |text: &str, tokens: usize| -> f64 {
        let answer = answer(text);
        let rows = log_softmax(model, &[&prompt[..], &answer[..]].concat());
        let of = |(i, token): (usize, &u32)| {
            let (row, token) = (&rows[prompt.len() - 1 + i], *token as usize);
            let others = row.iter().enumerate().filter(|(other, _)| *other != token);
            row[token] - others.map(|(_, p)| *p).fold(f64::NEG_INFINITY, f64::max)
        };
        answer.iter().take(tokens).enumerate().map(of).fold(f64::INFINITY, f64::min)
    };
    let gold = if item.choices.is_empty() { item.target() } else { &item.choices[item.gold] };
    let (correct, prediction, lead, margin) = match score {
        Score::Top1 => {
            let (token, margin) = best(&log_softmax(model, &prompt)[prompt.len() - 1]);
            let text = decode(&[u32::try_from(token).expect("a token")]);
            let plain = |text: &str| text.trim().to_lowercase();
            let correct = item.answers.iter().any(|a| plain(&decode(&answer(a)[..1])) == plain(&text));
            (correct, text, lead(gold, 1), margin)
        }
        Score::Greedy => {
            let (first, mut margin) = best(&log_softmax(model, &prompt)[prompt.len() - 1]);
            let mut generates = |text: &String| {
                let tokens = answer(text);
                let rows = log_softmax(model, &[&prompt[..], &tokens[..]].concat());
                let next: Vec<_> = rows[prompt.len() - 1..].iter().map(|row| best(row)).collect();
                margin = next.iter().fold(margin, |m, (_, gap)| m.min(*gap));
                tokens.iter().zip(&next).all(|(token, (best, _))| *token as usize == *best)
            };
            let correct = item.answers.iter().any(&mut generates);
            let lead = item.answers.iter().map(|a| lead(a, usize::MAX)).fold(f64::NEG_INFINITY, f64::max);
            (correct, decode(&[u32::try_from(first).expect("a token")]), lead, margin)
        }
        Score::Generate { max_tokens, matching } => {
            let (mut all, mut margin) = (prompt.clone(), f64::INFINITY);
            while all.len() < prompt.len() + max_tokens {
                let (token, gap) = best(&log_softmax(model, &all)[all.len() - 1]);
                let token = u32::try_from(token).expect("a token");
                margin = margin.min(gap);
                if model.config().eos.contains(&token) || tokenizer.eos_ids().contains(&token) {
                    break;
                }
                all.push(token);
            }
            let text = decode(&all[prompt.len()..]);
            (matching.accepts(&item.prompt, &text, &item.answers), text, lead(gold, usize::MAX), margin)
        }
        Score::Choice { length, .. } => {
            let weight = |text: &String| match length {
                LengthNormalization::Sum => likelihood(text),
                LengthNormalization::PerByte => likelihood(text) / text.len() as f64,
                LengthNormalization::PerCharacter => likelihood(text) / text.chars().count() as f64,
            };
            let mut weights: Vec<f64> = item.choices.iter().map(weight).collect();
            let (chosen, margin) = best(&weights);
            let gold = weights.remove(item.gold);
            let lead = gold - weights.into_iter().fold(f64::NEG_INFINITY, f64::max);
            (chosen == item.gold, item.choices[chosen].clone(), lead, margin)
        }
        Score::Fill { .. } | Score::Perplexity { .. } | Score::Play => {
            panic!("not a score of items with answers for a causal model")
        }
    };
    Naive { correct, logprob: likelihood(gold), answer_tokens: answer(gold).len(), prediction, lead, margin }
}

/// Asserts that the outcomes of all items are equal up to rounding. At most one decision near a tie may differ.
pub(crate) fn assert_same(
    what: &str,
    case: &Case,
    model: &Model,
    evaluator: &Evaluator<'_>,
    actual: &[Outcome],
    expected: &[Outcome],
) {
    assert_eq!(actual.len(), expected.len(), "{what}: number of outcomes");
    let mut near_ties = 0;
    for ((a, b), item) in actual.iter().zip(expected).zip(evaluator.items()) {
        let gap = (a.logprob - b.logprob).abs();
        assert!(gap <= SAME_SUMS, "{what}: item {}: log-probability {} against {}", item.id, a.logprob, b.logprob);
        let gap = (a.margin - b.margin).abs();
        assert!(gap <= SAME_SUMS, "{what}: item {}: margin {} against {}", item.id, a.margin, b.margin);
        assert_eq!(a.answer_tokens, b.answer_tokens, "{what}: item {}", item.id);
        if (a.correct, &a.prediction) != (b.correct, &b.prediction) {
            let margin = naive(case, model, item, evaluator.tasks()[0].score).margin;
            assert!(margin < NEAR_TIE, "{what}: item {}, margin {margin}: {a:?} against {b:?}", item.id);
            near_ties += 1;
        }
    }
    assert!(near_ties <= 1, "{what}: {near_ties} items differ near a tie");
}
