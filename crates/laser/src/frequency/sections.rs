//! A relation as a page: the paper's figure 3, with the rates that its ratio hides, and the tests.

use crate::page::{LinePlot, Page, PlotData, Section, Series, StackData, StackedBars, Table, Tile};
use crate::results::number_format::{count, p_value, percent, points};
use crate::results::setting_text::setting_rows;

use super::bins::{FrequencyBin, Rate};
use super::curve::CurvePoint;
use super::{Associations, FrequencyRelation, HistogramBar, Slope, Trend};

/// Caution about the paper's ratio.
const CAUTION: &str = "The denominator of the paper’s ratio falls with frequency, because rare facts are seldom right to begin \
                       with: a gain of the same number of points everywhere gives the same picture. So the fix rate (of the \
                       originally wrong items), the break rate (of the originally right ones) and the net gain stand beside it.";
/// Level below which a p-value counts.
const LEVEL: f64 = 0.05;

/// A value and its interval, either of which may be missing.
type Estimate = (Option<f64>, Option<[f64; 2]>);

impl FrequencyRelation {
    /// The page of the relation.
    pub fn page(&self) -> Page {
        let source = |wanted: &str| {
            let found = self.sources.iter().find(|(name, _)| name == wanted);
            found.map_or_else(|| wanted.to_owned(), |(_, value)| value.clone())
        };
        let mut sections = vec![self.tests(), self.by_bin(), self.cumulative(), self.counts()];
        if !self.notes.is_empty() {
            let title = "Remarks".to_owned();
            sections.push(Section { title, text: self.notes.clone(), ..Section::default() });
        }
        Page {
            program: "Laser corpus".to_owned(),
            subject: format!("Gains of {} against frequency", source("edit")),
            verdict: self.verdict(),
            tiles: self.tiles(),
            sections,
            provenance: self.provenance(),
        }
    }

    /// Answer to whether gains follow frequency, by the test that uses every item.
    pub fn verdict(&self) -> String {
        let covered = format!(
            "{} of {} items have a count, {} of them above 0.",
            count(self.coverage.with_count),
            count(self.coverage.items),
            count(self.coverage.above_zero)
        );
        let Some(test) = self.associations.logprob else {
            return format!("Nothing can be said: log-probabilities or counts do not vary. {covered}");
        };
        let rho = number(test.rho, 3);
        let answer = match test.permutation_p {
            None => format!("The rank correlation is {rho}, and cannot be tested on so few groups."),
            Some(p) if p >= LEVEL => format!(
                "No relation is shown: the change of the gold answer’s log-probability and the frequency have a rank correlation of \
                 {rho} ({}).",
                p_value(p)
            ),
            Some(p) => {
                let which = if test.rho < 0.0 { "rarer" } else { "more frequent" };
                format!(
                    "The edit raises the log-probability of the gold answer more for {which} facts: rank correlation {rho} ({}).",
                    p_value(p)
                )
            }
        };
        format!("{answer} {covered}")
    }

    fn tiles(&self) -> Vec<Tile> {
        let share = self.coverage.above_zero as f64 / self.coverage.items.max(1) as f64;
        let p = |p: Option<f64>| p.map_or_else(|| "no test".to_owned(), p_value);
        let logprob = self.associations.logprob;
        let corrected = self.associations.corrected;
        let dash = || "–".to_owned();
        vec![
            Tile::new("items", count(self.items), format!("in {} groups", count(self.groups))),
            Tile::new("mentioned at all", percent(share), format!("{} items", count(self.coverage.above_zero))),
            Tile::new(
                "log-probability against frequency",
                logprob.map_or_else(dash, |test| format!("ρ {}", number(test.rho, 3))),
                logprob.map_or_else(dash, |test| p(test.permutation_p)),
            ),
            Tile::new(
                "log-odds of a fix, for ten times the documents",
                corrected.map_or_else(dash, |slope| number(slope.slope, 2)),
                corrected.map_or_else(dash, |slope| p(slope.permutation_p)),
            ),
        ]
    }

