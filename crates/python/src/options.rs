//! Options that Python gives by name, in JSON.

use std::str::FromStr;

use laser::search::{Budget, Protocol};
use laser::statistics::Fractions;
use laser::{Reduction, SearchOptions, SvdMethod};
use pyo3::prelude::*;
use serde_json::{Map, Value};

use crate::error::LaserError;

/// Named options that are taken one after the other, so that what is left is a mistake.
pub(crate) struct Named(Map<String, Value>);

impl Named {
    /// Reads a JSON object.
    pub(crate) fn parse(text: &str) -> PyResult<Self> {
        serde_json::from_str(text).map(Self).map_err(|error| LaserError::new_err(error.to_string()))
    }

    /// Takes an option; `None` if it was not given.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// Takes an option as a text; numbers are written out.
    pub(crate) fn text(&mut self, name: &str) -> PyResult<Option<String>> {
        self.take(name).map(|value| text_of(name, &value)).transpose()
    }

    /// Takes an option as texts: of one text, or of a list.
    pub(crate) fn texts(&mut self, name: &str) -> PyResult<Vec<String>> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(|value| text_of(name, value)).collect(),
            Some(value) => Ok(vec![text_of(name, &value)?]),
        }
    }

    /// Takes an option that has a text form.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str) -> PyResult<Option<T>>
    where
        T::Err: std::fmt::Display,
    {
        let read = |text: String| text.parse().map_err(|error: T::Err| LaserError::new_err(format!("{name}: {error}")));
        self.text(name)?.map(read).transpose()
    }

    /// Takes an option that is true or false.
    pub(crate) fn flag(&mut self, name: &str) -> PyResult<Option<bool>> {
        let read = |value: Value| value.as_bool().ok_or_else(|| unexpected(name, "True or False", &value));
        self.take(name).map(read).transpose()
    }

    /// Refuses options that nothing took.
    pub(crate) fn end(self) -> PyResult<()> {
        match self.0.iter().find(|(_, value)| !value.is_null()) {
            Some((name, _)) => Err(LaserError::new_err(format!("{name}: there is no such option"))),
            None => Ok(()),
        }
    }
}

fn text_of(name: &str, value: &Value) -> PyResult<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(unexpected(name, "a text or a number", other)),
    }
}

fn unexpected(name: &str, expected: &str, found: &Value) -> PyErr {
    LaserError::new_err(format!("{name}: expected {expected}, found {found}"))
}

/// The options of a search.
pub(crate) fn search_options(text: &str) -> PyResult<SearchOptions> {
    let mut named = Named::parse(text)?;
    let fractions = shares(&mut named)?;
    let protocol = match named.text("protocol")?.as_deref() {
        None | Some("honest") => Protocol::Honest { fractions },
        Some("paper") => Protocol::Paper,
        Some(other) => return Err(LaserError::new_err(format!("protocol: expected honest or paper, found {other}"))),
    };
    let rhos = named.texts("rho")?;
    let reduction =
        |text: &String| text.parse::<Reduction>().map_err(|error| LaserError::new_err(format!("rho: {error}")));
    let svd_seed = named.parsed("svd_seed")?;
    let svd = match named.text("svd")?.as_deref() {
        None | Some("exact") => SvdMethod::Exact,
        Some("randomized") => SvdMethod::Randomized { seed: svd_seed.unwrap_or(0) },
        Some(other) => return Err(LaserError::new_err(format!("svd: expected exact or randomized, found {other}"))),
    };
    let defaults = SearchOptions::default();
    let options = SearchOptions {
        layers: named.texts("layers")?.join(","),
        matrices: named.texts("matrices")?,
        reductions: rhos.iter().map(reduction).collect::<PyResult<_>>()?,
        strategy: named.parsed("strategy")?,
        candidates: named.parsed("candidates")?,
        screen_items: named.parsed("screen_items")?,
        criterion: named.parsed("criterion")?,
        error_rate: named.parsed("error_rate")?,
        greedy_order: named.parsed("greedy_order")?,
        greedy_passes: named.parsed("greedy_passes")?,
        beam_width: named.parsed("beam_width")?,
        budget: Budget { trials: named.parsed("max_trials")?, items: named.parsed("max_items")? },
        measure: named.parsed("objective")?.unwrap_or(defaults.measure),
        aggregate: named.parsed("aggregate")?.unwrap_or(defaults.aggregate),
        guards: named.texts("guard")?,
        protocol: Some(protocol),
        finalists: named.parsed("finalists")?,
        max_damage: named.parsed("max_damage")?,
        no_side_effects: !named.flag("side_effects")?.unwrap_or(true),
        split_seed: named.parsed("split_seed")?.unwrap_or(0),
        seed: named.parsed("seed")?.unwrap_or(0),
        svd,
        run: None,
        resume: named.flag("resume")?.unwrap_or(false),
    };
    named.end()?;
    Ok(options)
}

/// The shares of the search and validation splits.
pub(crate) fn shares(named: &mut Named) -> PyResult<Fractions> {
    let given = named.texts("split_fractions")?;
    let share = |text: &String| text.parse::<f64>().ok();
    let shares: Option<Vec<f64>> = given.iter().map(share).collect();
    let fractions = match shares.as_deref() {
        Some([]) => Fractions::new(0.4, 0.2),
        Some([search, validation]) => Fractions::new(*search, *validation),
        _ => return Err(LaserError::new_err(format!("split_fractions: expected two shares, found {given:?}"))),
    };
    fractions.map_err(|error| LaserError::new_err(format!("split_fractions: {error}")))
}
