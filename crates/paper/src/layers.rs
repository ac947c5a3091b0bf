//! Figures 2 and 10: what every layer and matrix loses and gains when a percentage is removed, by truncation or by pruning.

use laser::Result;
use laser::page::Section;
use laser::sweep::{Kind, PAPER_PERCENTAGES};
use serde_json::json;

use crate::outcome::Outcome;
use crate::workshop::{Way, Workshop};

/// Figure 2: truncation of every matrix.
pub(crate) fn truncation(workshop: &Workshop<'_>) -> Result<Outcome> {
    run(workshop, "fig2", &[], &[Kind::Leading])
}

/// Figure 10: the same percentages of the MLP's matrices by magnitude pruning.
pub(crate) fn pruning(workshop: &Workshop<'_>) -> Result<Outcome> {
    run(workshop, "fig10", &["fc_in", "fc_out"], &[Kind::Leading, Kind::Magnitude, Kind::Sparse])
}

fn run(workshop: &Workshop<'_>, name: &str, matrices: &[&str], kinds: &[Kind]) -> Result<Outcome> {
    let (set, path) = workshop.main_data_set()?;
    let (mut sections, mut numbers, mut verdicts) = (Vec::new(), serde_json::Map::new(), Vec::new());
    for way in Way::BOTH {
        let tasks = workshop.tasks(set, &path, way)?;
        let folder = format!("{name}-{}", way.name());
        let layers = &workshop.options.layers;
        let sweep = workshop.sweep(&folder, &tasks, layers, matrices, &PAPER_PERCENTAGES, kinds)?;
        let page = sweep.page();
        verdicts.push(format!("{} prompts: {}", way.name(), page.verdict));
        sections.extend(page.sections.into_iter().map(|section| Section {
            title: format!("{} ({}, {} prompts)", section.title, set.name, way.name()),
            ..section
        }));
        numbers.insert(way.name().to_owned(), json!(sweep));
    }
    Ok(Outcome { verdict: verdicts.join(" "), tiles: Vec::new(), sections, numbers: numbers.into() })
}
