//! Scores: takes the samples of one model, gives accuracy and log-loss on each split, over all tasks or for each task.

use super::samples::{samples_of, samples_with_answers};
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::results::{Accuracy, SampleRecord, SplitScores, SplitSummary, TaskScores, constant_answer_scores, labels};
use laser_statistics::{ConstantAnswer, Split, balanced_accuracy, group_ids, mean};
use laser_task::Item;

/// Summarises samples by split, over the items of all tasks. Perplexity tasks are left out if another task has answers.
pub fn scores(evaluator: &Evaluator<'_>, samples: &[SampleRecord]) -> SplitScores {
    if let [task] = evaluator.tasks() {
        return summaries(samples, labels(task).is_some());
    }
    let with_answers = samples_with_answers(samples);
    if with_answers.is_empty() {
        return summaries(samples, false);
    }
    summaries(&with_answers.into_iter().cloned().collect::<Vec<_>>(), false)
}

/// Summarises the samples of each task; empty if there is only one task.
pub fn task_scores(evaluator: &Evaluator<'_>, samples: &[SampleRecord]) -> Vec<TaskScores> {
    let of_task = |task: &EvaluatedTask<'_>| {
        let own = samples_of(task, samples);
        TaskScores {
            task: task.task.name.clone(),
            score: task.score.to_string(),
            scores: summaries(&own, labels(task).is_some()),
            always: constant_answers(task, &own),
        }
    };
    if evaluator.tasks().len() == 1 { Vec::new() } else { evaluator.tasks().iter().map(of_task).collect() }
}

/// Scores that always giving the same answer would get on some samples of a classification task, one entry for each
/// label, the best first. Empty for other tasks, and without samples.
pub fn constant_answers(task: &EvaluatedTask<'_>, samples: &[SampleRecord]) -> Vec<ConstantAnswer> {
    let items: Vec<&Item> = samples.iter().map(|sample| &task.task.items[sample.doc_id]).collect();
    constant_answer_scores(task, &items)
}

/// Summarises samples by split; splits without samples have no entry. `is_classification` adds the balanced accuracy,
/// for which the gold answers must be labels.
pub(super) fn summaries(samples: &[SampleRecord], is_classification: bool) -> SplitScores {
    let mut scores = SplitScores::new();
    for split in [Split::All, Split::Search, Split::Validation, Split::Test] {
        let samples: Vec<&SampleRecord> = samples.iter().filter(|s| s.split == split).collect();
        let right: Option<Vec<bool>> = samples.iter().map(|s| s.acc.map(|acc| acc == 1)).collect();
        let summary = SplitSummary::of(
            right.as_deref(),
            &samples.iter().map(|s| s.logprob).collect::<Vec<_>>(),
            &samples.iter().map(|s| s.answer_tokens).collect::<Vec<_>>(),
            &group_ids(samples.iter().map(|s| s.group.as_str())),
        );
        let golds = || samples.iter().map(|s| s.target.as_str()).collect::<Vec<_>>();
        let played =
            |of: fn(&SampleRecord) -> Option<f64>| mean(&samples.iter().filter_map(|s| of(s)).collect::<Vec<_>>());
        let mean_return = played(|sample| sample.total_return);
        let mean_moves = played(|sample| sample.moves.map(|moves| moves as f64));
        if let Some(summary) = summary {
            let balanced =
                |right: &Vec<bool>| if is_classification { balanced_accuracy(&golds(), right) } else { None };
            let balanced_acc = right.as_ref().and_then(balanced);
            let accuracy = summary.accuracy.map(|accuracy| Accuracy { balanced_acc, ..accuracy });
            scores.insert(split, SplitSummary { accuracy, mean_return, mean_moves, ..summary });
        }
    }
    scores
}
