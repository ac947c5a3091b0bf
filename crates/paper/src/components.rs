//! Figure 5: what the components say that the best edit removes.

use laser::page::Section;
use laser::statistics::Split;
use laser::{ExplainOptions, Result};
use serde_json::json;

use crate::outcome::Outcome;
use crate::workshop::{Way, Workshop};

pub(crate) fn run(workshop: &Workshop<'_>) -> Result<Outcome> {
    let (set, path) = workshop.main_data_set()?;
    // The edit that the honest search chose is explained on items that did not choose it; clean and paper prompts of the
    // first token are alike.
    let tasks = workshop.tasks(set, &path, Way::Honest)?;
    let Some(edit) = workshop.edit(set, &tasks, Way::Honest)? else {
        return Ok(Outcome::without_edit());
    };
    let explained =
        workshop.session.explain(&tasks, &ExplainOptions { edit, split: Split::Test, ..ExplainOptions::default() })?;
    let page = explained.explanation.page(&explained.questions);
    let sections = page
        .sections
        .into_iter()
        .map(|section| Section { title: format!("{} ({})", section.title, set.name), ..section });
    Ok(Outcome {
        verdict: page.verdict,
        tiles: page.tiles,
        sections: sections.collect(),
        numbers: json!({ "explanation": explained.explanation }),
    })
}
