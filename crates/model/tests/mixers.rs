//! Layers with another mixer than attention: the forms of the configuration, and text that is generated after a shared
//! prefix and in packed batches.

use crate::altered::Altered;
use candle_core::{DType, Device, Tensor};
use laser_kernels::batch_layout::{BatchLayout, CacheRange};
use laser_model::Model;
use laser_model::forward::{ForwardPass, PassStart};
use serde_json::{Value, json};

#[test]
fn both_forms_of_a_configuration_mean_the_same() {
    let old = Altered::of("families/lfm2");
    let new = old
        .clone()
        .without("full_attn_idxs")
        .without("block_ff_dim")
        .without("block_ffn_dim_multiplier")
        .without("rope_theta")
        .with("layer_types", json!(["conv", "full_attention", "conv"]))
        .with("block_auto_adjust_ff_dim", false)
        .with("intermediate_size", 48)
        .with("rope_parameters", json!({"rope_theta": 1e6, "rope_type": "default"}));
    assert_eq!(old.logits(), new.logits());
    assert!(new.notes().is_empty(), "{:?}", new.notes());
    // Without a list, all layers have attention.
    let error = old.clone().with("full_attn_idxs", Value::Null).error();
    assert!(error.contains("model.layers.0.self_attn."), "{error}");
    let adjusted = |key: &str, value: Value| old.clone().with(key, value).error();
    for (key, value, width) in [
        ("block_ffn_dim_multiplier", json!(2.0), "88"),
        ("block_ffn_dim_multiplier", Value::Null, "44"),
        ("block_multiple_of", json!(5), "45"),
        ("block_auto_adjust_ff_dim", json!(false), "66"),
    ] {
        let error = adjusted(key, value);
        assert!(error.contains("feed_forward") && error.contains(width), "{key}: {error}");
    }
}

/// The outputs of the last block for the rows of a pass.
fn outputs(model: &Model, rows: &BatchLayout, cache: &mut laser_kernels::kv_cache::KvCache) -> Tensor {
    let pass = ForwardPass::new(model, rows, cache, false).expect("a pass");
    pass.run(PassStart::Tokens, None).expect("runs").0
}

/// Several sequences in one batch, some of which continue a prefix of an earlier pass or of the batch itself, have the outputs of
/// whole sequences alone.
#[test]
fn packed_sequences_with_shared_prefixes_equal_whole_sequences() {
    for name in ["families/lfm2", "families/lfm2-biases"] {
        let model = Altered::of(name).open().and_then(|files| files.load(&Device::Cpu, DType::F32, 2)).expect(name);
        let mut cache = model.new_kv_cache();
        let mut first = BatchLayout::default();
        first.push(&[5, 17, 3, 40, 8], 0, vec![]);
        outputs(&model, &first, &mut cache);
        let mut rows = BatchLayout::default();
        let prefix = |n: usize| CacheRange { chunk: 0, rows: 0..n };
        rows.push(&[9, 9], 0, vec![prefix(1)]);
        rows.push(&[61, 2, 30], 0, vec![prefix(5)]);
        rows.push(&[7, 70], 0, vec![]);
        rows.push(&[11], 0, vec![prefix(5), CacheRange { chunk: 1, rows: 2..3 }]);
        rows.push(&[12, 13], 0, vec![CacheRange { chunk: 1, rows: 5..7 }]);
        let packed = outputs(&model, &rows, &mut cache);
        let whole: [(&[u32], usize); 5] = [
            (&[5, 9, 9], 2),
            (&[5, 17, 3, 40, 8, 61, 2, 30], 3),
            (&[7, 70], 2),
            (&[5, 17, 3, 40, 8, 61, 11], 1),
            (&[7, 70, 12, 13], 2),
        ];
        for (segment, (tokens, n)) in rows.segments.iter().zip(whole) {
            let mut alone = BatchLayout::default();
            alone.push(tokens, 0, vec![]);
            let alone = outputs(&model, &alone, &mut model.new_kv_cache());
            let values = |t: &Tensor, first: usize| {
                t.narrow(0, first, n).and_then(|t| t.flatten_all()?.to_vec1::<f32>()).expect("values")
            };
            let (found, expected) = (values(&packed, segment.rows.start), values(&alone, tokens.len() - n));
            let largest = expected.iter().fold(0f32, |most, x| most.max(x.abs()));
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-5 * largest, "{name}: {tokens:?}: {found}, not {expected}");
            }
        }
    }
}
