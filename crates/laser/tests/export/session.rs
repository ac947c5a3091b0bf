//! Sessions on tiny checkpoints that write their edits in every form.

use std::path::Path;

use laser::export::{ExportedModel, ModelCard};
use laser::{Error, Session, SessionOptions, SvdMethod, WrittenForm};

/// Opens `model` without caches.
pub(crate) fn open(model: &Path, threads: usize) -> Session {
    named(&model.display().to_string(), threads)
}

/// Opens a model by its name.
pub(crate) fn named(model: &str, threads: usize) -> Session {
    let options = SessionOptions { threads, decompositions: None, ..SessionOptions::default() };
    Session::open_with(model, options).unwrap_or_else(|e| panic!("{model}: {e}"))
}

/// Writes an edit, in the short form or as a file, in one of its forms.
pub(crate) fn write(session: &Session, edit: &str, out: &Path, form: WrittenForm) -> Result<ExportedModel, Error> {
    write_by(session, edit, out, form, SvdMethod::Exact)
}

/// As [`write`], with another decomposition.
pub(crate) fn write_by(
    session: &Session,
    edit: &str,
    out: &Path,
    form: WrittenForm,
    svd: SvdMethod,
) -> Result<ExportedModel, Error> {
    let requested = session.edit(edit)?;
    let truncation = session.truncation(requested.svd.unwrap_or(svd)).with_delta(requested.delta);
    let card = ModelCard {
        base_model: Some(session.base_name().to_owned()),
        results: vec!["Accuracy: 0.4 → 0.5.".to_owned()],
        ..ModelCard::default()
    };
    session.apply_with(&requested.edit, &truncation, card)?.write_form(out, form)
}
