//! An edited matrix: its new values, the factors that determine them, and a record for reports.

use laser_linalg::Matrix;
use serde::{Deserialize, Serialize};

use crate::edit::reduction::Factors;
use laser_model::weight_id::WeightId;

/// A matrix that an edit reduced.
#[derive(Debug, Clone)]
pub(crate) struct EditedMatrix {
    pub(crate) id: WeightId,
    /// The new values `[out, in]`; `None` if the reduction keeps everything.
    pub(crate) matrix: Option<Matrix>,
    /// The factors from which they were computed; `None` for reductions that do not work with components.
    pub(crate) factors: Option<Factors>,
    pub(crate) record: TruncationRecord,
}

/// Record of one edited matrix, for reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruncationRecord {
    /// Name of the matrix: `L27.gate_proj`.
    pub matrix: String,
    /// The reduction in the short form: `0.01`, `drop-bulk`.
    pub reduction: String,
    /// Number of components kept; `None` for reductions that do not choose among components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Largest rank.
    pub max_rank: usize,
    /// Number of values that describe the reduced matrix: r·(m + n) for factors, or m·n if that is less.
    pub parameters: usize,
    /// `‖W − Ŵ‖_F / ‖W‖_F`. Where the largest components are kept, the error of the exact truncation, computed from the
    /// singular values.
    pub relative_error: f64,
}
