//! The study as a page: tables and drawings from its numbers.

use laser::results::number_format::{p_value, percent, points};

use crate::study::flips::{FlipRow, FlipTable, Rate};
use laser::explain::AnswerClass;
use laser::page::{LinePlot, Page, PlotData, Section, Series, StackData, StackedBars, Table, Tile};

use super::StudyResult;
use super::measure::WorldResult;
use super::pooled::{Mean, Pooled};

impl StudyResult {
    /// The page of the study.
    pub fn page(&self) -> Page {
        let Self { noisy, clean, pooled, pooled_clean, .. } = self;
        let mut sections =
            vec![worlds(noisy), frequency(&pooled.flips), classes(pooled), bottoms(pooled), controls(pooled)];
        sections.extend(price(noisy));
        if let Some(clean_pool) = pooled_clean {
            sections.push(noise(clean, pooled, clean_pool));
        }
        sections.push(examples(noisy));
        Page {
            program: "Laser lab".to_owned(),
            subject: "what an edit of a fact-world model fixes".to_owned(),
            verdict: self.verdict.clone(),
            tiles: tiles(pooled),
            sections,
            provenance: self.provenance(),
        }
    }
}

fn tiles(pooled: &Pooled) -> Vec<Tile> {
    let all = &pooled.flips.all;
    let interval = all
        .gain_ci95
        .map_or_else(|| "no interval".to_owned(), |[low, high]| format!("95 %: {} to {}", points(low), points(high)));
    vec![
        Tile::new("unedited models, test", rate(&all.base), interval95(&all.base)),
        Tile::new("with the best edit, test", rate(&all.edit), interval95(&all.edit)),
        Tile::new("change, points", points(all.gain), interval),
        Tile::new(
            "fixed / broken",
            format!("{} / {}", all.fixed.events, all.broken.events),
            format!("McNemar’s exact {}", p_value(all.mcnemar_p)),
        ),
    ]
}

/// A rate as a percentage; a dash if nothing could happen.
fn rate(rate: &Rate) -> String {
    rate.value().map_or_else(|| "–".to_owned(), percent)
}

fn interval95(rate: &Rate) -> String {
    rate.ci95.map_or_else(String::new, |[low, high]| format!("95 %: {:.1} to {:.1}", 100.0 * low, 100.0 * high))
}

/// A rate with its interval and counts.
fn full_rate(r: &Rate) -> String {
    let interval = r.ci95.map_or_else(String::new, |[low, high]| format!(" [{:.1}, {:.1}]", 100.0 * low, 100.0 * high));
    format!("{}{interval} ({} of {})", rate(r), r.events, r.of)
}

fn worlds(results: &[WorldResult]) -> Section {
    let row = |result: &WorldResult| {
        let [base, edited] = [&result.base, &result.edited];
        let change = |half: usize| format!("{} → {}", rate(&base[half].right), rate(&edited[half].right));
        let flips = |fixed: bool| {
            let is = |f: &&crate::study::Flip| f.base_right != f.edit_right && f.edit_right == fixed;
            result.flips.iter().filter(is).count()
        };
        vec![
            result.world_seed.to_string(),
            result.edit.clone(),
            change(0),
            change(1),
            format!("{} / {}", flips(true), flips(false)),
            format!("{:.3} → {:.3}", base[1].log_loss, edited[1].log_loss),
            format!("{:.1} of {}", result.effective_rank.0, result.effective_rank.1),
        ]
    };
    let header = [
        "world",
        "best edit",
        "accuracy, search half",
        "test half",
        "fixed / broken",
        "log-loss, test, nats",
        "effective rank",
    ];
    let leaders = |result: &WorldResult| {
        let edits = result.leaders.iter().take(5).map(|edit| format!("{} ({})", edit.edit, percent(edit.accuracy)));
        vec![result.world_seed.to_string(), edits.collect::<Vec<_>>().join(", ")]
    };
    Section {
        title: "Every edit of one matrix, in every world".to_owned(),
        text: vec![format!(
            "In each world, {} edits were tried on the search half of the facts; the one with the highest accuracy there was \
             measured on the test half. The effective rank is that of the edited matrix before the edit.",
            results.first().map_or(0, |result| result.tried)
        )],
        tables: vec![
            Table::new("", &header, results.iter().map(row).collect()),
            Table {
                texts: true,
                ..Table::new(
                    "The five best on the search half",
                    &["world", "edits"],
                    results.iter().map(leaders).collect(),
                )
            },
        ],
        ..Section::default()
    }
}

