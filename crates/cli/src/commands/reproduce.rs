//! `laser reproduce`: a table or figure of the paper with the user's model.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use laser::checkpoint::write_atomically;
use laser_paper::{ReproduceOptions, reproduce};

use crate::args::{Global, Reproduce};
use crate::progress::Progress;
use crate::{output, plan};

pub(super) fn run(args: &Reproduce, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let folder = laser::run::RunFolder::new(&args.out);
    folder.create()?;
    let session = plan::open(&args.model.model, global, progress)?;
    output::describe_model(global, &session);
    let requested = args.edit.as_deref().map(|text| session.edit(text)).transpose()?;
    let options = ReproduceOptions {
        data: args.data.clone(),
        limit: args.limit,
        layers: args.layers.clone(),
        edit: requested.as_ref().map(|requested| requested.edit.clone()),
        frequency: args.frequency.clone(),
        out: args.out.clone(),
    };
    let reproduced = reproduce(&session, args.what, &options).map_err(|error| match error {
        laser::Error::Interrupted => {
            anyhow!("interrupted: {} keeps what was tried; the same command goes on", args.out.display())
        }
        other => other.into(),
    })?;
    let json = serde_json::to_string_pretty(&reproduced)? + "\n";
    write_atomically(&args.out.join("reproduce.json"), json.as_bytes())?;
    write_atomically(&folder.report(), reproduced.page.html()?.as_bytes())?;
    progress.finish();
    if global.json {
        output::json(&reproduced)?;
    } else {
        output::result(&reproduced.page.markdown())?;
    }
    output::say(global, &format!("wrote {} (report.html, reproduce.json)", args.out.display()));
    Ok(output::exit_code(requested.as_ref()))
}
