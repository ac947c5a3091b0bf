//! xIELU, the activation of Apertus: its parameters are tensors in safetensors files and metadata in GGUF files.

use crate::altered::{Altered, Stored, golden};
use laser_checkpoint::{Array, Checkpoint, Metadata, NewTensor, Value, gguf};
use laser_model::config::{ModelConfig, Xielu};
use laser_model::load::ModelFiles;
use laser_model::rope::RopeScaling;
use serde_json::json;

const NAME: &str = "families/apertus";

#[test]
fn each_layer_has_the_parameters_of_its_tensors() {
    let copy = Altered::of(NAME);
    let files = copy.open().expect("opens");
    let read = &files.config().mlp.xielu;
    let value = |layer: usize, name: &str| {
        let stored = &copy.tensors[&format!("model.layers.{layer}.mlp.act_fn.{name}")];
        f32::from_le_bytes(stored.bytes[..].try_into().expect("one number"))
    };
    for (layer, parameters) in read.iter().enumerate() {
        let [alpha_p, alpha_n] = ["alpha_p", "alpha_n"].map(|name| value(layer, name));
        assert_eq!(*parameters, Xielu { alpha_p, alpha_n, beta: 0.5, eps: -1e-6 });
    }
    assert!(read.len() == 2 && read[0] != read[1] && !read.contains(&Xielu::INITIAL), "{read:?}");
    let other = copy.clone().with_tensor("model.layers.1.mlp.act_fn.beta", Stored::filled(&[], 0.25));
    assert_ne!(other.logits(), copy.logits());
}

#[test]
fn parameters_that_are_missing_or_no_numbers_are_errors_that_name_the_tensor() {
    for (name, stored) in [
        ("alpha_p", None),
        ("eps", None),
        ("alpha_n", Some(Stored::filled(&[2], 0.5))),
        ("beta", Some(Stored::filled(&[], f32::NAN))),
    ] {
        let tensor = format!("model.layers.1.mlp.act_fn.{name}");
        let mut copy = Altered::of(NAME);
        copy.tensors.remove(&tensor);
        let error = stored.into_iter().fold(copy, |copy, stored| copy.with_tensor(&tensor, stored)).error();
        assert!(error.contains(&tensor), "{error}");
    }
}

#[test]
fn without_parameters_the_rotary_positions_are_those_of_the_class() {
    let read = |copy: &Altered| ModelConfig::from_hf("config.json", &json!(copy.config).to_string()).expect("reads");
    let rope = &read(&Altered::of(NAME).without("rope_scaling")).attention.ropes[0];
    assert_eq!(rope.theta, 12_000_000.0);
    assert!(matches!(rope.scaling, RopeScaling::Llama3 { original_context: 8192, .. }), "{rope:?}");
    // transformers 5 writes one object.
    let mut parameters = Altered::of(NAME).config["rope_scaling"].clone();
    parameters["rope_theta"] = json!(1200.0);
    let new = Altered::of(NAME).without("rope_scaling").without("rope_theta").with("rope_parameters", parameters);
    assert_eq!(read(&new).attention.ropes, read(&Altered::of(NAME)).attention.ropes);
    let error = Altered::of(NAME).with("post_norm", true).error();
    assert!(error.contains("`post_norm`"), "{error}");
}

/// Opens the GGUF golden with another value of `xielu.alpha_p`.
fn with_alpha_p(value: Option<Value>) -> Result<ModelFiles, laser_model::Error> {
    let source = Checkpoint::open(&golden("gguf/apertus.gguf")).expect("a golden");
    let pairs = source.gguf_metadata().expect("a GGUF file").iter();
    let mut pairs: Vec<_> = pairs.map(|(key, value)| (key.to_owned(), value.clone())).collect();
    pairs.retain(|(key, _)| key != "xielu.alpha_p");
    pairs.extend(value.map(|value| ("xielu.alpha_p".to_owned(), value)));
    let tensor = |name: &str| source.tensor(name).expect("is there").to_f32();
    let tensors =
        source.tensors().map(|info| NewTensor::new(&info.name, info.dtype, &info.shape, || tensor(&info.name)));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("changed.gguf");
    gguf::write(&path, &Metadata::from_pairs(pairs).expect("distinct keys"), tensors.collect()).expect("writes");
    ModelFiles::open(&path)
}

#[test]
fn metadata_have_a_number_for_each_layer_or_one_for_all() {
    let alphas = |files: &ModelFiles| files.config().mlp.xielu.iter().map(|x| x.alpha_p).collect::<Vec<_>>();
    let folder = Altered::of(NAME).open().expect("opens");
    let source = ModelFiles::open(&golden("gguf/apertus.gguf")).expect("opens");
    assert_eq!(source.config().mlp.xielu, folder.config().mlp.xielu);
    assert_eq!(alphas(&with_alpha_p(Some(Value::F32(0.5))).expect("opens")), [0.5; 2]);
    for (value, found) in [
        (None, "nothing"),
        (Some(Value::Array(Array::F32(vec![0.5; 3]))), "3 numbers"),
        (Some(Value::Array(Array::F32(vec![0.5, f32::NAN]))), "NaN"),
        (Some(Value::String("0.5".into())), "string"),
    ] {
        let error = with_alpha_p(value).map(|_| ()).expect_err("refused").to_string();
        assert!(error.contains("xielu.alpha_p") && error.contains(found), "{found}: {error}");
    }
}
