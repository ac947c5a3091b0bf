//! One truncation of an adapted matrix: where the update lies in kept and removed singular vectors, beside chance.

use laser_linalg::{Alignment, Gram, HaarFrame, Shares, Side};
use serde::Serialize;

/// Largest rank of an update for which random updates are drawn: the cost of a draw grows with its cube.
const MAX_DRAWN_RANK: usize = 64;

/// A rank at which both matrices are truncated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutRank {
    /// The rule that gave it: `0.1`, or the reduction of an edit.
    pub rule: String,
    /// Number of kept components.
    pub rank: usize,
    /// Whether the rule is that of an edit.
    pub from_edit: bool,
}

/// The numbers of one truncation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cut {
    /// The rule that gave the rank: `0.1`, or the reduction of an edit.
    pub rule: String,
    /// Number of kept components.
    pub rank: usize,
    /// Whether the rule is that of an edit.
    pub from_edit: bool,
    /// Shares of the energy of the update.
    pub shares: ShareTable,
    /// Angles between the update's singular vectors and those of the matrix.
    pub angles: Angles,
    /// 1 − ‖(W'_k − W_k) − ΔW‖²/‖ΔW‖²: how much of the update is left when both matrices are truncated. 1 for all of it,
    /// 0 if the truncated matrices are as far from it as no update; it may be negative.
    pub retained: f64,
}

/// Shares of the energy ‖ΔW‖_F² of an update, by where its left and right side lie. They sum to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShareTable {
    /// Both sides in kept singular vectors.
    pub kept: Share,
    /// Both sides in removed singular vectors.
    pub removed: Share,
    /// The left side kept, the right side removed.
    pub left_kept: Share,
    /// The right side kept, the left side removed.
    pub right_kept: Share,
    /// A side orthogonal to all singular vectors, which only the longer side of a matrix that is not square can be.
    pub outside: Share,
}

/// A share with what chance gives: the same singular values with random directions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// The share.
    pub share: f64,
    /// Its mean by chance, exact.
    pub chance: f64,
    /// `share / chance`; `None` where chance is 0.
    pub ratio: Option<f64>,
    /// Standard deviation by chance, from the draws; `None` without draws.
    pub sd: Option<f64>,
    /// `(share − chance) / sd`; `None` without draws, or where they do not vary.
    pub z: Option<f64>,
}

/// Angles between the update and the parts of a truncation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Angles {
    /// Left singular vectors of the update against the kept ones of the matrix.
    pub left_kept: Angle,
    /// Right singular vectors against the kept ones.
    pub right_kept: Angle,
    /// Left singular vectors against the removed ones.
    pub left_removed: Angle,
    /// Right singular vectors against the removed ones.
    pub right_removed: Angle,
}

/// The principal angles between two subspaces.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Angle {
    /// φ = mean of cos²θ over the r vectors of the update (Hu et al. 2021, section 7).
    pub overlap: f64,
    /// Its mean by chance: the subspace's share of all dimensions.
    pub chance: f64,
    /// 2.5 % and 97.5 % quantile by chance; `None` without draws.
    pub chance_range: Option<[f64; 2]>,
    /// Cosines of the principal angles, descending, one for each vector of the update.
    pub cosines: Vec<f64>,
}

/// Random updates with the singular values of an update, at each of several ranks.
struct Draws {
    /// Shares by draw and rank.
    shares: Vec<Vec<[f64; 5]>>,
    /// Overlaps by draw and rank, in the order of [`Angles`].
    overlaps: Vec<Vec<[f64; 4]>>,
}

impl Draws {
    fn new(alignment: &Alignment, ranks: &[usize], draws: usize, seed: u64) -> Self {
        let draws = if alignment.rank() > MAX_DRAWN_RANK { 0 } else { draws };
        let mut frame = HaarFrame::new(seed);
        let (mut shares, mut overlaps) = (Vec::with_capacity(draws), Vec::with_capacity(draws));
        for _ in 0..draws {
            let sides = alignment.random_sides(ranks, &mut frame);
            shares.push(sides.iter().map(|[l, r]| Shares::of([l, r], alignment.values()).all()).collect());
            overlaps.push(sides.iter().map(|sides| parts(sides).map(Gram::overlap)).collect());
        }
        Self { shares, overlaps }
    }

