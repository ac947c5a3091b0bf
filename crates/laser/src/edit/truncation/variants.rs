//! Several reductions of one matrix → variants that run side by side in one forward pass.

use std::sync::Arc;

use super::Truncation;
use crate::edit::reduction::{Reduction, SourceMatrix};
use crate::edit::stored_matrices::{device_weight, row_range, stored_matrices};
use crate::error::Result;
use laser_kernels::variants::Variants;
use laser_kernels::weight::Weight;
use laser_model::config::Piece;
use laser_model::weight_id::WeightId;
use laser_model::{Model, Replacement};

impl Truncation {
    /// Makes one variant for each reduction of the matrix `id`, in the order given.
    ///
    /// Reductions with a [`Reduction::leading_rank`] below the largest come first, in ascending order: they share one
    /// pair of factors. All others are dense.
    ///
    /// # Panics
    /// If such a rank follows another kind of reduction or a larger rank.
    pub(crate) fn variants(
        &self,
        model: &Model,
        id: WeightId,
        reductions: &[Reduction],
    ) -> Result<Vec<(WeightId, Replacement)>> {
        let source = self.source(model, id)?;
        let ranks = leading_ranks(reductions, source.max_rank());
        let pieces = model.pieces(id)?;
        // Part of a stored matrix has no factors of its own, because the rest of the stored matrix stays: all dense.
        let is_whole = |piece: &Piece| model.config().shape(piece.id) == [piece.rows.len(), piece.cols.len()];
        let nested = if pieces.iter().all(is_whole) { ranks.len() } else { 0 };
        let mut by_piece: Vec<Vec<Variants>> = vec![Vec::new(); pieces.len()];
        self.add_nested(model, &source, &ranks[..nested], &pieces, &mut by_piece)?;
        add_dense(model, &source, id, &reductions[nested..], &mut by_piece)?;
        let stack = |(piece, variants): (Piece, Vec<Variants>)| {
            (piece.id, Replacement::Variants(Arc::new(Variants::stack(variants))))
        };
        Ok(pieces.into_iter().zip(by_piece).map(stack).collect())
    }

    /// Appends the variants of the largest `ranks` components to the variants of each piece.
    fn add_nested(
        &self,
        model: &Model,
        source: &SourceMatrix<'_>,
        ranks: &[usize],
        pieces: &[Piece],
        by_piece: &mut [Vec<Variants>],
    ) -> Result<()> {
        // Randomized factors of one rank are not the first of those of another, so each rank has its own pair.
        let together = if self.nests() { ranks.len() } else { 1 };
        for ranks in ranks.chunks(together.max(1)) {
            let low = source.leading(ranks[ranks.len() - 1])?; // us [m, rank], vt [rank, n]
            let vt = device_weight(low.vt, model)?;
            let mut first_row = 0; // of `us`, where the rows of the next piece begin
            for (piece, variants) in pieces.iter().zip(by_piece.iter_mut()) {
                let us = device_weight(row_range(&low.us, first_row, piece.rows.len())?, model)?;
                variants.push(Variants::nested(us, vt.clone(), ranks.to_vec())?);
                first_row += piece.rows.len();
            }
        }
        Ok(())
    }
}

/// The leading ranks below `max_rank` with which the reductions begin.
fn leading_ranks(reductions: &[Reduction], max_rank: usize) -> Vec<usize> {
    let below_max = |r: &Reduction| r.leading_rank(max_rank).filter(|rank| *rank < max_rank);
    let ranks: Vec<usize> = reductions.iter().map_while(below_max).collect();
    assert!(ranks.is_sorted(), "the ranks of variants are in ascending order");
    assert!(!reductions[ranks.len()..].iter().any(|r| below_max(r).is_some()), "the ranks of variants come first");
    ranks
}

/// Appends dense variants to the variants of each piece.
fn add_dense(
    model: &Model,
    source: &SourceMatrix<'_>,
    id: WeightId,
    reductions: &[Reduction],
    by_piece: &mut [Vec<Variants>],
) -> Result<()> {
    if reductions.is_empty() {
        return Ok(());
    }
    let mut weights: Vec<Vec<Weight>> = vec![Vec::new(); by_piece.len()];
    for reduction in reductions {
        let matrix = reduction.reduce(source)?.matrix;
        let matrix = matrix.as_ref().unwrap_or(source.matrix());
        // `current`, not the loaded values: other parts of the stored matrix may be edited already.
        let stored = stored_matrices(model, id, matrix, |id| Ok(model.current(id)?))?;
        for ((_, matrix), weights) in stored.into_iter().zip(&mut weights) {
            weights.push(device_weight(matrix, model)?);
        }
    }
    by_piece.iter_mut().zip(weights).for_each(|(variants, weights)| variants.push(Variants::dense(weights)));
    Ok(())
}
