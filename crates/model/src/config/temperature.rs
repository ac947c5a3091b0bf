//! Attention temperature: queries that grow with their positions.

/// Attention temperature that depends on the position of the query: a query at `position` is multiplied by
/// `1 + scale·ln(1 + ⌊position/length⌋)` (Llama 4, Ministral 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Temperature {
    /// Growth of the factor with the logarithm of the position.
    pub scale: f64,
    /// Number of tokens from one step of the factor to the next.
    pub length: usize,
}

impl Temperature {
    /// Factor on the query at a position, computed in f32 as in the reference.
    pub fn factor(&self, position: u32) -> f32 {
        let steps = (f64::from(position) / self.length as f64).floor() as f32;
        1.0 + self.scale as f32 * (1.0 + steps).ln()
    }
}
