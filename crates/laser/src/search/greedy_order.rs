//! Orders in which a greedy composition visits the matrices.

use laser_task::named::named;

/// Order in which a greedy composition visits the matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GreedyOrder {
    /// From the last layer to the first, as in the paper.
    Deep,
    /// From the first layer to the last.
    Shallow,
    /// The matrix with the best single edit first; matrices without a completed trial follow in candidate order.
    Best,
}

impl GreedyOrder {
    const NAMES: [(&'static str, Self); 3] = [("deep", Self::Deep), ("shallow", Self::Shallow), ("best", Self::Best)];
}

named!(GreedyOrder, NAMES, "greedy-order");
