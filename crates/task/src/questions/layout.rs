//! Layouts of files of questions: which names of fields are known, and what each field becomes.
//!
//! A layout is a row of the table [`LAYOUTS`]. The first one whose needed fields a record has is the record's. To support
//! another layout, add a row; names are compared without regard to capitals, blanks, `_` and `-`.

/// The part of a question that a field of a record becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The prompt.
    Question,
    /// The text before the question, a blank line apart.
    Passage,
    /// The prompt, which an [`Part::Input`] may follow.
    Instruction,
    /// The text after an instruction, a blank line apart.
    Input,
    /// The turns of a conversation, of which a last one of the assistant is the answer.
    Messages,
    /// A statement that is true or false.
    Statement,
    /// The gold answer, or a list of it and its aliases.
    Answer,
    /// Other right answers.
    Aliases,
    /// A list of choices.
    Choices,
    /// One of several columns with a choice each.
    Column,
    /// The right choice: its index from 0, its letter or label, or its text.
    Gold,
    /// Choices with their scores, of which the highest is the right one's.
    Scores,
    /// The truth of a statement.
    Truth,
    /// The right text of a pair.
    Good,
    /// The wrong text of a pair.
    Bad,
    /// The item's id.
    Id,
    /// The item's group.
    Group,
    /// The item's subject.
    Subject,
    /// The item's relation.
    Relation,
    /// Anything; kept with the item, and not read.
    Meta,
    /// The text between prompt and answer.
    Delimiter,
}

impl Part {
    /// The part in words, as notes print it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Question => "the question",
            Self::Passage => "the passage before the question",
            Self::Instruction => "the instruction",
            Self::Input => "the input after the instruction",
            Self::Messages => "the conversation",
            Self::Statement => "the statement",
            Self::Answer => "the answer",
            Self::Aliases => "other right answers",
            Self::Choices => "the choices",
            Self::Column => "a choice",
            Self::Gold => "the right choice",
            Self::Scores => "the choices with their scores",
            Self::Truth => "the truth of the statement",
            Self::Good => "the right text",
            Self::Bad => "the wrong text",
            Self::Id => "the id",
            Self::Group => "the group",
            Self::Subject => "the subject",
            Self::Relation => "the relation",
            Self::Meta => "kept, and not read",
            Self::Delimiter => "the text between prompt and answer",
        }
    }
}

/// A field of a layout: a part with the names that it may have, the usual one first. `question.stem` is the field `stem`
/// inside the field `question`.
#[derive(Debug, Clone, Copy)]
pub struct LayoutField {
    /// The part that the field becomes.
    pub part: Part,
    /// Names of the field; of [`Part::Column`], the names of all columns in their order.
    pub names: &'static [&'static str],
    /// True if every record of the layout has the field.
    pub is_needed: bool,
}

/// One way in which files lay out a question.
#[derive(Debug)]
pub struct Layout {
    /// Name in notes.
    pub name: &'static str,
    /// The fields.
    pub fields: &'static [LayoutField],
}

impl Layout {
    /// The names of a part's field, the usual one first; empty if the layout has no such part.
    pub(super) fn names_of(&self, part: Part) -> &'static [&'static str] {
        self.fields.iter().find(|field| field.part == part).map_or(&[], |field| field.names)
    }
}

const fn layout(name: &'static str, fields: &'static [LayoutField]) -> Layout {
    Layout { name, fields }
}

const fn needed(part: Part, names: &'static [&'static str]) -> LayoutField {
    LayoutField { part, names, is_needed: true }
}

const fn optional(part: Part, names: &'static [&'static str]) -> LayoutField {
    LayoutField { part, names, is_needed: false }
}

const QUESTION: LayoutField = needed(Part::Question, &["question", "prompt", "query", "problem", "input"]);
/// Questions of published sets with choices are called `ctx` (HellaSwag), `goal` (PIQA), too; OpenBookQA has
/// `question_stem`, and what ARC and CommonsenseQA publish has `stem` inside `question`.
const ASKED: LayoutField =
    needed(Part::Question, &["question", "prompt", "query", "problem", "input", "ctx", "goal", "question.stem"]);
const PASSAGE: LayoutField = optional(Part::Passage, &["passage", "context", "article"]);
const ANSWER: LayoutField = needed(
    Part::Answer,
    &["answer", "answers", "completion", "output", "response", "target", "targets", "correct_answer", "best_answer"],
);
const ALIASES: LayoutField = optional(Part::Aliases, &["aliases", "answer_aliases"]);
const CHOICES: LayoutField =
    needed(Part::Choices, &["choices", "options", "endings", "candidates", "question.choices"]);
const GOLD: LayoutField = needed(
    Part::Gold,
    &["gold", "answerKey", "answer_index", "answer_idx", "answer", "label", "target", "correct", "correct_answer"],
);
const ID: LayoutField = optional(Part::Id, &["id"]);
const GROUP: LayoutField = optional(Part::Group, &["group"]);
const SUBJECT: LayoutField = optional(Part::Subject, &["subject"]);
const RELATION: LayoutField = optional(Part::Relation, &["relation"]);
const META: LayoutField = optional(Part::Meta, &["meta"]);
const DELIMITER: LayoutField = optional(Part::Delimiter, &["target_delimiter"]);

