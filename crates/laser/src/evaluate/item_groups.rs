//! Groups of items that are not independent of one another: takes the tasks of an evaluation with their scores, gives the
//! group of each item.
//!
//! Items of one group share a split and are resampled together. Two items are in one group if the task says so
//! ([`Item::group`]), if they ask the same question, or if they ask for the same fact ([`Item::subject`]); and if each of
//! them is in one group with a third. A question that is in two tasks links their items, too.

use std::collections::{BTreeSet, HashMap};

use laser_model::tokenizer::nfc;
use laser_task::score::Score;
use laser_task::{Item, Task};

/// The groups of the items of some tasks.
#[derive(Debug)]
pub(crate) struct ItemGroups<'a> {
    tasks: Vec<TaskGroups<'a>>,
}

/// The groups of the items of one task.
#[derive(Debug)]
struct TaskGroups<'a> {
    name: &'a str,
    /// Names of the groups of each item.
    items: Vec<GroupNames<'a>>,
    /// Number of items whose question an earlier item of another group asks.
    copies: usize,
    /// Number of items whose fact an earlier item of another group asks for, in other words.
    same_fact: usize,
}

/// Names of a group: each is what the task calls the group of one of its items.
#[derive(Debug, Clone, Copy)]
struct GroupNames<'a> {
    /// By its first item in the task, so that two groups of a task never have one name.
    in_task: &'a str,
    /// By its first item in all tasks, so that items of several tasks share a split.
    over_all: &'a str,
}

/// What items of one group have in common.
#[derive(PartialEq, Eq, Hash)]
enum Link<'a> {
    /// The group of a task, by the task's index and the group's name.
    OfTask(usize, &'a str),
    /// The name of a group that tasks have in common, such as a subject.
    Named(&'a str),
    Question(String),
    /// Subject and answer.
    Fact([String; 2]),
}

impl<'a> ItemGroups<'a> {
    /// Finds the groups. They depend on the order of the items only by their names.
    pub(crate) fn of(tasks: &[(&'a Task, Score)]) -> Self {
        let items: Vec<(usize, &Item)> =
            tasks.iter().enumerate().flat_map(|(t, (task, _))| task.items.iter().map(move |item| (t, item))).collect();
        let mut sets = DisjointSets::new(items.len());
        let mut first_with = HashMap::new();
        let mut found: Vec<TaskGroups<'_>> = tasks.iter().map(|(task, _)| TaskGroups::new(task)).collect();
        let questions: Vec<QuestionRule> = tasks.iter().map(|(task, score)| QuestionRule::of(task, *score)).collect();
        for (i, &(t, item)) in items.iter().enumerate() {
            let mut join = |link: Link<'a>, sets: &mut DisjointSets| {
                let first = *first_with.entry(link).or_insert(i);
                sets.join(first, i);
                !are_grouped(items[first], items[i])
            };
            join(Link::OfTask(t, &item.group), &mut sets);
            if is_named(item) {
                join(Link::Named(&item.group), &mut sets);
            }
            let is_copy = join(Link::Question(questions[t].key(item)), &mut sets);
            found[t].copies += usize::from(is_copy);
            if !item.subject.is_empty() {
                let fact = Link::Fact([folded(&item.subject), folded(item.target())]);
                found[t].same_fact += usize::from(join(fact, &mut sets) && !is_copy);
            }
        }
        let mut first_in_task = HashMap::new();
        for (i, &(t, item)) in items.iter().enumerate() {
            let root = sets.root(i);
            let in_task = *first_in_task.entry((t, root)).or_insert(item.group.as_str());
            found[t].items.push(GroupNames { in_task, over_all: &items[root].1.group });
        }
        Self { tasks: found }
    }

    /// Name of the group of an item among the groups of its task, by the indices of both.
    pub(crate) fn in_task(&self, task: usize, item: usize) -> &'a str {
        self.tasks[task].items[item].in_task
    }

    /// Name of the group of an item in all tasks; items with one name share a split.
    pub(crate) fn over_all(&self, task: usize, item: usize) -> &'a str {
        self.tasks[task].items[item].over_all
    }

    /// Number of groups among all items of a task.
    pub(crate) fn count(&self, task: usize) -> usize {
        self.tasks[task].items.iter().map(|names| names.in_task).collect::<BTreeSet<_>>().len()
    }

    /// One sentence for each kind of items of a task that are in one group though the task does not say so.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for task in &self.tasks {
            for (n, what) in [
                (task.copies, "the prompt of another one; copies stay in one split"),
                (task.same_fact, "subject and answer of another one; they stay in one split"),
            ] {
                if n > 0 {
                    let repeat = if n == 1 { "item repeats" } else { "items repeat" };
                    notes.push(format!("{}: {n} {repeat} {what}", task.name));
                }
            }
        }
        notes
    }
}

impl<'a> TaskGroups<'a> {
    fn new(task: &'a Task) -> Self {
        Self { name: &task.name, items: Vec::with_capacity(task.items.len()), copies: 0, same_fact: 0 }
    }
}

