//! `laser compare`: two evaluations of the same items, paired.

use std::process::ExitCode;

use anyhow::{Result, bail};
use laser::results::SampleRecord;
use laser::run::RunFolder;
use laser::statistics::{PairedOutcomes, bootstrap_ci95, group_ids};
use serde_json::json;

use crate::args::{Compare, Global};
use crate::output;

/// Bootstrap resamples.
const RESAMPLES: usize = 10_000;

pub(super) fn run(args: &Compare, global: &Global) -> Result<ExitCode> {
    let (a, b) = (RunFolder::new(&args.a).samples()?, RunFolder::new(&args.b).samples()?);
    check_same_items(&a, &b, args)?;
    let right = |samples: &[SampleRecord]| samples.iter().map(|s| s.acc == 1).collect::<Vec<bool>>();
    let paired = PairedOutcomes::new(&right(&a), &right(&b));
    let groups = group_ids(a.iter().map(|s| s.group.as_str()));
    let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| f64::from(b.acc) - f64::from(a.acc)).collect();
    let losses: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a.logprob - b.logprob).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let ci = bootstrap_ci95(&differences, &groups, RESAMPLES, args.seed);
    let loss_ci = bootstrap_ci95(&losses, &groups, RESAMPLES, args.seed);
    let accuracy = |samples: &[SampleRecord]| mean(&samples.iter().map(|s| f64::from(s.acc)).collect::<Vec<_>>());
    if global.json {
        output::json(&json!({"n": paired.n, "acc": [accuracy(&a), accuracy(&b)], "diff": paired.diff, "ci95": ci,
            "mcnemar_p": paired.mcnemar_p(), "fixed": paired.edit_right_only, "broken": paired.base_right_only,
            "log_loss_diff": mean(&losses), "log_loss_ci95": loss_ci, "seed": args.seed}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let interval = |ci: Option<[f64; 2]>, scale: f64, digits: usize| {
        ci.map_or_else(
            || "no interval".to_owned(),
            |[l, h]| format!("95 %: {:+.digits$} to {:+.digits$}", scale * l, scale * h),
        )
    };
    let rows = [
        ["items", &paired.n.to_string()],
        ["accuracy A", &format!("{:.2} %", 100.0 * accuracy(&a))],
        ["accuracy B", &format!("{:.2} %", 100.0 * accuracy(&b))],
        ["B − A", &format!("{:+.2} points ({})", 100.0 * paired.diff, interval(ci, 100.0, 2))],
        ["right in B only", &paired.edit_right_only.to_string()],
        ["right in A only", &paired.base_right_only.to_string()],
        ["McNemar exact p", &format!("{:.4}", paired.mcnemar_p())],
        ["log-loss B − A", &format!("{:+.4} nats ({})", mean(&losses), interval(loss_ci, 1.0, 4))],
    ];
    output::result(&output::table(&rows.map(|row| row.map(str::to_owned).to_vec())))?;
    Ok(ExitCode::SUCCESS)
}

fn check_same_items(a: &[SampleRecord], b: &[SampleRecord], args: &Compare) -> Result<()> {
    if a.len() != b.len() {
        bail!("{} has {} items, {} has {}: expected the same", args.a.display(), a.len(), args.b.display(), b.len());
    }
    for (a, b) in a.iter().zip(b) {
        if a.doc_id != b.doc_id || a.prompt != b.prompt || a.target != b.target {
            bail!(
                "item {} of {} is not item {} of {}: expected the same prompt and target",
                a.doc_id,
                args.a.display(),
                b.doc_id,
                args.b.display()
            );
        }
    }
    Ok(())
}
