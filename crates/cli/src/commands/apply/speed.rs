//! Times the modules of a factored model on this machine, as one matrix and as two.

use std::time::Instant;

use anyhow::Result;
use laser::export::FactoredModule;
use serde::Serialize;

use crate::output;

/// Rows of input: a token that is generated, and a prompt.
const ROWS: [usize; 2] = [1, 256];
/// Runs of each, of which the fastest counts: another program may be busy during some.
const RUNS: usize = 5;

/// Times of one module, in milliseconds, as one matrix and as two.
#[derive(Debug, Serialize)]
pub(super) struct Speed {
    module: String,
    one_row: [f64; 2],
    many_rows: [f64; 2],
}

/// Measures the modules in f32.
pub(super) fn measure(modules: &[FactoredModule], threads: usize) -> Result<Vec<Speed>> {
    let of = |module: &FactoredModule| -> Result<Speed> {
        let mut times = [[0.0; 2]; 2];
        for (rows, times) in ROWS.into_iter().zip(&mut times) {
            let sample = module.sample(rows, threads)?;
            *times = [fastest(|| Ok(sample.run_whole()?))?, fastest(|| Ok(sample.run_factored()?))?];
        }
        let [one_row, many_rows] = times;
        Ok(Speed { module: module.module.clone(), one_row, many_rows })
    };
    modules.iter().map(of).collect()
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
    let header = ["product on this machine", "1 row, ms", "factored", "256 rows, ms", "factored"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(speeds.iter().map(|speed| {
        let times = [speed.one_row, speed.many_rows].concat();
        std::iter::once(speed.module.clone()).chain(times.iter().map(|ms| format!("{ms:.3}"))).collect()
    }));
    output::table(&rows)
}
