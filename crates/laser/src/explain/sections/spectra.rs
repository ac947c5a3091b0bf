//! Effective rank and energy by layer (figure 7).

use std::collections::BTreeMap;

use crate::explain::document::MatrixSpectrum;
use crate::page::{LinePlot, PlotData, Section, Series, Table};
use crate::results::number_format::percent;

/// Spectra of matrices by layer; empty without any.
pub fn spectra_section(spectra: &[MatrixSpectrum]) -> Section {
    let mut by_matrix: BTreeMap<&str, Vec<&MatrixSpectrum>> = BTreeMap::new();
    for spectrum in spectra {
        by_matrix.entry(&spectrum.matrix).or_default().push(spectrum);
    }
    let Some(last) = spectra.iter().map(|spectrum| spectrum.layer).max() else { return Section::default() };
    let plot = |caption: &str, of: &dyn Fn(&MatrixSpectrum) -> f64| {
        let line = |(matrix, of_matrix): (&&str, &Vec<&MatrixSpectrum>)| {
            let at =
                |layer: usize| of_matrix.iter().find(|spectrum| spectrum.layer == layer).map(|spectrum| of(spectrum));
            Series::new(matrix, (0..=last).map(at).collect())
        };
        // Every label of many layers would touch the next.
        let every = last / 16 + 1;
        let label = |layer: usize| if layer.is_multiple_of(every) { layer.to_string() } else { String::new() };
        LinePlot::new(&PlotData {
            caption: caption.to_owned(),
            x_title: "layer".to_owned(),
            x_labels: (0..=last).map(label).collect(),
            y_unit: String::new(),
            series: by_matrix.iter().map(line).collect(),
        })
    };
    let edited = spectra.iter().filter(|spectrum| spectrum.edited);
    let row = |spectrum: &MatrixSpectrum| {
        vec![
            format!("L{}.{}", spectrum.layer, spectrum.matrix),
            spectrum.max_rank.to_string(),
            format!("{:.1}", spectrum.effective_rank),
            percent(spectrum.effective_rank / spectrum.max_rank.max(1) as f64),
            percent(spectrum.energy_of_tenth),
        ]
    };
    let rows: Vec<Vec<String>> = edited.map(row).collect();
    let header = ["edited matrix", "components", "effective rank", "of all components", "energy of the largest tenth"];
    Section {
        title: "Spectra by layer".to_owned(),
        text: vec![
            "Effective rank: exp of the entropy of σ/Σσ, as in the paper’s figure 7, divided by the number of components.".to_owned(),
        ],
        plots: vec![
            plot("Effective rank, % of the components", &|s| 100.0 * s.effective_rank / s.max_rank.max(1) as f64),
            plot("Energy of the largest tenth of the components, %", &|s| 100.0 * s.energy_of_tenth),
        ],
        tables: if rows.is_empty() { Vec::new() } else { vec![Table::new("", &header, rows)] },
        ..Section::default()
    }
}
