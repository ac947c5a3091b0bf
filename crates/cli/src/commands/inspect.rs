//! `laser inspect`: shows a model's architecture, matrices and tokenizer.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use laser::Session;

use crate::args::{Global, Inspect};
use crate::progress::Progress;
use crate::{output, plan, print};

pub(super) fn run(args: &Inspect, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let session = plan::open(&args.model.model, global, progress)?;
    // A tokenizer that cannot be read is part of the answer, not a failure of the command.
    let tokenizer = session.tokenizer().map_err(|error| error.to_string());
    let seconds = if args.time { seconds_a_thousand_tokens(&session)? } else { None };
    let needs = print::Needs { search: session.search_needs(), seconds };
    progress.finish();
    if global.json {
        output::json(&print::model_json(&session, &tokenizer, &needs))?;
    } else {
        output::result(&print::model(&session, &tokenizer, &needs, args.all))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Time of a pass of 1,000 tokens through all layers on this machine, measured on one layer; `None` for a model without
/// layers.
fn seconds_a_thousand_tokens(session: &Session) -> Result<Option<f64>> {
    let Some(sample) = session.layer_sample()? else { return Ok(None) };
    // The first run reads the layer from the disk.
    sample.run()?;
    let begun = Instant::now();
    sample.run()?;
    let per_row = begun.elapsed().as_secs_f64() / sample.rows() as f64;
    Ok(Some(1000.0 * per_row * session.config().n_layers as f64))
}
