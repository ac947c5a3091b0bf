//! Classes of answers: what a model says where it should name an object.

use serde::Serialize;

use super::questions::Questions;

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerClass {
    /// The object of the fact.
    Gold,
    /// Another object of the same relation.
    SameType,
    /// A frequent word that is no object.
    Generic,
    /// Anything else.
    Other,
}

impl AnswerClass {
    /// All classes, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Gold, Self::SameType, Self::Generic, Self::Other];

    /// The class of `word` as an answer to question `fact`.
    pub fn of(word: u32, fact: usize, questions: &Questions) -> Self {
        if word == questions.gold[fact] {
            Self::Gold
        } else if questions.objects[questions.relations[fact]].contains(&word) {
            Self::SameType
        } else if questions.generics.contains(&word) {
            Self::Generic
        } else {
            Self::Other
        }
    }

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gold => "gold",
            Self::SameType => "same type",
            Self::Generic => "generic",
            Self::Other => "other",
        }
    }
}

/// Share of each class, in the order of [`AnswerClass::ALL`], 0..=1; all 0 without answers.
pub fn class_shares(classes: impl Iterator<Item = AnswerClass>) -> [f64; 4] {
    let mut counts = [0.0; 4];
    classes.for_each(|class| counts[class as usize] += 1.0);
    let total: f64 = counts.iter().sum();
    counts.map(|count| count / total.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_one_class() {
        let questions = Questions {
            prompts: vec![vec![1], vec![1]],
            gold: vec![5, 8],
            relations: vec![0, 1],
            counts: vec![2, 2],
            is_test: vec![false, true],
            objects: vec![vec![5, 6], vec![7, 8]],
            generics: vec![2],
        };
        let class = |word, fact| AnswerClass::of(word, fact, &questions);
        let classes = [class(5, 0), class(6, 0), class(2, 0), class(7, 0), class(7, 1), class(9, 1)];
        use AnswerClass::{Generic, Gold, Other, SameType};
        assert_eq!(classes, [Gold, SameType, Generic, Other, SameType, Other]);
        assert_eq!(class_shares(classes.into_iter()), [1.0 / 6.0, 2.0 / 6.0, 1.0 / 6.0, 2.0 / 6.0]);
        assert_eq!(class_shares(std::iter::empty()), [0.0; 4]);
        assert_eq!(AnswerClass::ALL.map(|class| class as usize), [0, 1, 2, 3]);
    }
}
