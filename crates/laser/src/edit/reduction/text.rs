//! Text → reduction: `name(argument,…)`, a name without arguments, or a rank such as `0.01`.

use laser_linalg::{RankFraction, RankRule};

use super::{Band, Bottom, Clusters, DropBulk, Magnitude, Random, Reduction, Sparse, Whitened, Zero};

/// An example of every form, for error texts.
const FORMS: &str = "0.1, r40 or e0.9 (largest components), band(0.1..0.4), bottom(0.1), drop-bulk, random(0.1,7), \
     zero, magnitude(0.1), sparse(0.1), clusters(8,0.1), whitened(0.1)";

/// The error of a text that is not a reduction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reduction `{text}`: {problem}")]
pub struct ReductionSyntax {
    /// The text.
    pub text: String,
    /// Fault of the text, and the expected form.
    pub problem: String,
}

/// The arguments between the parentheses.
struct Arguments<'a> {
    parts: Vec<&'a str>,
    /// A correct reduction of the same kind, for error texts.
    example: &'static str,
}

impl<'a> Arguments<'a> {
    /// The arguments, which must be exactly `N`.
    fn exactly<const N: usize>(&self) -> Result<[&'a str; N], String> {
        let found = self.parts.len();
        self.parts.clone().try_into().map_err(|_| format!("expected {}, found {found} arguments", self.example))
    }

    /// Parses a fraction from 0 to 1.
    fn fraction(&self, text: &str) -> Result<RankFraction, String> {
        text.trim().parse().map_err(|e| format!("expected {}: {e}", self.example))
    }

    /// Parses a rank: a fraction, a number or a share of the energy.
    fn rank(&self, text: &str) -> Result<RankRule, String> {
        text.trim().parse().map_err(|e| format!("expected {}: {e}", self.example))
    }

    /// Parses a whole number.
    fn whole<T: std::str::FromStr>(&self, text: &str) -> Result<T, String> {
        let text = text.trim();
        text.parse().map_err(|_| format!("expected {}, found `{text}` for a whole number", self.example))
    }

    /// The only argument, a fraction from 0 to 1.
    fn rho(&self) -> Result<RankFraction, String> {
        let [rho] = self.exactly()?;
        self.fraction(rho)
    }
}

/// Parses one reduction.
pub(super) fn parse(text: &str) -> Result<Reduction, ReductionSyntax> {
    parse_form(text).map_err(|problem| ReductionSyntax { text: text.to_owned(), problem })
}

fn parse_form(text: &str) -> Result<Reduction, String> {
    let unknown = || format!("unknown; the known forms are {FORMS}");
    let Some((name, rest)) = text.split_once('(') else {
        return match text {
            "drop-bulk" => Ok(Reduction::DropBulk(DropBulk)),
            "zero" => Ok(Reduction::Zero(Zero)),
            "band" | "bottom" | "random" | "magnitude" | "sparse" | "clusters" | "whitened" => {
                Err(format!("`{text}` needs its arguments; the known forms are {FORMS}"))
            }
            _ if is_rank(text) => text.parse().map(Reduction::Leading).map_err(|e| e.to_string()),
            _ => Err(unknown()),
        };
    };
    let inner = rest.strip_suffix(')').ok_or("the last character is not the closing parenthesis")?;
    let arguments = |example| Arguments { parts: inner.split(',').collect(), example };
    Ok(match name {
        "band" => {
            let arguments = arguments("band(0.1..0.4)");
            let [range] = arguments.exactly()?;
            let (from, to) = range.split_once("..").ok_or("no `..`; expected band(0.1..0.4)")?;
            Reduction::Band(Band::new(arguments.fraction(from)?, arguments.fraction(to)?)?)
        }
        "bottom" => Reduction::Bottom(Bottom { keep: arguments("bottom(0.1)").rho()? }),
        "random" => {
            let arguments = arguments("random(0.1,7)");
            let [keep, seed] = arguments.exactly()?;
            Reduction::Random(Random { keep: arguments.rank(keep)?, seed: arguments.whole(seed)? })
        }
        "magnitude" => Reduction::Magnitude(Magnitude { keep: arguments("magnitude(0.1)").rho()? }),
        "sparse" => Reduction::Sparse(Sparse { keep: arguments("sparse(0.1)").rho()? }),
        "clusters" => {
            let arguments = arguments("clusters(8,0.1)");
            let [clusters, keep] = arguments.exactly()?;
            Reduction::Clusters(Clusters::new(arguments.whole(clusters)?, arguments.fraction(keep)?)?)
        }
        "whitened" => Reduction::Whitened(Whitened { keep: arguments("whitened(0.1)").rho()? }),
        "drop-bulk" | "zero" => return Err(format!("`{name}` has no arguments")),
        _ => return Err(unknown()),
    })
}

/// Whether a text is an attempt at a rank: a number, perhaps after `r` or `e`. Its error texts then speak of ranks.
fn is_rank(text: &str) -> bool {
    let number = text.strip_prefix(['r', 'e']).unwrap_or(text);
    number.is_empty() || number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))
}

/// Splits a text at the commas outside parentheses.
pub(crate) fn split_list(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}
