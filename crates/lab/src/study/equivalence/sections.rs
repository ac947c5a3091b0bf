//! The study as a page: tables and drawings from its numbers.

use laser::results::number_format::{percent, points};

use crate::study::bins::{N_BINS, bin_name};
use laser::explain::AnswerClass;
use laser::page::{LinePlot, Page, PlotData, Section, Series, StackData, StackedBars, Table, Tile};

use super::EquivalenceResult;
use super::arm_rows::{ArmRow, OverWorlds};
use super::overlap::Overlap;
use super::rule::{ADDITIVE_PART, BinDifference};

impl EquivalenceResult {
    /// The page of the study.
    pub fn page(&self) -> Page {
        Page {
            program: "Laser lab".to_owned(),
            subject: "is pruning the model like pruning the training data?".to_owned(),
            verdict: self.verdict.sentence.clone(),
            tiles: self.tiles(),
            sections: vec![
                self.rule_section(),
                self.conditions(),
                self.accuracy(),
                self.overlaps(),
                self.distributions(),
                self.additivity_section(),
            ],
            provenance: self.provenance(),
        }
    }

    fn tiles(&self) -> Vec<Tile> {
        let worst = self.evidence.strength.iter().filter(|bin| bin.judged).max_by(|a, b| a.p.total_cmp(&b.p));
        let share = self.evidence.matched.log_odds_ratio.zip(self.evidence.ceiling.log_odds_ratio);
        vec![
            Tile::new("matched arm", self.matched.clone(), String::new()),
            Tile::new(
                "(a) accuracy − LASER’s, points",
                worst.map_or_else(|| "–".to_owned(), |bin| points(bin.mean)),
                worst.map_or_else(String::new, |bin| {
                    format!("90 %: {} to {}", points(bin.ci90[0]), points(bin.ci90[1]))
                }),
            ),
            Tile::new(
                "(b) odds ratio in strata",
                odds(&self.evidence.matched),
                share.map_or_else(String::new, |(m, c)| format!("{:.0} % of the ceiling’s logarithm", 100.0 * m / c)),
            ),
            Tile::new(
                "(c) KL difference, nats",
                format!("{:+.2}", self.evidence.distribution),
                interval(self.evidence.distribution_ci95, |x| format!("{x:+.2}")),
            ),
        ]
    }

    fn rule_section(&self) -> Section {
        Section {
            title: "The rule, written before the first training".to_owned(),
            text: self.rule.clone(),
            ..Section::default()
        }
    }

    fn conditions(&self) -> Section {
        let holds = |yes: bool| if yes { "holds" } else { "does not hold" }.to_owned();
        let evidence = &self.evidence;
        let bin = |bin: &BinDifference| {
            vec![
                bin.mentions.clone(),
                bin.facts.to_string(),
                points(bin.mean),
                format!("{} to {}", points(bin.ci90[0]), points(bin.ci90[1])),
                format!("{:.3}", bin.p),
                if bin.judged { "yes" } else { "no" }.to_owned(),
            ]
        };
        let pair = |name: &str, overlap: &Overlap| overlap_row(name, overlap);
        Section {
            title: "The three conditions".to_owned(),
            text: vec![format!(
                "(a) Strength: {}. (b) Items: {}. (c) Distribution: {} (mean KL to LASER minus KL to the full model {:+.3} nats{}).",
                holds(self.verdict.same_strength),
                holds(self.verdict.same_items),
                holds(self.verdict.same_distribution),
                evidence.distribution,
                interval(evidence.distribution_ci95, |x| format!("{x:+.3}"))
            )],
            tables: vec![
                Table::new(
                    "(a) Accuracy of the matched arm minus LASER’s",
                    &[
                        "mentions",
                        "fewest test facts",
                        "difference, points",
                        "90 % interval",
                        "p of the worse side",
                        "judged",
                    ],
                    evidence.strength.iter().map(bin).collect(),
                ),
                Table::new(
                    "(b) Facts fixed by both, of those that the full model gets wrong",
                    &OVERLAP_HEADER,
                    vec![
                        pair("LASER, matched arm", &evidence.matched),
                        pair("ceiling: matched arm, other initialisation", &evidence.ceiling),
                        pair("floor: LASER, other initialisation alone", &evidence.floor_seed),
                        pair("floor: LASER, random pruning", &evidence.floor_random),
                    ],
                ),
            ],
            ..Section::default()
        }
    }

