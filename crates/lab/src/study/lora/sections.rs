//! The study as a page: tables from its numbers.

use laser::lora::{Behaviour, CutSummary, Share};
use laser::results::number_format::{p_value, percent, points};

use laser::page::{Page, Section, Table, Tile};

use super::{FoundEdit, LoraResult};

impl LoraResult {
    /// The page of the study.
    pub fn page(&self) -> Page {
        let mut sections = vec![self.searches(), shares(&self.analysis.summary.cuts)];
        sections.extend(self.analysis.behaviour.as_ref().map(answers));
        Page {
            program: "Laser lab".to_owned(),
            subject: "a LoRA adapter, and what rank reduction removes".to_owned(),
            verdict: self.verdict.clone(),
            tiles: self.analysis.behaviour.as_ref().map(tiles).unwrap_or_default(),
            sections,
            provenance: self.provenance(),
        }
    }

    /// Settings, seeds and sizes for the page.
    fn provenance(&self) -> Vec<(String, String)> {
        let training = serde_json::to_value(&self.study.training).expect("settings are plain data").to_string();
        vec![
            ("program".to_owned(), format!("laser lab study lora, version {}", env!("CARGO_PKG_VERSION"))),
            ("model".to_owned(), self.analysis.model.clone()),
            ("adapter".to_owned(), training),
            ("items".to_owned(), format!("{} taught, {} held out", self.tuned_items, self.held_out_items)),
            ("seeds".to_owned(), format!("{} of parts and splits, {} else", self.study.split_seed, self.study.seed)),
        ]
    }

    fn searches(&self) -> Section {
        let row = |name: &str, found: &FoundEdit| {
            let edit = found.edit.clone().unwrap_or_else(|| "none".to_owned());
            vec![name.to_owned(), edit, if found.is_proposed { "yes" } else { "no" }.to_owned(), found.verdict.clone()]
        };
        Section {
            title: "The adapter and the two searches".to_owned(),
            text: vec![format!(
                "The adapter learned from {} items (loss of the last step {:.3} nats a token). Both searches chose among the edits \
                 of their model on the search and validation splits of {} other items. An edit that is not proposed is the one \
                 that looked best there, taken for the comparison all the same.",
                self.tuned_items, self.training_loss, self.held_out_items
            )],
            tables: vec![Table {
                texts: true,
                ..Table::new(
                    "",
                    &["model", "edit", "proposed", "verdict of the search"],
                    vec![row("base", &self.base_search), row("tuned", &self.tuned_search)],
                )
            }],
            ..Section::default()
        }
    }
}

fn tiles(behaviour: &Behaviour) -> Vec<Tile> {
    let tile = |cell: &laser::lora::ModelCell| Tile {
        name: cell.cell.name(),
        value: percent(cell.acc),
        remark: format!("{} test items", behaviour.n),
    };
    behaviour.cells.iter().take(4).map(tile).collect()
}

fn shares(cuts: &[CutSummary]) -> Section {
    let share = |of: &Share| {
        let z = of.z.map_or_else(|| "–".to_owned(), |z| format!("{z:+.1}"));
        [percent(of.share), percent(of.chance), z]
    };
    let row = |cut: &CutSummary| {
        let mut row = vec![cut.rule.clone(), cut.matrices.to_string()];
        row.extend(share(&cut.kept).into_iter().chain(share(&cut.removed)));
        row.push(percent(cut.retained));
        row
    };
    let header = ["ρ", "matrices", "kept", "chance", "z", "removed", "chance", "z", "left after truncation"];
    Section {
        title: "Where the update lies".to_owned(),
        text: vec![
            "Shares of the update’s energy in what truncation at ρ keeps and in what it removes, against an update with the same \
             singular values in random directions; means over the adapted matrices. `edit` is the edit of the base model, at the \
             matrix that it changes."
                .to_owned(),
        ],
        tables: vec![Table::new("", &header, cuts.iter().map(row).collect())],
        ..Section::default()
    }
}

fn answers(behaviour: &Behaviour) -> Section {
    let interval = |ci: Option<[f64; 2]>| {
        ci.map_or_else(|| "–".to_owned(), |[low, high]| format!("{} to {}", points(low), points(high)))
    };
    let cells = behaviour
        .cells
        .iter()
        .map(|cell| vec![cell.cell.name(), cell.meaning.clone(), percent(cell.acc), format!("{:.3}", cell.log_loss)]);
    let pairs = behaviour.pairs.iter().map(|pair| {
        vec![
            format!("{} → {}", pair.before.name(), pair.after.name()),
            points(pair.difference),
            interval(pair.ci95),
            format!("{} / {}", pair.fixed, pair.broken),
            p_value(pair.mcnemar_p),
        ]
    });
    Section {
        title: "What the models answer".to_owned(),
        text: vec![
            format!(
                "All models answered the same {} items of the test split, which chose no edit and taught nothing.",
                behaviour.n
            ),
            format!(
                "The gain of an edit on the tuned model minus the gain on the base model is {} points ({}).",
                points(behaviour.interaction.difference),
                interval(behaviour.interaction.ci95)
            ),
        ],
        tables: vec![
            Table {
                texts: true,
                ..Table::new("", &["model", "weights", "accuracy", "log-loss, nats"], cells.collect())
            },
            Table::new("", &["models", "points", "95 %", "fixed / broken", "McNemar"], pairs.collect()),
        ],
        ..Section::default()
    }
}
