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
    /// The best single edit first, then the reductions that the gradient at the current composition ranks first.
    Best,
}

impl GreedyOrder {
    const NAMES: [(&'static str, Self); 3] = [("deep", Self::Deep), ("shallow", Self::Shallow), ("best", Self::Best)];
}

named!(GreedyOrder, NAMES, "greedy-order");