    fn accuracy(&self) -> Section {
        let row = |row: &ArmRow| {
            let mut cells = vec![row.arm.clone(), format!("{:.0}", row.sentences), over(&row.accuracy)];
            cells.extend(row.by_frequency.iter().map(|x| x.map_or_else(|| "–".to_owned(), percent)));
            cells.push(format!("{} / {}", row.fixed_broken[0], row.fixed_broken[1]));
            cells
        };
        let bins: Vec<String> = (0..N_BINS).map(bin_name).collect();
        let mut header = vec!["arm", "sentences", "accuracy, test"];
        header.extend(bins.iter().map(String::as_str));
        header.push("fixed / broken");
        let series = |name: &str| {
            let row = self.arms.iter().find(|row| row.arm == name);
            row.map(|row| Series::new(name, row.by_frequency.iter().map(|x| x.map(|x| 100.0 * x)).collect()))
        };
        let names =
            ["full", "full+laser", self.matched.as_str(), "without-high-loss", "without-random", "without-noise-100"];
        let bars = self.arms.iter().map(|row| (row.arm.clone(), row.classes.to_vec())).collect();
        Section {
            title: "Accuracy and classes of answers".to_owned(),
            text: self.arms.iter().map(|row| format!("{}: {}.", row.arm, row.description)).collect(),
            plots: vec![LinePlot::new(&PlotData {
                caption: "Accuracy on the test halves by frequency".to_owned(),
                x_title: "mentions in the corpus".to_owned(),
                x_labels: bins.clone(),
                y_unit: " %".to_owned(),
                series: names.into_iter().filter_map(series).collect(),
            })],
            bars: vec![StackedBars::new(&StackData {
                caption: "Classes of answers".to_owned(),
                parts: AnswerClass::ALL.map(|class| class.name().to_owned()).to_vec(),
                bars,
            })],
            pictures: Vec::new(),
            tables: vec![Table::new("", &header, self.arms.iter().map(row).collect())],
        }
    }

    fn overlaps(&self) -> Section {
        let with_laser = |row: &ArmRow| row.with_laser.as_ref().map(|overlap| overlap_row(&row.arm, overlap));
        let with_itself = |row: &ArmRow| {
            let name = if row.arm == "full" { "LASER, other initialisation alone".to_owned() } else { row.arm.clone() };
            row.with_itself.as_ref().map(|overlap| overlap_row(&name, overlap))
        };
        Section {
            title: "Do the same facts get fixed?".to_owned(),
            text: vec![
                "Among facts that the full model gets wrong. Near misses flip under anything: the expectation within strata of \
                 frequency and of the full model’s margin accounts for that, and so does the odds ratio."
                    .to_owned(),
            ],
            tables: vec![
                Table::new("Each arm with LASER", &OVERLAP_HEADER, self.arms.iter().filter_map(with_laser).collect()),
                Table::new("Each arm with itself from another initialisation", &OVERLAP_HEADER, self.arms.iter().filter_map(with_itself).collect()),
            ],
            ..Section::default()
        }
    }

    fn distributions(&self) -> Section {
        let row = |row: &ArmRow| {
            let number = |x: Option<f64>| x.map_or_else(|| "–".to_owned(), |x| format!("{x:.2}"));
            let similarity = row.similarity.as_ref().map_or_else(
                || "–".to_owned(),
                |layers| layers.iter().map(|x| format!("{x:.2}")).collect::<Vec<_>>().join(", "),
            );
            let removed = row
                .removed_share
                .map_or_else(|| "–".to_owned(), |[share, random]| format!("{} ({})", percent(share), percent(random)));
            vec![
                row.arm.clone(),
                format!("{} / {}", percent(row.same_answer[0]), percent(row.same_answer[1])),
                format!("{:.2} / {:.2}", row.kl[0], row.kl[1]),
                format!("{:.3} / {:.3}", row.js[0], row.js[1]),
                number(row.change_correlation),
                similarity,
                removed,
            ]
        };
        let header = [
            "arm",
            "same answer",
            "KL, nats",
            "JS, nats",
            "change with LASER’s",
            "similarity by layer",
            "change where LASER removes",
        ];
        Section {
            title: "How alike are the models?".to_owned(),
            text: vec![
                "Two numbers are against the full model / the full model with LASER. Change: Spearman’s correlation, over facts, of \
                 the change of the gold answer’s log-probability with LASER’s. Similarity: debiased linear CKA of the hidden states \
                 at the inputs of the blocks, with the full model’s. The last column is the share of the squared change of the \
                 truncated matrix in the directions that LASER removes, with the share of a random change in parentheses."
                    .to_owned(),
            ],
            tables: vec![Table::new("", &header, self.arms.iter().map(row).collect())],
            ..Section::default()
        }
    }

