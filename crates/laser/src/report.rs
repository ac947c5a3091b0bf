//! Report: takes results, trials and flipped items, gives one self-contained HTML page and a small Markdown table.
//!
//! This is the last stage of a run. [`render_html`] fills the template `report/report.html.j2`; the other files compute
//! what it shows: tables as formatted text, drawings as coordinates. The page contains its own styles and drawings,
//! loads nothing from the network (its content security policy forbids it) and is readable without JavaScript.
//! [`render_adapter_page`] makes a page about an adapter in the same look; `crate::page` others of sentences, tables and
//! drawings. All are made from the layout, style sheet and script in `report/templates.rs`.

mod adapter_page;
mod changed;
mod colour_scale;
mod comparison;
mod costs;
pub mod drawing;
mod error;
mod finalists;
mod flips;
mod grid;
mod heat_map;
mod layer_plot;
mod line_chart;
mod markdown;
mod marked_text;
mod page;
mod path_plot;
mod provenance;
mod quote;
mod table;
mod tasks;
mod templates;
mod tiles;

pub use adapter_page::render_adapter_page;
pub use error::ReportError;
pub use flips::{Flip, TestAnswers};
pub use markdown::markdown_table;
pub(crate) use markdown::proof_table;
pub use page::{Findings, render_html};
pub(crate) use templates::templates;

#[cfg(test)]
mod tests;
