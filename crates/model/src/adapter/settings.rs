//! The settings of an adapter: takes the text of `adapter_config.json`, gives what changes numbers, and refuses by name
//! what is not implemented.

use fancy_regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use crate::config::{HfKeys, ReadKeys};
use crate::error::{Error, Result};

/// PEFT's default of `r`, and of `lora_alpha`.
const DEFAULT: usize = 8;
/// Steps that a pattern may take on one module path; real ones take a few dozen.
const MAX_STEPS: usize = 100_000;
/// Largest size in bytes of a compiled pattern.
const MAX_PATTERN: usize = 1 << 17;
/// Largest number of patterns in one list that are more than a path.
const MAX_REGEXES: usize = 500;

/// Kinds of LoRA that compute something else than W + s·B·A, by their key, and what the key means.
const REFUSED: [(&str, &str); 10] = [
    ("layer_replication", "layers that occur several times"),
    ("target_parameters", "adapted parameters that are no modules, such as stacked experts"),
    ("use_qalora", "QALoRA, whose adapter reads pooled inputs"),
    ("alora_invocation_tokens", "activated LoRA, which adapts only what follows certain tokens"),
    ("arrow_config", "Arrow, which routes each token to another adapter"),
    ("use_bdlora", "block-diagonal LoRA"),
    ("kasa_config", "KaSA, which changes the base weights first"),
    ("monteclora_config", "MonteCLoRA, whose adapter is random"),
    ("velora_config", "VeLoRA, which compresses the inputs"),
    ("trainable_token_indices", "trained rows of the token embedding"),
];

/// Ways of starting a LoRA that change the base weights too, unless the adapter was converted on saving.
const CHANGES_BASE: [&str; 6] = ["pissa", "olora", "corda", "eva", "loftq", "lora_ga"];

/// What `adapter_config.json` says about the arithmetic.
#[derive(Debug)]
pub(super) struct Settings {
    rank: usize,
    alpha: f64,
    rank_pattern: Patterns<usize>,
    alpha_pattern: Patterns<f64>,
    /// Whether the scale is alpha/√r instead of alpha/r.
    rank_stabilised: bool,
    /// Whether each module has a magnitude vector (DoRA).
    pub(super) dora: bool,
    /// Whether a tied output head follows the token embedding.
    pub(super) ensure_weight_tying: bool,
    /// Remarks for the user, one sentence each.
    pub(super) notes: Vec<String>,
}

impl Settings {
    /// Reads the settings. `file` names the file in errors.
    ///
    /// # Errors
    /// Another method than LoRA, a kind of LoRA that is not implemented, a value of the wrong type, or a pattern that is
    /// no regular expression.
    pub(super) fn read(file: &str, root: &Map<String, Value>) -> Result<Self> {
        let read = ReadKeys::default();
        let keys = HfKeys::new(file, root, &read);
        let method = keys.string("peft_type")?;
        if method != "LORA" {
            return Err(keys.wrong("peft_type", "LORA", method));
        }
        for (key, meaning) in REFUSED {
            match root.get(key) {
                None | Some(Value::Null | Value::Bool(false)) => {}
                Some(Value::Array(list)) if list.is_empty() => {}
                Some(Value::Object(map)) if map.is_empty() => {}
                Some(_) => return Err(keys.wrong(key, "nothing", format!("{meaning}: not implemented"))),
            }
        }
        let rank_pattern = Patterns::read(&keys, "rank_pattern", "a positive whole number", |value| {
            value.as_u64().filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok())
        })?;
        let is_number = |value: &Value| value.as_f64().filter(|n| n.is_finite());
        Ok(Self {
            rank: keys.count_or("r", DEFAULT)?,
            alpha: keys.number_or("lora_alpha", DEFAULT as f64)?,
            rank_pattern,
            alpha_pattern: Patterns::read(&keys, "alpha_pattern", "a number", is_number)?,
            rank_stabilised: keys.flag_or("use_rslora", false)?,
            dora: keys.flag_or("use_dora", false)?,
            ensure_weight_tying: keys.flag_or("ensure_weight_tying", false)?,
            notes: changed_base(file, root.get("init_lora_weights")).into_iter().collect(),
        })
    }

    /// The rank that the settings give a module.
    ///
    /// # Errors
    /// A pattern that takes too long on this path.
    pub(super) fn rank(&self, file: &str, module: &str) -> Result<usize> {
        Ok(self.rank_pattern.value(file, module)?.unwrap_or(self.rank))
    }

    /// The scale s of a module's update s·B·A of rank `rank`.
    ///
    /// # Errors
    /// A pattern that takes too long on this path.
    pub(super) fn scale(&self, file: &str, module: &str, rank: usize) -> Result<f32> {
        let alpha = self.alpha_pattern.value(file, module)?.unwrap_or(self.alpha);
        let rank = rank.max(1) as f64;
        Ok((alpha / if self.rank_stabilised { rank.sqrt() } else { rank }) as f32)
    }
}