    fn additivity_section(&self) -> Section {
        let [pruned, full] = &self.additivity;
        let part = pruned.mean / full.mean;
        let reading = if full.mean <= 0.0 {
            "LASER does not gain on the full models, so that nothing can be said"
        } else if part <= ADDITIVE_PART {
            "this supports “LASER removes what the noise wrote”"
        } else if part >= 1.0 {
            "this refutes “LASER removes what the noise wrote”"
        } else {
            "this is in between"
        };
        let row = |row: &ArmRow| {
            row.laser_gain.map(|[own, transferred]| {
                let mut edits = row.edits.clone();
                edits.sort();
                edits.dedup();
                vec![row.arm.clone(), over_points(&own), over_points(&transferred), edits.join(", ")]
            })
        };
        Section {
            title: "What does LASER add after pruning?".to_owned(),
            text: vec![format!(
                "On the matched arm LASER gains {} points, on the full models {}: {reading}.",
                over_points(pruned),
                over_points(full)
            )],
            tables: vec![Table::new(
                "Gain in accuracy on the test halves, points",
                &["arm", "its own best edit", "the full model’s edit", "its own best edits"],
                self.arms.iter().filter_map(row).collect(),
            )],
            ..Section::default()
        }
    }

    fn provenance(&self) -> Vec<(String, String)> {
        let study = &self.study;
        let json = |value: serde_json::Value| value.to_string();
        vec![
            ("program".to_owned(), format!("laser lab study equivalence, version {}", env!("CARGO_PKG_VERSION"))),
            (
                "worlds".to_owned(),
                format!(
                    "{}, seeds from {}; {} initialisations each",
                    study.worlds, study.world.seed, study.initialisations
                ),
            ),
            ("world".to_owned(), json(serde_json::to_value(&study.world).expect("settings are plain data"))),
            ("model".to_owned(), json(serde_json::to_value(study.model).expect("settings are plain data"))),
            ("seed".to_owned(), study.seed.to_string()),
        ]
    }
}

const OVERLAP_HEADER: [&str; 8] =
    ["pair", "fixed by each", "by both", "expected", "expected in strata", "φ", "Jaccard", "odds ratio in strata"];

fn overlap_row(name: &str, overlap: &Overlap) -> Vec<String> {
    let number = |x: Option<f64>| x.map_or_else(|| "–".to_owned(), |x| format!("{x:.2}"));
    vec![
        name.to_owned(),
        format!("{}, {}", overlap.first, overlap.second),
        overlap.both.to_string(),
        format!("{:.1}", overlap.expected),
        format!("{:.1}", overlap.expected_in_strata),
        number(overlap.phi),
        number(overlap.jaccard),
        odds(overlap) + &interval(overlap.log_odds_ratio_ci95, |x| format!("{:.1}", x.exp())),
    ]
}

fn odds(overlap: &Overlap) -> String {
    overlap.log_odds_ratio.map_or_else(|| "–".to_owned(), |log| format!("{:.1}", log.exp()))
}

/// An interval in brackets, after a space; nothing without one.
fn interval(ci: Option<[f64; 2]>, number: impl Fn(f64) -> String) -> String {
    ci.map_or_else(String::new, |[low, high]| format!(" [{}, {}]", number(low), number(high)))
}

fn over(value: &OverWorlds) -> String {
    percent(value.mean) + &interval(value.ci95, |x| format!("{:.1}", 100.0 * x))
}

fn over_points(value: &OverWorlds) -> String {
    points(value.mean) + &interval(value.ci95, points)
}
