//! The summary that `laser quickstart` prints.

use std::path::Path;
use std::time::Duration;

use laser::results::{SampleRecord, price_lines};
use laser::statistics::Split;
use laser::{CompletedSearch, ScoredTasks, Session};

/// Number of answers shown that the edit turned right.
const SHOWN: usize = 3;

/// A line for each figure of a search: model, task, winner, both splits, and the verdict.
pub(crate) fn quickstart(found: &CompletedSearch, session: &Session, tasks: &ScoredTasks, time: Duration) -> String {
    let percent = |share: Option<f64>| share.map_or_else(String::new, |share| format!("{:.1} %", 100.0 * share));
    let results = &found.results;
    let (base, best) = (&results.base, &results.best.splits);
    let test = &results.test;
    let rank = results.best.rank.map_or_else(String::new, |rank| format!(" (rank {rank})"));
    let interval =
        test.ci95.map_or_else(String::new, |[l, h]| format!(", 95 %: {:+.1} to {:+.1}", 100.0 * l, 100.0 * h));
    let splits: Vec<String> = base.iter().map(|(split, summary)| format!("{} {split}", summary.n)).collect();
    let items: usize = tasks.iter().map(|(task, _)| task.items.len()).sum();
    let mut lines = vec![
        format!("model     {}", session.name()),
        format!("task      {}, {items} items ({})", tasks.names().join(", "), splits.join(", ")),
        format!(
            "searched  {} edits, {:.0} s in all, {} threads",
            results.search.trials,
            time.as_secs_f64(),
            session.threads()
        ),
    ];
    if !results.proposes_edit() {
        lines.push(found.verdict().to_owned());
        return lines.join("\n");
    }
    lines.extend([
        format!("best      {}{rank}", results.best.edit),
        format!("search    {} -> {}", percent(base[&Split::Search].acc()), percent(best[&Split::Search].acc())),
        format!(
            "test      {} -> {} ({:+.1} points{interval})",
            percent(base[&Split::Test].acc()),
            percent(best[&Split::Test].acc()),
            100.0 * test.diff
        ),
        format!("log-loss  {:.3} -> {:.3} nats", base[&Split::Test].log_loss, best[&Split::Test].log_loss),
        format!("proof     McNemar p {:.4}, family-wise p {:.4}", test.mcnemar_p, test.familywise_p),
    ]);
    let prices = results.price.iter().flat_map(price_lines).enumerate();
    lines.extend(prices.map(|(i, line)| format!("{:10}{line}", if i == 0 { "price" } else { "" })));
    lines.push(found.verdict().to_owned());
    lines.extend(flips(found));
    lines.join("\n")
}

/// The first answers of the test split that the edit turned right.
fn flips(found: &CompletedSearch) -> Vec<String> {
    let said = |sample: &SampleRecord| {
        let text = sample.continuation.as_deref().unwrap_or(&sample.prediction);
        text.trim().lines().next().unwrap_or_default().to_owned()
    };
    let pairs = found.base_samples.iter().zip(&found.samples);
    let fixed = pairs.filter(|(base, best)| base.split == Split::Test && !base.is_right() && best.is_right());
    let line = |(base, best): (&SampleRecord, &SampleRecord)| {
        format!("  {}\n      before: {}\n      after:  {}", base.prompt, said(base), said(best))
    };
    let lines: Vec<String> = fixed.take(SHOWN).map(line).collect();
    if lines.is_empty() { lines } else { [vec!["answers it turned right:".to_owned()], lines].concat() }
}

/// Commands to go on with. `model`: the edited model, if one was written.
pub(crate) fn next_commands(run: &Path, model: Option<&Path>) -> String {
    let mut lines = vec!["next".to_owned()];
    if let Some(model) = model {
        lines.push(format!("  laser eval {} --task world-facts-shown --limit 500", model.display()));
    }
    lines.push("  laser search MODEL --task questions.jsonl --max-damage 0.1 --out run".to_owned());
    lines.push(format!("  open {}", run.join("report.html").display()));
    lines.join("\n")
}
