//! Lengths of answers against the length of generated texts, and blanks at the ends of questions: takes a task with its score,
//! gives the score a length that suits the answers, and notes what can never be right.

use laser_model::ModelKind;
use laser_model::tokenizer::Tokenizer;
use laser_task::{Item, Match, Score, Task};

use crate::error::Result;

/// Longest generated text that is chosen for the answers of a file, in tokens: longer ones are asked for by the user.
const LONGEST: usize = 64;

/// Chooses the length of generated texts by the longest answer, where `is_free` and the task is a user's file (`is_own`), and
/// adds notes to the task: about the length, about answers that are longer, and about blanks that the score counts with the
/// answers.
///
/// # Errors
/// An answer that cannot be encoded.
pub(super) fn fit_answers(
    task: &mut Task,
    score: &mut Score,
    kind: ModelKind,
    tokenizer: &Tokenizer,
    is_own: bool,
    is_free: bool,
) -> Result<()> {
    match score.of(kind) {
        Score::Generate { max_tokens, matching } => {
            let lengths = lengths(task, tokenizer)?;
            let longest = lengths.iter().map(|length| length.gold).max().unwrap_or(0).min(LONGEST);
            let max_tokens = if is_own && is_free { max_tokens.max(longest) } else { max_tokens };
            if let Some(longer) = score.with_max_tokens(max_tokens).filter(|longer| longer != score) {
                *score = longer;
                task.notes.push(format!(
                    "{}: the longest answer has {longest} tokens or more, so that texts of up to {max_tokens} are generated (the \
                     setting `max-tokens`)",
                    task.name
                ));
            }
            note_longer(task, &lengths, max_tokens, matching);
        }
        Score::Fill { masks, matching } => {
            let lengths = lengths(task, tokenizer)?;
            note_longer(task, &lengths, masks, matching);
        }
        Score::Top1 | Score::Greedy | Score::Choice { .. } if kind == ModelKind::Causal && is_own => {
            note_blanks(task, *score);
        }
        _ => {}
    }
    Ok(())
}

/// Lengths of an item's answers, in tokens.
struct AnswerLengths {
    gold: usize,
    shortest: usize,
}

fn lengths(task: &Task, tokenizer: &Tokenizer) -> Result<Vec<AnswerLengths>> {
    let length = |item: &Item, answer: &String| -> Result<usize> {
        Ok(tokenizer.encode(&format!("{}{answer}", task.delimiter(item)), false)?.len())
    };
    let of_item = |item: &Item| {
        let all = item.answers.iter().map(|answer| length(item, answer)).collect::<Result<Vec<usize>>>()?;
        Ok(AnswerLengths { gold: all[0], shortest: all.iter().copied().min().unwrap_or(all[0]) })
    };
    task.items.iter().map(of_item).collect()
}

/// Notes how many items can never be right, because all their answers are longer than a generated text.
fn note_longer(task: &mut Task, lengths: &[AnswerLengths], max_tokens: usize, matching: Match) {
    // An answer may stand in the prompt already.
    if matching == Match::PromptContinuation {
        return;
    }
    let longer: Vec<usize> =
        lengths.iter().map(|length| length.shortest).filter(|shortest| *shortest > max_tokens).collect();
    let Some(longest) = longer.iter().max() else { return };
    let (n, of) = (longer.len(), task.items.len());
    task.notes.push(format!(
        "{}: {n} of {of} items can never be right: their answers have more than the {max_tokens} tokens of a generated text, up \
         to {longest} (the setting `max-tokens`)",
        task.name
    ));
}

/// Notes how many questions end in a blank, which is part of the answer's first token.
fn note_blanks(task: &mut Task, score: Score) {
    let ends_in_blank = |item: &&Item| item.prompt.ends_with(|c: char| c.is_whitespace() && c != '\n');
    let n = task.items.iter().filter(ends_in_blank).count();
    if n > 0 {
        let questions = if n == 1 { "question ends" } else { "questions end" };
        task.notes.push(format!(
            "{}: {n} {questions} in a blank, which the score {score} counts with the answer, because tokens begin with blanks",
            task.name
        ));
    }
}