/// A note that the adapter may need another base, for ways of starting that change it.
fn changed_base(file: &str, start: Option<&Value>) -> Option<String> {
    let start = start?.as_str()?;
    let name = CHANGES_BASE.iter().find(|name| start.to_ascii_lowercase().starts_with(**name))?;
    Some(format!(
        "{file}: `init_lora_weights` is `{name}`, which changes the base weights before training: unless the adapter was \
         converted when it was saved, it belongs to that changed base, and results with the published one are wrong"
    ))
}

/// Values by patterns of module paths; the first pattern that fits counts.
#[derive(Debug)]
struct Patterns<T> {
    key: &'static str,
    entries: Vec<(Pattern, T)>,
}

/// A pattern of module paths: PEFT's `re.match(rf"(.*\.)?({pattern})$", path)`.
#[derive(Debug)]
enum Pattern {
    /// A path in which only `.` has a meaning: any character. Tools that choose a rank for each module write thousands.
    Path(String),
    /// Any other regular expression.
    Regex(Box<Regex>),
}

impl Pattern {
    /// Compiles a pattern; gives the problem of one that is no regular expression.
    fn new(text: &str) -> Result<Self, String> {
        if text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
            return Ok(Self::Path(text.to_owned()));
        }
        let regex = RegexBuilder::new(&format!(r"^(?:.*\.)?(?:{text})$"))
            .backtrack_limit(MAX_STEPS)
            .delegate_size_limit(MAX_PATTERN)
            .delegate_dfa_size_limit(MAX_PATTERN)
            .build();
        regex.map(|regex| Self::Regex(Box::new(regex))).map_err(|e| e.to_string())
    }

    fn fits(&self, module: &str) -> Result<bool, String> {
        let path = match self {
            Self::Path(path) => path,
            Self::Regex(regex) => return regex.is_match(module).map_err(|e| e.to_string()),
        };
        let Some(start) = module.len().checked_sub(path.len()).filter(|start| module.is_char_boundary(*start)) else {
            return Ok(false);
        };
        let (before, end) = module.split_at(start);
        let same = path.chars().zip(end.chars()).all(|(p, c)| p == '.' || p == c);
        Ok(same && end.is_ascii() && (before.is_empty() || before.ends_with('.')))
    }
}

impl<T: Copy> Patterns<T> {
    fn read(
        keys: &HfKeys<'_>,
        key: &'static str,
        expected: &str,
        value_of: impl Fn(&Value) -> Option<T>,
    ) -> Result<Self> {
        let mut entries = Vec::new();
        let Some(object) = keys.object_or_none(key)? else { return Ok(Self { key, entries }) };
        let mut regexes = 0;
        for (text, value) in object.entries() {
            let value = value_of(value).ok_or_else(|| object.wrong(text, expected, value))?;
            let pattern = Pattern::new(text).map_err(|e| object.wrong(text, "a regular expression", e))?;
            regexes += usize::from(matches!(pattern, Pattern::Regex(_)));
            if regexes > MAX_REGEXES {
                let expected = format!("at most {MAX_REGEXES} regular expressions besides plain paths");
                return Err(keys.wrong(key, expected, "more"));
            }
            entries.push((pattern, value));
        }
        Ok(Self { key, entries })
    }

