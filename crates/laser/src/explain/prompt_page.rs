//! The page of an explanation of one prompt.

use crate::page::{LinePlot, Page, PlotData, Section, Series, Table, Tile};
use crate::results::number_format::{nats, short_nats};

use super::prompt::{ActiveComponent, LensLayer, MatrixBands, MatrixComponents, NextToken, PromptExplanation};

/// Number of matrices in the table of bands.
const SHOWN_MATRICES: usize = 20;
/// Number of likeliest tokens in tables of predictions.
const SHOWN_TOKENS: usize = 5;

impl PromptExplanation {
    /// The page of the explanation.
    pub fn page(&self) -> Page {
        let change = |of: fn(&NextToken) -> String| self.edited.as_ref().map_or_else(String::new, of);
        let mut sections = vec![self.predictions(), self.lens_section(), self.bands_section()];
        sections.extend(self.components.iter().map(components));
        Page {
            program: "Laser explain".to_owned(),
            subject: format!("“{}”", self.prompt),
            verdict: self.verdict(),
            tiles: vec![
                Tile::new(
                    "unedited",
                    first(&self.base),
                    format!("{} is number {}", quoted(&self.answer_token), self.base.answer_rank),
                ),
                Tile::new("edited", change(first), change(|next| format!("the answer is number {}", next.answer_rank))),
            ]
            .into_iter()
            .filter(|tile| !tile.value.is_empty())
            .collect(),
            sections,
            provenance: [
                ("program", format!("laser explain, version {}", env!("CARGO_PKG_VERSION"))),
                ("model", self.model.clone()),
                ("edit", self.edit.clone().unwrap_or_else(|| "none".to_owned())),
                ("tokens of the prompt", self.tokens.iter().map(|token| quoted(token)).collect::<Vec<_>>().join(" ")),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        }
    }

    fn verdict(&self) -> String {
        let unedited = format!(
            "The model says {} and has {} in place {} ({} nats)",
            first(&self.base),
            quoted(&self.answer_token),
            self.base.answer_rank,
            short_nats(self.base.answer_logprob)
        );
        match &self.edited {
            None => format!("{unedited}."),
            Some(edited) => format!(
                "{unedited}; with the edit it says {} and has it in place {} ({} nats).",
                first(edited),
                edited.answer_rank,
                short_nats(edited.answer_logprob)
            ),
        }
    }

    /// The likeliest tokens of all models.
    fn predictions(&self) -> Section {
        let mut models: Vec<(String, &NextToken)> = vec![("unedited".to_owned(), &self.base)];
        models.extend(self.edited.as_ref().map(|edited| ("edited".to_owned(), edited)));
        models.extend(self.removed.iter().map(|(matrix, next)| (format!("removed part of {matrix} alone"), next)));
        let row = |(name, next): &(String, &NextToken)| {
            let mut cells = vec![name.clone()];
            cells.extend(next.top.iter().take(SHOWN_TOKENS).map(likely));
            cells.resize(1 + SHOWN_TOKENS, String::new());
            cells.extend([next.answer_rank.to_string(), short_nats(next.answer_logprob)]);
            cells
        };
        let header = ["model", "1", "2", "3", "4", "5", "place of the answer", "its log-probability"];
        let mut text = vec![format!(
            "The likeliest next tokens with their probabilities; of the answer, the first token is read: {}.",
            quoted(&self.answer_token)
        )];
        text.extend(self.notes.iter().cloned());
        Section {
            title: "What is said".to_owned(),
            text,
            tables: vec![Table { texts: true, ..Table::new("", &header, models.iter().map(row).collect()) }],
            ..Section::default()
        }
    }

    /// The residual stream after each layer.
    fn lens_section(&self) -> Section {
        let row = |layer: &LensLayer| {
            let of = |next: &NextToken| [first(next), next.answer_rank.to_string()];
            let mut cells = vec![layer.layers.to_string()];
            cells.extend(of(&layer.base));
            cells.extend(layer.edited.iter().flat_map(of));
            cells
        };
        let mut header = vec!["after layers", "unedited says", "place of the answer"];
        if self.edited.is_some() {
            header.extend(["edited says", "place of the answer"]);
        }
        let line =
            |name: &str, of: &dyn Fn(&LensLayer) -> Option<f64>| Series::new(name, self.lens.iter().map(of).collect());
        let mut series = vec![line("unedited", &|layer| Some(layer.base.answer_logprob))];
        if self.edited.is_some() {
            series.push(line("edited", &|layer| layer.edited.as_ref().map(|next| next.answer_logprob)));
        }
        let every = self.lens.len() / 16 + 1;
        let label = |layer: &LensLayer| {
            if layer.layers.is_multiple_of(every) { layer.layers.to_string() } else { String::new() }
        };
        Section {
            title: "Layer by layer".to_owned(),
            text: vec![
                "The output head reads the residual stream after each layer as if the model ended there (the logit lens).".to_owned(),
            ],
            plots: vec![LinePlot::new(&PlotData {
                caption: "Log-probability of the answer, nats".to_owned(),
                x_title: "after layers".to_owned(),
                x_labels: self.lens.iter().map(label).collect(),
                y_unit: String::new(),
                series,
            })],
            tables: vec![Table { texts: true, ..Table::new("", &header, self.lens.iter().map(row).collect()) }],
            ..Section::default()
        }
    }

    /// The matrices that move the answer most.
    fn bands_section(&self) -> Section {
        let mut matrices: Vec<&MatrixBands> = self.bands.iter().collect();
        let size = |bands: &MatrixBands| bands.bands.iter().map(|band| band.abs()).sum::<f64>();
        matrices.sort_by(|a, b| b.edited.cmp(&a.edited).then(size(b).total_cmp(&size(a))));
        let row = |matrix: &&MatrixBands| {
            let mut cells = vec![format!("{}{}", matrix.matrix, if matrix.edited { " (edited)" } else { "" })];
            cells.extend(matrix.bands.iter().map(|band| nats(*band)));
            cells.push(nats(matrix.total));
            cells
        };
        let names: Vec<String> = (0..10).map(|band| format!("{}–{} %", 10 * band, 10 * (band + 1))).collect();
        let mut header = vec!["matrix"];
        header.extend(names.iter().map(String::as_str));
        header.push("all");
        Section {
            title: "Which components carry the answer".to_owned(),
            text: vec![format!(
                "What each tenth of the components, from the largest to the smallest, adds to the answer’s log-probability: nats, to \
                 first order, from the gradient of the unedited model. {} of {} matrices, the edited ones first, then by the sum of \
                 the sizes.",
                matrices.len().min(SHOWN_MATRICES),
                matrices.len()
            )],
            tables: vec![Table::new("", &header, matrices.iter().take(SHOWN_MATRICES).map(row).collect())],
            ..Section::default()
        }
    }
}

/// The most active components of one matrix.
fn components(matrix: &MatrixComponents) -> Section {
    let row = |component: &ActiveComponent| {
        let fate = match matrix.kept {
            Some(kept) if component.index < kept => "kept",
            Some(_) => "removed",
            None => "",
        };
        let words = |words: &[String]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        vec![
            format!("{} {fate}", component.index + 1),
            format!("{:.3}", component.sigma),
            format!("{:+.3}", component.activation).replace('-', "−"),
            nats(component.contribution),
            words(&component.writes),
            words(&component.reads),
        ]
    };
    let header = ["component", "σ", "activation", "adds to the answer, nats", "writes", "reads"];
    Section {
        title: format!("The most active components of {}", matrix.matrix),
        text: vec![
            "Activation: σᵢ·vᵢᵀx at the last token. Words are those whose rows of the output head have the largest cosine with what the \
             component writes into the residual stream, and with what it reads from it. Vectors between the matrices of an MLP are \
             carried to the residual stream by the neighbouring matrix, without gate and activation function; norms are left out."
                .to_owned(),
        ],
        tables: vec![Table { texts: true, ..Table::new("", &header, matrix.components.iter().map(row).collect()) }],
        ..Section::default()
    }
}

fn likely(token: &super::prompt::LikelyToken) -> String {
    format!("{} {:.1} %", quoted(&token.text), 100.0 * token.probability)
}

/// The likeliest token in quotation marks.
fn first(next: &NextToken) -> String {
    next.top.first().map_or_else(String::new, |token| quoted(&token.text))
}

/// A token in quotation marks, with its line ends as signs.
fn quoted(text: &str) -> String {
    format!("“{}”", text.replace('\n', "⏎"))
}
