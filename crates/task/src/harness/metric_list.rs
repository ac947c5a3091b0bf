//! Reads `metric_list` of a task file.

use serde_json::json;

use super::keys::KeyReader;
use super::metric::{METRICS, Metric, MetricKind, MetricRow};
use super::output_type::OutputType;
use crate::error::Result;

/// Reads `metric_list`; without it, the metrics are the harness's defaults.
///
/// # Errors
/// An empty list, a metric that is unknown, does not fit the output type or is listed twice, or an unsupported option.
pub(super) fn read(keys: &mut KeyReader<'_>, output_type: OutputType) -> Result<Vec<Metric>> {
    let Some(list) = keys.list("metric_list")? else { return Ok(Metric::defaults(output_type)) };
    if list.is_empty() {
        return Err(keys.error("metric_list", "expected at least one metric, found none"));
    }
    let mut metrics = Vec::<Metric>::new();
    for mut entry in list {
        let row = named(&mut entry, output_type)?;
        let metric = options(&mut entry, row, output_type)?;
        if metrics.iter().any(|other| other.name() == metric.name()) {
            return Err(entry.error("metric", format!("expected different metrics, found `{}` twice", metric.name())));
        }
        entry.finish()?;
        metrics.push(metric);
    }
    Ok(metrics)
}

/// The metric with the name of an entry, if it can measure the output type.
fn named(entry: &mut KeyReader<'_>, output_type: OutputType) -> Result<&'static MetricRow> {
    let name = entry.text("metric")?.unwrap_or_default();
    let fitting: Vec<&MetricRow> = METRICS.iter().filter(|row| row.output_types.contains(&output_type)).collect();
    fitting.iter().find(|row| row.name == name).copied().ok_or_else(|| {
        let known: Vec<&str> = fitting.iter().map(|row| row.name).collect();
        let problem = format!("expected one of {} for `{}`, found `{name}`", known.join(", "), output_type.name());
        entry.error("metric", problem)
    })
}

/// The metric of an entry with its options.
fn options(entry: &mut KeyReader<'_>, row: &MetricRow, output_type: OutputType) -> Result<Metric> {
    entry.accept_only("aggregation", &[json!(row.aggregation)])?;
    let higher_is_better = entry.flag("higher_is_better")?.unwrap_or(row.higher_is_better);
    let mut kind = row.kind;
    // Only generated texts are compared as texts; choices are compared by greedy decoding.
    if kind == MetricKind::EXACT_MATCH && output_type == OutputType::GenerateUntil {
        kind = MetricKind::ExactMatch {
            ignore_case: entry.flag("ignore_case")?.unwrap_or(false),
            ignore_punctuation: entry.flag("ignore_punctuation")?.unwrap_or(false),
        };
    }
    Ok(Metric { kind, higher_is_better })
}
