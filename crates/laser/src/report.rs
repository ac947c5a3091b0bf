//! Report: takes results, trials and flipped items, gives one self-contained HTML page and a small Markdown table.
//!
//! This is the last stage of a run. [`render_html`] fills the template `report/report.html.j2`; the other files compute
//! what it shows: tables as formatted text, drawings as coordinates. The page contains its own styles and drawings,
//! loads nothing from the network (its content security policy forbids it) and is readable without JavaScript.
//! [`render_adapter_page`] makes a page about an adapter in the same look.

mod adapter_page;
mod colour_scale;
mod comparison;
mod costs;
pub mod drawing;
mod error;
mod finalists;
mod flips;
mod grid;
mod heat_map;
mod layer_axis;
mod layer_plot;
mod line_chart;
mod markdown;
mod page;
mod provenance;
mod tasks;

#[cfg(test)]
use crate::search::store::TrialRow;
pub use adapter_page::render_adapter_page;
pub use error::ReportError;
pub use flips::Flip;
pub use markdown::markdown_table;
pub use page::render_html;

/// The style sheet of the page, for other pages that should look like it.
pub const STYLE_SHEET: &str = include_str!("report/report.css");

#[cfg(test)]
mod tests;
