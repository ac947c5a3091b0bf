//! `laser apply`: the edited model, written.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use laser::checkpoint::Dtype;
use laser::edit::Edit;
use laser::edit::recipe::{BaseModel, Recipe};
use laser::edit::truncation::Truncation;
use laser::export::{Card, Export, Written};

use crate::args::{Apply, Global};
use crate::output;
use crate::progress::Progress;
use crate::session::Session;

pub(super) fn run(args: &Apply, global: &Global, progress: &Progress) -> Result<ExitCode> {
    let session = Session::open(&args.model.model, global, progress)?;
    let typed = session.edit(&args.edit)?;
    let truncation = session.truncation(&args.svd, typed.svd)?;
    let to_gguf = is_gguf(&args.out);
    let dtype = |flag: &str, text: &Option<String>| -> Result<Option<Dtype>> {
        text.as_deref().map(|t| t.parse::<Dtype>().map_err(|e| anyhow::anyhow!("{flag}: {e}"))).transpose()
    };
    let (tensor_type, weights_type) =
        (dtype("--tensor-type", &args.tensor_type)?, dtype("--weights-type", &args.weights_type)?);
    if tensor_type.is_some() && !to_gguf {
        bail!("--tensor-type: only a .gguf file is written with it; for a folder use --weights-type");
    }
    if weights_type.is_some() && (to_gguf || !session.files.is_gguf()) {
        bail!("--weights-type: only a folder made from a GGUF file is written with it; a folder keeps its own types");
    }
    let card = Card { base_model: Some(session.name.clone()), ..Card::default() };
    let written = write(&session, &typed.edit, &truncation, card, &args.out, tensor_type.or(weights_type))?;
    progress.finish();
    if global.json {
        output::json(&written)?;
        return Ok(typed.exit_code(global));
    }
    let mut rows = vec![["file", "bytes"].map(str::to_owned).to_vec()];
    rows.extend(written.files.iter().map(|f| vec![f.name.clone(), f.bytes.to_string()]));
    output::result(&output::table(&rows))?;
    let header = ["\nmatrix", "tensor", "type", "largest rounding", "relative"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for m in &written.matrices {
        rows.push(vec![
            m.matrix.clone(),
            m.tensor.clone(),
            m.dtype.clone(),
            format!("{:.3e}", m.max_abs),
            format!("{:.3e}", m.relative),
        ]);
    }
    output::result(&output::table(&rows))?;
    for name in &written.left_out {
        output::say(global, &format!("left out: {name} (holds the unedited weights, or is no plain file)"));
    }
    if let Some(m) = written.matrices.iter().find(|m| m.relative > 0.01) {
        let advice = if to_gguf { "; --tensor-type f16 keeps the edit closer" } else { "" };
        output::say(
            global,
            &format!("{}: storing it as {} rounds it by {:.1} %{advice}", m.matrix, m.dtype, 100.0 * m.relative),
        );
    }
    output::result("\nread back and checked: the edited tensors are there, all others are the source's")?;
    Ok(typed.exit_code(global))
}

fn is_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"))
}

/// Refuses a target that the model cannot be written to, before any work is done for it.
pub(super) fn check_target(session: &Session, out: &Path) -> Result<()> {
    if !is_gguf(out) {
        Export::check_folder(&session.files)?;
    }
    Ok(())
}

/// Reduces the matrices of `edit` and writes the model to a folder or, where `out` ends in `.gguf`, a file.
pub(super) fn write(
    session: &Session,
    edit: &Edit,
    truncation: &Truncation,
    card: Card,
    out: &Path,
    dtype: Option<Dtype>,
) -> Result<Written> {
    check_target(session, out)?;
    let model = session.load()?;
    let (matrices, records) = truncation.matrices(&model, edit)?;
    let ranks: BTreeMap<_, _> = edit.reductions().map(|(id, _)| id).zip(records.iter().map(|r| r.rank)).collect();
    drop(model);
    let config = session.files.config();
    let base_model = BaseModel {
        source: session.name.clone(),
        sha256: session.sha256()?,
        architecture: config.architecture.model_type.to_owned(),
    };
    let recipe = Recipe::new(edit, base_model, truncation.method(), config, |id| ranks[&id]);
    let export = Export::new(&session.files, matrices, &recipe, card)?;
    Ok(if is_gguf(out) { export.to_gguf(out, dtype)? } else { export.to_folder(out, dtype)? })
}
