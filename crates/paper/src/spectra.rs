//! Figure 7: effective ranks of all matrices by layer.

use std::collections::BTreeMap;

use laser::Result;
use laser::explain::{MatrixSpectrum, spectra_section};
use laser::page::{Section, Table};
use laser::results::number_format::percent;
use serde_json::json;

use crate::outcome::Outcome;
use crate::workshop::Workshop;

pub(crate) fn run(workshop: &Workshop<'_>) -> Result<Outcome> {
    let layers = match workshop.options.layers.as_str() {
        "" => "*",
        layers => layers,
    };
    let selector: Vec<String> = layers.split(',').map(|layer| format!("L{layer}.all")).collect();
    let spectra = workshop.session.spectra(&selector.join(","))?;
    let mut by_matrix: BTreeMap<&str, Vec<&MatrixSpectrum>> = BTreeMap::new();
    for spectrum in &spectra {
        by_matrix.entry(&spectrum.matrix).or_default().push(spectrum);
    }
    let relative = |of: &[&MatrixSpectrum]| {
        of.iter().map(|s| s.effective_rank / s.max_rank.max(1) as f64).sum::<f64>() / of.len().max(1) as f64
    };
    let halves: Vec<(&str, f64, f64)> = by_matrix
        .iter()
        .map(|(matrix, of)| {
            let (first, second) = of.split_at(of.len() / 2);
            (*matrix, relative(first), relative(second))
        })
        .collect();
    let lower = halves.iter().filter(|(_, first, second)| second < first).count();
    let rows = halves
        .iter()
        .map(|(matrix, first, second)| vec![(*matrix).to_owned(), percent(*first), percent(*second)])
        .collect();
    let header = ["matrix", "first half of the layers", "second half"];
    let means = Section {
        title: "Earlier and later layers".to_owned(),
        text: vec!["Mean effective rank, as a share of all components.".to_owned()],
        tables: vec![Table::new("", &header, rows)],
        ..Section::default()
    };
    Ok(Outcome {
        verdict: format!(
            "{lower} of {} kinds of matrices have a lower effective rank in the second half of the layers.",
            halves.len()
        ),
        tiles: Vec::new(),
        sections: vec![means, spectra_section(&spectra)],
        numbers: json!({ "spectra": spectra }),
    })
}