    /// Standard deviation of a share at a rank; `None` without draws.
    fn deviation(&self, rank: usize, share: usize) -> Option<f64> {
        let n = self.shares.len() as f64;
        let values = || self.shares.iter().map(|draw| draw[rank][share]);
        let mean = values().sum::<f64>() / n;
        (n > 1.0).then(|| (values().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
    }

    /// 2.5 % and 97.5 % quantile of an overlap at a rank; `None` without draws.
    fn range(&self, rank: usize, part: usize) -> Option<[f64; 2]> {
        let mut values: Vec<f64> = self.overlaps.iter().map(|draw| draw[rank][part]).collect();
        values.sort_by(f64::total_cmp);
        let at = |q: f64| values[((values.len() - 1) as f64 * q).round() as usize];
        (!values.is_empty()).then(|| [at(0.025), at(0.975)])
    }
}

/// The Gram matrices of a cut in the order of [`Angles`].
fn parts([left, right]: &[Side; 2]) -> [&Gram; 4] {
    [&left.kept, &right.kept, &left.removed, &right.removed]
}

/// The numbers of every truncation. `ranks` ascend; `retained[i]` belongs to `ranks[i]`; `shape` is that of the matrix.
/// Chance is estimated from `draws` random updates, drawn with `seed`.
pub(super) fn cuts(
    alignment: &Alignment,
    shape: [usize; 2],
    ranks: &[CutRank],
    retained: &[f64],
    draws: usize,
    seed: u64,
) -> Vec<Cut> {
    let counts: Vec<usize> = ranks.iter().map(|cut| cut.rank).collect();
    let random = Draws::new(alignment, &counts, draws, seed);
    let max_rank = shape[0].min(shape[1]);
    let of = |(i, (cut, sides)): (usize, (&CutRank, [Side; 2]))| {
        let found = Shares::of([&sides[0], &sides[1]], alignment.values()).all();
        let chance = Shares::by_chance(shape, cut.rank).all();
        let share = |which: usize| Share::new(found[which], chance[which], random.deviation(i, which));
        let dimensions = [cut.rank, cut.rank, max_rank - cut.rank, max_rank - cut.rank];
        let angle = |which: usize| Angle {
            overlap: parts(&sides)[which].overlap(),
            chance: dimensions[which] as f64 / shape[which % 2].max(1) as f64,
            chance_range: random.range(i, which),
            cosines: parts(&sides)[which].cosines(),
        };
        Cut {
            rule: cut.rule.clone(),
            rank: cut.rank,
            from_edit: cut.from_edit,
            shares: ShareTable {
                kept: share(0),
                removed: share(1),
                left_kept: share(2),
                right_kept: share(3),
                outside: share(4),
            },
            angles: Angles {
                left_kept: angle(0),
                right_kept: angle(1),
                left_removed: angle(2),
                right_removed: angle(3),
            },
            retained: retained[i],
        }
    };
    ranks.iter().zip(alignment.sides(&counts)).enumerate().map(of).collect()
}

impl Share {
    /// A share beside its mean and standard deviation by chance.
    pub(super) fn new(share: f64, chance: f64, sd: Option<f64>) -> Self {
        // Below this, differences are rounding errors of the single-precision singular vectors.
        const NOTHING: f64 = 1e-6;
        let z = sd.filter(|sd| *sd > NOTHING).map(|sd| (share - chance) / sd);
        Self { share, chance, ratio: (chance > NOTHING).then(|| share / chance), sd, z }
    }
}

#[cfg(test)]
mod tests {
    use laser_linalg::{Matrix, Method, decompose};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn random(rows: usize, cols: usize, seed: u64) -> Matrix {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Matrix::new(rows, cols, (0..rows * cols).map(|_| rng.random_range(-1.0..1.0)).collect()).expect("fits")
    }

    fn at(rank: usize) -> CutRank {
        CutRank { rule: format!("r{rank}"), rank, from_edit: false }
    }

    #[test]
    fn an_update_of_kept_vectors_is_in_the_kept_part_and_far_from_chance() {
        let base = decompose(random(20, 16, 1).view(), Method::Thin, 1).expect("decomposes");
        // ΔW = u₀v₀ᵀ + u₁v₁ᵀ/2, out of the matrix itself.
        let update = laser_linalg::Svd {
            u: Matrix::new(20, 2, (0..20).flat_map(|i| base.u.row(i)[..2].to_vec()).collect()).expect("fits"),
            s: vec![1.0, 0.5],
            vt: Matrix::new(2, 16, base.vt.data()[..32].to_vec()).expect("fits"),
        };
        let alignment = Alignment::new(&base, &update);
        let cuts = cuts(&alignment, [20, 16], &[at(1), at(2), at(16)], &[0.0; 3], 300, 4);
        let kept: Vec<f64> = cuts.iter().map(|cut| cut.shares.kept.share).collect();
        assert!((kept[0] - 0.8).abs() < 1e-6 && (kept[1] - 1.0).abs() < 1e-6, "{kept:?}");
        assert!((cuts[0].shares.removed.share - 0.2).abs() < 1e-6);
        assert!(cuts[1].shares.kept.z.expect("draws") > 10.0);
        assert!((cuts[1].angles.left_kept.cosines[1] - 1.0).abs() < 1e-6);
        assert_eq!(cuts[1].angles.right_kept.chance, 2.0 / 16.0);
        let [low, high] = cuts[1].angles.left_kept.chance_range.expect("draws");
        assert!(low < 0.1 && 0.1 < high && high < 0.5, "{low} {high}");
        assert_eq!(cuts[2].shares.removed.ratio, None, "nothing is removed");
    }

    #[test]
    fn random_updates_are_near_chance_and_the_seed_decides() {
        let base = decompose(random(40, 30, 1).view(), Method::Thin, 1).expect("decomposes");
        let z: Vec<f64> = (10..40)
            .map(|seed| {
                let update =
                    laser_linalg::decompose_product(random(40, 3, seed).view(), random(3, 30, seed + 100).view());
                let alignment = Alignment::new(&base, &update.expect("decomposes"));
                cuts(&alignment, [40, 30], &[at(9)], &[0.0], 200, 1)[0].shares.removed.z.expect("draws")
            })
            .collect();
        let mean = z.iter().sum::<f64>() / 30.0;
        let variance = z.iter().map(|z| z * z).sum::<f64>() / 30.0;
        assert!(mean.abs() < 0.6 && (0.4..2.0).contains(&variance), "mean {mean}, variance {variance}");
        let alignment = Alignment::new(&base, &base);
        let run = |seed| cuts(&alignment, [40, 30], &[at(9)], &[0.0], 20, seed);
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
