//! The study as a page: tables and drawings from its numbers.

use laser::results::number_format::{p_value, percent, points};
use laser::statistics::wilson_ci95;

use laser::page::{LinePlot, Page, Picture, PlotData, Section, Series, Table, Tile};

use super::SokobanResult;
use super::measure::{Change, NoiseRow, PlayerRow};
use super::paper;

impl SokobanResult {
    /// The page of the study.
    pub fn page(&self) -> Page {
        let mut sections = vec![by_noise(&self.noise), players(&self.players), beside_the_paper(&self.players)];
        if !self.pictures.is_empty() {
            sections.push(pictures(&self.pictures));
        }
        Page {
            program: "Laser lab".to_owned(),
            subject: "Decision Transformers that play Sokoban, and edits of them".to_owned(),
            verdict: self.verdict.clone(),
            tiles: tiles(&self.noise, &self.players),
            sections,
            provenance: self.provenance(),
        }
    }

    /// Settings and seeds for the page.
    fn provenance(&self) -> Vec<(String, String)> {
        let json = |value: serde_json::Result<serde_json::Value>| value.expect("settings are plain data").to_string();
        let study = &self.study;
        vec![
            ("program".to_owned(), format!("laser lab study sokoban, version {}", env!("CARGO_PKG_VERSION"))),
            ("levels".to_owned(), json(serde_json::to_value(&study.levels))),
            ("training".to_owned(), json(serde_json::to_value(study.training))),
            ("seed".to_owned(), study.seed.to_string()),
        ]
    }
}

fn tiles(noise: &[NoiseRow], players: &[PlayerRow]) -> Vec<Tile> {
    let levels = players.first().map_or_else(String::new, |p| format!("{} test levels of {} rooms", p.levels, p.rooms));
    noise
        .iter()
        .map(|row| Tile {
            name: format!("solved, {:.0} % noise", 100.0 * row.noise),
            value: percent(row.solved),
            remark: format!("{} players, {}; {levels}", row.players, range(Some(row.solved_range))),
        })
        .collect()
}

/// A return with two decimals and a minus of its own width.
fn signed(value: f64) -> String {
    format!("{value:.2}").replace('-', "−")
}

/// A range of shares in per cent.
fn range(of: Option<[f64; 2]>) -> String {
    of.map_or_else(|| "–".to_owned(), |[low, high]| format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high))
}

/// An interval of differences in points.
fn interval(of: Option<[f64; 2]>) -> String {
    of.map_or_else(String::new, |[low, high]| format!(" [{}, {}]", points(low), points(high)))
}

fn by_noise(rows: &[NoiseRow]) -> Section {
    let row = |row: &NoiseRow| {
        vec![
            format!("{:.0} %", 100.0 * row.noise),
            row.players.to_string(),
            format!("{} ({})", percent(row.solved), range(Some(row.solved_range))),
            format!("{} of {}", row.proposals, row.players),
            format!("{}{}", points(row.proposed_gain), interval(row.proposed_ci95)),
            points(row.luckiest_searched),
            format!("{}{}", points(row.luckiest_gain), interval(row.luckiest_ci95)),
        ]
    };
    let header = [
        "noise",
        "players",
        "solved (range)",
        "edits proposed",
        "their gain, test, points",
        "best on the search levels: gain there",
        "its gain on the test levels",
    ];
    let per_cent = |of: &dyn Fn(&NoiseRow) -> f64| rows.iter().map(|row| Some(100.0 * of(row))).collect();
    let band = |of: &dyn Fn(&NoiseRow) -> Option<[f64; 2]>| {
        rows.iter().map(|row| of(row).map(|ends| ends.map(|end| 100.0 * end))).collect()
    };
    let plot = LinePlot::new(&PlotData {
        caption: "Gain of the edit that is best on the search levels, points (band: 95 %)".to_owned(),
        x_title: "demonstrated moves that chance chose, %".to_owned(),
        x_labels: rows.iter().map(|row| format!("{:.0}", 100.0 * row.noise)).collect(),
        y_unit: String::new(),
        series: vec![
            Series::new("on the search levels, which chose it", per_cent(&|row| row.luckiest_searched)),
            Series::new("on the test levels", per_cent(&|row| row.luckiest_gain))
                .with_band(band(&|row| row.luckiest_ci95)),
        ],
    });
    Section {
        title: "Gain by noise in the demonstrations".to_owned(),
        text: vec![
            "If rank reduction removes what noisy training data wrote, players that learned from noisy demonstrations should gain, \
             and the more the noisier they were. The search proposes an edit only where it expects a gain on other levels; a \
             player without proposal gains nothing. The last columns take the edit with the largest gain on the search levels, as the \
             paper does, and open the test levels for it. Intervals are for these players, from a bootstrap over \
             rooms."
                .to_owned(),
        ],
        plots: vec![plot],
        tables: vec![Table::new("", &header, rows.iter().map(row).collect())],
        ..Section::default()
    }
}