    /// The value of the first pattern that fits a module path; `None` if none does.
    fn value(&self, file: &str, module: &str) -> Result<Option<T>> {
        for (pattern, value) in &self.entries {
            let fits = pattern.fits(module).map_err(|problem| Error::Config {
                file: file.to_owned(),
                key: self.key.to_owned(),
                expected: format!("patterns that are quick to match against `{module}`"),
                found: problem,
            })?;
            if fits {
                return Ok(Some(*value));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Settings> {
        let Ok(Value::Object(root)) = serde_json::from_str(text) else { panic!("an object: {text}") };
        Settings::read("adapter_config.json", &root)
    }

    #[test]
    fn the_first_pattern_that_fits_counts() {
        let text = r#"{"peft_type": "LORA", "r": 4, "lora_alpha": 6,
            "rank_pattern": {"q_proj": 2, "layers\\.1\\..*": 16, "mlp.down_proj": 3},
            "alpha_pattern": {"(q|k)_proj": 1.5}}"#;
        let settings = settings(text).expect("settings");
        for (module, rank, scale) in [
            ("model.layers.0.self_attn.q_proj", 2, 0.75),
            ("model.layers.1.self_attn.q_proj", 2, 0.75),
            ("model.layers.1.self_attn.k_proj", 16, 1.5 / 16.0),
            ("model.layers.0.mlp.down_proj", 3, 2.0),
            ("model.layers.0.xq_proj", 4, 1.5), // a pattern fits whole parts of the path only
        ] {
            assert_eq!(settings.rank("", module).expect("a rank"), rank, "{module}");
            assert_eq!(settings.scale("", module, rank).expect("a scale"), scale as f32, "{module}");
        }
    }

    #[test]
    fn rank_stabilised_scales_by_the_root() {
        let settings = settings(r#"{"peft_type": "LORA", "lora_alpha": 8, "use_rslora": true}"#).expect("settings");
        assert_eq!(settings.scale("", "x", 16).expect("a scale"), 2.0);
    }

    #[test]
    fn refused_kinds_are_named() {
        for (key, value) in [
            ("layer_replication", "[[0, 2], [1, 3]]"),
            ("target_parameters", r#"["mlp.experts.gate_up_proj"]"#),
            ("use_qalora", "true"),
            ("alora_invocation_tokens", "[1]"),
            ("arrow_config", r#"{"top_k": 1}"#),
            ("use_bdlora", r#"{"nblocks": 2}"#),
            ("kasa_config", r#"{"beta": 1}"#),
            ("monteclora_config", r#"{"x": 1}"#),
            ("velora_config", r#"{"x": 1}"#),
            ("trainable_token_indices", "[5]"),
        ] {
            let error = settings(&format!(r#"{{"peft_type": "LORA", "{key}": {value}}}"#)).expect_err(key).to_string();
            assert!(error.contains(key) && error.contains("not implemented"), "{error}");
            settings(&format!(r#"{{"peft_type": "LORA", "{key}": null}}"#)).expect(key);
        }
        let error = settings(r#"{"peft_type": "IA3"}"#).expect_err("IA3").to_string();
        assert!(error.contains("expected LORA, found IA3"), "{error}");
        settings("{}").expect_err("no method");
    }

    #[test]
    fn bad_values_name_their_keys() {
        for (text, key) in [
            (r#"{"peft_type": "LORA", "r": 0}"#, "`r`"),
            (r#"{"peft_type": "LORA", "lora_alpha": "x"}"#, "`lora_alpha`"),
            (r#"{"peft_type": "LORA", "rank_pattern": {"q(": 1}}"#, "`rank_pattern.q(`"),
            (r#"{"peft_type": "LORA", "rank_pattern": {"q": -1}}"#, "`rank_pattern.q`"),
            (r#"{"peft_type": "LORA", "alpha_pattern": [1]}"#, "`alpha_pattern`"),
            (r#"{"peft_type": "LORA", "use_dora": 1}"#, "`use_dora`"),
        ] {
            let error = settings(text).expect_err(key).to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn ways_of_starting_that_change_the_base_are_noted() {
        let note = |start: &str| {
            settings(&format!(r#"{{"peft_type": "LORA", "init_lora_weights": {start}}}"#)).expect("settings").notes
        };
        assert!(note(r#""pissa_niter_16""#)[0].contains("`pissa`"));
        assert!(note("true").is_empty() && note(r#""gaussian""#).is_empty());
    }
}