    /// The tests over all items.
    fn tests(&self) -> Section {
        let Associations { logprob, corrected, broken, fix_trend, break_trend } = &self.associations;
        let p = |p: Option<f64>| p.map_or_else(|| "–".to_owned(), p_value);
        let mut rows = Vec::new();
        if let Some(test) = logprob {
            let name = "change of log p(gold) against N: Spearman’s ρ";
            rows.push([name.to_owned(), count(test.items), number(test.rho, 3), "–".to_owned(), p(test.permutation_p)]);
        }
        let mut slope = |name: &str, slope: &Option<Slope>| {
            if let Some(slope) = slope {
                let value = format!("{} ± {:.2}", number(slope.slope, 2), slope.stderr);
                let [wald, exchanged] = [p(Some(slope.wald_p)), p(slope.permutation_p)];
                rows.push([
                    format!("{name}: logistic slope on log10(N + 1)"),
                    count(slope.items),
                    value,
                    wald,
                    exchanged,
                ]);
            }
        };
        slope("corrected, of the originally wrong", corrected);
        slope("broken, of the originally right", broken);
        let mut trend = |name: &str, trend: &Option<Trend>| {
            if let Some(trend) = trend {
                let name = format!("{name} over the bins: Cochran–Armitage z");
                rows.push([name, "–".to_owned(), number(trend.z, 2), p(Some(trend.p)), "–".to_owned()]);
            }
        };
        trend("fix rate", fix_trend);
        trend("break rate", break_trend);
        Section {
            title: "Do gains follow frequency?".to_owned(),
            text: vec![
                "The first test uses every item and sees most. The p-values of the last column come from exchanging the counts of \
                 whole groups; those beside them take items for independent. The tests are not corrected for their number."
                    .to_owned(),
            ],
            tables: vec![Table::new(
                "",
                &["test", "items", "value", "p as if independent", "p by exchange"],
                rows.into_iter().map(Vec::from).collect(),
            )],
            ..Section::default()
        }
    }

    /// Ratios and rates by bin (figure 3c).
    fn by_bin(&self) -> Section {
        let labels: Vec<String> = self.bins.iter().map(FrequencyBin::name).collect();
        let plot = |caption: &str, y_unit: &str, series: Vec<Series>| {
            let (caption, y_unit) = (caption.to_owned(), y_unit.to_owned());
            LinePlot::new(&PlotData {
                caption,
                x_title: "documents".to_owned(),
                x_labels: labels.clone(),
                y_unit,
                series,
            })
        };
        let line = |name: &str, of: &dyn Fn(&FrequencyBin) -> Estimate, scale: f64| {
            let (values, bands): (Vec<_>, Vec<_>) = self.bins.iter().map(of).unzip();
            let scaled = |value: Option<f64>| value.map(|value| scale * value);
            let bands = bands.into_iter().map(|band| band.map(|ends| ends.map(|end| scale * end))).collect();
            Series::new(name, values.into_iter().map(scaled).collect()).with_band(bands)
        };
        let mut ratios = vec![line("this run", &|bin| (bin.ratio, bin.ratio_ci95), 1.0)];
        if self.bins.iter().any(|bin| bin.paper_ratio.is_some()) {
            ratios.push(line("the paper (GPT-J, CounterFact, the Pile)", &|bin| (bin.paper_ratio, None), 1.0));
        }
        let rates = vec![
            line("fixed, of the originally wrong", &|bin| (bin.fix_rate.rate, bin.fix_rate.ci95), 100.0),
            line("broken, of the originally right", &|bin| (bin.break_rate.rate, bin.break_rate.ci95), 100.0),
            line("net gain, points", &|bin| (bin.net_gain, bin.net_gain_ci95), 100.0),
        ];
        let header = [
            "documents",
            "items",
            "fixed / originally right",
            "the paper",
            "fix rate",
            "break rate",
            "net gain, points",
        ];
        Section {
            title: "By bins of frequency".to_owned(),
            text: vec!["The paper’s figure 3c.".to_owned(), CAUTION.to_owned()],
            plots: vec![plot("Corrected / originally correct", "", ratios), plot("Rates", " %", rates)],
            tables: vec![Table::new("", &header, self.bins.iter().map(bin_row).collect())],
            ..Section::default()
        }
    }

    /// Accuracy against the largest count (figure 3b).
    fn cumulative(&self) -> Section {
        let line = |name: &str, of: &dyn Fn(&CurvePoint) -> Option<Rate>| {
            let rates: Vec<Option<Rate>> = self.curve.iter().map(of).collect();
            let values = rates.iter().map(|rate| rate.and_then(|rate| rate.rate).map(|rate| 100.0 * rate)).collect();
            let band = rates.iter().map(|rate| rate.and_then(|rate| rate.ci95).map(|ends| ends.map(|end| 100.0 * end)));
            Series::new(name, values).with_band(band.collect())
        };
        let plot = |caption: &str, series: Vec<Series>| {
            LinePlot::new(&PlotData {
                caption: caption.to_owned(),
                x_title: "at most so many documents".to_owned(),
                x_labels: self.curve.iter().map(|point| short(point.at_most)).collect(),
                y_unit: " %".to_owned(),
                series,
            })
        };
        let right =
            vec![line("unedited", &|point| Some(point.base.right)), line("edited", &|point| Some(point.edited.right))];
        let mut plots = vec![plot("Right answers", right)];
        let has_top10 = self.curve.iter().any(|point| point.base.top10.is_some());
        if has_top10 {
            let top10 = vec![line("unedited", &|point| point.base.top10), line("edited", &|point| point.edited.top10)];
            plots.push(plot("Answers among the ten most likely", top10));
        }
        let row = |point: &CurvePoint| {
            let mut cells = vec![
                count(usize::try_from(point.at_most).unwrap_or(usize::MAX)),
                count(point.items),
                rate(&point.base.right),
                rate(&point.edited.right),
                with_interval(Some(point.gain), point.gain_ci95, points),
            ];
            cells.extend([point.base.top10, point.edited.top10].iter().flatten().map(rate));
            cells
        };
        let mut header = vec!["documents, at most", "items", "unedited", "edited", "gain, points"];
        if has_top10 {
            header.extend(["unedited, first ten", "edited, first ten"]);
        }
        Section {
            title: "Accuracy against frequency".to_owned(),
            text: vec![
                "On all items with at most so many documents, as in the paper’s figure 3b; bands are 95 % intervals."
                    .to_owned(),
            ],
            plots,
            tables: vec![Table::new("", &header, self.curve.iter().map(row).collect())],
            ..Section::default()
        }
    }

