//! The page about an adapter: takes its analysis, gives HTML in the look of a search's report.

use minijinja::context;
use serde::Serialize;

use super::error::ReportError;
use super::line_chart::{Line, LineChart};
use super::templates::templates;
use crate::lora::{AdapterAnalysis, Behaviour, CutSummary, Share};
use crate::results::number_format::{count, p_value, percent, points};

/// Number of rows of the table of intruders.
const SHOWN: usize = 30;

/// A row of the table of rules.
#[derive(Serialize)]
struct CutRow {
    rule: String,
    matrices: String,
    kept: ShareText,
    removed: ShareText,
    outside: ShareText,
    removed_of_energy: String,
    retained: String,
}

#[derive(Serialize)]
struct ShareText {
    share: String,
    chance: String,
    /// Ratio to chance and z, if known.
    against: String,
}

#[derive(Serialize)]
struct KindRow {
    kind: String,
    relative_norm: String,
    rule: String,
    removed: ShareText,
    retained: String,
}

#[derive(Serialize)]
struct VectorRow {
    matrix: String,
    index: usize,
    sigma: String,
    cosine: String,
}

#[derive(Serialize)]
struct CellRow {
    name: String,
    meaning: String,
    acc: String,
    log_loss: String,
}

#[derive(Serialize)]
struct PairRow {
    before: String,
    after: String,
    change: String,
    interval: String,
    fixed: String,
    broken: String,
    p: String,
}

/// Renders the page; all texts are escaped.
///
/// # Errors
/// The template does not fit the data.
pub fn render_adapter_page(analysis: &AdapterAnalysis) -> Result<String, ReportError> {
    let behaviour = analysis.behaviour.as_ref();
    let summary = &analysis.summary;
    let mut vectors: Vec<(f64, VectorRow)> = Vec::new();
    for matrix in &analysis.matrices {
        vectors.extend(matrix.intruders.vectors.iter().map(|vector| {
            let row = VectorRow {
                matrix: matrix.matrix.clone(),
                index: vector.index,
                sigma: format!("{:.3}", vector.sigma),
                cosine: format!("{:.3}", vector.cosine),
            };
            (vector.cosine, row)
        }));
    }
    vectors.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n_vectors = vectors.len();
    let page = templates()?.get_template("adapter.html")?.render(context! {
        title => format!("Laser: adapter {} on {}", analysis.adapter.path, analysis.model),
        model => analysis.model,
        adapter => analysis.adapter,
        model_sha256 => analysis.model_sha256,
        edit => analysis.edit,
        draws => analysis.draws,
        seed => analysis.seed,
        verdict => summary.verdict,
        matrices => count(summary.matrices),
        intruders => count(summary.intruders),
        with_intruders => count(summary.matrices_with_intruders),
        cuts => summary.cuts.iter().map(cut_row).collect::<Vec<_>>(),
        charts => charts(analysis),
        kinds => kind_rows(analysis),
        vectors => vectors.into_iter().take(SHOWN).map(|(_, row)| row).collect::<Vec<_>>(),
        n_vectors => count(n_vectors),
        cells => behaviour.map(cell_rows),
        pairs => behaviour.map(pair_rows),
        behaviour => behaviour.map(|behaviour| context! {
            task => behaviour.task, n => count(behaviour.n), verdict => behaviour.verdict,
            interaction => interaction_text(behaviour),
        }),
        notes => analysis.notes,
    })?;
    Ok(page)
}

fn cut_row(cut: &CutSummary) -> CutRow {
    CutRow {
        rule: cut.rule.clone(),
        matrices: count(cut.matrices),
        kept: share_text(&cut.kept),
        removed: share_text(&cut.removed),
        outside: share_text(&cut.outside),
        removed_of_energy: percent(cut.removed_of_energy),
        retained: percent(cut.retained),
    }
}

fn share_text(share: &Share) -> ShareText {
    let ratio = share.ratio.map(|ratio| format!("× {ratio:.2}"));
    let z = share.z.map(|z| format!("z {z:+.1}"));
    ShareText {
        share: percent(share.share),
        chance: percent(share.chance),
        against: ratio.into_iter().chain(z).collect::<Vec<_>>().join(", "),
    }
}