/// The layouts, the more special ones first.
pub static LAYOUTS: &[Layout] = &[
    layout(
        "conversation",
        &[
            needed(Part::Messages, &["messages", "conversations", "conversation"]),
            optional(Part::Answer, &["answer", "completion", "response"]),
            ALIASES,
            ID,
            GROUP,
            SUBJECT,
            RELATION,
            META,
            DELIMITER,
        ],
    ),
    layout(
        "minimal pair",
        &[
            needed(Part::Good, &["sentence_good", "good_sentence"]),
            needed(Part::Bad, &["sentence_bad", "bad_sentence"]),
            ID,
            GROUP,
            META,
            DELIMITER,
        ],
    ),
    layout(
        "preference pair",
        &[QUESTION, needed(Part::Good, &["chosen"]), needed(Part::Bad, &["rejected"]), ID, GROUP, META, DELIMITER],
    ),
    layout(
        "scored choices (BIG-bench)",
        &[
            needed(Part::Question, &["input", "question"]),
            needed(Part::Scores, &["target_scores"]),
            ID,
            GROUP,
            META,
            DELIMITER,
        ],
    ),
    // Only where the right choice has our own name, the subject is what the question is about: MMLU calls a school subject so.
    layout(
        "question with choices",
        &[ASKED, PASSAGE, CHOICES, needed(Part::Gold, &["gold"]), ID, GROUP, SUBJECT, RELATION, META, DELIMITER],
    ),
    layout("question with choices and an answer key", &[ASKED, PASSAGE, CHOICES, GOLD, ID, GROUP, META, DELIMITER]),
    layout(
        "question with choices in columns A, B, …",
        &[
            ASKED,
            PASSAGE,
            needed(Part::Column, &["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"]),
            GOLD,
            ID,
            GROUP,
            META,
            DELIMITER,
        ],
    ),
    layout(
        "question with choices in columns option_a, option_b, …",
        &[
            ASKED,
            PASSAGE,
            needed(Part::Column, &["option_a", "option_b", "option_c", "option_d", "option_e", "option_f"]),
            GOLD,
            ID,
            GROUP,
            META,
            DELIMITER,
        ],
    ),
    layout(
        "question with choices in columns choice1, choice2, …",
        &[
            ASKED,
            PASSAGE,
            needed(Part::Column, &["choice1", "choice2", "choice3", "choice4", "choice5", "choice6"]),
            GOLD,
            ID,
            GROUP,
            META,
            DELIMITER,
        ],
    ),
    layout(
        "question with choices in columns sol1, sol2 (PIQA)",
        &[ASKED, needed(Part::Column, &["sol1", "sol2"]), GOLD, ID, GROUP, META, DELIMITER],
    ),
    layout(
        "statement that is true or false",
        &[
            needed(Part::Statement, &["statement", "claim"]),
            needed(Part::Truth, &["label", "is_true", "truth"]),
            ID,
            GROUP,
            SUBJECT,
            RELATION,
            META,
            DELIMITER,
        ],
    ),
    layout(
        "instruction",
        &[
            needed(Part::Instruction, &["instruction"]),
            optional(Part::Input, &["input", "context"]),
            needed(Part::Answer, &["output", "response", "completion", "answer"]),
            ALIASES,
            ID,
            GROUP,
            META,
            DELIMITER,
        ],
    ),
    layout("question and answer", &[QUESTION, PASSAGE, ANSWER, ALIASES, ID, GROUP, SUBJECT, RELATION, META, DELIMITER]),
];

/// The plainest layout, with which a record without any known field is compared.
pub(super) fn plain() -> &'static Layout {
    &LAYOUTS[LAYOUTS.len() - 1]
}

/// The names that any layout has for a part.
pub(super) fn all_names(part: Part) -> impl Iterator<Item = &'static str> {
    LAYOUTS.iter().flat_map(move |layout| layout.names_of(part).iter().copied())
}

/// Returns true if any layout has a field whose folded name this is.
pub(super) fn is_known(folded_name: &str) -> bool {
    let names = LAYOUTS.iter().flat_map(|layout| layout.fields).flat_map(|field| field.names);
    names.into_iter().any(|name| folded(name) == folded_name)
}

/// A name without what writers of files do differently: capitals, blanks, `_`, `-` and other marks.
pub(super) fn folded(name: &str) -> String {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // A name of nothing but marks stays as it is, so that it is not taken for another one.
    if plain.is_empty() { name.to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_layout_are_different() {
        for layout in LAYOUTS {
            let names: Vec<&str> = layout.fields.iter().flat_map(|field| field.names.iter().copied()).collect();
            for (i, name) in names.iter().enumerate() {
                let folded_name = folded(name);
                assert!(names[..i].iter().all(|other| folded(other) != folded_name), "{}: {name}", layout.name);
            }
            assert!(layout.fields.iter().any(|field| field.is_needed), "{}", layout.name);
        }
        assert_eq!(plain().name, "question and answer");
    }
}
