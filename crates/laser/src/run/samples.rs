//! Samples: takes items, their outcomes and splits, gives one record for each scored item.

use crate::evaluate::outcome::Outcome;
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::results::SampleRecord;
use laser_statistics::Split;

/// Builds the records of `samples.jsonl`, one for each of the items `indices` of `evaluator`; `outcomes` are in the same
/// order, and `split` gives the split of an item by its index.
pub fn samples(
    evaluator: &Evaluator<'_>,
    indices: &[usize],
    outcomes: &[Outcome],
    split: impl Fn(usize) -> Split,
) -> Vec<SampleRecord> {
    let is_perplexity = |index: usize| evaluator.tasks()[evaluator.task_index(index)].score.is_perplexity();
    let record = |(index, outcome): (&usize, &Outcome)| {
        let item = evaluator.items()[*index];
        let task = evaluator.task_name(*index).map(str::to_owned);
        SampleRecord {
            task,
            id: Some(item.id.clone()),
            doc_id: evaluator.index_in_task(*index),
            prompt: item.prompt.clone(),
            target: item.target().to_owned(),
            aliases: item.answers.iter().skip(1).cloned().collect(),
            acc: (!is_perplexity(*index)).then(|| u8::from(outcome.correct)),
            logprob: outcome.logprob,
            rank: outcome.rank,
            answer_tokens: outcome.answer_tokens,
            prediction: outcome.prediction.clone(),
            continuation: None,
            removed: None,
            total_return: outcome.play.map(|play| play.total_return),
            moves: outcome.play.map(|play| play.moves),
            split: split(*index),
            group: evaluator.group(*index),
        }
    };
    indices.iter().zip(outcomes).map(record).collect()
}

/// The samples whose tasks have answers, that is, all but those of perplexity tasks.
pub fn samples_with_answers(samples: &[SampleRecord]) -> Vec<&SampleRecord> {
    samples.iter().filter(|sample| sample.acc.is_some()).collect()
}

/// The samples of one task of several.
pub(super) fn samples_of(task: &EvaluatedTask<'_>, samples: &[SampleRecord]) -> Vec<SampleRecord> {
    samples.iter().filter(|s| s.task.as_ref() == Some(&task.task.name)).cloned().collect()
}

/// The samples of one split.
pub(super) fn on_split(split: Split, samples: &[SampleRecord]) -> Vec<SampleRecord> {
    samples.iter().filter(|s| s.split == split).cloned().collect()
}
