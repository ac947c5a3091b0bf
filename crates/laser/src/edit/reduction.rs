//! Reductions: what an edit keeps of one matrix, such as `0.01`, `band(0.1..0.4)` or `drop-bulk`.
//!
//! Each kind has a file beside this one that implements `Reduce`: how the kind is written, which matrices it suits,
//! and how it computes the new matrix from a `SourceMatrix`. Reductions know neither models nor tasks.
//! `docs/reductions.md` compares the kinds.
//!
//! To add a kind: write its file, then add it to [`Reduction`], to `Reduction::kind`, to the parser in
//! `crates/laser/src/edit/reduction/text.rs` and to `docs/reductions.md`.

mod band;
mod bottom;
mod clusters;
mod drop_bulk;
mod factors;
mod leading;
mod magnitude;
mod random;
mod source_matrix;
mod sparse;
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
pub(crate) use factors::Factors;
pub use magnitude::Magnitude;
pub use random::Random;
pub(crate) use source_matrix::SourceMatrix;
pub use sparse::Sparse;
pub use text::ReductionSyntax;
pub(crate) use text::split_list;
pub use whitened::Whitened;
pub use zero::Zero;

use crate::error::Result;
use laser_model::weight_id::{WeightId, WeightKind};

/// A way to reduce a matrix `[m, n]`. Below, max = min(m, n), and σ₁ ≥ σ₂ ≥ … are the singular values.
///
/// Displays in the canonical short form, which parses back to an equal value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reduction {
    /// `0.01`, `r40`, `e0.9`: keeps the largest components, as the paper does.
    Leading(RankRule),
    /// `band(0.1..0.4)`: keeps the components from ⌊0.1·max⌋ (included) to ⌊0.4·max⌋ (excluded).
    Band(Band),
    /// `bottom(0.1)`: keeps the ⌊0.1·max⌋ smallest components.
    Bottom(Bottom),
    /// `drop-bulk`: removes the components inside the Marchenko–Pastur bulk.
    DropBulk(DropBulk),
    /// `random(0.1,7)`: keeps ⌊0.1·max⌋ components drawn with seed 7, as a control; `random(r40,7)` 40 of them,
    /// `random(e0.9,7)` as many as hold 0.9 of the energy.
    Random(Random),
    /// `zero`: keeps nothing.
    Zero(Zero),
    /// `magnitude(0.1)`: keeps as many of the largest entries as a truncation to ρ = 0.1 has parameters.
    Magnitude(Magnitude),
    /// `sparse(0.1)`: keeps the ⌊0.1·m·n⌋ largest entries.
    Sparse(Sparse),
    /// `clusters(8,0.1)`: truncates 8 clusters of rows, which together have no more parameters than a truncation to
    /// ρ = 0.1.
    Clusters(Clusters),
    /// `whitened(0.1)`: keeps the ⌊0.1·max⌋ components with the largest effect on the matrix's measured inputs.
    Whitened(Whitened),
}

/// The result of a reduction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReducedMatrix {
    /// The new matrix `[m, n]`, dense; `None` if everything is kept, so that the matrix stays unchanged to the bit.
    pub(crate) matrix: Option<Matrix>,
    /// The factors from which it was computed; `None` for reductions that do not work with components.
    pub(crate) factors: Option<Factors>,
    /// Number of values that describe it: of its factors, or of its entries if those are fewer.
    pub(crate) parameters: usize,
    /// Number of components kept; `None` for reductions that do not choose among components.
    pub(crate) rank: Option<usize>,
    /// `‖W − Ŵ‖_F/‖W‖_F`.
    pub(crate) relative_error: f64,
}

/// The arithmetic of one kind of reduction.
trait Reduce: fmt::Display {
    /// Computes the reduced matrix.
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix>;

    /// Positions of the components kept of a matrix with this spectrum, ascending from 0 at the largest; `None` if the
    /// reduction does not choose among components.
    fn components(&self, id: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        let _ = (id, spectrum);
        None
    }

    /// Checks that the reduction is possible for a matrix of this kind and shape `[m, n]`; an error says why not.
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
            Self::Sparse(sparse) => sparse,
            Self::Clusters(clusters) => clusters,
            Self::Whitened(whitened) => whitened,
        }
    }

    /// Computes the reduced matrix.
    ///
    /// # Errors
    /// A rank above the largest rank of the matrix, a decomposition that fails, or inputs that are needed and were not
    /// measured.
    pub(crate) fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        self.kind().reduce(source)
    }

    /// Positions of the components kept of the matrix `id`, ascending from 0 at the largest; `None` if the reduction
    /// does not choose among components.
    pub(crate) fn components(&self, id: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        self.kind().components(id, spectrum)
    }

    /// Checks that the reduction is possible for a matrix of this kind and shape `[m, n]`; an error says why not.
    pub(crate) fn check(&self, kind: WeightKind, shape: [usize; 2]) -> Result<(), String> {
        self.kind().check(kind, shape)
    }

    /// The rank of a reduction that keeps the largest components, if it follows from the largest rank alone; `None` for
    /// rules that read the singular values, such as `e0.9`, and for all other reductions.
    #[must_use]
    pub(crate) fn leading_rank(&self, max_rank: usize) -> Option<usize> {
        match self {
            Self::Leading(RankRule::Fraction(rho)) => Some(rho.of(max_rank)),
            Self::Leading(RankRule::Absolute(rank)) => Some(*rank),
            _ => None,
        }
    }

    /// True for a reduction that keeps the largest components, or none.
    #[must_use]
    pub(crate) fn keeps_largest(&self) -> bool {
        matches!(self, Self::Leading(_) | Self::Zero(_))
    }

    /// Whether the reduction needs the inputs of its matrix, measured on items of a task.
    #[must_use]
    pub(crate) fn needs_activations(&self) -> bool {
        matches!(self, Self::Whitened(_))
    }

    /// Parses several reductions joined by commas: `0.1,band(0.1..0.4),random(0.1,7)`.
    ///
    /// # Errors
    /// A part that is not a reduction.
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
