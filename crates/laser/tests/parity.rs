//! Parity of edits with the reference on tiny checkpoints of every family: logits after `torch.linalg.svd` truncated a
//! matrix in transformers. The test of the same name in `crates/model/tests/parity.rs` covers unedited models.

use crate::support::{goldens_in, ids, token_goldens};
use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::model::Model;
use laser_linalg::Tolerance;

/// The project promises |difference| ≤ 1e-3·max|logit|. Both sides compute in f32, so that a hundredth of it holds.
const LOGITS: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };

#[test]
fn edits_of_every_matrix_equal_the_reference() {
    for golden in token_goldens() {
        let tokens = ids(&golden.json["sequences"][0]);
        for expected in golden.json["edits"].as_array().expect("edits") {
            let text = expected["edit"].as_str().expect("edit");
            let edit = Edit::parse(text, golden.files.config()).expect(text);
            let truncation = Truncation::new(SvdMethod::Exact, None, 1);
            let (edited, records) = truncation.apply(&golden.model, &edit).expect(text);
            assert_eq!(records[0].max_rank as u64, expected["max_rank"].as_u64().expect("max_rank"));
            let logits = edited.trace(&tokens).expect("trace").logits;
            // Goldens of edits have only the last four rows, to keep the files small.
            let last = logits.narrow(0, tokens.len() - 4, 4).expect("last rows");
            let array = expected["array"].as_str().expect("array");
            golden.check(text, &last, &golden.arrays.get(array), LOGITS);
        }
    }
}

#[test]
fn an_edit_that_keeps_the_full_rank_leaves_every_bit() {
    let goldens = goldens_in("tiny");
    let Some(golden) = goldens.first() else { return }; // `LASER_GOLDEN` names one of another folder
    let tokens = ids(&golden.json["sequences"][0]);
    let edit = Edit::parse("L*.all@1", golden.files.config()).expect("edit");
    let (edited, records) = Truncation::new(SvdMethod::Exact, None, 1).apply(&golden.model, &edit).expect("apply");
    assert_eq!(records.len(), golden.files.config().n_layers * 7);
    let logits = |model: &Model| -> Vec<f32> {
        model.trace(&tokens).expect("trace").logits.flatten_all().expect("flat").to_vec1().expect("values")
    };
    assert_eq!(logits(&edited), logits(&golden.model));
}
