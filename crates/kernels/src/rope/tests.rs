//! Rotations against complex numbers in polar form, and gradients against the composed form.

use candle_core::Var;

use super::*;
use crate::testing::{check_gradients, difference, random};

#[test]
fn pairs_rotate_and_other_dimensions_stay() {
    let (rows, copies, heads) = (3, 2, 2);
    for (half, d_head) in [(1, 2), (3, 6), (2, 7), (4, 10)] {
        let angles = random(rows, half);
        let tables = RotaryTables { cos: angles.cos().expect("cos"), sin: angles.sin().expect("sin") };
        let x = random(copies * rows, heads * d_head);
        let y = rotate(&x, &tables, d_head).expect("rotate");
        assert!(difference(&y, &composed::rotate(&x, &tables, d_head).expect("composed")) < 1e-6);
        let values = |t: &Tensor| t.to_vec2::<f32>().expect("values");
        let (x, y, angles) = (values(&x), values(&y), values(&angles));
        for (i, (x, y)) in x.iter().zip(&y).enumerate() {
            for (x, y) in x.chunks(d_head).zip(y.chunks(d_head)) {
                for (j, angle) in angles[i % rows].iter().enumerate() {
                    // A rotation is the product of complex numbers, with lengths kept and angles added.
                    let rotated = x[j + half].atan2(x[j]) + angle;
                    let length = x[j].hypot(x[j + half]);
                    assert!((y[j] - length * rotated.cos()).abs() < 1e-5);
                    assert!((y[j + half] - length * rotated.sin()).abs() < 1e-5);
                }
                assert_eq!(x[2 * half..], y[2 * half..]);
            }
        }
    }
}

#[test]
fn values_and_gradients_equal_the_composed_form() {
    for d_head in [6, 10] {
        let angles = random(4, 3);
        let tables = RotaryTables { cos: angles.cos().expect("cos"), sin: angles.sin().expect("sin") };
        let x = Var::from_tensor(&random(4, 2 * d_head)).expect("var");
        let (kernel, composed) = (gradient::rotate(&x, &tables, d_head), composed::rotate(&x, &tables, d_head));
        check_gradients("rotation", &[&x], kernel, composed);
    }
}