fn change(change: Option<&Change>) -> [String; 4] {
    match change {
        None => ["none".to_owned(), "–".to_owned(), "–".to_owned(), "–".to_owned()],
        Some(change) => [
            change.edit.clone(),
            format!("{}{}", points(change.gain), interval(change.ci95)),
            format!("{} / {}", change.fixed, change.broken),
            p_value(change.mcnemar_p),
        ],
    }
}

fn players(rows: &[PlayerRow]) -> Section {
    let row = |row: &PlayerRow| {
        let mut cells = vec![
            format!("{:.0} %, seed {}", 100.0 * row.noise, row.seed),
            format!("{:.3}", row.training_loss),
            format!("{} ({})", percent(row.solved), range(row.solved_ci95)),
            signed(row.mean_return),
            format!("{:.1}", row.mean_moves),
            row.trials.to_string(),
            row.proposed.as_ref().map_or_else(|| "none".to_owned(), |change| change.edit.clone()),
        ];
        cells.extend(change(row.luckiest.as_ref()));
        cells
    };
    let header = [
        "player",
        "training loss",
        "solved, test",
        "return",
        "moves",
        "edits played",
        "proposed",
        "best on the search levels",
        "its gain, test",
        "fixed / broken",
        "McNemar",
    ];
    Section {
        title: "The players".to_owned(),
        tables: vec![Table::new("", &header, rows.iter().map(row).collect())],
        ..Section::default()
    }
}

fn beside_the_paper(rows: &[PlayerRow]) -> Section {
    let n = paper::LEVELS as f64;
    let share = |solved: usize| {
        let rate = solved as f64 / n;
        format!("{} ({})", percent(rate), range(wilson_ci95(rate, n)))
    };
    let gain = (paper::SOLVED_EDITED as f64 - paper::SOLVED as f64) / n;
    let mut table = vec![vec![
        "paper, best edit on its levels".to_owned(),
        format!("{} (inferred)", paper::LEVELS),
        share(paper::SOLVED),
        share(paper::SOLVED_EDITED),
        points(gain),
        format!("{} → {}", paper::RETURN, paper::RETURN_EDITED),
    ]];
    for row in rows.iter().filter(|row| row.noise == 0.0) {
        let Some(change) = &row.luckiest else { continue };
        table.push(vec![
            format!("seed {}, {}", row.seed, change.edit),
            row.levels.to_string(),
            format!("{} ({})", percent(row.solved), range(row.solved_ci95)),
            percent(row.solved + change.gain),
            format!("{}{}", points(change.gain), interval(change.ci95)),
            format!("{} → {}", signed(row.mean_return), signed(change.mean_return)),
        ]);
    }
    let header = ["player", "levels", "solved", "solved with the edit", "change, points", "return"];
    Section {
        title: "Beside the paper".to_owned(),
        text: vec![
            "The paper’s shares are whole numbers of 300 levels: 152 solved, and 159 with its edit. Seven levels more than before \
             are within chance unless hardly any level was lost, which the paper does not say. Its model has five or six layers \
             and sees pictures; ours are trained on levels of their own. Test levels here chose nothing."
                .to_owned(),
        ],
        tables: vec![Table::new("", &header, table)],
        ..Section::default()
    }
}

fn pictures(svgs: &[String]) -> Section {
    let picture = |svg: &String| Picture {
        caption: "The same level by the unedited and by the edited player".to_owned(),
        svg: svg.clone(),
    };
    Section {
        title: "Levels that an edit ends differently".to_owned(),
        pictures: svgs.iter().map(picture).collect(),
        ..Section::default()
    }
}
