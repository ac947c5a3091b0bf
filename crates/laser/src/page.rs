//! Pages: takes sections (sentences, tables, drawings), gives one self-contained HTML page, and the same sentences and
//! tables as Markdown. Sweeps are shown so, and the studies of the lab.
//!
//! The page looks like the report of a search, with whose style sheet it is drawn, loads nothing from the network and is
//! readable without JavaScript.

mod line_plot;
mod stacked_bars;

use minijinja::context;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::report::templates;

pub use line_plot::{LinePlot, PlotData, Series};
pub use stacked_bars::{StackData, StackedBars};

/// Results as a page.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    /// Name of the program's part: `Laser lab`.
    pub program: String,
    /// What was studied, in a few words.
    pub subject: String,
    /// The verdict.
    pub verdict: String,
    /// Numbers in large type.
    pub tiles: Vec<Tile>,
    /// The sections, in order.
    pub sections: Vec<Section>,
    /// Settings, seeds and sizes, as (name, value).
    pub provenance: Vec<(String, String)>,
}

/// A number in large type.
#[derive(Debug, Clone, Serialize)]
pub struct Tile {
    /// Name of the number.
    pub name: String,
    /// The number.
    pub value: String,
    /// Its interval, or another remark.
    pub remark: String,
}

impl Tile {
    /// A number with its name and a remark.
    pub fn new(name: &str, value: String, remark: String) -> Self {
        Self { name: name.to_owned(), value, remark }
    }
}

/// Sentences with tables and drawings.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Section {
    /// Title.
    pub title: String,
    /// Paragraphs above tables and drawings.
    pub text: Vec<String>,
    /// Drawings of lines.
    pub plots: Vec<LinePlot>,
    /// Drawings of bars.
    pub bars: Vec<StackedBars>,
    /// Finished drawings.
    pub pictures: Vec<Picture>,
    /// Tables.
    pub tables: Vec<Table>,
}

/// A drawing as SVG, which is trusted: it comes from this program.
#[derive(Debug, Clone, Serialize)]
pub struct Picture {
    /// Caption.
    pub caption: String,
    /// An `<svg>` element.
    pub svg: String,
}

/// A table of texts; its first column names the rows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Table {
    /// Caption; may be empty.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Rows, each as long as the header.
    pub rows: Vec<Vec<String>>,
    /// Whether the cells beyond the first column are texts, not numbers.
    pub texts: bool,
}

impl Table {
    /// A table of numbers.
    pub fn new(caption: &str, header: &[&str], rows: Vec<Vec<String>>) -> Self {
        let header = header.iter().map(|name| (*name).to_owned()).collect();
        Self { caption: caption.to_owned(), header, rows, texts: false }
    }
}

impl Page {
    /// Renders the page.
    ///
    /// # Errors
    /// A fault of the template.
    pub fn html(&self) -> Result<String> {
        let failed = |error: minijinja::Error| Error::Report(error.to_string());
        let templates = templates().map_err(failed)?;
        let title = format!("{}: {}", self.program, self.subject);
        templates
            .get_template("page.html")
            .and_then(|page| page.render(context! { title, page => self }))
            .map_err(failed)
    }

    /// The page without its drawings, as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", self.subject, self.verdict);
        for section in &self.sections {
            text.push_str(&format!("\n## {}\n", section.title));
            section.text.iter().for_each(|paragraph| text.push_str(&format!("\n{paragraph}\n")));
            section.tables.iter().for_each(|table| text.push_str(&table.markdown()));
        }
        text.push_str("\n## Where these numbers come from\n\n| | |\n|---|---|\n");
        self.provenance
            .iter()
            .for_each(|(name, value)| text.push_str(&format!("| {} | {} |\n", cell(name), cell(value))));
        text
    }
}

impl Table {
    fn markdown(&self) -> String {
        let line =
            |cells: &[String]| format!("| {} |\n", cells.iter().map(|c| cell(c)).collect::<Vec<_>>().join(" | "));
        let caption = if self.caption.is_empty() { String::new() } else { format!("{}\n\n", self.caption) };
        let align = if self.texts { "---|" } else { "---:|" };
        let rule = format!("|---|{}\n", align.repeat(self.header.len().saturating_sub(1)));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("\n{caption}{}{rule}{rows}", line(&self.header))
    }
}

/// A text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let table = Table::new("Numbers <b>", &["arm", "x"], vec![vec!["a|b".to_owned(), "1".to_owned()]]);
        let series =
            vec![Series::new("one", vec![Some(0.5), None, Some(0.75)]).with_band(vec![Some([0.4, 0.6]), None, None])];
        let plot = LinePlot::new(&PlotData {
            caption: "curve".to_owned(),
            x_title: "kept".to_owned(),
            x_labels: ["10", "50", "100"].map(str::to_owned).to_vec(),
            y_unit: String::new(),
            series,
        });
        let bars = StackedBars::new(&StackData {
            caption: "shares".to_owned(),
            parts: ["gold", "generic"].map(str::to_owned).to_vec(),
            bars: vec![("base".to_owned(), vec![0.25, 0.75])],
        });
        Page {
            program: "Laser lab".to_owned(),
            subject: "a study".to_owned(),
            verdict: "It <works>.".to_owned(),
            tiles: vec![Tile { name: "n".to_owned(), value: "3".to_owned(), remark: String::new() }],
            sections: vec![Section {
                title: "First".to_owned(),
                text: vec!["Some text.".to_owned()],
                plots: vec![plot],
                bars: vec![bars],
                pictures: vec![Picture { caption: "a level".to_owned(), svg: "<svg id=\"level\"></svg>".to_owned() }],
                tables: vec![table],
            }],
            provenance: vec![("seed".to_owned(), "7".to_owned())],
        }
    }

    #[test]
    fn the_page_is_self_contained_and_escapes_texts() {
        let html = page().html().expect("renders");
        assert!(html.contains("It &lt;works&gt;.") && html.contains("Numbers &lt;b&gt;"), "{html}");
        assert!(html.contains("<polyline") && html.contains("curve") && html.contains(">generic<"), "{html}");
        assert!(html.contains("<figcaption>a level</figcaption>") && html.contains("<svg id=\"level\">"), "{html}");
        for outside in ["http://", "https://", "<link", "<img", "@import", "src="] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn markdown_has_all_sentences_and_tables() {
        let text = page().markdown();
        assert!(text.starts_with("# a study\n\nIt <works>.\n\n## First\n\nSome text.\n\nNumbers <b>\n\n| arm | x |\n|---|---:|\n| a\\|b | 1 |\n"), "{text}");
        assert!(text.ends_with("| seed | 7 |\n"), "{text}");
    }
}
