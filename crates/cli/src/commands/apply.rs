//! `laser apply`: writes the edited model.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use laser::export::ModelCard;
use laser::model::parallel::Observer;
use laser::session::is_gguf_path;

use crate::args::{Apply, Global};
use crate::progress::Progress;
use crate::{output, plan, print};

/// Relative rounding error from which a warning is printed.
const COARSE: f64 = 0.01;

pub(super) fn run(args: &Apply, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let session = plan::open(&args.model.model, global, progress)?;
    output::describe_model(global, &session);
    let requested = args.edit.as_deref().map(|text| session.edit(text)).transpose()?;
    if requested.is_none() && session.files().adapters().is_empty() {
        bail!("--edit: needed, since the model has no adapters that would be merged");
    }
    let recipe_svd = requested.as_ref().and_then(|requested| requested.svd);
    let truncation = session.truncation(plan::svd(&args.svd, recipe_svd)?);
    let to_gguf = is_gguf_path(&args.out);
    if args.tensor_type.is_some() && !to_gguf {
        bail!("--tensor-type: only a .gguf file is written with it; for a folder use --weights-type");
    }
    if args.weights_type.is_some() && (to_gguf || !session.files().is_gguf()) {
        bail!("--weights-type: only a folder made from a GGUF file is written with it; a folder keeps its own types");
    }
    let results = requested.as_ref().map(|requested| requested.results.clone()).unwrap_or_default();
    let card = ModelCard { base_model: Some(session.base_name().to_owned()), results, ..ModelCard::default() };
    let edit = requested.as_ref().map(|requested| requested.edit.clone()).unwrap_or_default();
    progress.writes(&args.out);
    progress.progress(&format!("write {}", args.out.display()), 0, 0);
    let edited = session.apply_with(&edit, &truncation, card)?;
    let written = edited.write_as(&args.out, args.tensor_type.or(args.weights_type))?;
    progress.finish();
    written.notes.iter().for_each(|note| output::say(global, note));
    if global.json {
        output::json(&written)?;
        return Ok(output::exit_code(requested.as_ref()));
    }
    output::result(&print::written(&written))?;
    if let Some(m) = written.matrices.iter().chain(&written.merged).find(|m| m.relative > COARSE) {
        let advice = if to_gguf { "; --tensor-type f16 keeps the edit closer" } else { "" };
        output::say(
            global,
            &format!("{}: storing it as {} rounds it by {:.1} %{advice}", m.matrix, m.dtype, 100.0 * m.relative),
        );
    }
    output::result("\nread back and checked: the changed tensors are there, all others are the source's")?;
    Ok(output::exit_code(requested.as_ref()))
}
