//! Classes of answers: where the unedited and the edited model go wrong.

use serde::{Deserialize, Serialize};

/// Class of an answer (arXiv 2312.13558, section 5.1.2: the smallest components say a wrong entity of the same type, or a
/// generic word).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerClass {
    /// The right answer.
    Gold,
    /// A right answer of another question of the same relation.
    SameType,
    /// A frequent word that answers no question.
    Generic,
    /// Anything else.
    Other,
}

impl AnswerClass {
    /// All classes, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Gold, Self::SameType, Self::Generic, Self::Other];

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
    fn shares_are_in_the_order_of_the_classes() {
        use AnswerClass::{Generic, Gold, Other, SameType};
        let shares = class_shares([Gold, SameType, Generic, SameType, Other, Other].into_iter());
        assert_eq!(shares, [1.0 / 6.0, 2.0 / 6.0, 1.0 / 6.0, 2.0 / 6.0]);
        assert_eq!(class_shares(std::iter::empty()), [0.0; 4]);
        assert_eq!(AnswerClass::ALL.map(|class| class as usize), [0, 1, 2, 3]);
    }
}