fn frequency(table: &FlipTable) -> Section {
    let row = |row: &FlipRow| {
        let interval =
            row.gain_ci95.map_or_else(String::new, |[low, high]| format!(" [{}, {}]", points(low), points(high)));
        vec![
            row.mentions.clone(),
            row.base.of.to_string(),
            format!("{} → {}", rate(&row.base), rate(&row.edit)),
            row.paper_ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.3}")),
            full_rate(&row.fixed),
            full_rate(&row.broken),
            format!("{}{interval}", points(row.gain)),
            p_value(row.mcnemar_p),
        ]
    };
    let header = [
        "mentions",
        "facts",
        "accuracy",
        "fixed per right",
        "fixed, of the wrong",
        "broken, of the right",
        "gain, points",
        "McNemar",
    ];
    let percentages =
        |of: &dyn Fn(&FlipRow) -> Option<f64>| table.bins.iter().map(|row| of(row).map(|x| 100.0 * x)).collect();
    let bands = |of: &dyn Fn(&FlipRow) -> Option<[f64; 2]>| {
        table.bins.iter().map(|row| of(row).map(|x| x.map(|x| 100.0 * x))).collect()
    };
    let plot = LinePlot::new(&PlotData {
        caption: "Fixed, broken and gained by frequency (bands: 95 %)".to_owned(),
        x_title: "mentions in the corpus".to_owned(),
        x_labels: table.bins.iter().map(|row| row.mentions.clone()).collect(),
        y_unit: " %".to_owned(),
        series: vec![
            Series::new("fixed, of the wrong", percentages(&|r| r.fixed.value())).with_band(bands(&|r| r.fixed.ci95)),
            Series::new("broken, of the right", percentages(&|r| r.broken.value()))
                .with_band(bands(&|r| r.broken.ci95)),
            Series::new("gain, points", percentages(&|r| Some(r.gain).filter(|_| r.base.of > 0)))
                .with_band(bands(&|r| r.gain_ci95)),
        ],
    });
    let mut text = vec![
        "Facts of all test halves by how often the corpus mentions them. “Fixed per right” is the ratio of the paper’s figure \
         3c; its denominator rises with frequency, so that it falls even where the gain is the same everywhere. The other \
         columns do not have this fault. Intervals of rates are Wilson’s; that of the gain is a bootstrap over worlds, then \
         over facts."
            .to_owned(),
    ];
    text.extend(dependence(table));
    let rows = table.bins.iter().chain([&table.all]).map(row).collect();
    Section {
        title: "Gain by frequency".to_owned(),
        text,
        plots: vec![plot],
        tables: vec![Table::new("", &header, rows)],
        ..Section::default()
    }
}

/// The tests for a dependence on frequency, in a sentence.
fn dependence(table: &FlipTable) -> Option<String> {
    let trend = table.fix_trend.map(|t| {
        format!(
            "the rate of fixed facts along the bins has the trend z = {:.2} (Cochran–Armitage, {})",
            t.z,
            p_value(t.p)
        )
    });
    let slope = table.fix_slope.map(|s| {
        format!(
            "ten times as many mentions change the log-odds of being fixed by {:+.2} ± {:.2} (Wald, {})",
            s.slope,
            s.stderr,
            p_value(s.p)
        )
    });
    let correlation = table.logprob_correlation.map(|rho| {
        let interval = table.logprob_correlation_ci95.map_or_else(String::new, |[low, high]| format!(" [{low:+.2}, {high:+.2}]"));
        format!("the rise of the gold answer’s log-probability correlates with the count by Spearman’s ρ = {rho:+.2}{interval}, over all facts")
    });
    let clauses: Vec<String> = [trend, slope, correlation].into_iter().flatten().collect();
    (!clauses.is_empty()).then(|| format!("Among facts that were wrong, {}.", clauses.join("; ")))
}

