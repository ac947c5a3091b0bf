//! Variants against their whole matrices, one after the other.

use candle_core::{DType, Device};

use super::*;
use crate::linear::linear;
use crate::testing::{difference, random, random_row};

/// Two stacks of truncations around whole matrices, `[7, 9]` each: the variants and their matrices one by one.
fn stacked() -> (Variants, Vec<Tensor>) {
    let weight = |t: &Tensor| Weight::new(t.clone()).expect("packs");
    let (mut stacks, mut matrices) = (Vec::new(), Vec::new());
    for ranks in [vec![0, 2, 2, 5], vec![6]] {
        let (us, vt) = (random(7, 6), random(6, 9));
        for &rank in &ranks {
            matrices.push(match rank {
                0 => Tensor::zeros((7, 9), DType::F32, &Device::Cpu).expect("zeros"),
                _ => {
                    let (us, vt) = (us.narrow(1, 0, rank).expect("us"), vt.narrow(0, 0, rank).expect("vt"));
                    us.contiguous().and_then(|us| us.matmul(&vt)).expect("matrix")
                }
            });
        }
        stacks.push(Variants::nested(weight(&us), weight(&vt), ranks).expect("a stack"));
        if stacks.len() == 1 {
            let dense = [random(7, 9), random(7, 9)];
            stacks.push(Variants::dense(dense.iter().map(weight).collect()));
            matrices.extend(dense);
        }
    }
    (Variants::stack(stacks), matrices)
}

#[test]
fn variants_equal_their_dense_matrices_one_by_one() {
    let (variants, matrices) = stacked();
    assert_eq!((variants.len(), matrices.len()), (7, 7));
    let x = random(8, 9);
    let bias = random_row(7);
    let blocks = [0..1, 1..1, 1..3, 3..4, 4..5, 5..6, 6..8];
    for bias in [None, Some(&bias)] {
        let dense =
            |x: &Tensor, v: usize| linear(x, &Weight::Tensor(matrices[v].clone()), bias, None, 1).expect("dense");
        let all = variants.apply(&x, bias, None, 1).expect("all rows");
        let packed = variants.apply(&x, bias, Some(&blocks), 1).expect("blocks");
        for (v, block) in blocks.iter().enumerate() {
            assert!(difference(&all.narrow(0, v * 8, 8).expect("block"), &dense(&x, v)) < 1e-5);
            if !block.is_empty() {
                let rows = |t: &Tensor| t.narrow(0, block.start, block.len()).expect("rows");
                assert!(difference(&rows(&packed), &dense(&rows(&x), v)) < 1e-5);
                let alike = all.narrow(0, v * 8 + block.start, block.len()).expect("rows");
                assert_eq!(difference(&rows(&packed), &alike), 0.0, "the same bits either way");
            }
        }
        assert!(difference(&all, &composed::apply(&variants, &x, bias, None, 1).expect("composed")) < 1e-5);
        assert!(difference(&packed, &composed::apply(&variants, &x, bias, Some(&blocks), 1).expect("composed")) < 1e-5);
    }
}
