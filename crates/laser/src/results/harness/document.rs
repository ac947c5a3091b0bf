//! Outcomes of items → outcomes of documents. A long text is scored in several windows but is one document of the
//! harness.

use crate::evaluate::EvaluatedTask;
use crate::evaluate::outcome::{Likelihood, Outcome};
use crate::results::SampleRecord;
use laser_task::Item;

/// The outcome of one document: of one item, or of all windows of a long text.
pub(super) struct DocumentOutcome<'a> {
    /// Index of the item in the task.
    pub(super) position: usize,
    pub(super) item: &'a Item,
    /// Log-likelihoods of the choices in their order, or of the target alone.
    pub(super) candidates: Vec<Likelihood>,
    /// The generated text; empty if none was generated.
    pub(super) prediction: &'a str,
    /// Laser's own record of the document.
    pub(super) record: SampleRecord,
}

/// Joins outcomes into documents. `outcomes`: for each scored item or window of the task, in order, the index of its
/// item, its outcome and its record. Log-likelihoods and token counts of windows are added up.
pub(super) fn join_documents<'a>(
    part: &EvaluatedTask<'a>,
    outcomes: impl Iterator<Item = (usize, &'a Outcome, &'a SampleRecord)>,
) -> Vec<DocumentOutcome<'a>> {
    let mut documents = Vec::<DocumentOutcome<'a>>::new();
    for (position, outcome, record) in outcomes {
        // Windows of one text follow one another.
        match documents.last_mut().filter(|last| last.position == position) {
            None => documents.push(DocumentOutcome {
                position,
                item: &part.task.items[position],
                candidates: outcome.candidates.clone(),
                prediction: &outcome.prediction,
                record: record.clone(),
            }),
            Some(last) => last.add_window(outcome, record),
        }
    }
    documents
}

impl DocumentOutcome<'_> {
    /// Adds the next window of the text. A text is right only if all of its windows are.
    fn add_window(&mut self, outcome: &Outcome, record: &SampleRecord) {
        for (sum, window) in self.candidates.iter_mut().zip(&outcome.candidates) {
            sum.logprob += window.logprob;
            sum.greedy &= window.greedy;
        }
        self.record.logprob += record.logprob;
        self.record.answer_tokens += record.answer_tokens;
        self.record.acc = self.record.acc.min(record.acc);
    }
}
