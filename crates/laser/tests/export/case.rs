//! A model with an edit, its export, and comparisons of both.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use laser::edit::Edit;
use laser::edit::recipe::{BaseModel, Recipe};
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::export::{Export, ExportedModel, ModelCard};
use laser::kernels::weight::Weight;
use laser::model::load::ModelFiles;
use laser::model::weight_id::WeightId;
use laser::model::{Model, Replacement};
use laser_checkpoint::{Checkpoint, Dtype, stored_values};
use laser_linalg::{Matrix, Tolerance};
use sha2::{Digest, Sha256};

use super::checkpoints::names;

/// A model with an edit: the source files, the base and the edited model in memory, and the inputs of an export.
pub(crate) struct Case {
    pub(crate) files: ModelFiles,
    pub(crate) base: Model,
    pub(crate) edited: Model,
    pub(crate) matrices: BTreeMap<WeightId, Matrix>,
    pub(crate) recipe: Recipe,
}

/// The edit of most tests: three matrices in two layers.
pub(crate) const EDIT: &str = "L0.q_proj@0.3,L1.k_proj@r2,L1.down_proj@0.1";
/// The input whose logits are compared.
const TOKENS: [u32; 9] = [1, 17, 42, 3, 63, 5, 5, 28, 11];

impl Case {
    /// The model at `path` with [`EDIT`].
    pub(crate) fn open(path: &Path) -> Self {
        Self::with_edit(path, EDIT)
    }

    pub(crate) fn with_edit(path: &Path, edit: &str) -> Self {
        let files = ModelFiles::open(path).expect("opens");
        let base = files.load(&Device::Cpu, DType::F32, 1).expect("loads");
        let edit = Edit::parse(edit, files.config()).expect("an edit of this model");
        let truncation = Truncation::new(SvdMethod::Exact, None, 1);
        let (edited, _) = truncation.apply(&base, &edit).expect("truncates");
        let (matrices, records) = truncation.matrices(&base, &edit).expect("truncates");
        let ranks: BTreeMap<WeightId, _> =
            edit.reductions().map(|(id, _)| id).zip(records.iter().map(|r| r.rank)).collect();
        let base_model = BaseModel {
            source: "somewhere".into(),
            sha256: "0".into(),
            architecture: files.config().family.name.into(),
            adapters: Vec::new(),
        };
        let recipe = Recipe::new(&edit, base_model, SvdMethod::Exact, files.config(), |id| ranks[&id]);
        Self { files, base, edited, matrices, recipe }
    }

    pub(crate) fn export(&self) -> Export<'_> {
        Export::new(&self.files, self.matrices.clone(), &self.recipe, ModelCard::default()).expect("the shapes fit")
    }

    /// The edited model in memory, its edited matrices rounded to the data type that `dtype` gives for each.
    pub(crate) fn rounded(&self, dtype: impl Fn(WeightId) -> Dtype) -> Model {
        let overlay = self.matrices.iter().map(|(&id, matrix)| {
            let values = stored_values("", dtype(id), matrix.data()).expect("fits the type");
            let tensor = Tensor::from_vec(values, (matrix.rows(), matrix.cols()), &Device::Cpu).expect("fits");
            (id, Replacement::Dense(Weight::new(tensor).expect("a matrix")))
        });
        self.base.with_overlay(overlay.collect())
    }

    /// The data type in which the source stores a matrix.
    pub(crate) fn own_dtype(&self, id: WeightId) -> Dtype {
        self.files.checkpoint().info(&self.files.tensor_names(id)[0]).expect("there is such a tensor").dtype
    }
}

/// The logits of all tokens, `[tokens, vocabulary]` in one vector.
pub(crate) fn logits(model: &Model) -> Vec<f32> {
    let logits = model.trace(&TOKENS).expect("runs").logits;
    logits.flatten_all().and_then(|l| l.to_vec1()).expect("has values")
}

pub(crate) fn load(path: &Path) -> Model {
    ModelFiles::open(path).and_then(|files| files.load(&Device::Cpu, DType::F32, 1)).expect("opens and loads")
}

/// Fails unless the logits of both models differ by at most `relative` times the largest.
pub(crate) fn assert_close(actual: &Model, expected: &Model, relative: f64) {
    let tolerance = Tolerance { absolute: 0.0, relative };
    tolerance.check(&logits(actual), &logits(expected)).expect("the same logits");
}

/// Fails if the logits of both models are as close as [`assert_close`] asks.
pub(crate) fn assert_far(actual: &Model, expected: &Model, relative: f64) {
    let tolerance = Tolerance { absolute: 0.0, relative };
    tolerance.check(&logits(actual), &logits(expected)).expect_err("the edit changes the logits");
}

/// Fails unless every tensor of the source has the same type, shape and bytes in `out`, except the edited ones.
pub(crate) fn assert_others_untouched(case: &Case, out: &Path, written: &ExportedModel) {
    let (before, after) = (case.files.checkpoint(), Checkpoint::open(out).expect("opens"));
    let edited: Vec<_> = written.matrices.iter().map(|m| m.tensor.as_str()).collect();
    assert_eq!(edited.len(), case.matrices.len());
    assert_eq!(after.tensors().len(), before.tensors().len());
    for info in before.tensors() {
        let (old, new) = (before.tensor(&info.name).expect("old"), after.tensor(&info.name).expect("new"));
        if edited.contains(&info.name.as_str()) {
            assert_ne!(old.bytes(), new.bytes(), "{}", info.name);
        } else {
            assert_eq!((info.dtype, &info.shape), (new.info().dtype, &new.info().shape), "{}", info.name);
            assert_eq!(old.bytes(), new.bytes(), "{}", info.name);
        }
    }
    for matrix in &written.matrices {
        let bytes = after.tensor(&matrix.tensor).expect("written").bytes();
        let sha256 = hex::encode(Sha256::digest(bytes));
        assert_eq!(matrix.sha256, sha256);
        assert!(matrix.change > 0.1, "{matrix:?}");
    }
}

/// Fails unless the result lists exactly the files in the folder `out`.
pub(crate) fn assert_listed(out: &Path, written: &ExportedModel) {
    let listed: Vec<_> = written.files.iter().map(|f| f.name.clone()).collect();
    assert_eq!(listed, names(out));
    for file in &written.files {
        assert_eq!(file.bytes, fs::metadata(out.join(&file.name)).expect("is there").len());
    }
}
