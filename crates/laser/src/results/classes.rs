//! Classes: takes a task, says whether it asks for one of a few labels, and what each of them earns when always given.

use std::collections::BTreeSet;

use crate::evaluate::EvaluatedTask;
use laser_statistics::{Constant, balanced_accuracy};
use laser_task::Item;

/// More answers than these are no labels.
const MAX_LABELS: usize = 20;

/// The labels of a task that is a classification: its items all have the same choices (in whatever order), at most 20;
/// or they have none, and at most 20 gold answers among them, each the answer of two items on average. `None`: it is no
/// classification.
pub fn labels<'a>(part: &EvaluatedTask<'a>) -> Option<BTreeSet<&'a str>> {
    let items = &part.task.items;
    let choices = |item: &'a Item| item.choices.iter().map(String::as_str).collect::<BTreeSet<_>>();
    let labels: BTreeSet<&str> = match items.first() {
        _ if part.score.only_reads() => return None,
        Some(first) if !first.choices.is_empty() => {
            let labels = choices(first);
            if items.iter().any(|item| choices(item) != labels) {
                return None;
            }
            labels
        }
        _ => {
            let golds: BTreeSet<&str> = items.iter().map(Item::target).collect();
            if items.iter().any(|item| !item.choices.is_empty()) || 2 * golds.len() > items.len() {
                return None;
            }
            golds
        }
    };
    (labels.len() <= MAX_LABELS).then_some(labels)
}

/// What always giving one label scores on some of a task's items, for each label, the best first; of equals the first in
/// byte order. None where the task is no classification, or there are no items.
pub fn constants(part: &EvaluatedTask<'_>, items: &[&Item]) -> Vec<Constant> {
    let golds: Vec<&str> = items.iter().map(|item| item.target()).collect();
    let constant = |label: &str| {
        // Aliases count as they do for a model.
        let right = |item: &&Item| item.answers.iter().any(|answer| answer == label);
        let right: Vec<bool> = items.iter().map(right).collect();
        let acc = right.iter().filter(|right| **right).count() as f64 / right.len() as f64;
        Some(Constant { answer: label.to_owned(), acc, balanced_acc: balanced_accuracy(&golds, &right)? })
    };
    let mut constants: Vec<Constant> = labels(part).into_iter().flatten().filter_map(constant).collect();
    constants.sort_by(|a, b| b.acc.total_cmp(&a.acc));
    constants
}

#[cfg(test)]
mod tests {
    use super::*;
    use laser_task::Task;
    use laser_task::score::Score;

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

    fn part(task: &Task, score: Score) -> EvaluatedTask<'_> {
        EvaluatedTask { task, score, range: 0..task.items.len() }
    }

    #[test]
    fn choices_are_labels_where_all_items_have_them() {
        let orders = [vec!["no", "yes"], vec!["yes", "no"]];
        let golds = ["yes", "yes", "no", "yes"];
        let same = task((0..4).map(|i| (orders[i % 2].clone(), vec![golds[i]])));
        let part = part(&same, Score::CHOICE);
        assert_eq!(labels(&part), Some(BTreeSet::from(["no", "yes"])));
        let all: Vec<&Item> = same.items.iter().collect();
        let found: Vec<(String, f64, f64)> =
            constants(&part, &all).into_iter().map(|c| (c.answer, c.acc, c.balanced_acc)).collect();
        assert_eq!(found, [("yes".to_owned(), 0.75, 0.5), ("no".to_owned(), 0.25, 0.5)]);
        // On a split without one of the labels.
        let found: Vec<f64> = constants(&part, &all[..2]).into_iter().map(|c| c.balanced_acc).collect();
        assert_eq!(found, [1.0, 0.0]);
        assert!(constants(&part, &[]).is_empty());
        let other = task((0..4).map(|i| (vec!["yes", ["no", "maybe"][i % 2]], vec!["yes"])));
        assert_eq!(labels(&super::tests::part(&other, Score::CHOICE)), None);
    }

    #[test]
    fn gold_answers_are_labels_where_they_are_few() {
        let open = task((0..6).map(|i| (vec![], vec![["true", "false"][i % 2], "?"])));
        let labels = |task: &Task, score| super::labels(&part(task, score)).map(|labels| labels.len());
        assert_eq!(labels(&open, Score::TOP1), Some(2));
        assert_eq!(labels(&open, Score::PERPLEXITY), None);
        let names = ["a", "b", "c", "d"];
        let each_once = task((0..4).map(|i| (vec![], vec![names[i]])));
        assert_eq!(labels(&each_once, Score::TOP1), None, "four answers of four items are no labels");
        let many: Vec<&'static str> = "abcdefghijklmnopqrstu".split("").filter(|c| !c.is_empty()).collect();
        assert_eq!(labels(&task((0..63).map(|i| (vec![], vec![many[i % 20]]))), Score::TOP1), Some(20));
        assert_eq!(labels(&task((0..63).map(|i| (vec![], vec![many[i % 21]]))), Score::TOP1), None);
    }

    #[test]
    fn an_alias_is_right_for_a_constant_too() {
        let open = task((0..4).map(|i| (vec![], if i < 2 { vec!["car"] } else { vec!["auto", "car"] })));
        let all: Vec<&Item> = open.items.iter().collect();
        let found: Vec<(String, f64)> =
            constants(&part(&open, Score::TOP1), &all).into_iter().map(|c| (c.answer, c.acc)).collect();
        assert_eq!(found, [("car".to_owned(), 1.0), ("auto".to_owned(), 0.5)]);
    }
}
