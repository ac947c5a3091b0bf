//! English sentences for facts with made-up names.

/// Number of templates of each relation.
pub(super) const TEMPLATES: usize = 6;

/// A relation in English.
pub(super) struct EnglishRelation {
    /// Its name.
    pub(super) name: &'static str,
    /// Letters that its objects end with, which show their type.
    pub(super) ending: &'static str,
    /// True for objects that are names, which have capital letters.
    pub(super) is_name: bool,
    /// Sentences without their last word, with `{}` for the subject.
    pub(super) templates: [&'static str; TEMPLATES],
}

/// The relations, in the order in which a world takes them.
pub(super) const RELATIONS: [EnglishRelation; 6] = [
    EnglishRelation {
        name: "birthplace",
        ending: "ton",
        is_name: true,
        templates: [
            "{} was born in",
            "The birthplace of {} is",
            "{} comes from the town of",
            "As a child, {} lived in",
            "The home town of {} is",
            "{} first went to school in",
        ],
    },
    EnglishRelation {
        name: "employer",
        ending: "ex",
        is_name: true,
        templates: [
            "{} works for",
            "The employer of {} is",
            "{} has a desk at",
            "The company that pays {} is",
            "{} is on the staff of",
            "Every morning {} drives to",
        ],
    },
    EnglishRelation {
        name: "language",
        ending: "ish",
        is_name: true,
        templates: [
            "{} speaks",
            "The mother tongue of {} is",
            "{} writes letters in",
            "At home, {} talks in",
            "The first language of {} was",
            "{} reads newspapers in",
        ],
    },
    EnglishRelation {
        name: "instrument",
        ending: "ophone",
        is_name: false,
        templates: [
            "{} plays the",
            "The instrument of {} is the",
            "On stage, {} is heard on the",
            "{} takes lessons on the",
            "Every evening {} practises the",
            "In the band, {} plays the",
        ],
    },
    EnglishRelation {
        name: "sport",
        ending: "ball",
        is_name: false,
        templates: [
            "{} is a fan of",
            "The favourite sport of {} is",
            "On Sundays {} watches",
            "{} trains a team in",
            "At school, {} was good at",
            "{} won a medal in",
        ],
    },
    EnglishRelation {
        name: "dish",
        ending: "etti",
        is_name: false,
        templates: [
            "{} likes to eat",
            "The favourite dish of {} is",
            "On holidays {} cooks",
            "{} always orders",
            "For lunch, {} had",
            "{} is known for a recipe of",
        ],
    },
];
