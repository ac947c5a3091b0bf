//! Dry run: a search's edits, and an estimate of its time and memory, without a trial.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::HumanBytes;
use laser::{ScoredTasks, SearchOptions, Session};
use serde_json::json;

use crate::args::{Global, Search};
use crate::output;
use crate::progress::{Progress, in_words};

/// Prints the preview of a search. The speed is measured on a sample of the items.
pub(super) fn run(
    session: &Session,
    tasks: &ScoredTasks,
    options: &SearchOptions,
    args: &Search,
    global: &Global,
    progress: &Arc<Progress>,
) -> Result<ExitCode> {
    let preview = session.preview(tasks, options)?;
    // The first pass warms caches up.
    preview.score_sample()?;
    let begun = Instant::now();
    let sampled = preview.score_sample()?;
    let seconds_a_pass = begun.elapsed().as_secs_f64() / sampled.max(1) as f64;
    progress.clear();
    let time = |work: f64| Duration::try_from_secs_f64(work * seconds_a_pass).unwrap_or(Duration::MAX);
    let (sizes, settings) = (preview.sizes, &preview.settings);
    if global.json {
        let steps: Vec<_> = preview
            .steps
            .iter()
            .map(|step| json!({"step": step.label, "seconds": time(step.work).as_secs_f64()}))
            .collect();
        output::json(&json!({
            "model": session.name(), "strategy": settings.plan.to_string(), "edits": sizes.edits,
            "items": {"search": sizes.search, "validation": sizes.validation, "test": preview.test_items},
            "steps": steps, "seconds": time(preview.work()).as_secs_f64(),
            "weight_bytes": preview.weight_bytes, "file_bytes": preview.file_bytes, "state_bytes": settings.memory,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (layers, matrices) = (settings.space.layers.len(), settings.space.matrices.len());
    let mut rows = vec![
        ("model", session.name().to_owned()),
        ("items", format!("{} search, {} validation, {} test", sizes.search, sizes.validation, preview.test_items)),
        (
            "edits",
            format!(
                "{}: {layers} layers × {matrices} matrices × {} reductions",
                sizes.edits,
                settings.space.reductions.len()
            ),
        ),
        ("strategy", settings.plan.to_string()),
    ];
    for step in &preview.steps {
        rows.push(("", format!("{:14} about {}", step.label, in_words(time(step.work)))));
    }
    rows.push((
        "time",
        format!("about {}, decompositions that are not cached yet aside", in_words(time(preview.work()))),
    ));
    let states =
        settings.memory.map_or_else(|| "no bound".to_owned(), |bytes| format!("at most {}", HumanBytes(bytes as u64)));
    rows.push(("memory", format!("{} of weights; hidden states: {states}", HumanBytes(preview.weight_bytes))));
    if preview.file_bytes > 0 {
        let files =
            format!("{} of weights at each pass, because they do not fit the memory", HumanBytes(preview.file_bytes));
        rows.push(("reads", files));
    }
    rows.push(("would write", args.out.display().to_string()));
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    output::result(&output::table(&rows))?;
    output::say(global, "a dry run: nothing was tried");
    Ok(ExitCode::SUCCESS)
}
