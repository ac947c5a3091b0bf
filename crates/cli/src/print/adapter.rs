//! The analysis of an adapter that `laser lora` prints.

use laser::lora::{AdapterAnalysis, Behaviour, CutSummary, Share};

use crate::output::table;

/// Verdict, shares by rank, kinds of matrices, growth; then the comparison of models, if there is one.
pub(crate) fn adapter(analysis: &AdapterAnalysis) -> String {
    let summary = &analysis.summary;
    let mut parts = vec![summary.verdict.clone(), shares(&summary.cuts), kinds(analysis)];
    let growth = summary.growth.iter().map(|d| format!("{:.2}", 100.0 * d.rms)).collect::<Vec<_>>().join(" ");
    let chance = summary.growth.iter().map(|d| format!("{:.2}", 100.0 * d.chance_rms)).collect::<Vec<_>>().join(" ");
    if !summary.growth.is_empty() {
        parts.push(format!(
            "relative change of singular values by decile, %, root mean square\n  measured   {growth}\n  by chance  {chance}"
        ));
    }
    parts.push(format!(
        "intruder dimensions among the first ten (|cos| < 0.5): {} in {} of {} matrices",
        summary.intruders, summary.matrices_with_intruders, summary.matrices
    ));
    parts.extend(analysis.behaviour.as_ref().map(behaviour));
    parts.join("\n\n")
}

fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// A share, what chance gives, and z.
fn share(of: &Share) -> [String; 3] {
    let z = of.z.map_or_else(|| "–".to_owned(), |z| format!("{z:+.1}"));
    [percent(of.share), percent(of.chance), z]
}

fn shares(cuts: &[CutSummary]) -> String {
    let header = ["ρ", "kept", "chance", "z", "removed", "chance", "z", "outside", "chance", "left"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for cut in cuts {
        let [outside, chance, _] = share(&cut.outside);
        let mut row = vec![cut.rule.clone()];
        row.extend(share(&cut.kept).into_iter().chain(share(&cut.removed)));
        row.extend([outside, chance, percent(cut.retained)]);
        rows.push(row);
    }
    table(&rows)
}

fn kinds(analysis: &AdapterAnalysis) -> String {
    let mut rows = vec![["matrix", "‖ΔW‖/‖W‖", "ρ", "removed", "chance", "z", "left"].map(str::to_owned).to_vec()];
    for kind in &analysis.summary.kinds {
        let find = |rule: &str| kind.cuts.iter().find(|cut| cut.rule == rule);
        let Some(cut) = find("edit").or_else(|| find("0.1")).or(kind.cuts.first()) else { continue };
        let mut row = vec![kind.kind.clone(), percent(kind.relative_norm), cut.rule.clone()];
        row.extend(share(&cut.removed));
        row.push(percent(cut.retained));
        rows.push(row);
    }
    table(&rows)
}

fn behaviour(of: &Behaviour) -> String {
    let mut cells = vec![["model", "accuracy", "log-loss"].map(str::to_owned).to_vec()];
    cells
        .extend(of.cells.iter().map(|cell| vec![cell.cell.name(), percent(cell.acc), format!("{:.4}", cell.log_loss)]));
    let mut pairs = vec![["from", "to", "points", "95 %", "fixed", "broken", "McNemar p"].map(str::to_owned).to_vec()];
    pairs.extend(of.pairs.iter().map(|pair| {
        let [points, interval] = [format!("{:+.2}", 100.0 * pair.difference), interval(pair.ci95)];
        let [fixed, broken] = [pair.fixed, pair.broken].map(|n| n.to_string());
        let p = format!("{:.4}", pair.mcnemar_p);
        vec![pair.before.name(), pair.after.name(), points, interval, fixed, broken, p]
    }));
    format!(
        "{}\n{} items of {} ({})\n\n{}\n\n{}\n\ninteraction {:+.2} points ({})",
        of.verdict,
        of.n,
        of.task,
        of.split,
        table(&cells),
        table(&pairs),
        100.0 * of.interaction.difference,
        interval(of.interaction.ci95)
    )
}

fn interval(ci: Option<[f64; 2]>) -> String {
    ci.map_or_else(|| "no interval".to_owned(), |[low, high]| format!("{:+.2} to {:+.2}", 100.0 * low, 100.0 * high))
}