    /// Numbers of items by count (figure 3a).
    fn counts(&self) -> Section {
        let name = |bar: &HistogramBar| match bar.from == bar.to {
            true => bar.from.to_string(),
            false => format!("{}–{}", short(bar.from), short(bar.to)),
        };
        let bar = |bar: &HistogramBar| {
            let parts = [bar.both_right, bar.fixed, bar.broken, bar.both_wrong];
            (name(bar), parts.iter().map(|n| *n as f64 / self.items.max(1) as f64).collect())
        };
        let data = StackData {
            caption: "Share of the items by number of documents".to_owned(),
            parts: ["both right", "fixed", "broken", "both wrong"].map(str::to_owned).to_vec(),
            bars: self.histogram.iter().map(bar).collect(),
        };
        let row = |bar: &HistogramBar| {
            let numbers = [bar.items(), bar.both_right, bar.fixed, bar.broken, bar.both_wrong];
            std::iter::once(name(bar)).chain(numbers.into_iter().map(count)).collect()
        };
        let header = ["documents", "items", "both right", "fixed", "broken", "both wrong"];
        Section {
            title: "How frequent the items are".to_owned(),
            text: vec!["The paper’s figure 3a, in steps of half a power of ten.".to_owned()],
            bars: vec![StackedBars::new(&data)],
            tables: vec![Table::new("", &header, self.histogram.iter().map(row).collect())],
            ..Section::default()
        }
    }

    fn provenance(&self) -> Vec<(String, String)> {
        let settings = serde_json::to_value(&self.settings).expect("settings are plain data");
        let settings = settings.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
        let program = format!("laser corpus relate, version {}", env!("CARGO_PKG_VERSION"));
        let mut rows = vec![("program".to_owned(), program)];
        rows.extend(self.sources.iter().cloned());
        rows.extend(setting_rows(&settings.collect()));
        rows
    }
}

fn bin_row(bin: &FrequencyBin) -> Vec<String> {
    let ratio = |value: f64| format!("{value:.3}");
    vec![
        bin.name(),
        count(bin.items),
        format!("{} / {} = {}", bin.fixed, bin.base_right, with_interval(bin.ratio, bin.ratio_ci95, ratio)),
        bin.paper_ratio.map_or_else(|| "–".to_owned(), ratio),
        rate(&bin.fix_rate),
        rate(&bin.break_rate),
        with_interval(bin.net_gain, bin.net_gain_ci95, points),
    ]
}

fn rate(rate: &Rate) -> String {
    with_interval(rate.rate, rate.ci95, percent)
}

/// A number with its interval: `12.0 % (10.1 % to 14.2 %)`.
fn with_interval(value: Option<f64>, ci95: Option<[f64; 2]>, text: impl Fn(f64) -> String) -> String {
    match (value, ci95) {
        (None, _) => "–".to_owned(),
        (Some(value), None) => text(value),
        (Some(value), Some([low, high])) => format!("{} ({} to {})", text(value), text(low), text(high)),
    }
}

/// A number with a sign below zero only, and a number of decimals.
fn number(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}").replace('-', "−")
}

/// A count short enough for an axis: 316, 10k, 3.2M.
fn short(n: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let value = n as f64 / unit as f64;
        if value < 9.95 { format!("{value:.1}{name}").replace(".0", "") } else { format!("{value:.0}{name}") }
    };
    match n {
        0..=9_999 => n.to_string(),
        10_000..=999_999 => scaled(1_000, "k"),
        1_000_000..=999_999_999 => scaled(1_000_000, "M"),
        _ => scaled(1_000_000_000, "G"),
    }
}
