//! Text → layers and matrices: `L20-27`, `gate_proj`, `e*.down_proj`, `L5.mlp`.

use std::collections::BTreeSet;
use std::fmt;

use crate::error::{Error, Result};
use laser_model::config::ModelConfig;
use laser_model::weight_id::{MatrixPart, WeightId, WeightKind};
use laser_task::spelling::nearest;

/// Matrices of a layer that a selector names: `gate_proj`, `mlp`, `e*.down_proj`, `h0-2.q_proj`.
///
/// Displays as the text of the selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixSet {
    text: String,
    parts: Vec<MatrixPart>,
    kinds: Vec<WeightKind>,
}

impl MatrixSet {
    /// Selects the matrix of one kind in every layer.
    pub fn one(kind: WeightKind) -> Self {
        Self { text: kind.to_string(), parts: vec![MatrixPart::Whole], kinds: vec![kind] }
    }

    /// Parses a matrix name or alias of a model: `name`, `e<experts>.name` or `h<head groups>.name`.
    ///
    /// A matrix of the MLP, named without an expert, stands for the matrices of all experts in layers with experts.
    ///
    /// # Errors
    /// A name that the family does not have, or an expert or head group that the model does not have.
    pub fn parse(text: &str, config: &ModelConfig) -> Result<Self, String> {
        let (parts, name) = match text.split_once('.') {
            None => (vec![MatrixPart::Whole], text),
            Some((part, name)) => (parse_parts(part, config)?, name),
        };
        let family = config.family;
        // `q` is how people speak of `q_proj`.
        let kinds = family.resolve_matrix(name).or_else(|| family.resolve_matrix(&format!("{name}_proj")));
        let kinds = kinds.ok_or_else(|| {
            let mut names: Vec<&str> = config.kinds().into_iter().map(WeightKind::name).collect();
            names.extend(family.aliases().map(|(alias, _)| *alias));
            let meant =
                nearest(name, names.iter().copied()).map_or_else(String::new, |name| format!("; did you mean {name}?"));
            format!("no matrix `{name}` in {}; it has {}{meant}", family.name, names.join(", "))
        })?;
        let set = Self { text: text.to_owned(), parts, kinds };
        let layers: Vec<usize> = (0..config.n_layers).collect();
        set.in_layers(&layers, config).map(|_| set)
    }

    /// The selected matrices of one layer, in the order named; empty if the layer has none of them.
    pub(crate) fn in_layer(&self, layer: usize, config: &ModelConfig) -> Vec<WeightId> {
        let mut ids = Vec::new();
        for &part in &self.parts {
            for &kind in &self.kinds {
                let id = WeightId { layer, part, kind };
                match config.pieces(id) {
                    Some(_) => ids.push(id),
                    None => ids.extend(of_all_experts(id, config)),
                }
            }
        }
        ids
    }

    /// The selected matrices of several layers.
    ///
    /// # Errors
    /// None of the layers has a selected matrix.
    pub(crate) fn in_layers(&self, layers: &[usize], config: &ModelConfig) -> Result<Vec<WeightId>, String> {
        let ids: Vec<WeightId> = layers.iter().flat_map(|layer| self.in_layer(*layer, config)).collect();
        if ids.is_empty() {
            let names: Vec<&str> = config.kinds().into_iter().map(WeightKind::name).collect();
            let family = config.family.name;
            return Err(format!("no layer asked for has a matrix `{self}`; {family} has {}", names.join(", ")));
        }
        Ok(ids)
    }
}

impl fmt::Display for MatrixSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Parses the experts (`e5`, `e*`) or head groups (`h0-2`) of a matrix name.
fn parse_parts(part: &str, config: &ModelConfig) -> Result<Vec<MatrixPart>, String> {
    let experts = config.mlp.experts.map_or(0, |experts| experts.count);
    match (part.strip_prefix('e'), part.strip_prefix('h')) {
        (Some(range), _) => Ok(parse_range(range, "expert", experts)?.into_iter().map(MatrixPart::Expert).collect()),
        (_, Some(range)) => {
            Ok(parse_range(range, "head group", config.n_kv_heads)?.into_iter().map(MatrixPart::Group).collect())
        }
        _ => Err(format!("`{part}` is neither an expert (e5) nor a head group (h2)")),
    }
}

/// The matrices of all experts, for a name without an expert.
fn of_all_experts(id: WeightId, config: &ModelConfig) -> Vec<WeightId> {
    let Some(experts) = config.mlp.experts.filter(|_| id.part == MatrixPart::Whole) else { return Vec::new() };
    let of = |expert| WeightId { part: MatrixPart::Expert(expert), ..id };
    (0..experts.count).map(of).filter(|id| config.pieces(*id).is_some()).collect()
}

