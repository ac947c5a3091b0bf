//! Evaluates a model on a file of questions, without and with an edit.
//!
//! `cargo run --example evaluate -- [MODEL [QUESTIONS]]`; without arguments, a tiny model and made-up questions.
#![allow(clippy::print_stdout)] // an example prints

use laser::statistics::Split;
use laser::{EvaluateOptions, Session};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/tiny/llama-bytes");
const QUESTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/questions.jsonl");

fn main() -> laser::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let session = Session::open(&arguments.next().unwrap_or_else(|| MODEL.to_owned()))?;
    let tasks = session.task(&arguments.next().unwrap_or_else(|| QUESTIONS.to_owned()))?;

    for edit in ["", "L0.fc_in@0.5"] {
        let edit = if edit.is_empty() { laser::Edit::default() } else { session.edit(edit)?.edit };
        let name = if edit.is_empty() { "no edit".to_owned() } else { edit.to_string() };
        let evaluation = session.evaluate(&tasks, &EvaluateOptions { edit, ..EvaluateOptions::default() })?;
        let summary = &evaluation.results.scores[&Split::All];
        let acc = summary.acc().expect("the task has answers");
        println!("{name}: accuracy {:.1} %, log-loss {:.3} nats", 100.0 * acc, summary.log_loss);
    }
    Ok(())
}
