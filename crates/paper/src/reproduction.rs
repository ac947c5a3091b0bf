//! A reproduction: which exhibit, of which model, with which data, and what came of it.

use laser::page::{Page, Section};
use laser::{Edit, Result, Session};
use serde::Serialize;
use serde_json::Value;

use crate::exhibit::Exhibit;
use crate::options::ReproduceOptions;
use crate::published::PaperModel;
use crate::workshop::Workshop;
use crate::{
    best_layers, components, composition, frequency, layers, over_reduction, paraphrases, perplexity, spectra, table,
};

/// A reproduced exhibit.
#[derive(Debug, Clone, Serialize)]
pub struct Reproduction {
    /// Name of the exhibit.
    pub exhibit: &'static str,
    /// Name of the model.
    pub model: String,
    /// SHA-256 of its files.
    pub model_sha256: String,
    /// The paper's name of the model, if it is one of its models.
    pub paper_model: Option<PaperModel>,
    /// Number of items of each data set at most; `None`: all.
    pub limit: Option<usize>,
    /// The numbers.
    pub numbers: Value,
    /// The page.
    #[serde(skip)]
    pub page: Page,
}

/// Reproduces an exhibit with a session's model.
///
/// # Errors
/// Data that are not there or cannot be used, or an interruption; what was tried until then is kept in the folder.
pub fn reproduce(session: &Session, exhibit: Exhibit, options: &ReproduceOptions) -> Result<Reproduction> {
    let workshop = Workshop { session, options };
    let run = match exhibit {
        Exhibit::Table1 => table::run,
        Exhibit::Fig2 => layers::truncation,
        Exhibit::Fig3 => frequency::run,
        Exhibit::Fig4 => composition::run,
        Exhibit::Fig5 => components::run,
        Exhibit::Fig7 => spectra::run,
        Exhibit::Fig8 => over_reduction::run,
        Exhibit::Fig9 => best_layers::run,
        Exhibit::Fig10 => layers::pruning,
        Exhibit::Perplexity => perplexity::run,
        Exhibit::Paraphrases => paraphrases::run,
    };
    let outcome = run(&workshop)?;
    let paper_model = PaperModel::of(session.config());
    let mut sections = vec![what_the_paper_says(exhibit, paper_model, options.limit)];
    sections.extend(outcome.sections);
    let (model, model_sha256) = (session.name().to_owned(), session.sha256()?);
    let page = Page {
        program: "Laser reproduce".to_owned(),
        subject: format!("{exhibit} with {model}"),
        verdict: outcome.verdict,
        tiles: outcome.tiles,
        sections,
        provenance: [
            ("program", format!("laser reproduce, version {}", env!("CARGO_PKG_VERSION"))),
            ("model", format!("{model} ({model_sha256})")),
            (
                "items of a data set",
                options.limit.map_or_else(|| "all".to_owned(), |limit| format!("the first {limit}")),
            ),
            ("edit", options.edit.as_ref().map_or_else(|| "found by a search".to_owned(), Edit::to_string)),
            ("seeds", "0 of splits, orders, draws and intervals".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec(),
    };
    Ok(Reproduction {
        exhibit: exhibit.name(),
        model,
        model_sha256,
        paper_model,
        limit: options.limit,
        numbers: outcome.numbers,
        page,
    })
}

/// The paper's claim, and how far this run is from its setting.
fn what_the_paper_says(exhibit: Exhibit, model: Option<PaperModel>, limit: Option<usize>) -> Section {
    let mut text = Vec::new();
    if let Some(claim) = exhibit.claim() {
        text.push(format!("{}: {}.", claim.place, claim.text));
    }
    text.push(match model {
        Some(model) => format!("The model is one of the paper’s, {}.", model.name()),
        None => "The model is none of the paper’s: its numbers need not agree with theirs.".to_owned(),
    });
    if let Some(limit) = limit {
        text.push(format!("Only the first {limit} items of each data set were used."));
    }
    Section { title: "What the paper says".to_owned(), text, ..Section::default() }
}
