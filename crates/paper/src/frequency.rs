//! Figure 3: the gain of an edit against how often a corpus mentions each fact.

use laser::frequency::{FrequencyCounts, RelateSettings, Related, relate};
use laser::statistics::Split;
use laser::{Edit, Error, EvaluateOptions, Result, Score};
use serde_json::json;

use crate::outcome::Outcome;
use crate::workshop::{Way, Workshop};

pub(crate) fn run(workshop: &Workshop<'_>) -> Result<Outcome> {
    let path = workshop.options.frequency.as_ref().ok_or_else(|| {
        let problem = "expected the file of counts that `laser corpus count` writes for the task, found none";
        Error::setting("frequency", problem)
    })?;
    let counts = FrequencyCounts::read(path)?;
    let (set, data) = workshop.main_data_set()?;
    let Some(edit) = workshop.edit(set, &workshop.tasks(set, &data, Way::Honest)?, Way::Honest)? else {
        return Ok(Outcome::without_edit());
    };
    // The answer's first token counts, as in the paper, so that its place among ten is known.
    let tasks = workshop.scored_tasks(set.task, Some(data.display().to_string()), Way::Honest, Some(Score::TOP1))?;
    let evaluate = |edit: Edit| {
        let options = EvaluateOptions { edit, split: Split::Test, no_side_effects: true, ..EvaluateOptions::default() };
        workshop.session.evaluate(&tasks, &options)
    };
    let (base, edited) = (evaluate(Edit::default())?.samples, evaluate(edit.clone())?.samples);
    let sources = [("edit", edit.to_string()), ("counts", path.display().to_string())];
    let related = Related {
        base: &base,
        edited: &edited,
        counts: &counts,
        sources: sources.map(|(name, value)| (name.to_owned(), value)).into(),
    };
    // The counts are of all items, of which the test split is a part.
    let relation = relate(related, &RelateSettings { ignore_unknown: true, ..RelateSettings::default() })?;
    let page = relation.page();
    Ok(Outcome { verdict: page.verdict, tiles: page.tiles, sections: page.sections, numbers: json!(relation) })
}