/// Whether the task itself names the item's group; otherwise, the group has the item's id.
fn is_named(item: &Item) -> bool {
    item.group != item.id
}

/// Whether two items, with the indices of their tasks, are in one group by what their tasks say.
fn are_grouped((task, a): (usize, &Item), (other, b): (usize, &Item)) -> bool {
    a.group == b.group && (task == other || (is_named(a) && is_named(b)))
}

/// What a task's items ask.
#[derive(Clone, Copy, PartialEq)]
enum QuestionRule {
    /// The prompt.
    Prompt,
    /// The prompt with its choices, because all items have the same prompt.
    Choices,
    /// Nothing: the answer is a text that is only read.
    Text,
    /// Nothing: the prompt is a level, in which every space counts, and its room is its group.
    Level,
}

impl QuestionRule {
    fn of(task: &Task, score: Score) -> Self {
        let prompt = |item: &Item| folded(&prompt(item));
        match (score, task.items.split_first()) {
            (Score::Perplexity { .. }, _) => Self::Text,
            (Score::Play, _) => Self::Level,
            // Where all prompts are the same, such as "Which sentence is right?", the choices are the question.
            (Score::Choice { .. }, Some((first, rest))) => {
                let first = prompt(first);
                if rest.iter().all(|item| prompt(item) == first) { Self::Choices } else { Self::Prompt }
            }
            _ => Self::Prompt,
        }
    }

    /// A text that items have in common if they ask the same.
    fn key(self, item: &Item) -> String {
        let prompt = folded(&prompt(item));
        match self {
            // Zero bytes keep the kinds of keys apart.
            Self::Text => format!("text\0{}", folded(item.target())),
            Self::Level => format!("level\0{}", item.id),
            Self::Prompt if !prompt.is_empty() => prompt,
            _ if item.choices.is_empty() => format!("{prompt}\0{}", folded(item.target())),
            _ => {
                let mut choices: Vec<String> = item.choices.iter().map(|choice| folded(choice)).collect();
                choices.sort();
                format!("{prompt}\0{}", choices.join("\0"))
            }
        }
    }
}

/// What the model is asked: the question, or else the prompt with what follows the mask.
fn prompt(item: &Item) -> String {
    let question = if item.question.is_empty() { &item.prompt } else { &item.question };
    format!("{question}\n{}", item.suffix)
}