fn class_names() -> Vec<String> {
    AnswerClass::ALL.map(|class| class.name().to_owned()).to_vec()
}

fn classes(pooled: &Pooled) -> Section {
    let bars = [
        ("unedited", pooled.classes[0]),
        ("with the edit", pooled.classes[1]),
        ("fixed, before", pooled.classes_of_fixed),
    ];
    let row = |(name, shares): &(&str, [f64; 4])| {
        std::iter::once((*name).to_owned()).chain(shares.iter().map(|share| percent(*share))).collect()
    };
    Section {
        title: "What the answers are, before and after".to_owned(),
        text: vec![
            "Answers on the test halves: the gold object, another object of the relation, a frequent word that is no object, or \
             anything else. The last row is what the unedited models said where the edit is right and they were not."
                .to_owned(),
        ],
        bars: vec![StackedBars::new(&StackData {
            caption: "Classes of answers".to_owned(),
            parts: class_names(),
            bars: bars.iter().map(|(name, shares)| ((*name).to_owned(), shares.to_vec())).collect(),
        })],
        tables: vec![Table::new("", &["answers", "gold", "same type", "generic", "other"], bars.iter().map(row).collect())],
        ..Section::default()
    }
}

fn bottoms(pooled: &Pooled) -> Section {
    let labels: Vec<String> = pooled.bottoms.iter().map(|point| format!("{}", 100.0 * point.kept)).collect();
    let curve = |name: &str, of: &dyn Fn(usize) -> Option<Mean>| {
        let means: Vec<Option<Mean>> = (0..pooled.bottoms.len()).map(of).collect();
        let values = means.iter().map(|mean| mean.map(|mean| mean.mean)).collect();
        Series::new(name, values).with_band(means.iter().map(|mean| mean.and_then(|mean| mean.ci95)).collect())
    };
    let cosines = LinePlot::new(&PlotData {
        caption: "Cosine of the answer, where the edit fixes it, with other words (bands: 95 %)".to_owned(),
        x_title: "smallest components that stay, %".to_owned(),
        x_labels: labels.clone(),
        y_unit: String::new(),
        series: vec![
            curve("gold answer", &|i| pooled.bottoms[i].to_gold),
            curve("random other object", &|i| pooled.bottoms[i].to_same_type),
            curve("most frequent generic answer", &|i| pooled.bottoms[i].to_generic),
        ],
    });
    let share = |class: AnswerClass| {
        let values = pooled.bottoms.iter().map(|point| Some(100.0 * point.all[class as usize])).collect();
        Series::new(class.name(), values)
    };
    let shares = LinePlot::new(&PlotData {
        caption: "Classes of answers, all test facts".to_owned(),
        x_title: "smallest components that stay, %".to_owned(),
        x_labels: labels,
        y_unit: " %".to_owned(),
        series: AnswerClass::ALL.map(share).to_vec(),
    });
    let row = |point: &super::pooled::PooledBottom| {
        let mut cells = vec![format!("{} %", 100.0 * point.kept)];
        cells.extend(point.all.iter().chain(&point.fixed).map(|share| percent(*share)));
        cells.push(point.to_gold.map_or_else(|| "–".to_owned(), |mean| format!("{:.3}", mean.mean)));
        cells
    };
    let header = [
        "kept",
        "gold",
        "same type",
        "generic",
        "other",
        "fixed: gold",
        "same type",
        "generic",
        "other",
        "cosine to gold",
    ];
    Section {
        title: "What the smallest components say".to_owned(),
        text: vec![
            "The edited matrix is replaced by its smallest components alone, as in the paper’s figure 5: where they stay, a model \
             says what LASER removes. 100 % is the unedited model. Cosines are between centred rows of the output head. Fixed \
             facts are chosen by the edit, so that the unedited model is wrong on them by construction; the columns on the left \
             are of all test facts."
                .to_owned(),
        ],
        plots: vec![shares, cosines],
        tables: vec![Table::new("", &header, pooled.bottoms.iter().map(row).collect())],
        ..Section::default()
    }
}