/// Parses a list of matrices joined by commas: `fc_in`, `L5.down_proj`, `L20-27.mlp`. A part without a layer stands for
/// all layers.
///
/// # Errors
/// A part that cannot be parsed or selects nothing.
pub fn parse_selector(text: &str, config: &ModelConfig) -> Result<Vec<WeightId>> {
    let mut ids = BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let wrong = |problem: String| Error::Edit { edit: part.to_owned(), problem };
        let (layers, matrix) = match part.split_once('.').filter(|(layer, _)| layer.starts_with(['L', 'l'])) {
            Some((layer, matrix)) => (parse_layers(layer, config.n_layers).map_err(wrong)?, matrix),
            None => ((0..config.n_layers).collect(), part),
        };
        let matrices = MatrixSet::parse(matrix, config).map_err(wrong)?;
        ids.extend(matrices.in_layers(&layers, config).map_err(wrong)?);
    }
    Ok(ids.into_iter().collect())
}

/// Parses a list of layers joined by commas: `5`, `20-27`, `20-`, `-1` (the last) or `*`.
///
/// # Errors
/// A part that is not a layer of the model.
pub fn parse_layer_list(text: &str, config: &ModelConfig) -> Result<Vec<usize>> {
    let mut layers = BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let range = parse_range(part, "layer", config.n_layers);
        layers.extend(range.map_err(|problem| Error::setting("layers", problem))?);
    }
    Ok(layers.into_iter().collect())
}

/// Parses the layers of an edit, `L5`, `L20-27`, `L20-`, `L-1` or `L*`, of a model with `n_layers` layers.
pub(super) fn parse_layers(text: &str, n_layers: usize) -> Result<Vec<usize>, String> {
    let range = text.strip_prefix(['L', 'l']).ok_or_else(|| format!("`{text}` is not a layer"))?;
    parse_range(range, "layer", n_layers)
}

/// Parses `5`, `20-27`, `20-` (to the last) or `*` as numbers below `n`; `-1` is the last number, `-2` the one before, and
/// may stand at both ends of a range. `noun`: word for what is counted (layer, expert), for error texts.
fn parse_range(text: &str, noun: &str, n: usize) -> Result<Vec<usize>, String> {
    if text == "*" {
        return Ok((0..n).collect());
    }
    let existing = || match n {
        0 => format!("the model has no {noun}s"),
        n => format!("the model has {noun}s 0 to {}", n - 1),
    };
    let number = |from_end: bool, digits: &str| {
        let digits = digits.trim();
        let number: usize = digits.parse().map_err(|_| format!("`{text}` is not a {noun} number or range"))?;
        let (index, sign) = if from_end { (n.checked_sub(number), "-") } else { (Some(number), "") };
        let index = index.filter(|index| *index < n);
        index.ok_or_else(|| format!("there is no {noun} {sign}{digits}: {}", existing()))
    };
    let (from_end, ends) = text.trim().strip_prefix('-').map_or((false, text.trim()), |rest| (true, rest));
    let (first, last) = match ends.split_once('-') {
        None => (number(from_end, ends)?, number(from_end, ends)?),
        Some((first, "")) => (number(from_end, first)?, n.saturating_sub(1)),
        Some((first, last)) => match last.strip_prefix('-') {
            Some(last) => (number(from_end, first)?, number(true, last)?),
            None => (number(from_end, first)?, number(false, last)?),
        },
    };
    if first > last {
        return Err(format!("the {noun} range {text} is empty"));
    }
    Ok((first..=last).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_list_matrices() {
        let text = r#"{"model_type":"llama","vocab_size":10,"hidden_size":20,"intermediate_size":40,
            "num_hidden_layers":4,"num_attention_heads":2,"num_key_value_heads":1}"#;
        let config = ModelConfig::from_hf("config.json", text).expect("config");
        let names = |text| -> Vec<String> {
            parse_selector(text, &config).expect(text).iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("L1-2.fc_in,L1.gate_proj"), ["L1.gate_proj", "L2.gate_proj"]);
        assert_eq!(names("all").len(), 28);
        assert_eq!(names("L-1.q,L3.k"), ["L3.q_proj", "L3.k_proj"]);
        assert!(parse_selector("nothing", &config).is_err());
        for (text, layers) in [
            ("3,0-1,1", &[0, 1, 3][..]),
            ("2-", &[2, 3]),
            ("-1", &[3]),
            ("-3--2", &[1, 2]),
            ("1--1", &[1, 2, 3]),
            ("-2-", &[2, 3]),
            ("*", &[0, 1, 2, 3]),
        ] {
            assert_eq!(parse_layer_list(text, &config).expect(text), layers, "{text}");
        }
        for text in ["", "-", "--", "-0", "-5", "4", "1-0", "-1--2", "x", "1-x", "0-9", "1 2"] {
            assert!(parse_layer_list(text, &config).is_err(), "{text}");
        }
        let error = parse_layer_list("2-5", &config).expect_err("no layer 5").to_string();
        assert_eq!(error, "layers: there is no layer 5: the model has layers 0 to 3");
        let error = parse_selector("gate_prj", &config).expect_err("no such matrix").to_string();
        assert!(error.ends_with("did you mean gate_proj?"), "{error}");
    }
}