/// One row for each kind of matrix, at the edit's ranks or at the rule in the middle.
fn kind_rows(analysis: &AdapterAnalysis) -> Vec<KindRow> {
    let row = |kind: &crate::lora::KindSummary| {
        let edited = kind.cuts.iter().find(|cut| cut.rule == "edit");
        let cut = edited.or_else(|| kind.cuts.iter().find(|cut| cut.rule == "0.1")).or(kind.cuts.first())?;
        Some(KindRow {
            kind: kind.kind.clone(),
            relative_norm: percent(kind.relative_norm),
            rule: cut.rule.clone(),
            removed: share_text(&cut.removed),
            retained: percent(cut.retained),
        })
    };
    analysis.summary.kinds.iter().filter_map(row).collect()
}

/// The curves: shares, what is left after truncation, growth.
fn charts(analysis: &AdapterAnalysis) -> Vec<LineChart> {
    let summary = &analysis.summary;
    let cuts: Vec<&CutSummary> = summary.cuts.iter().filter(|cut| cut.rule != "edit").collect();
    let labels: Vec<String> = cuts.iter().map(|cut| cut.rule.clone()).collect();
    let line = |name: &str, is_chance: bool, value: &dyn Fn(&CutSummary) -> f64| Line {
        name: name.to_owned(),
        values: cuts.iter().map(|cut| value(cut)).collect(),
        is_chance,
    };
    let whole = |fraction: f64| format!("{:.0} %", 100.0 * fraction);
    let mut charts = Vec::new();
    if !cuts.is_empty() {
        let shares = [
            line("removed", false, &|cut| cut.removed.share),
            line("removed, by chance", true, &|cut| cut.removed.chance),
            line("kept", false, &|cut| cut.kept.share),
            line("kept, by chance", true, &|cut| cut.kept.chance),
        ];
        charts.push(LineChart::new("Share of the update’s energy", "ρ", &labels, &shares, whole));
        let retained = [line("left of the update", false, &|cut| cut.retained)];
        charts.push(LineChart::new("What truncation leaves of the update", "ρ", &labels, &retained, whole));
    }
    if !summary.growth.is_empty() {
        let deciles: Vec<String> = (1..=summary.growth.len()).map(|decile| decile.to_string()).collect();
        let of = |name: &str, is_chance: bool, value: fn(&crate::lora::Decile) -> f64| Line {
            name: name.to_owned(),
            values: summary.growth.iter().map(value).collect(),
            is_chance,
        };
        let lines = [of("measured", false, |d| d.rms), of("by chance", true, |d| d.chance_rms)];
        let percent = |fraction: f64| format!("{:.1} %", 100.0 * fraction);
        charts.push(LineChart::new("Relative change of singular values", "decile", &deciles, &lines, percent));
    }
    charts
}

fn cell_rows(behaviour: &Behaviour) -> Vec<CellRow> {
    let row = |cell: &crate::lora::ModelCell| CellRow {
        name: cell.cell.name(),
        meaning: cell.meaning.clone(),
        acc: percent(cell.acc),
        log_loss: format!("{:.4}", cell.log_loss),
    };
    behaviour.cells.iter().map(row).collect()
}

fn pair_rows(behaviour: &Behaviour) -> Vec<PairRow> {
    let row = |pair: &crate::lora::Pair| PairRow {
        before: pair.before.name(),
        after: pair.after.name(),
        change: points(pair.difference),
        interval: interval(pair.ci95),
        fixed: count(pair.fixed),
        broken: count(pair.broken),
        p: p_value(pair.mcnemar_p),
    };
    behaviour.pairs.iter().map(row).collect()
}

fn interaction_text(behaviour: &Behaviour) -> String {
    let interaction = &behaviour.interaction;
    format!("{} points, 95 %: {}", points(interaction.difference), interval(interaction.ci95))
}

fn interval(ci: Option<[f64; 2]>) -> String {
    ci.map_or_else(|| "no interval".to_owned(), |[low, high]| format!("{} to {}", points(low), points(high)))
}