fn controls(pooled: &Pooled) -> Section {
    let row = |control: &super::pooled::PooledControl| {
        vec![control.kind.clone(), percent(control.accuracy), format!("{:.3}", control.log_loss)]
    };
    Section {
        title: "Other ways to take as much away".to_owned(),
        text: vec![
            "The same matrix with as many components chosen at random (five draws), with as many of its largest entries as the \
             truncation has parameters, or without anything; mean over worlds."
                .to_owned(),
        ],
        tables: vec![Table::new("", &["kept", "accuracy, test", "log-loss, nats"], pooled.controls.iter().map(row).collect())],
        ..Section::default()
    }
}

/// Price of the edits on sentences without facts; `None` for worlds without any.
fn price(results: &[WorldResult]) -> Option<Section> {
    let row = |result: &WorldResult| {
        let [before, after] = result.filler_loss?;
        let cells = [
            result.world_seed.to_string(),
            result.edit.clone(),
            format!("{before:.3} → {after:.3}"),
            format!("{:.2} → {:.2}", before.exp(), after.exp()),
        ];
        Some(cells.to_vec())
    };
    let rows: Vec<Vec<String>> = results.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| Section {
        title: "What the edits cost on sentences without facts".to_owned(),
        text: vec![
            "The log-loss of the corpus’s sentences without facts, whose words follow one another by a random grammar, before \
             and after the edit."
                .to_owned(),
        ],
        tables: vec![Table::new("", &["world", "edit", "log-loss, nats a word", "perplexity"], rows)],
        ..Section::default()
    })
}

fn noise(clean: &[WorldResult], noisy: &Pooled, pooled: &Pooled) -> Section {
    let row = |name: &str, pooled: &Pooled| {
        let all = &pooled.flips.all;
        let interval =
            all.gain_ci95.map_or_else(String::new, |[low, high]| format!(" [{}, {}]", points(low), points(high)));
        vec![
            name.to_owned(),
            format!("{} → {}", rate(&all.base), rate(&all.edit)),
            format!("{} / {}", all.fixed.events, all.broken.events),
            format!("{}{interval}", points(all.gain)),
        ]
    };
    let edits: Vec<String> = clean.iter().map(|result| result.edit.clone()).collect();
    Section {
        title: "The same worlds without noise".to_owned(),
        text: vec![format!(
            "The same facts, counts and templates, but every mention ends in the true object. If the gain on rare facts comes from \
             noise, it should be gone here. Best edits: {}.",
            edits.join(", ")
        )],
        tables: vec![Table::new(
            "",
            &["corpus", "accuracy, test", "fixed / broken", "gain, points"],
            vec![row("noisy", noisy), row("without noise", pooled)],
        )],
        ..Section::default()
    }
}

fn examples(results: &[WorldResult]) -> Section {
    let row = |e: &super::measure::Example| {
        vec![
            e.question.clone(),
            e.count.to_string(),
            e.gold.clone(),
            e.base.clone(),
            e.edited.clone(),
            e.removed.clone(),
        ]
    };
    let header = ["question", "mentions", "gold", "unedited", "edited", "removed part alone"];
    let rows = results.first().map_or_else(Vec::new, |result| result.examples.iter().map(row).collect());
    Section {
        title: "Some answers of the first world".to_owned(),
        tables: vec![Table { texts: true, ..Table::new("", &header, rows) }],
        ..Section::default()
    }
}
