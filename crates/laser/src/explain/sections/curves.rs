//! Curves of one matrix against the share that is kept or removed (figures 5b, 8 and 10).

use std::collections::BTreeSet;

use crate::explain::document::{CosinePoint, MatrixExplanation, Mean, PartScores};
use crate::explain::part::PartKind;
use crate::page::{LinePlot, PlotData, Section, Series, Table};
use crate::results::number_format::percent;

use super::answers::share;

/// Most shares in the table of nestedness.
const SHOWN_SHARES: usize = 9;

/// Cosine of right answer and answer (figure 5b).
pub(super) fn cosines(matrix: &MatrixExplanation) -> Section {
    let plot = |caption: &str, points: &[CosinePoint]| {
        let series = |name: &str, of: &dyn Fn(&CosinePoint) -> Option<Mean>| {
            let means: Vec<Option<Mean>> = points.iter().map(of).collect();
            Series::new(name, means.iter().map(|mean| mean.map(|mean| mean.mean)).collect())
                .with_band(means.iter().map(|mean| mean.and_then(|mean| mean.ci95)).collect())
        };
        LinePlot::new(&PlotData {
            caption: caption.to_owned(),
            x_title: "smallest components kept".to_owned(),
            x_labels: points.iter().map(|point| share(point.kept)).collect(),
            y_unit: String::new(),
            series: vec![
                series("right answer", &|point| point.to_gold),
                series("another of the relation", &|point| point.to_same_type),
                series("most frequent generic answer", &|point| point.to_generic),
                series("right answer, all items", &|point| point.to_gold_of_all),
            ],
        })
    };
    let mut plots = vec![plot("Rows of the output head", &matrix.cosines)];
    let tied = matrix.embedding_cosines.is_empty();
    if !tied {
        plots.push(plot("Rows of the token embedding", &matrix.embedding_cosines));
    }
    let embedding = if tied { " The token embedding is the same matrix." } else { "" };
    Section {
        title: format!("{}: how near the answer is to the right one", matrix.matrix),
        text: vec![format!(
            "Mean cosine of the likeliest token and the right answer’s first token over the items that the edit fixes, with a 95 % \
             interval, as in the paper’s figure 5b; rows are centred over the vocabulary. Two controls: another right answer of the \
             relation, drawn once for each item, and the most frequent generic answer.{embedding}"
        )],
        plots,
        ..Section::default()
    }
}

/// Accuracy and log-loss against the share removed, of all kinds of parts (figures 8 and 10).
pub(super) fn removal(matrix: &MatrixExplanation) -> Section {
    let kinds = [PartKind::Top, PartKind::Random, PartKind::Magnitude, PartKind::Sparse];
    let removed = shares_removed(matrix);
    let plot = |caption: &str, of: &dyn Fn(&PartScores) -> f64, whole: f64| {
        let mut series: Vec<Series> = kinds
            .iter()
            .map(|kind| {
                let at = |removed: &f64| part_at(matrix, *kind, *removed).map(of);
                let mut values: Vec<Option<f64>> = removed.iter().map(at).collect();
                values.push(None);
                Series::new(kind.name(), values)
            })
            .collect();
        let zero = matrix.parts.iter().find(|part| part.kind == PartKind::Zero).map(of);
        let mut dot = vec![None; removed.len()];
        dot.push(zero);
        series.push(Series::new("nothing kept", dot));
        series.push(Series::new("whole matrix", vec![Some(whole); removed.len() + 1]));
        let mut labels: Vec<String> = removed.iter().map(|removed| trimmed(100.0 * removed)).collect();
        labels.push("all".to_owned());
        LinePlot::new(&PlotData {
            caption: caption.to_owned(),
            x_title: "removed, %".to_owned(),
            x_labels: labels,
            y_unit: String::new(),
            series,
        })
    };
    Section {
        title: format!("{}: how much can be removed, and by what", matrix.matrix),
        text: vec![
            "As in the paper’s figures 8 and 10. Random components are as many as the largest ones; of the largest entries, one line \
             keeps as many parameters as the truncation, the other the same share of the entries."
                .to_owned(),
        ],
        plots: vec![
            plot("Right, %", &|part| 100.0 * part.scores.acc, 100.0 * matrix.whole.acc),
            plot("Among the ten likeliest, %", &|part| 100.0 * part.scores.acc10, 100.0 * matrix.whole.acc10),
            plot("Log-loss, nats an item", &|part| part.scores.log_loss, matrix.whole.log_loss),
        ],
        ..Section::default()
    }
}

