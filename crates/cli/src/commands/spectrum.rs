//! `laser spectrum`: singular values of matrices and what they say.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use laser::edit::parse_selector;
use laser::edit::truncation::SvdMethod;
use laser::model::parallel::Observer;
use serde_json::json;

use crate::args::{Global, Spectrum};
use crate::output;
use crate::plan;
use crate::progress::Progress;

/// Shares of the largest rank whose energy is shown.
const SHARES: [f64; 4] = [0.01, 0.1, 0.5, 0.9];

pub(super) fn run(args: &Spectrum, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let session = plan::open(&args.model.model, global, progress)?;
    output::describe_model(global, &session);
    let ids = parse_selector(&args.matrices, session.config())?;
    let model = session.load_in_files()?;
    let truncation = session.truncation(SvdMethod::Exact);
    let header = [
        "matrix",
        "shape",
        "σ₁",
        "effective rank",
        "stable rank",
        "energy 1 %",
        "10 %",
        "50 %",
        "90 %",
        "MP edge",
        "above",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let mut values = Vec::with_capacity(ids.len());
    for (done, id) in ids.iter().enumerate() {
        if progress.stopped() {
            return Err(laser::Error::Interrupted.into());
        }
        let [n_rows, n_cols] = session.config().shape(*id);
        let spectrum = truncation.spectrum(&model, *id)?;
        let max_rank = spectrum.values().len();
        let energy = SHARES.map(|share| spectrum.energy((share * max_rank as f64) as usize));
        let edge = spectrum.marchenko_pastur_edge(spectrum.noise_variance());
        let (effective, stable, above) =
            (spectrum.effective_rank(), spectrum.stable_rank(), spectrum.components_above_edge());
        if global.json {
            values.push(json!({"matrix": id.to_string(), "shape": [n_rows, n_cols],
                "singular_values": spectrum.values(), "effective_rank": effective, "stable_rank": stable,
                "energy": SHARES.iter().zip(energy).map(|(s, e)| json!({"share": s, "energy": e})).collect::<Vec<_>>(),
                "noise_variance": spectrum.noise_variance(), "marchenko_pastur_edge": edge, "above_edge": above}));
        }
        let mut row = vec![id.to_string(), format!("{n_rows}×{n_cols}")];
        row.push(format!("{:.3}", spectrum.values().first().copied().unwrap_or(0.0)));
        row.extend([format!("{effective:.1}"), format!("{stable:.1}")]);
        row.extend(energy.map(|e| format!("{:.1} %", 100.0 * e)));
        row.extend([format!("{edge:.3}"), above.to_string()]);
        rows.push(row);
        progress.progress("spectrum", done + 1, ids.len());
    }
    progress.finish();
    if global.json {
        output::json(&values)?
    } else {
        output::result(&output::table(&rows))?
    }
    Ok(ExitCode::SUCCESS)
}
