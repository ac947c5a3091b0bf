//! Rotary positions in the half-split layout: of the first `rotated` dimensions of a head, dimension `i` turns with
//! dimension `i + rotated/2`; the others stay.

use candle_core::{D, Tensor};
use multiversion::multiversion;

use super::{differentiable, host_rows, is_fused, with_values};
use crate::Result;

/// cos and sin of each row's position, `[rows, rotated/2]` each.
#[derive(Clone)]
pub struct Tables {
    pub cos: Tensor,
    pub sin: Tensor,
}

/// Turns every head of `x [copies·rows, heads·d_head]`; row `i` has the position of row `i mod rows` of the tables,
/// which have between 1 and `d_head/2` columns.
pub fn rotate(x: &Tensor, tables: &Tables, d_head: usize) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    if is_fused(x) {
        let mut y = with_values(x, <[f32]>::to_vec)?;
        turn(&mut y, tables, d_head, width)?;
        return host_rows(y, n, width);
    }
    if differentiable::applies(x) {
        return differentiable::rotate(x, tables, d_head);
    }
    composed(x, tables, d_head)
}

/// Turns plain rows of `width` values; the tables' rows repeat.
pub(super) fn turn(y: &mut [f32], tables: &Tables, d_head: usize, width: usize) -> Result<()> {
    let (rows, half) = tables.cos.dims2()?;
    with_values(&tables.cos, |cos| {
        with_values(&tables.sin, |sin| {
            for copy in y.chunks_exact_mut((rows * width).max(1)) {
                kernel(copy, cos, sin, half, d_head, width);
            }
        })
    })?
}

/// The same through the tensor library.
pub(super) fn composed(x: &Tensor, tables: &Tables, d_head: usize) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    let (rows, half) = tables.cos.dims2()?;
    let x = x.reshape((n / rows, rows, width / d_head, d_head))?;
    let table = |t: &Tensor| t.reshape((1, rows, 1, half))?.to_dtype(x.dtype());
    let (cos, sin) = (table(&tables.cos)?, table(&tables.sin)?);
    let (a, b) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?);
    let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
    let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
    let rest = x.narrow(D::Minus1, 2 * half, d_head - 2 * half)?;
    let parts = if 2 * half < d_head { vec![first, second, rest] } else { vec![first, second] };
    Ok(Tensor::cat(&parts, D::Minus1)?.reshape((n, width))?)
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn kernel(y: &mut [f32], cos: &[f32], sin: &[f32], half: usize, d_head: usize, width: usize) {
    for ((row, cos), sin) in y.chunks_exact_mut(width).zip(cos.chunks_exact(half)).zip(sin.chunks_exact(half)) {
        for head in row.chunks_exact_mut(d_head) {
            let (a, rest) = head.split_at_mut(half);
            for (((a, b), c), s) in a.iter_mut().zip(rest).zip(cos).zip(sin) {
                (*a, *b) = (*a * c - *b * s, *b * c + *a * s);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{difference, random};

    #[test]
    fn pairs_turn_and_the_rest_stays() {
        let (rows, copies, heads) = (3, 2, 2);
        for (half, d_head) in [(1, 2), (3, 6), (2, 7), (4, 10)] {
            let angles = random(rows, half);
            let tables = Tables { cos: angles.cos().expect("cos"), sin: angles.sin().expect("sin") };
            let x = random(copies * rows, heads * d_head);
            let y = rotate(&x, &tables, d_head).expect("rotate");
            assert!(difference(&y, &composed(&x, &tables, d_head).expect("composed")) < 1e-6);
            let values = |t: &Tensor| t.to_vec2::<f32>().expect("values");
            let (x, y, angles) = (values(&x), values(&y), values(&angles));
            for (i, (x, y)) in x.iter().zip(&y).enumerate() {
                for (x, y) in x.chunks(d_head).zip(y.chunks(d_head)) {
                    for (j, angle) in angles[i % rows].iter().enumerate() {
                        // A rotation is the product of complex numbers, with lengths kept and angles added.
                        let turned = x[j + half].atan2(x[j]) + angle;
                        let length = x[j].hypot(x[j + half]);
                        assert!((y[j] - length * turned.cos()).abs() < 1e-5);
                        assert!((y[j + half] - length * turned.sin()).abs() < 1e-5);
                    }
                    assert_eq!(x[2 * half..], y[2 * half..]);
                }
            }
        }
    }
}
