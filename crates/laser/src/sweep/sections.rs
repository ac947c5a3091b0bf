//! A sweep as a page: the paper's figures 2, 8, 9 and 10 from its rows.

use std::collections::BTreeSet;

use crate::page::{LinePlot, Page, PlotData, Section, Series, Table, Tile};
use crate::results::number_format::{percent, points};
use crate::results::setting_text::{seed_rows, setting_rows};

use super::{Kind, Sweep, SweepRow};

/// Number of layers that one drawing shows: as many as there are clearly different lines.
const SHOWN_LAYERS: usize = 6;
/// Number of edits in the list of the best.
const LISTED: usize = 10;

impl Sweep {
    /// The page of the sweep.
    pub fn page(&self) -> Page {
        let mut sections: Vec<Section> = Vec::new();
        for matrix in self.matrices() {
            sections.push(self.by_layer(&matrix));
        }
        sections.extend([self.removal(), self.best_of_matrices(), self.best_edits()]);
        let model = &self.manifest.model.path;
        Page {
            program: "Laser sweep".to_owned(),
            subject: format!("{} on {}", model, self.manifest.task.name),
            verdict: format!(
                "{} edits of one matrix on {} items. Nothing was chosen, and nothing here proves a gain: the best of many edits \
                 is partly luck.",
                self.rows.len(),
                self.items
            ),
            tiles: vec![
                Tile::new("unedited", percent(self.base.acc), format!("log-loss {:.4}", self.base.log_loss)),
                Tile::new("items", self.items.to_string(), format!("in {} groups", self.groups)),
                Tile::new("edits", self.rows.len().to_string(), format!("{} matrices", self.places().len())),
            ],
            sections,
            provenance: self.provenance(),
        }
    }

