//! `laser inspect`: shows a model's architecture, matrices and tokenizer.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;

use crate::args::{Global, Inspect};
use crate::progress::Progress;
use crate::{output, plan, print};

pub(super) fn run(args: &Inspect, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let session = plan::open(&args.model.model, global, progress)?;
    // A tokenizer that cannot be read is part of the answer, not a failure of the command.
    let tokenizer = session.tokenizer().map_err(|error| error.to_string());
    progress.finish();
    if global.json {
        output::json(&print::model_json(&session, &tokenizer))?;
    } else {
        output::result(&print::model(&session, &tokenizer, args.all))?;
    }
    Ok(ExitCode::SUCCESS)
}