/// The edit against everything of the same size.
pub(super) fn at_equal_size(matrix: &MatrixExplanation) -> Section {
    let edit = matrix.parts.iter().find(|part| part.kind == PartKind::Edit);
    let own = edit.map_or(0.0, |edit| edit.kept);
    let of_kind = |kind: PartKind| matrix.parts.iter().filter(move |part| part.kind == kind);
    let same_size = |kind: PartKind| of_kind(kind).filter(move |part| (part.kept - own).abs() < 1e-9);
    let row = |name: &str, parts: Vec<&PartScores>| {
        let accuracies: Vec<f64> = parts.iter().map(|part| part.scores.acc).collect();
        let losses: Vec<f64> = parts.iter().map(|part| part.scores.log_loss).collect();
        (!parts.is_empty()).then(|| {
            vec![
                name.to_owned(),
                parts.len().to_string(),
                spread(&accuracies, percent),
                spread(&losses, |x| format!("{x:.4}")),
            ]
        })
    };
    let whole = vec![
        "whole matrix".to_owned(),
        "1".to_owned(),
        percent(matrix.whole.acc),
        format!("{:.4}", matrix.whole.log_loss),
    ];
    let mut rows = vec![whole];
    rows.extend(
        [
            row("kept by the edit", of_kind(PartKind::Edit).collect()),
            row("random components, as many", same_size(PartKind::Random).collect()),
            row("random components, as much energy", of_kind(PartKind::RandomEnergy).collect()),
            row("largest entries, as many parameters", same_size(PartKind::Magnitude).collect()),
            row("largest entries, the same share", same_size(PartKind::Sparse).collect()),
            row("removed by the edit", of_kind(PartKind::Removed).collect()),
            row("nothing", of_kind(PartKind::Zero).collect()),
        ]
        .into_iter()
        .flatten(),
    );
    let bands = of_kind(PartKind::Band).map(|part| {
        vec![
            part.reduction.clone(),
            percent(part.scores.acc),
            percent(part.scores.acc10),
            format!("{:.4}", part.scores.log_loss),
        ]
    });
    Section {
        title: format!("{}: controls of the same size", matrix.matrix),
        text: vec!["Mean over the draws, with the smallest and the largest value in brackets.".to_owned()],
        tables: vec![
            Table::new("", &["kept", "draws", "right", "log-loss"], rows),
            Table::new(
                "A tenth of the components alone, from the largest to the smallest",
                &["band", "right", "among ten", "log-loss"],
                bands.collect(),
            ),
        ],
        ..Section::default()
    }
}

/// Mean of values, with their range where there are several.
fn spread(values: &[f64], text: impl Fn(f64) -> String) -> String {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
    if values.len() < 2 { text(mean) } else { format!("{} ({} to {})", text(mean), text(low), text(high)) }
}

