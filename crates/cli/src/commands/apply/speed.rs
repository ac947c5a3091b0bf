//! Times the modules of a factored model on this machine, as one matrix and as two.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use laser::export::FactoredModule;
use serde::Serialize;

use crate::output;

/// Rows of input: a token that is generated, and a prompt.
const ROWS: [usize; 2] = [1, 256];
/// Runs of each, of which the fastest counts: another program may be busy during some.
const RUNS: usize = 5;

/// Times of modules of one size, in milliseconds, as one matrix and as two.
#[derive(Debug, Serialize)]
pub(super) struct Speed {
    /// Outputs and inputs.
    shape: [usize; 2],
    rank: usize,
    /// Number of modules of this size.
    modules: usize,
    one_row: [f64; 2],
    many_rows: [f64; 2],
}

/// Measures a module of each size in f32.
pub(super) fn measure(modules: &[FactoredModule], threads: usize) -> Result<Vec<Speed>> {
    let mut sizes: BTreeMap<([usize; 2], usize), Vec<&FactoredModule>> = BTreeMap::new();
    for module in modules {
        sizes.entry((module.shape, module.rank)).or_default().push(module);
    }
    let mut speeds = Vec::new();
    for ((shape, rank), of_size) in sizes {
        let mut times = [[0.0; 2]; 2];
        for (rows, times) in ROWS.into_iter().zip(&mut times) {
            let sample = of_size[0].sample(rows, threads)?;
            *times = [fastest(|| Ok(sample.run_whole()?))?, fastest(|| Ok(sample.run_factored()?))?];
        }
        let [one_row, many_rows] = times;
        speeds.push(Speed { shape, rank, modules: of_size.len(), one_row, many_rows });
    }
    Ok(speeds)
}

/// Milliseconds of the fastest run.
fn fastest(run: impl Fn() -> Result<()>) -> Result<f64> {
    let mut fastest = f64::INFINITY;
    for _ in 0..RUNS {
        let begun = Instant::now();
        run()?;
        fastest = fastest.min(1000.0 * begun.elapsed().as_secs_f64());
    }
    Ok(fastest)
}

/// The times as a table.
pub(super) fn table(speeds: &[Speed]) -> String {
    let header = ["product on this machine", "modules", "1 row, ms", "factored", "256 rows, ms", "factored"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(speeds.iter().map(|speed| {
        let [out, width] = speed.shape;
        let mut row = vec![format!("{out} x {width}, rank {}", speed.rank), speed.modules.to_string()];
        row.extend(speed.one_row.iter().chain(&speed.many_rows).map(|ms| format!("{ms:.3}")));
        row
    }));
    output::table(&rows)
}
