//! The summary that `laser quickstart` prints.

use std::time::Duration;

use laser::statistics::Split;
use laser::{CompletedSearch, ScoredTasks, Session};

/// A line for each figure of a search: model, task, winner, both splits, and the verdict.
pub(crate) fn quickstart(found: &CompletedSearch, session: &Session, tasks: &ScoredTasks, time: Duration) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let results = &found.results;
    let (base, best) = (&results.base, &results.best.splits);
    let test = &results.test;
    let rank = results.best.rank.map_or_else(String::new, |rank| format!(" (rank {rank})"));
    let interval =
        test.ci95.map_or_else(String::new, |[l, h]| format!(", 95 %: {:+.1} to {:+.1}", 100.0 * l, 100.0 * h));
    let splits: Vec<String> = base.iter().map(|(split, summary)| format!("{} {split}", summary.n)).collect();
    let items: usize = tasks.iter().map(|(task, _)| task.items.len()).sum();
    [
        format!("model     {}", session.name()),
        format!("task      {}, {items} items ({})", tasks.names().join(", "), splits.join(", ")),
        format!(
            "searched  {} edits, {:.0} s in all, {} threads",
            results.search.trials,
            time.as_secs_f64(),
            session.threads()
        ),
        format!("best      {}{rank}", results.best.edit),
        format!("search    {} -> {}", percent(base[&Split::Search].acc), percent(best[&Split::Search].acc)),
        format!(
            "test      {} -> {} ({:+.1} points{interval})",
            percent(base[&Split::Test].acc),
            percent(best[&Split::Test].acc),
            100.0 * test.diff
        ),
        format!(
            "log-loss  {:.3} -> {:.3} nats; McNemar p {:.4}, family-wise p {:.4}",
            base[&Split::Test].log_loss,
            best[&Split::Test].log_loss,
            test.mcnemar_p,
            test.familywise_p
        ),
        found.verdict().to_owned(),
    ]
    .join("\n")
}
