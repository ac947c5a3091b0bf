//! Searches for the best edit of a model on a file of questions, writes the run and the edited model.
//!
//! `cargo run --example search -- [MODEL [QUESTIONS]]`; without arguments, a tiny model and made-up questions.
#![allow(clippy::print_stdout)] // an example prints

use laser::{SearchOptions, Session};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/tiny/llama-bytes");
const QUESTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/questions.jsonl");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().unwrap_or_else(|| MODEL.to_owned());
    let questions = arguments.next().unwrap_or_else(|| QUESTIONS.to_owned());
    let out = tempfile::tempdir()?;

    let session = Session::open(&model)?;
    let task = session.task(&questions)?;
    let found = session.search(&task, &SearchOptions::default())?;
    println!("{}", found.verdict());
    found.write_run(out.path().join("run"))?;
    // Where no edit is better than the unedited model, there is nothing to apply.
    if !found.edit().is_empty() {
        found.apply(&session)?.write(out.path().join("better"))?;
        println!("winner: {}", found.edit());
    }
    for entry in std::fs::read_dir(out.path().join("run"))? {
        println!("wrote run/{}", entry?.file_name().to_string_lossy());
    }
    Ok(())
}
