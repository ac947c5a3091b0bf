//! Tables 1 and 3: every data set that is there, by the paper's protocol and by the honest one.

use laser::Result;
use laser::page::{Section, Table};
use laser::results::number_format::{interval, p_value, percent, points};
use laser::results::{Results, SplitSummary, Verdict};
use laser::statistics::Split;
use serde::Serialize;
use serde_json::json;

use crate::data_set::DataSet;
use crate::outcome::Outcome;
use crate::published::{PaperModel, PublishedCell};
use crate::workshop::{Way, Workshop};

/// One data set.
#[derive(Debug, Serialize)]
struct Row {
    data_set: &'static str,
    task: &'static str,
    items: usize,
    paper: Cell,
    honest: Cell,
    published: Option<PublishedCell>,
}

/// The result of one search on its test split.
#[derive(Debug, Serialize)]
struct Cell {
    edit: String,
    n: usize,
    base_acc: f64,
    base_loss: f64,
    acc: f64,
    loss: f64,
    change: f64,
    ci95: Option<[f64; 2]>,
    mcnemar_p: f64,
    verdict: Verdict,
    nats_on_ordinary_text: Option<f64>,
}

impl Cell {
    fn of(results: &Results) -> Self {
        let acc = |summary: &SplitSummary| summary.acc().expect("every data set of the paper has answers");
        let (base, best) = (&results.base[&Split::Test], &results.best.splits[&Split::Test]);
        Self {
            edit: results.best.edit.clone(),
            n: base.n,
            base_acc: acc(base),
            base_loss: base.log_loss_per_token,
            acc: acc(best),
            loss: best.log_loss_per_token,
            change: results.test.diff,
            ci95: results.test.ci95,
            mcnemar_p: results.test.mcnemar_p,
            verdict: results.verdict,
            nats_on_ordinary_text: results.price.as_ref().map(|price| price.text.nats_per_token),
        }
    }

    fn cells(&self) -> Vec<String> {
        let interval = interval(self.ci95, points);
        vec![
            format!("{} → {}", percent(self.base_acc), percent(self.acc)),
            format!("{:.2} → {:.2}", self.base_loss, self.loss),
            self.edit.clone(),
            format!("{} ({interval})", points(self.change)),
            p_value(self.mcnemar_p),
        ]
    }
}

pub(crate) fn run(workshop: &Workshop<'_>) -> Result<Outcome> {
    workshop.main_data_set()?;
    let model = PaperModel::of(workshop.session.config());
    let mut rows = Vec::new();
    for (set, path) in workshop.found() {
        let search = |way: Way| -> Result<(usize, Cell)> {
            let tasks = workshop.tasks(set, &path, way)?;
            let items = tasks.iter().map(|(task, _)| task.items.len()).sum();
            Ok((items, Cell::of(&workshop.search(set, &tasks, way)?.results)))
        };
        let ((items, paper), (_, honest)) = (search(Way::Paper)?, search(Way::Honest)?);
        let published = model.map(|model| set.published()[model as usize]);
        rows.push(Row { data_set: set.name, task: set.task, items, paper, honest, published });
    }
    let gains = rows.iter().filter(|row| row.honest.verdict == Verdict::Gain).count();
    let looks = rows.iter().filter(|row| row.paper.change > 0.0).count();
    let mut sections = vec![by_way(&rows, Way::Paper), by_way(&rows, Way::Honest), published_table(&rows)];
    sections.extend(workshop.missing().map(|text| Section {
        title: "What is missing".to_owned(),
        text: vec![text],
        ..Section::default()
    }));
    Ok(Outcome {
        verdict: format!(
            "By the paper’s protocol, LASER raises the accuracy on {looks} of {} data sets; by the honest one, a gain is proved on \
             {gains}.",
            rows.len()
        ),
        tiles: Vec::new(),
        sections,
        numbers: json!({ "rows": rows }),
    })
}

/// The table of one protocol, in the layout of tables 1 and 3.
fn by_way(rows: &[Row], way: Way) -> Section {
    let header = ["data set", "items", "accuracy", "log-loss a token", "edit", "change, points (95 %)", "McNemar"];
    let row = |row: &Row| {
        let cell = if way == Way::Paper { &row.paper } else { &row.honest };
        let mut cells = vec![row.data_set.to_owned(), cell.n.to_string()];
        cells.extend(cell.cells());
        cells
    };
    let (title, text) = match way {
        Way::Paper => (
            "By the paper’s protocol",
            "Prompts, scores and grid of the paper’s code. The first fifth of the items chooses the edit, the rest is reported; the \
             unedited model is not a candidate, and items of one subject may be on both sides.",
        ),
        Way::Honest => (
            "By the honest protocol",
            "Clean prompts and scores; three splits that keep related items together; the unedited model is a candidate; the test split \
             is opened once.",
        ),
    };
    Section {
        title: title.to_owned(),
        text: vec![text.to_owned()],
        tables: vec![Table { texts: true, ..Table::new("", &header, rows.iter().map(row).collect()) }],
        ..Section::default()
    }
}

/// The paper's own rows: of the model, or of all its models where it is another one.
fn published_table(rows: &[Row]) -> Section {
    let models = [PaperModel::Roberta, PaperModel::GptJ, PaperModel::Llama2];
    let cell = |cell: &PublishedCell| {
        format!(
            "{:.1} → {:.1} %, {:.2} → {:.2}, L{}.{}@{}",
            cell.base_acc, cell.acc, cell.base_loss, cell.loss, cell.layer, cell.matrix, cell.rho
        )
    };
    let row = |row: &Row| {
        let set: &DataSet = crate::DATA_SETS.iter().find(|set| set.task == row.task).expect("a data set of the paper");
        let mut cells = vec![row.data_set.to_owned()];
        cells.extend(set.published().iter().map(cell));
        cells
    };
    let names = models.map(PaperModel::name);
    let header = ["data set", names[0], names[1], names[2]];
    Section {
        title: "The paper’s tables 1 and 3".to_owned(),
        text: vec!["Accuracy and log-loss a token before and after, and the chosen edit.".to_owned()],
        tables: vec![Table { texts: true, ..Table::new("", &header, rows.iter().map(row).collect()) }],
        ..Section::default()
    }
}
