//! Variants side by side against the same reductions one at a time, on a small model; records of edited matrices.

use candle_core::{DType, Device};

use super::*;
use laser_model::load::ModelFiles;
use laser_model::weight_id::WeightKind;

fn model() -> Model {
    let goldens = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/tiny");
    let files = ModelFiles::open(&goldens.join("llama-gqa-untied")).expect("a golden");
    files.load(&Device::Cpu, DType::F32, 1).expect("loads")
}

fn logits(model: &Model) -> Vec<f32> {
    let logits = model.trace(&[1, 5, 9, 2]).expect("runs").logits;
    logits.flatten_all().expect("flat").to_vec1().expect("numbers")
}

#[test]
fn variants_side_by_side_equal_the_reductions_one_at_a_time() {
    use laser_kernels::batch_layout::BatchLayout;
    use laser_model::forward::{ForwardPass, PassStart};
    let model = model();
    let texts =
        ["0", "0.2", "r7", "1", "band(0.1..0.5)", "drop-bulk", "zero", "magnitude(0.1)", "e0.5", "clusters(2,0.2)"];
    let reductions: Vec<Reduction> = texts.iter().map(|t| t.parse().expect("a reduction")).collect();
    let mut rows = BatchLayout::default();
    rows.push(&[1, 5, 9, 2], 0, vec![]);
    for method in [SvdMethod::Exact, SvdMethod::Randomized { seed: 5 }] {
        let truncation = Truncation::new(method, None, 1);
        for kind in [WeightKind::Q, WeightKind::O, WeightKind::Gate, WeightKind::Down] {
            let id = WeightId::new(1, kind);
            let variants = truncation.variants(&model, id, &reductions).expect("variants");
            let all = model.with_overlay(variants.into_iter().collect());
            let mut cache = model.new_kv_cache();
            let pass = ForwardPass::new(&all, &rows, &mut cache, false).expect("pass");
            let (hidden, copies) = pass.run(PassStart::Tokens, None).expect("runs");
            assert_eq!(copies, texts.len());
            for (v, reduction) in reductions.iter().enumerate() {
                let hidden = hidden.narrow(0, v * rows.len(), rows.len()).expect("the rows of one variant");
                let found: Vec<f32> =
                    model.head(&hidden).expect("head").flatten_all().expect("flat").to_vec1().expect("numbers");
                let (alone, _) = truncation.apply(&model, &Edit::single(id, *reduction)).expect("applies");
                let tolerance = laser_linalg::Tolerance { absolute: 1e-4, relative: 1e-4 };
                tolerance.check(&found, &logits(&alone)).unwrap_or_else(|e| panic!("{method:?} {id}@{reduction}: {e}"));
            }
        }
    }
}

#[test]
#[should_panic(expected = "the ranks of variants come first")]
fn variants_panic_if_ranks_follow_other_reductions() {
    let reductions = ["zero", "0.1"].map(|t| t.parse().expect("a reduction"));
    let id = WeightId::new(0, WeightKind::Down);
    let _ = Truncation::new(SvdMethod::Exact, None, 1).variants(&model(), id, &reductions);
}

#[test]
fn records_describe_the_kept_components() {
    let model = model();
    let edit = Edit::parse("L0.fc_in@magnitude(0.1),L1.fc_out@band(0..0.5),L1.q_proj@1", model.config()).expect("edit");
    let (edited, records) = Truncation::new(SvdMethod::Exact, None, 1).apply(&model, &edit).expect("applies");
    let summary: Vec<_> = records.iter().map(|r| (r.matrix.as_str(), r.reduction.as_str(), r.rank)).collect();
    let expected = [
        ("L0.gate_proj", "magnitude(0.1)", None),
        ("L1.q_proj", "1", Some(records[1].max_rank)),
        ("L1.down_proj", "band(0..0.5)", Some(records[2].max_rank / 2)),
    ];
    assert_eq!(summary, expected);
    assert_eq!(records[1].relative_error, 0.0);
    assert!(records[0].parameters > 0 && logits(&edited) != logits(&model));
    // Reductions that keep everything leave the model the same to the bit.
    let whole = Edit::parse("L*.mlp@band(0..1),L*.o_proj@bottom(1)", model.config()).expect("edit");
    let (same, _) = Truncation::new(SvdMethod::Exact, None, 1).apply(&model, &whole).expect("applies");
    assert_eq!(logits(&same), logits(&model));
}
