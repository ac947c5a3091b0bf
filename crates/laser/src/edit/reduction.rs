//! What is kept of one matrix: `0.01`, `band(0.1..0.4)`, `drop-bulk` and so on, and the trait that does the arithmetic.
//!
//! One file a kind in the folder beside this one. A kind knows how it is written, which matrices it suits, and how it
//! makes its matrix from a [`Source`]; it knows neither models nor tasks. `docs/reductions.md` compares the kinds.

mod band;
mod bottom;
mod clusters;
mod drop_bulk;
mod leading;
mod magnitude;
mod random;
mod source;
mod text;
mod whitened;
mod zero;

use std::fmt;
use std::str::FromStr;

use laser_linalg::{Matrix, RankRule, Spectrum};

pub use band::Band;
pub use bottom::Bottom;
pub use clusters::Clusters;
pub use drop_bulk::DropBulk;
pub use magnitude::Magnitude;
pub use random::Random;
pub use source::Source;
pub use text::ReductionSyntax;
pub use whitened::Whitened;
pub use zero::Zero;

use crate::error::Result;
use laser_model::weight_id::{WeightId, WeightKind};

pub(crate) use text::split_list;

/// A way to reduce a matrix \[m, n\]; below max = min(m, n) and σ₁ ≥ σ₂ ≥ … are its singular values.
///
/// Displays in the canonical short form, which parses back to an equal value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reduction {
    /// `0.01`, `r40`, `e0.9`: the largest components, as the paper does.
    Leading(RankRule),
    /// `band(0.1..0.4)`: components from ⌊0.1·max⌋ up to ⌊0.4·max⌋.
    Band(Band),
    /// `bottom(0.1)`: the ⌊0.1·max⌋ smallest components.
    Bottom(Bottom),
    /// `drop-bulk`: all components but those inside the Marchenko–Pastur bulk.
    DropBulk(DropBulk),
    /// `random(0.1,7)`: ⌊0.1·max⌋ components drawn with seed 7, the control.
    Random(Random),
    /// `zero`: nothing.
    Zero(Zero),
    /// `magnitude(0.1)`: as many of the largest entries as a truncation to ρ = 0.1 has parameters.
    Magnitude(Magnitude),
    /// `clusters(8,0.1)`: 8 clusters of rows, each truncated, together no larger than a truncation to ρ = 0.1.
    Clusters(Clusters),
    /// `whitened(0.1)`: the ⌊0.1·max⌋ components that matter most for the matrix's own inputs.
    Whitened(Whitened),
}

/// What a reduction made of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduced {
    /// The dense matrix \[m, n\]; `None` where everything is kept and the matrix stays as it is, to the bit.
    pub matrix: Option<Matrix>,
    /// Numbers that describe it: of its factors, or of its entries if those are fewer.
    pub parameters: usize,
    /// Components kept, where it is made of components.
    pub rank: Option<usize>,
    /// `‖W − Ŵ‖_F/‖W‖_F`.
    pub relative_error: f64,
}

/// The arithmetic of one kind of reduction.
pub(crate) trait Reduce: fmt::Display {
    /// What is left of the source.
    fn reduce(&self, source: &Source<'_>) -> Result<Reduced>;

    /// Positions of the components kept of a matrix with this spectrum, upwards; `None` where it does not choose among them.
    fn components(&self, id: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        let _ = (id, spectrum);
        None
    }

    /// Why it cannot be done to matrices `[m, n]` of this kind.
    fn check(&self, kind: WeightKind, shape: [usize; 2]) -> Result<(), String> {
        let _ = (kind, shape);
        Ok(())
    }
}

impl Reduction {
    fn kind(&self) -> &dyn Reduce {
        match self {
            Self::Leading(rule) => rule,
            Self::Band(band) => band,
            Self::Bottom(bottom) => bottom,
            Self::DropBulk(drop_bulk) => drop_bulk,
            Self::Random(random) => random,
            Self::Zero(zero) => zero,
            Self::Magnitude(magnitude) => magnitude,
            Self::Clusters(clusters) => clusters,
            Self::Whitened(whitened) => whitened,
        }
    }

    /// What is left of `source`.
    ///
    /// # Errors
    /// A rank the matrix cannot have, a decomposition that fails, inputs that are needed and not there.
    pub fn reduce(&self, source: &Source<'_>) -> Result<Reduced> {
        self.kind().reduce(source)
    }

    /// Positions of the components it keeps of matrix `id`, upwards; `None` where it does not choose among them.
    pub fn components(&self, id: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        self.kind().components(id, spectrum)
    }

    /// Why it cannot be done to matrices `[m, n]` of this kind.
    pub(crate) fn check(&self, kind: WeightKind, shape: [usize; 2]) -> Result<(), String> {
        self.kind().check(kind, shape)
    }

    /// The rank, if this keeps the largest components of a matrix and says how many without its singular values.
    #[must_use]
    pub fn leading_rank(&self, max_rank: usize) -> Option<usize> {
        match self {
            Self::Leading(RankRule::Fraction(rho)) => Some(rho.of(max_rank)),
            Self::Leading(RankRule::Absolute(rank)) => Some(*rank),
            _ => None,
        }
    }

    /// Whether it needs the inputs of its matrix on items of a task.
    #[must_use]
    pub fn needs_activations(&self) -> bool {
        matches!(self, Self::Whitened(_))
    }

    /// Reads several, joined by commas: `0.1,band(0.1..0.4),random(0.1,7)`.
    ///
    /// # Errors
    /// As for one.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, ReductionSyntax> {
        split_list(text).into_iter().map(|part| part.trim().parse()).collect()
    }
}

impl fmt::Display for Reduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

impl FromStr for Reduction {
    type Err = ReductionSyntax;

    fn from_str(text: &str) -> Result<Self, ReductionSyntax> {
        text::parse(text)
    }
}

#[cfg(test)]
mod tests;
