//! `laser apply`: writes the edited model.

mod speed;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use laser::WrittenForm;
use laser::edit::delta::is_delta_path;
use laser::export::{ExportedModel, ModelCard};
use laser::model::parallel::Observer;
use laser::session::{Session, is_gguf_path};

use crate::args::{Apply, FormatName, Global};
use crate::progress::Progress;
use crate::{output, plan, print};

/// Relative rounding error from which a warning is printed.
const COARSE: f64 = 0.01;

pub(super) fn run(args: &Apply, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    check_flags(args)?;
    let session = plan::open(&args.model.model, global, progress)?;
    output::describe_model(global, &session);
    let form = form(args, &session)?;
    let requested = args.edit.as_deref().map(|text| session.edit(text)).transpose()?;
    if requested.is_none() && session.files().adapters().is_empty() {
        bail!("--edit: needed, since the model has no adapters that would be merged");
    }
    let truncation = plan::truncation(&session, &args.svd, requested.as_ref())?;
    let results = requested.as_ref().map(|requested| requested.results.clone()).unwrap_or_default();
    let card = ModelCard { base_model: Some(session.base_name().to_owned()), results, ..ModelCard::default() };
    let edit = requested.as_ref().map(|requested| requested.edit.clone()).unwrap_or_default();
    session.check_form(&args.out, form)?;
    progress.writes(&args.out);
    progress.progress(&format!("write {}", args.out.display()), 0, 0);
    let edited = session.apply_with(&edit, &truncation, card)?;
    let written = edited.write_form(&args.out, form)?;
    progress.finish();
    written.notes.iter().for_each(|note| output::say(global, note));
    let speeds = speed::measure(&written.factored, session.threads())?;
    if global.json {
        let mut json = serde_json::to_value(&written)?;
        if !speeds.is_empty() {
            json["speeds"] = serde_json::to_value(&speeds)?;
        }
        output::json(&json)?;
        return Ok(output::exit_code(requested.as_ref()));
    }
    output::result(&print::written(&written))?;
    if !speeds.is_empty() {
        output::result(&format!("\n{}", speed::table(&speeds)))?;
    }
    say_rounding(args, global, &written);
    output::result(&format!("\n{}", checked(form, &session, &written)))?;
    Ok(output::exit_code(requested.as_ref()))
}

/// Refuses flags that do not go together.
fn check_flags(args: &Apply) -> Result<()> {
    let format = args.format;
    if args.approximate_rank.is_some() && format != FormatName::Lora {
        bail!("--approximate-rank: only --format lora leaves out part of the change");
    }
    if format == FormatName::Dense {
        return Ok(());
    }
    if args.edit.is_none() {
        bail!("--edit: needed with --format {}, which writes what an edit changes", format.name());
    }
    for (flag, is_given) in
        [("--tensor-type", args.tensor_type.is_some()), ("--weights-type", args.weights_type.is_some())]
    {
        if is_given {
            bail!("{flag}: only --format dense is written with another type");
        }
    }
    Ok(())
}

/// The form that the flags ask for.
fn form(args: &Apply, session: &Session) -> Result<WrittenForm> {
    let to_gguf = is_gguf_path(&args.out);
    Ok(match args.format {
        FormatName::Delta => WrittenForm::Delta,
        FormatName::Lora => WrittenForm::Adapter { approximate: args.approximate_rank },
        FormatName::Factored => WrittenForm::Factored,
        FormatName::Dense => {
            if args.tensor_type.is_some() && !to_gguf {
                bail!("--tensor-type: only a .gguf file is written with it; for a folder use --weights-type");
            }
            if args.weights_type.is_some() && (to_gguf || !session.files().is_gguf()) {
                bail!(
                    "--weights-type: only a folder made from a GGUF file is written with it; a folder keeps its own types"
                );
            }
            if is_delta_path(&args.out) {
                let out = args.out.display();
                bail!(
                    "--out: {out}: expected a folder or a .gguf file; one .safetensors file is written with --format delta"
                );
            }
            WrittenForm::Dense(args.tensor_type.or(args.weights_type))
        }
    })
}

/// Says which tensor was rounded coarsely.
fn say_rounding(args: &Apply, global: &Global, written: &ExportedModel) {
    let Some(m) = written.matrices.iter().chain(&written.merged).find(|m| m.relative > COARSE) else { return };
    let advice = match is_gguf_path(&args.out) {
        true => "; --tensor-type f16 keeps the edit closer",
        false => "",
    };
    output::say(
        global,
        &format!("{}: storing it as {} rounds it by {:.1} %{advice}", m.matrix, m.dtype, 100.0 * m.relative),
    );
}

/// The closing line: what was checked.
fn checked(form: WrittenForm, session: &Session, written: &ExportedModel) -> String {
    let bytes: u64 = written.files.iter().map(|file| file.bytes).sum();
    match form {
        WrittenForm::Dense(_) => {
            "read back and checked: the changed tensors are there, all others are the source's".to_owned()
        }
        WrittenForm::Delta => {
            let model: u64 = session.files().checkpoint().tensors().map(|info| info.range.len() as u64).sum();
            format!(
                "read back and checked: with the base model it gives the changed tensors to the byte. {} in place of {}",
                print::size(bytes),
                print::size(model)
            )
        }
        WrittenForm::Adapter { .. } => {
            format!("read back and checked: the adapter's tensors are there. {}", print::size(bytes))
        }
        WrittenForm::Factored => "read back and checked: the smaller matrices are there".to_owned(),
    }
}
