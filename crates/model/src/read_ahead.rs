//! Reads the files of a model ahead of its forward passes: while one layer computes, the next one is read.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use laser_kernels::row_reader::RowReader;
use laser_kernels::weight::Weight;

use crate::weights::{BlockWeights, Weights};

/// A thread that reads layers ahead, as far as they are in files.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    next: SyncSender<usize>,
}

impl ReadAhead {
    /// A thread for the layers of `weights`; `None` if all weights are in memory, or the system gives no thread: then
    /// each matrix is read when its product begins.
    pub(crate) fn of(weights: &Weights) -> Option<Self> {
        let of_block = |block: &BlockWeights| readers(block.linears.values().map(|linear| &linear.weight));
        let mut layers: Vec<Vec<Arc<dyn RowReader>>> = weights.layers.iter().map(of_block).collect();
        layers.push(readers(weights.head.tokens.iter().map(|head| &head.weight)));
        if layers.iter().all(Vec::is_empty) { None } else { Self::of_layers(layers) }
    }

    /// A thread for the readers of each layer.
    pub(crate) fn of_layers(layers: Vec<Vec<Arc<dyn RowReader>>>) -> Option<Self> {
        let (next, asked) = sync_channel::<usize>(1);
        let work = move || {
            for layer in asked {
                layers.get(layer).into_iter().flatten().for_each(|reader| reader.read_ahead());
            }
        };
        thread::Builder::new().name("read ahead".to_owned()).spawn(work).ok()?;
        Some(Self { next })
    }

    /// Begins to read a layer; the output head counts as the layer after the last. Does not wait.
    pub(crate) fn layer(&self, layer: usize) {
        // If the thread is behind, the layer is read when its products begin.
        let _ = self.next.try_send(layer);
    }
}

fn readers<'a>(weights: impl Iterator<Item = &'a Weight>) -> Vec<Arc<dyn RowReader>> {
    weights.filter_map(Weight::reader).map(Arc::clone).collect()
}
