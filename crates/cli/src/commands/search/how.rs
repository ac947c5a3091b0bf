//! From what was typed to a search's settings. An option that the strategy does not use is a mistake.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use laser::edit::parse_layer_list;
use laser::edit::reduction::Reduction;
use laser::edit::selector::MatrixSet;
use laser::model::config::ModelConfig;
use laser::search::{Budget, Plan, Protocol, Settings, Space, Stage};

use crate::args::{Search, SearchHow};
use crate::session::fractions;

/// Everything a search needs but its model and its task.
pub(super) fn settings(args: &Search, config: &ModelConfig, threads: usize) -> Result<Settings> {
    let how = &args.how;
    let defaults = Settings::new(config, threads);
    let protocol = match args.protocol.as_str() {
        "honest" => Protocol::Honest { fractions: fractions(&args.task)? },
        "paper" => Protocol::Paper,
        other => bail!("--protocol: expected honest or paper, found `{other}`"),
    };
    let plan = match &how.strategy {
        Some(text) => text.parse()?,
        None if protocol == Protocol::Paper => Plan::exhaustive(),
        None => Plan::default(),
    };
    unused(how, &plan)?;
    let error_rate = how.error_rate.unwrap_or(defaults.error_rate);
    if !(0.0..=0.5).contains(&error_rate) {
        bail!("--error-rate: expected a probability from 0 (drop nothing) to 0.5, found {error_rate}");
    }
    let positive = |name: &str, given: Option<usize>, default: usize| match given {
        Some(0) => bail!("--{name}: expected 1 or more, found 0"),
        given => Ok(given.unwrap_or(default)),
    };
    Ok(Settings {
        space: space(args, config)?,
        candidates: positive("candidates", how.candidates, defaults.candidates)?,
        screen_items: positive("screen-items", how.screen_items, defaults.screen_items)?,
        criterion: how.criterion.as_deref().map_or(Ok(defaults.criterion), str::parse)?,
        error_rate,
        greedy_order: how.greedy_order.as_deref().map_or(Ok(defaults.greedy_order), str::parse)?,
        greedy_passes: positive("greedy-passes", how.greedy_passes, defaults.greedy_passes)?,
        beam_width: positive("beam-width", how.beam_width, defaults.beam_width)?,
        budget: Budget { trials: how.max_trials, items: how.max_items },
        protocol,
        finalists: args.finalists,
        split_seed: args.task.split_seed,
        order_seed: args.seed,
        statistics_seed: args.seed,
        memory: Some(how.memory.as_deref().map_or_else(|| Ok(half_of_memory()), bytes)?),
        plan,
        ..defaults
    })
}

/// Options of stages that the plan does not have.
fn unused(how: &SearchHow, plan: &Plan) -> Result<()> {
    let screens = [Stage::Gradient, Stage::Spectral];
    let races = [Stage::Race, Stage::Greedy, Stage::Beam];
    let options: [(&str, bool, &[Stage]); 7] = [
        ("candidates", how.candidates.is_some(), &screens),
        ("screen-items", how.screen_items.is_some(), &[Stage::Gradient]),
        ("criterion", how.criterion.is_some(), &[Stage::Spectral]),
        ("error-rate", how.error_rate.is_some(), &races),
        ("greedy-order", how.greedy_order.is_some(), &[Stage::Greedy]),
        ("greedy-passes", how.greedy_passes.is_some(), &[Stage::Greedy]),
        ("beam-width", how.beam_width.is_some(), &[Stage::Beam]),
    ];
    for (name, given, stages) in options {
        if given && !stages.iter().any(|stage| plan.has(*stage)) {
            bail!("--{name}: the strategy {plan} does not use it");
        }
    }
    Ok(())
}

fn space(args: &Search, config: &ModelConfig) -> Result<Space> {
    if let Some(layer) = args.matrices.split(',').find(|text| text.trim().starts_with(['L', 'l'])) {
        bail!("--matrices: expected names without layers (use --layers), found `{}`", layer.trim());
    }
    let set = |text: &str| MatrixSet::parse(text.trim(), config).map_err(|problem| anyhow!("--matrices: {problem}"));
    let matrices = args.matrices.split(',').map(set).collect::<Result<_>>()?;
    let rhos = args.rho.clone().unwrap_or_else(|| Space::RHOS.join(","));
    let mut reductions = Reduction::parse_list(&rhos).context("--rho")?;
    let mut seen = std::collections::BTreeSet::new();
    reductions.retain(|reduction| seen.insert(*reduction));
    Ok(Space { layers: parse_layer_list(&args.layers, config)?, matrices, reductions })
}

/// `90s`, `20m`, `2h`, or seconds.
pub(super) fn duration(text: &str) -> Result<Duration> {
    let (number, unit) = split_unit(text);
    let seconds = match unit {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let seconds = number.parse::<f64>().unwrap_or(f64::NAN) * seconds;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| anyhow::anyhow!("--max-time: expected a time such as 90s, 20m or 2h, found `{text}`"))
}

/// `512M`, `8G`, or bytes.
fn bytes(text: &str) -> Result<usize> {
    let (number, unit) = split_unit(text);
    let power = match unit {
        "" | "B" => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        "T" => Some(40),
        _ => None,
    };
    let size = power.zip(number.parse::<usize>().ok()).and_then(|(p, n)| n.checked_mul(1 << p)).filter(|n| *n > 0);
    size.with_context(|| format!("--memory: expected a size such as 512M or 8G, found `{text}`"))
}

fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()))
}

fn half_of_memory() -> usize {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    usize::try_from(system.total_memory() / 2).unwrap_or(usize::MAX).max(1 << 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        for (text, seconds) in [("90s", 90.0), ("2.5m", 150.0), ("2h", 7200.0), ("7", 7.0)] {
            assert_eq!(duration(text).expect(text).as_secs_f64(), seconds);
        }
        for (text, size) in [("512M", 512 << 20), ("8G", 8 << 30), ("4096", 4096)] {
            assert_eq!(bytes(text).expect(text), size);
        }
        assert!(["", "s", "-1s", "3d", "1e400s"].iter().all(|text| duration(text).is_err()));
        assert!(["", "G", "-1G", "1.5G", "0", "3Q", "99999999999T"].iter().all(|text| bytes(text).is_err()));
    }
}