    fn provenance(&self) -> Vec<(String, String)> {
        let manifest = &self.manifest;
        let mut rows = [
            ("program", format!("laser sweep, version {}", manifest.tool_version)),
            ("model", format!("{} ({})", manifest.model.path, manifest.model.sha256)),
            ("task", format!("{} ({})", manifest.task.name, manifest.task.sha256)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        rows.extend(setting_rows(&manifest.config));
        rows.extend(seed_rows(&manifest.seeds));
        rows
    }

    /// Canonical names of the matrices, in the order of the rows.
    fn matrices(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for row in &self.rows {
            if !names.contains(&row.matrix) {
                names.push(row.matrix.clone());
            }
        }
        names
    }

    /// Layers and matrices that were edited.
    fn places(&self) -> BTreeSet<(usize, &str)> {
        self.rows.iter().map(|row| (row.layer, row.matrix.as_str())).collect()
    }

    /// The rows of one matrix, of one kind, by percentage.
    fn curve(&self, layer: usize, matrix: &str, kind: Kind) -> Vec<&SweepRow> {
        self.rows.iter().filter(|row| row.layer == layer && row.matrix == matrix && row.kind == kind).collect()
    }

    /// The percentages, ascending.
    fn percentages(&self) -> Vec<f64> {
        let mut found: Vec<f64> = self.rows.iter().map(|row| row.removed).collect();
        found.sort_by(f64::total_cmp);
        found.dedup();
        found
    }

    /// The kind that is shown where one must do: the first that was tried, which is truncation if it was.
    fn main_kind(&self) -> Kind {
        self.rows.iter().map(|row| row.kind).min().unwrap_or(Kind::Leading)
    }

    /// Accuracy and log-loss of one matrix against the percentage removed, by layer (figure 2).
    fn by_layer(&self, matrix: &str) -> Section {
        let kind = self.main_kind();
        let layers: BTreeSet<usize> =
            self.rows.iter().filter(|row| row.matrix == matrix).map(|row| row.layer).collect();
        let layers: Vec<usize> = layers.into_iter().collect();
        let series = |of: &dyn Fn(&SweepRow) -> f64| {
            let line = |layer: &usize| Series::new(&format!("layer {layer}"), self.values(*layer, matrix, kind, of));
            spread(&layers).iter().map(line).collect::<Vec<_>>()
        };
        Section {
            title: format!("{matrix}: what its layers lose and gain ({kind})"),
            text: vec![format!(
                "Against the percentage removed, as in the paper’s figure 2. The unedited model has an accuracy of {} and a log-loss \
                 of {:.4}. Of {} layers, {} are drawn; all are in sweep.csv.",
                percent(self.base.acc),
                self.base.log_loss,
                layers.len(),
                layers.len().min(SHOWN_LAYERS)
            )],
            plots: vec![
                self.plot("Change of the accuracy, points", series(&|row| 100.0 * row.change)),
                self.plot("Rise of the log-loss, nats", series(&|row| row.scored.log_loss - self.base.log_loss)),
            ],
            ..Section::default()
        }
    }

    fn plot(&self, caption: &str, series: Vec<Series>) -> LinePlot {
        LinePlot::new(&PlotData {
            caption: caption.to_owned(),
            x_title: "removed, %".to_owned(),
            x_labels: self.percentages().iter().map(f64::to_string).collect(),
            y_unit: String::new(),
            series,
        })
    }

    /// Values of a curve at every percentage.
    fn values(&self, layer: usize, matrix: &str, kind: Kind, of: &dyn Fn(&SweepRow) -> f64) -> Vec<Option<f64>> {
        let rows = self.curve(layer, matrix, kind);
        self.percentages()
            .iter()
            .map(|removed| rows.iter().find(|row| row.removed == *removed).map(|r| of(r)))
            .collect()
    }

    /// The matrix of the best edit, with all kinds, up to its removal (figures 8 and 10).
    fn removal(&self) -> Section {
        let kind = self.main_kind();
        let Some(best) = self.best(|row| row.kind == kind) else { return Section::default() };
        let kinds: BTreeSet<Kind> = self.rows.iter().map(|row| row.kind).collect();
        let series = |of: &dyn Fn(&SweepRow) -> f64| {
            let line = |kind: &Kind| Series::new(kind.name(), self.values(best.layer, &best.matrix, *kind, of));
            kinds.iter().map(line).collect::<Vec<_>>()
        };
        let mut plots = vec![self.plot("Accuracy, %", series(&|row| 100.0 * row.scored.acc))];
        if self.base.top10.is_some() {
            let top10 = series(&|row| 100.0 * row.scored.top10.unwrap_or_default());
            plots.push(self.plot("Answer among the ten most likely tokens, %", top10));
        }
        plots.push(self.plot("Log-loss, nats an item", series(&|row| row.scored.log_loss)));
        Section {
            title: format!("L{}.{}, where the best edit is", best.layer, best.matrix),
            text: vec![
                "How much can be removed, as in the paper’s figure 8, and the same by other kinds, as in its figure 10. Magnitude \
                 pruning keeps as many parameters as truncation, sparse pruning the same percentage of the entries."
                    .to_owned(),
            ],
            plots,
            ..Section::default()
        }
    }

    /// The edit with the highest accuracy; of equal ones the one with the lowest log-loss, then the first.
    fn best(&self, of: impl Fn(&&SweepRow) -> bool) -> Option<&SweepRow> {
        let order = |row: &&SweepRow| (row.scored.acc, -row.scored.log_loss);
        self.rows.iter().rev().filter(of).max_by(|a, b| {
            let (a, b) = (order(a), order(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        })
    }

    /// The best layer and percentage of each matrix (figure 9).
    fn best_of_matrices(&self) -> Section {
        let rows: Vec<Vec<String>> =
            self.matrices().iter().filter_map(|matrix| self.best(|row| row.matrix == *matrix)).map(cells).collect();
        Section {
            title: "The best edit of each matrix".to_owned(),
            text: vec!["As in the paper’s figure 9: the layer and percentage with the highest accuracy.".to_owned()],
            tables: vec![Table::new("", &HEADER, rows)],
            ..Section::default()
        }
    }

    fn best_edits(&self) -> Section {
        let mut rows: Vec<&SweepRow> = self.rows.iter().collect();
        rows.sort_by(|a, b| {
            b.scored.acc.total_cmp(&a.scored.acc).then(a.scored.log_loss.total_cmp(&b.scored.log_loss))
        });
        Section {
            title: "The best edits".to_owned(),
            text: vec![
                "On these items, which is where they were compared: expect less on others. A search chooses on some items \
                 and proves on others."
                    .to_owned(),
            ],
            tables: vec![Table::new("", &HEADER, rows.into_iter().take(LISTED).map(cells).collect())],
            ..Section::default()
        }
    }
}

/// Names of the columns of [`cells`].
const HEADER: [&str; 8] =
    ["edit", "removed, %", "accuracy", "change, points", "standard error", "fixed / broken", "top 10", "log-loss"];

fn cells(row: &SweepRow) -> Vec<String> {
    vec![
        format!("L{}.{}@{}", row.layer, row.matrix, row.reduction),
        row.removed.to_string(),
        percent(row.scored.acc),
        points(row.change),
        row.stderr.map_or_else(|| "–".to_owned(), |stderr| format!("{:.1}", 100.0 * stderr)),
        format!("{} / {}", row.fixed, row.broken),
        row.scored.top10.map_or_else(|| "–".to_owned(), percent),
        format!("{:.4}", row.scored.log_loss),
    ]
}

/// Some of the layers, evenly spread, the first and the last among them.
fn spread(layers: &[usize]) -> Vec<usize> {
    let n = layers.len().min(SHOWN_LAYERS);
    (0..n).map(|i| layers[i * (layers.len() - 1) / n.saturating_sub(1).max(1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_layers_are_spread_from_the_first_to_the_last() {
        assert_eq!(spread(&(0..30).collect::<Vec<_>>()), [0, 5, 11, 17, 23, 29]);
        assert_eq!(spread(&[4, 7]), [4, 7]);
        assert_eq!(spread(&[4]), [4]);
        assert!(spread(&[]).is_empty());
    }
}
