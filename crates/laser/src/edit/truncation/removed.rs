//! Matrices of which an edit keeps nothing: takes the records of an edit, gives a note for each. That is no approximation
//! any more, and often happens by rounding alone: ⌊0.001·48⌋ is 0.

use super::TruncationRecord;

/// Reductions that say themselves that they keep nothing.
const DELIBERATE: [&str; 4] = ["zero", "r0", "0", "e0"];

/// A note for each matrix that an edit replaces by zeros. A matrix of zeros has nothing to lose.
pub(crate) fn removal_notes(records: &[TruncationRecord]) -> impl Iterator<Item = String> {
    let removed = |record: &&TruncationRecord| record.parameters == 0 && record.relative_error > 0.0;
    records.iter().filter(removed).map(|record| {
        let TruncationRecord { matrix, reduction, max_rank, .. } = record;
        let cause = match reduction.as_str() {
            deliberate if DELIBERATE.contains(&deliberate) => String::new(),
            "drop-bulk" => format!(": all of its {max_rank} components look like noise"),
            _ => format!(": {reduction} of {max_rank} rounds down to 0, and r1 keeps one component"),
        };
        format!("{matrix} has rank 0: the edit removes the matrix{cause}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_of_which_nothing_is_kept_have_a_note() {
        let record = |matrix: &str, reduction: &str, parameters: usize, relative_error: f64| TruncationRecord {
            matrix: matrix.to_owned(),
            reduction: reduction.to_owned(),
            rank: (!reduction.starts_with("magnitude")).then_some(parameters / 4),
            max_rank: 48,
            parameters,
            relative_error,
        };
        let records = [
            record("L1.q_proj", "0.1", 4, 0.5),
            record("L28.up_proj", "r0", 0, 1.0),
            record("L2.k_proj", "0.001", 0, 1.0),
            record("L2.v_proj", "magnitude(0.001)", 0, 1.0),
            record("L3.o_proj", "e0.9", 0, 0.0), // a matrix of zeros
        ];
        let notes: Vec<String> = removal_notes(&records).collect();
        assert_eq!(
            notes,
            [
                "L28.up_proj has rank 0: the edit removes the matrix",
                "L2.k_proj has rank 0: the edit removes the matrix: 0.001 of 48 rounds down to 0, and r1 keeps one component",
                "L2.v_proj has rank 0: the edit removes the matrix: magnitude(0.001) of 48 rounds down to 0, and r1 keeps \
                 one component",
            ]
        );
    }
}