/// A text in one spelling: in Unicode's normal form C, with one space for each run of blanks and none at its ends.
fn folded(text: &str) -> String {
    nfc(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Disjoint sets of numbers, each of which is known by its smallest number.
struct DisjointSets {
    /// For each number, itself or a smaller one of its set.
    smaller: Vec<usize>,
}

impl DisjointSets {
    /// `n` sets of one number.
    fn new(n: usize) -> Self {
        Self { smaller: (0..n).collect() }
    }

    /// Smallest number of a number's set.
    fn root(&mut self, mut i: usize) -> usize {
        while self.smaller[i] != i {
            // Halving the path keeps later walks short.
            self.smaller[i] = self.smaller[self.smaller[i]];
            i = self.smaller[i];
        }
        i
    }

    /// Joins the sets of two numbers.
    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.smaller[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, group: &str, prompt: &str, answer: &str) -> Item {
        let [id, group, prompt] = [id, group, prompt].map(str::to_owned);
        Item { id, group, prompt, answers: vec![answer.to_owned()], ..Item::default() }
    }

    fn task(name: &str, items: Vec<Item>) -> Task {
        Task::new(name.to_owned(), items, Score::GREEDY).expect("items")
    }

    fn names(groups: &ItemGroups<'_>, task: usize) -> Vec<(String, String)> {
        groups.tasks[task].items.iter().map(|n| (n.in_task.to_owned(), n.over_all.to_owned())).collect()
    }

    fn in_task(task: &Task, score: Score) -> Vec<String> {
        names(&ItemGroups::of(&[(task, score)]), 0).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn one_question_is_one_group_however_it_is_spelled() {
        let task = task(
            "t",
            vec![
                item("1", "1", "Where is the caf\u{e9}?", "a"),
                item("2", "2", "Where is it?", "b"),
                item("3", "3", " Where  is\u{a0}the\n cafe\u{301}? ", "c"),
                item("4", "4", "where is the caf\u{e9}?", "d"),
                item("5", "5", "Where is it?", "e"),
                item("6", "6", "Where is it?", "f"),
            ],
        );
        let groups = ItemGroups::of(&[(&task, Score::GREEDY)]);
        assert_eq!(in_task(&task, Score::GREEDY), ["1", "2", "1", "4", "2", "2"]);
        assert_eq!(groups.notes(), ["t: 3 items repeat the prompt of another one; copies stay in one split"]);
        assert_eq!(groups.count(0), 3);
    }

    #[test]
    fn groups_are_joined_from_item_to_item_and_named_by_their_first() {
        let task = task(
            "t",
            vec![
                item("1", "x", "p", "a"),
                item("2", "y", "q", "b"),
                item("3", "z", "r", "c"),
                item("4", "y", "p", "d"),
                item("5", "z", "q", "e"),
                item("6", "6", "s", "f"),
            ],
        );
        assert_eq!(in_task(&task, Score::GREEDY), ["x", "x", "x", "x", "x", "6"]);
        let mut reversed = task.clone();
        reversed.items.reverse();
        assert_eq!(in_task(&reversed, Score::GREEDY), ["6", "z", "z", "z", "z", "z"], "the same sets");
    }

    #[test]
    fn a_fact_is_one_group_whatever_the_question() {
        let about = |id: &str, prompt: &str, subject: &str, answer: &str| Item {
            subject: subject.to_owned(),
            ..item(id, id, prompt, answer)
        };
        let task = task(
            "t",
            vec![
                about("1", "p", "France", "Paris"),
                about("2", "q", "France", "Paris"),
                about("3", "r", "France", "French"),
                about("4", "s", "Texas", "Paris"),
                about("5", "t", "", "Paris"),
                about("6", "u", "", "Paris"),
            ],
        );
        assert_eq!(in_task(&task, Score::GREEDY), ["1", "1", "3", "4", "5", "6"]);
        let notes = ItemGroups::of(&[(&task, Score::GREEDY)]).notes();
        assert_eq!(notes, ["t: 1 item repeats subject and answer of another one; they stay in one split"]);
    }

    #[test]
    fn a_task_that_names_its_groups_keeps_them() {
        let task = task("t", vec![item("1", "x", "p", "a"), item("2", "x", "p", "b"), item("3", "y", "q", "c")]);
        assert_eq!(in_task(&task, Score::GREEDY), ["x", "x", "y"]);
        assert!(ItemGroups::of(&[(&task, Score::GREEDY)]).notes().is_empty(), "nothing is new to the task");
    }

    #[test]
    fn examples_before_a_question_do_not_hide_a_copy() {
        let shown =
            |id: &str, examples: &str| Item { question: "q".to_owned(), ..item(id, id, &format!("{examples}q"), "a") };
        assert_eq!(in_task(&task("t", vec![shown("1", "x "), shown("2", "y ")]), Score::GREEDY), ["1", "1"]);
    }

    #[test]
    fn where_prompts_ask_nothing_the_rest_is_compared() {
        let texts = task("t", vec![item("1", "1", "-", "a"), item("2", "2", "-", "b"), item("3", "3", "-", " a ")]);
        assert_eq!(in_task(&texts, Score::PERPLEXITY), ["1", "2", "1"]);
        assert_eq!(in_task(&texts, Score::GREEDY), ["1", "1", "1"]);
        let choice = |id: &str, prompt: &str, choices: [&str; 2]| Item {
            choices: choices.map(str::to_owned).to_vec(),
            ..item(id, id, prompt, choices[0])
        };
        for prompt in ["", "Which is right?"] {
            let pairs =
                [choice("1", prompt, ["a", "b"]), choice("2", prompt, ["a", "c"]), choice("3", prompt, ["b", "a"])];
            assert_eq!(in_task(&task("t", pairs.to_vec()), Score::CHOICE), ["1", "2", "1"], "{prompt}");
        }
        let mixed = [choice("1", "p", ["a", "b"]), choice("2", "p", ["a", "c"]), choice("3", "q", ["b", "a"])];
        assert_eq!(in_task(&task("t", mixed.to_vec()), Score::CHOICE), ["1", "1", "3"]);
        let masked = |id: &str, suffix: &str| Item { suffix: suffix.to_owned(), ..item(id, id, "It is", "a") };
        assert_eq!(in_task(&task("t", vec![masked("1", "red."), masked("2", "far.")]), Score::TOP1), ["1", "2"]);
        let blank = task("t", vec![item("1", "1", "", "a"), item("2", "2", " ", "b")]);
        assert_eq!(in_task(&blank, Score::GREEDY), ["1", "2"]);
    }

    #[test]
    fn a_question_of_two_tasks_links_them_but_their_line_numbers_do_not() {
        let first =
            task("first", vec![item("1", "1", "p", "a"), item("2", "2", "q", "b"), item("3", "France", "r", "c")]);
        let second = task(
            "second",
            vec![
                item("1", "1", "q", "x"),
                item("2", "2", "s", "x"),
                item("3", "3", "t", "x"),
                item("4", "France", "u", "x"),
                item("5", "France", "p", "x"),
            ],
        );
        let groups = ItemGroups::of(&[(&first, Score::GREEDY), (&second, Score::GREEDY)]);
        let pairs =
            |names: &[(&str, &str)]| names.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        // `p` is in both tasks, and its copy is about France, as item 3 of the first task is.
        assert_eq!(names(&groups, 0), pairs(&[("1", "1"), ("2", "2"), ("1", "1")]));
        assert_eq!(
            names(&groups, 1),
            pairs(&[("1", "2"), ("2", "2"), ("3", "3"), ("France", "1"), ("France", "1")]),
            "`s` is no copy: its number is in both tasks by chance, and in its own task it keeps a group of its own"
        );
        assert_eq!(groups.notes(), ["second: 2 items repeat the prompt of another one; copies stay in one split"]);
        assert_eq!(groups.count(1), 4);
    }
}
