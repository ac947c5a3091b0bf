//! The convolution composed of the tensor library's operations: one gathered tensor for each position of the kernel.

use candle_core::{Result, Tensor};

use super::ConvolutionKernel;
use super::sources::SegmentSources;
use crate::attention::SegmentLayout;
use crate::batch_layout::index_u32;
use crate::kv_cache::KvChunk;

/// As [`super::convolve`].
pub(super) fn convolve(chunks: &[KvChunk], kernel: &ConvolutionKernel, layout: SegmentLayout<'_>) -> Result<Tensor> {
    let (width, channels) = kernel.taps.dims2()?;
    let x = &chunks[chunks.len() - 1].k; // [copies·rows, channels]
    // Below the rows of all chunks is a row of zeros, for the positions before the start of a sequence.
    let mut inputs: Vec<Tensor> = chunks.iter().map(|chunk| chunk.k.clone()).collect();
    inputs.push(Tensor::zeros((1, channels), x.dtype(), x.device())?);
    let inputs = Tensor::cat(&inputs, 0)?; // [rows of all chunks + 1, channels]
    let zeros = inputs.dim(0)? - 1;
    let mut first_rows = Vec::with_capacity(chunks.len()); // of each chunk in `inputs`
    let mut total = 0;
    for chunk in chunks {
        first_rows.push(total);
        total += chunk.k.dim(0)?;
    }
    let segments = SegmentSources::of_batch(chunks, layout, width);
    let mut y = match &kernel.bias {
        Some(bias) => bias.broadcast_as(x.shape())?,
        None => x.zeros_like()?,
    }; // [copies·rows, channels]
    for tap in 0..width {
        let row_of = |source: Option<(usize, usize)>| source.map_or(zeros, |(chunk, row)| first_rows[chunk] + row);
        let of_segment = |segment: &SegmentSources| {
            (0..segment.len()).map(|row| index_u32(row_of(segment.at(row, tap, width)))).collect::<Vec<_>>()
        };
        let ids: Vec<u32> = segments.iter().flat_map(of_segment).collect();
        let gathered = inputs.index_select(&Tensor::new(ids, x.device())?, 0)?; // [copies·rows, channels]
        y = (y + gathered.broadcast_mul(&kernel.taps.narrow(0, tap, 1)?)?)?;
    }
    Ok(y)
}
