//! Labels: finds out whether a task is a classification, and scores always giving the same label.

use std::collections::BTreeSet;

use crate::evaluate::EvaluatedTask;
use laser_statistics::{ConstantAnswer, balanced_accuracy};
use laser_task::{Item, Score};

/// Largest number of labels of a classification task.
const MAX_LABELS: usize = 20;

/// The labels of a classification task; `None` for other tasks.
///
/// A task is a classification if it has at most 20 labels and
/// - all its items have the same choices, in any order (the choices are the labels), or
/// - no item has choices, and there are at least twice as many items as different gold answers (these are the labels).
pub(crate) fn labels<'a>(task: &EvaluatedTask<'a>) -> Option<BTreeSet<&'a str>> {
    let items = &task.task.items;
    let choices = |item: &'a Item| item.choices.iter().map(String::as_str).collect::<BTreeSet<_>>();
    let labels: BTreeSet<&str> = match items.first() {
        _ if task.score.is_perplexity() || task.score == Score::Play => return None,
        Some(first) if !first.choices.is_empty() => {
            let labels = choices(first);
            if items.iter().any(|item| choices(item) != labels) {
                return None;
            }
            labels
        }
        _ => {
            let golds: BTreeSet<&str> = items.iter().map(Item::target).collect();
            // Without the second condition, a few items with a different answer each would count as a classification.
            if items.iter().any(|item| !item.choices.is_empty()) || 2 * golds.len() > items.len() {
                return None;
            }
            golds
        }
    };
    (labels.len() <= MAX_LABELS).then_some(labels)
}

/// Scores of always giving the same answer on `items`, which are of `task`: one entry for each label, the best first;
/// equally good ones are in byte order. Empty if the task is no classification, or without items.
pub(crate) fn constant_answer_scores(task: &EvaluatedTask<'_>, items: &[&Item]) -> Vec<ConstantAnswer> {
    let golds: Vec<&str> = items.iter().map(|item| item.target()).collect();
    let score = |label: &str| {
        // Aliases count as right, as they do for a model's answer.
        let right = |item: &&Item| item.answers.iter().any(|answer| answer == label);
        let right: Vec<bool> = items.iter().map(right).collect();
        // Without items this is 0/0, but then the balanced accuracy below is `None` and the label is left out.
        let acc = right.iter().filter(|right| **right).count() as f64 / right.len() as f64;
        Some(ConstantAnswer { answer: label.to_owned(), acc, balanced_acc: balanced_accuracy(&golds, &right)? })
    };
    let mut scores: Vec<ConstantAnswer> = labels(task).into_iter().flatten().filter_map(score).collect();
    // Labels come in byte order, and the sort is stable.
    scores.sort_by(|a, b| b.acc.total_cmp(&a.acc));
    scores
}

#[cfg(test)]
mod tests {
    use super::*;
    use laser_task::Task;
    use laser_task::score::Score;

    /// A task with one item for each pair of choices and accepted answers; the first answer is the gold answer.
    fn task(items: impl Iterator<Item = (Vec<&'static str>, Vec<&'static str>)>) -> Task {
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<String>>();
        let item = |(i, (choices, answers)): (usize, (Vec<&str>, Vec<&str>))| Item {
            id: i.to_string(),
            gold: choices.iter().position(|choice| *choice == answers[0]).unwrap_or(0),
            choices: owned(choices),
            answers: owned(answers),
            ..Item::default()
        };
        Task::new("made".to_owned(), items.enumerate().map(item).collect(), Score::CHOICE).expect("items")
    }

    fn evaluated(task: &Task, score: Score) -> EvaluatedTask<'_> {
        EvaluatedTask { task, score, range: 0..task.items.len() }
    }

    #[test]
    fn choices_are_labels_if_all_items_have_the_same() {
        let orders = [vec!["no", "yes"], vec!["yes", "no"]];
        let golds = ["yes", "yes", "no", "yes"];
        let same = task((0..4).map(|i| (orders[i % 2].clone(), vec![golds[i]])));
        let task_of_same = evaluated(&same, Score::CHOICE);
        assert_eq!(labels(&task_of_same), Some(BTreeSet::from(["no", "yes"])));
        let all: Vec<&Item> = same.items.iter().collect();
        let found: Vec<(String, f64, f64)> = constant_answer_scores(&task_of_same, &all)
            .into_iter()
            .map(|c| (c.answer, c.acc, c.balanced_acc))
            .collect();
        assert_eq!(found, [("yes".to_owned(), 0.75, 0.5), ("no".to_owned(), 0.25, 0.5)]);
        // The first two items have only one of the labels as gold answer.
        let found: Vec<f64> =
            constant_answer_scores(&task_of_same, &all[..2]).into_iter().map(|c| c.balanced_acc).collect();
        assert_eq!(found, [1.0, 0.0]);
        assert!(constant_answer_scores(&task_of_same, &[]).is_empty());
        let other = task((0..4).map(|i| (vec!["yes", ["no", "maybe"][i % 2]], vec!["yes"])));
        assert_eq!(labels(&evaluated(&other, Score::CHOICE)), None);
    }

    #[test]
    fn gold_answers_are_labels_if_they_are_few() {
        let open = task((0..6).map(|i| (vec![], vec![["true", "false"][i % 2], "?"])));
        let count = |task: &Task, score| labels(&evaluated(task, score)).map(|labels| labels.len());
        assert_eq!(count(&open, Score::TOP1), Some(2));
        assert_eq!(count(&open, Score::PERPLEXITY), None);
        let names = ["a", "b", "c", "d"];
        let each_once = task((0..4).map(|i| (vec![], vec![names[i]])));
        assert_eq!(count(&each_once, Score::TOP1), None, "four different answers of four items are no labels");
        let many: Vec<&'static str> = "abcdefghijklmnopqrstu".split("").filter(|c| !c.is_empty()).collect();
        assert_eq!(count(&task((0..63).map(|i| (vec![], vec![many[i % 20]]))), Score::TOP1), Some(20));
        assert_eq!(count(&task((0..63).map(|i| (vec![], vec![many[i % 21]]))), Score::TOP1), None);
    }

    #[test]
    fn an_alias_counts_as_right_for_a_constant_answer() {
        let open = task((0..4).map(|i| (vec![], if i < 2 { vec!["car"] } else { vec!["auto", "car"] })));
        let all: Vec<&Item> = open.items.iter().collect();
        let scores = constant_answer_scores(&evaluated(&open, Score::TOP1), &all);
        let found: Vec<(String, f64)> = scores.into_iter().map(|c| (c.answer, c.acc)).collect();
        assert_eq!(found, [("car".to_owned(), 1.0), ("auto".to_owned(), 0.5)]);
    }
}
