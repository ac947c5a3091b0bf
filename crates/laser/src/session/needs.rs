//! Forecast of a search of a session's model: memory, reading, disk for decompositions, and time.

use laser_kernels::batch_layout::BatchLayout;
use laser_model::Model;
use laser_model::forward::{ForwardPass, PassStart};

use super::Session;
use crate::error::Result;
use candle_core::Tensor;

/// Memory, reading and disk for a search of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchNeeds {
    /// Bytes of the weights that are kept in memory.
    pub memory_bytes: u64,
    /// Bytes that the other weights would take in memory; each pass reads them from the model's files.
    pub file_bytes: u64,
    /// Bytes on disk of the decompositions of all stored matrices, as the cache keeps them.
    pub decomposition_bytes: u64,
}

/// One layer of the model with some rows of input, so that the caller can time it.
pub struct LayerSample {
    model: Model,
    x: Tensor,
    layout: BatchLayout,
}

/// Rows of a sample: enough for products as fast as those of a search.
const ROWS: usize = 256;

impl LayerSample {
    /// Number of rows, which are tokens of one sequence.
    pub fn rows(&self) -> usize {
        self.layout.len()
    }

    /// Computes the layer for the rows.
    ///
    /// # Errors
    /// Values that cannot be read, or failures of the tensor library.
    pub fn run(&self) -> Result<()> {
        let mut cache = self.model.new_kv_cache();
        let pass = ForwardPass::new(&self.model, &self.layout, &mut cache, false)?.without_caching();
        let last = self.model.config().n_layers - 1;
        pass.run(PassStart::Block(last, self.x.clone()), None)?;
        Ok(())
    }
}

impl Session {
    /// Foresees memory, reading and disk for a search within [`SessionOptions::memory`](super::SessionOptions::memory).
    pub fn search_needs(&self) -> SearchNeeds {
        let (config, residence) = (self.config(), self.residence());
        let side = |id| config.max_rank(id) as u64;
        // The smaller factor in f32, and the singular values in f64.
        let of_layer = |layer| config.stored(layer).into_iter().map(|id| side(id) * (4 * side(id) + 8)).sum::<u64>();
        SearchNeeds {
            memory_bytes: residence.memory_bytes() as u64,
            file_bytes: residence.file_bytes() as u64,
            decomposition_bytes: (0..config.n_layers).map(of_layer).sum(),
        }
    }

    /// The last layer of the model, ready to run; `None` for a model without layers.
    ///
    /// # Errors
    /// Values that cannot be read.
    pub fn layer_sample(&self) -> Result<Option<LayerSample>> {
        let config = self.config();
        let Some(last) = config.n_layers.checked_sub(1) else { return Ok(None) };
        let mut model = self.load_in_files()?;
        if self.residence().file_bytes() == 0 {
            model = model.with_layer_in_memory(last)?;
        }
        let rows = ROWS.min(config.max_positions);
        let mut layout = BatchLayout::default();
        layout.push(&vec![0; rows], 0, Vec::new());
        let x = Tensor::ones((rows, config.d_model), model.dtype(), model.device())?; // [rows, d_model]
        Ok(Some(LayerSample { model, x, layout }))
    }
}