/// Loss on ordinary text against the share removed.
pub(super) fn price(matrix: &MatrixExplanation) -> Section {
    let Some(whole) = matrix.text_loss else { return Section::default() };
    let removed = shares_removed(matrix);
    let at = |removed: &f64| {
        part_at(matrix, PartKind::Top, *removed).and_then(|part| part.text_loss).map(|loss| loss - whole)
    };
    let gain = |removed: &f64| {
        part_at(matrix, PartKind::Top, *removed).map(|part| 100.0 * (part.scores.acc - matrix.whole.acc))
    };
    let plot = |caption: &str, name: &str, values: Vec<Option<f64>>| {
        LinePlot::new(&PlotData {
            caption: caption.to_owned(),
            x_title: "removed, %".to_owned(),
            x_labels: removed.iter().map(|removed| trimmed(100.0 * removed)).collect(),
            y_unit: String::new(),
            series: vec![Series::new(name, values)],
        })
    };
    Section {
        title: format!("{}: what removing costs elsewhere", matrix.matrix),
        text: vec![format!(
            "Change of the loss on ordinary text, {whole:.4} nats a token with the whole matrix, beside the gain on the items."
        )],
        plots: vec![
            plot(
                "Change of the loss on ordinary text, nats a token",
                "ordinary text",
                removed.iter().map(at).collect(),
            ),
            plot("Change of the share of right items, points", "items", removed.iter().map(gain).collect()),
        ],
        ..Section::default()
    }
}

/// Right answers that are lost on the way to fewer components.
pub(super) fn nestedness(matrix: &MatrixExplanation) -> Section {
    let kept = &matrix.nestedness.kept;
    let n = kept.len().min(SHOWN_SHARES);
    let places: BTreeSet<usize> = (0..n).map(|i| i * (kept.len() - 1) / (n - 1).max(1)).collect();
    let mut header = vec!["right with".to_owned()];
    header.extend(places.iter().map(|j| share(kept[*j])));
    let row = |i: &usize| {
        let mut cells = vec![share(kept[*i])];
        let cell = |j: &usize| match matrix.nestedness.lost[*i][*j] {
            Some(lost) if j > i => percent(lost),
            _ => String::new(),
        };
        cells.extend(places.iter().map(cell));
        cells
    };
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    Section {
        title: format!("{}: which right answers are lost on the way", matrix.matrix),
        text: vec![
            "Of the items that are right with the share of components in the row, the part that is wrong with the share in the \
             column. The paper says that the set of right answers only grows until too much is removed: then all numbers before the \
             turn are 0."
                .to_owned(),
        ],
        tables: vec![Table::new("", &names, places.iter().map(row).collect())],
        ..Section::default()
    }
}

/// Contributions of tenths of the components to the right answer.
pub(super) fn attribution(matrix: &MatrixExplanation) -> Section {
    let bands = &matrix.attribution;
    let line = |name: &str, values: Vec<Option<f64>>| Series::new(name, values);
    Section {
        title: format!("{}: what each tenth of the components adds to the right answer", matrix.matrix),
        text: vec![
            "Mean change of the right answer’s log-probability, to first order, from the gradient: the sum of σᵢ·(uᵢᵀδ)(vᵢᵀx) over the \
             components of the band. Below zero, the components speak against the right answer."
                .to_owned(),
        ],
        plots: vec![LinePlot::new(&PlotData {
            caption: "Nats".to_owned(),
            x_title: "components, from the largest, %".to_owned(),
            x_labels: bands.iter().map(|band| format!("{:.0}–{:.0}", 100.0 * band.from, 100.0 * band.to)).collect(),
            y_unit: String::new(),
            series: vec![
                line("all items", bands.iter().map(|band| Some(band.all)).collect()),
                line("fixed items", bands.iter().map(|band| band.fixed).collect()),
                line("broken items", bands.iter().map(|band| band.broken).collect()),
            ],
        })],
        ..Section::default()
    }
}

/// Shares removed by the largest components, ascending.
fn shares_removed(matrix: &MatrixExplanation) -> Vec<f64> {
    let tops = matrix.parts.iter().filter(|part| part.kind == PartKind::Top);
    let mut shares: Vec<f64> = tops.map(|part| 1.0 - part.kept).collect();
    shares.sort_by(f64::total_cmp);
    shares
}

/// The first part of a kind from which a share is removed.
fn part_at(matrix: &MatrixExplanation, kind: PartKind, removed: f64) -> Option<&PartScores> {
    matrix.parts.iter().find(|part| part.kind == kind && (1.0 - part.kept - removed).abs() < 1e-12)
}

/// A number with at most two decimals.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
