//! `laser compare`: two evaluations or searches on the same items, paired.

mod pairs;
mod side;

use std::process::ExitCode;

use anyhow::{Result, bail};
use laser::results::Change;
use laser::results::number_format::interval;
use laser::statistics::{PairedOutcomes, Split, group_ids};
use serde_json::json;

use self::pairs::{Pairs, paired};
use self::side::Side;
use crate::args::{Compare, Global};
use crate::output;

/// Bootstrap resamples.
const RESAMPLES: usize = 10_000;

pub(super) fn run(args: &Compare, global: &Global) -> Result<ExitCode> {
    let (a, b) = match &args.b {
        Some(b) => (Side::read(&args.a)?, Side::read(b)?),
        None => (Side::unedited(&args.a)?, Side::read(&args.a)?),
    };
    // A search has chosen its winner by the other items, which would flatter it.
    let chosen = a.is_winner || b.is_winner;
    let split = match args.split.map(Split::from) {
        None if chosen => Split::Test,
        None => Split::All,
        Some(split) => split,
    };
    let pairs = paired(&a, &b, split)?;
    let groups = group_ids(pairs.all().map(|(a, _)| a.group.as_str()));
    let losses = |of: fn(&pairs::Pair<'_>) -> f64| pairs.all().map(|pair| of(&pair)).collect::<Vec<f64>>();
    let (loss_a, loss_b) = (losses(|(a, _)| -a.logprob), losses(|(_, b)| -b.logprob));
    let Some(loss) = Change::measure(&loss_a, &loss_b, &groups, RESAMPLES, args.seed) else {
        bail!("{} and {} have no item in split {split}", args.a.display(), b.folder.display());
    };
    let answers = Answers::measure(&pairs, args.seed);
    if global.json {
        let mut data = json!({
            "a": a.label, "b": b.label, "tasks": pairs.tasks(), "split": split.to_string(), "splits": pairs.splits(),
            "n": pairs.len(), "log_loss_diff": loss.diff, "log_loss_ci95": loss.ci95, "seed": args.seed,
        });
        if let Some(answers) = &answers {
            data.as_object_mut().expect("an object").extend(answers.json());
        }
        output::json(&data)?;
        return Ok(ExitCode::SUCCESS);
    }
    let splits: Vec<String> = pairs.splits().iter().map(|(split, n)| format!("{n} {split}")).collect();
    let mut rows = vec![
        ("A", format!("{}  ({})", a.label, args.a.display())),
        ("B", format!("{}  ({})", b.label, b.folder.display())),
        ("tasks", pairs.tasks().join(", ")),
        ("items", format!("{} ({})", pairs.len(), splits.join(", "))),
    ];
    rows.extend(answers.as_ref().map(Answers::rows).unwrap_or_default());
    rows.push(("log-loss B − A", format!("{:+.4} nats an item ({})", loss.diff, shown(loss.ci95, 1.0, 4))));
    if chosen && split != Split::Test {
        rows.push(("note", "a search chose its edit by items that are compared here: this proves nothing".to_owned()));
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    output::result(&output::table(&rows))?;
    if args.flips > 0 && answers.is_some() {
        output::result(&pairs.flips(args.flips))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An interval in words, its bounds times `scale`.
fn shown(ci95: Option<[f64; 2]>, scale: f64, digits: usize) -> String {
    match ci95 {
        Some(_) => format!("95 %: {}", interval(ci95, |bound| format!("{:+.digits$}", scale * bound))),
        None => "no interval".to_owned(),
    }
}

/// Comparison of right and wrong answers.
struct Answers {
    /// Accuracies of A and B.
    acc: [f64; 2],
    change: Change,
    outcomes: PairedOutcomes,
}

impl Answers {
    /// Compares the items that have answers; `None` if there are none, as for perplexity.
    fn measure(pairs: &Pairs<'_>, seed: u64) -> Option<Self> {
        let right =
            |side: usize| -> Vec<bool> { pairs.answered().map(|pair| [pair.0, pair.1][side].is_right()).collect() };
        let (a, b) = (right(0), right(1));
        let groups = group_ids(pairs.answered().map(|(a, _)| a.group.as_str()));
        let number = |right: &[bool]| right.iter().map(|right| f64::from(u8::from(*right))).collect::<Vec<f64>>();
        let change = Change::measure(&number(&a), &number(&b), &groups, RESAMPLES, seed)?;
        let share = |right: &[bool]| right.iter().filter(|right| **right).count() as f64 / right.len() as f64;
        Some(Self { acc: [share(&a), share(&b)], change, outcomes: PairedOutcomes::new(&a, &b) })
    }

    fn json(&self) -> serde_json::Map<String, serde_json::Value> {
        let data = json!({
            "answered": self.outcomes.n, "acc": self.acc, "diff": self.outcomes.diff, "ci95": self.change.ci95,
            "mcnemar_p": self.outcomes.mcnemar_p(), "fixed": self.outcomes.edit_right_only,
            "broken": self.outcomes.base_right_only,
        });
        data.as_object().expect("an object").clone()
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { acc, change, outcomes } = self;
        vec![
            ("accuracy A", format!("{:.2} %", 100.0 * acc[0])),
            ("accuracy B", format!("{:.2} %", 100.0 * acc[1])),
            ("B − A", format!("{:+.2} points ({})", 100.0 * change.diff, shown(change.ci95, 100.0, 2))),
            ("right in B only", outcomes.edit_right_only.to_string()),
            ("right in A only", outcomes.base_right_only.to_string()),
            ("McNemar exact p", format!("{:.4}", outcomes.mcnemar_p())),
        ]
    }
}
