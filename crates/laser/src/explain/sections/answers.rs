//! Answers in tables: examples, transitions between classes, and classes by the share that is kept (figure 5).

use crate::explain::answer_class::AnswerClass;
use crate::explain::document::{Explanation, MatrixExplanation, PartScores, QuestionRecord};
use crate::explain::part::PartKind;
use crate::page::{Section, StackData, StackedBars, Table};
use crate::results::number_format::percent;

use super::text_table;

/// Number of examples of each kind.
const SHOWN: usize = 15;
/// Longest prompt in a table, characters; of longer ones the end is shown.
const PROMPT: usize = 160;

impl MatrixExplanation {
    /// The part that the edit removes.
    pub(super) fn removed(&self) -> Option<&PartScores> {
        self.parts.iter().find(|part| part.kind == PartKind::Removed)
    }
}

/// The answers of the unedited model, the edited one, and the removed components alone.
pub(super) fn examples(explanation: &Explanation, questions: &[QuestionRecord]) -> Section {
    let table = |caption: &str, of: &dyn Fn(&&QuestionRecord) -> bool, n: usize| {
        let found: Vec<&QuestionRecord> = questions.iter().filter(of).collect();
        let shown = n.min(found.len());
        let rows: Vec<Vec<String>> = (0..shown).map(|i| row(explanation, found[i * found.len() / shown])).collect();
        let mut header = vec!["prompt", "right answer", "unedited", "edited"];
        let names: Vec<String> =
            explanation.matrices.iter().map(|matrix| format!("removed from {} alone", matrix.matrix)).collect();
        header.extend(names.iter().map(String::as_str));
        text_table(&format!("{caption} ({} of {})", shown, found.len()), &header, rows)
    };
    let tables: Vec<Table> = [
        table("Items that the edit fixes", &|q| q.is_fixed(), SHOWN),
        table("Items that it breaks", &|q| q.is_broken(), SHOWN),
        table("All items, evenly spread", &|_| true, SHOWN),
    ]
    .into_iter()
    .filter(|table| !table.rows.is_empty())
    .collect();
    Section {
        title: "What the components say".to_owned(),
        text: vec![
            "The likeliest next token, as in the paper’s figure 5c. In the last columns, the matrix has only the components that the \
             edit removes. All answers are in explain.jsonl."
                .to_owned(),
        ],
        tables,
        ..Section::default()
    }
}

fn row(explanation: &Explanation, question: &QuestionRecord) -> Vec<String> {
    let mut cells = vec![end_of(&question.prompt), shown(&question.target)];
    cells.extend([shown(&question.base.answer), shown(&question.edited.answer)]);
    for matrix in &explanation.matrices {
        let of = |part: &&crate::explain::document::PartAnswer| {
            part.kind == PartKind::Removed && part.matrix == matrix.matrix
        };
        cells.push(question.parts.iter().find(of).map_or_else(String::new, |part| shown(&part.answer.answer)));
    }
    cells
}

/// A token as a reader sees it: blanks at its ends cut, line ends named, empty texts marked.
fn shown(text: &str) -> String {
    let text = text.replace('\n', "⏎");
    match text.trim() {
        "" => "␣".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

/// The last characters of a long prompt.
fn end_of(prompt: &str) -> String {
    let n = prompt.chars().count();
    if n <= PROMPT { prompt.to_owned() } else { format!("… {}", prompt.chars().skip(n - PROMPT).collect::<String>()) }
}

/// Items by class of the answer before and after.
pub(super) fn transitions(explanation: &Explanation) -> Section {
    let rows = AnswerClass::ALL.map(|before| {
        let counts = explanation.transitions[before as usize];
        let mut cells = vec![format!("{} before", before.name())];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(counts.iter().sum::<usize>().to_string());
        cells
    });
    Section {
        title: "Which answers change into which".to_owned(),
        text: vec!["Number of items by the class of the answer before (rows) and after the edit (columns).".to_owned()],
        tables: vec![Table::new("", &["class", "gold", "same type", "generic", "other", "all"], rows.to_vec())],
        ..Section::default()
    }
}

/// Classes where only the smallest components stay.
pub(super) fn classes(matrix: &MatrixExplanation, explanation: &Explanation) -> Section {
    let bottoms = || matrix.parts.iter().filter(|part| part.kind == PartKind::Bottom);
    let named = |name: &str, shares: [f64; 4]| (name.to_owned(), shares.to_vec());
    let bars = |of: &dyn Fn(&PartScores) -> [f64; 4], whole: Option<[f64; 4]>| {
        let mut bars: Vec<(String, Vec<f64>)> =
            bottoms().map(|part| (format!("smallest {}", share(part.kept)), of(part).to_vec())).collect();
        bars.extend(whole.map(|shares| named("whole matrix", shares)));
        bars.extend(matrix.removed().map(|part| named("removed part", of(part))));
        bars.extend(
            matrix.parts.iter().find(|part| part.kind == PartKind::Edit).map(|part| named("kept part", of(part))),
        );
        bars
    };
    let drawing = |caption: String, bars: Vec<(String, Vec<f64>)>| {
        let parts = AnswerClass::ALL.map(|class| class.name().to_owned()).to_vec();
        StackedBars::new(&StackData { caption, parts, bars })
    };
    let mut drawings = vec![drawing(
        format!("All {} items", explanation.items),
        bars(&|part| part.scores.classes, Some(matrix.whole.classes)),
    )];
    for (name, n, of) in [
        ("fixes", explanation.fixed, (|part: &PartScores| part.classes_of_fixed) as fn(&PartScores) -> [f64; 4]),
        ("breaks", explanation.broken, |part: &PartScores| part.classes_of_broken),
    ] {
        if n > 0 {
            drawings.push(drawing(format!("The {n} items that the edit {name}"), bars(&of, None)));
        }
    }
    Section {
        title: format!("{}: answers by the share of the smallest components", matrix.matrix),
        text: vec![format!(
            "{} has {} components; the edit keeps the largest {}, with {} of the energy Σσ². Each bar is the matrix with these \
             components alone.",
            matrix.matrix,
            matrix.max_rank,
            matrix.rank,
            percent(matrix.energy)
        )],
        bars: drawings,
        ..Section::default()
    }
}

/// A share as a percentage without needless digits.
pub(super) fn share(share: f64) -> String {
    let text = format!("{:.4}", 100.0 * share);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
