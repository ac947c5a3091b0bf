//! Quantised weights in panels: whole numbers with a scale and an offset for each run of inputs, widened to f32 a part of a
//! panel at a time, to the bits that the same weights have in f32.

use multiversion::multiversion;

use super::PANEL;
use super::panel_slice::PanelSlice;

/// Form of quantised weights: a weight is `scale·(code − zero) + offset`, each operation rounded to f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeFormat {
    /// Number of consecutive inputs that share a scale and an offset; it divides the width of the weight.
    pub run: usize,
    /// Largest number of bits of a code: 4 or 8.
    pub bits: u32,
    /// Code of zero.
    pub zero: u8,
    /// True if runs have offsets; without one, it counts as −0, which changes no number.
    pub has_offsets: bool,
}

impl CodeFormat {
    /// Bytes of the codes of one input of a panel.
    pub(super) fn slice_bytes(self) -> usize {
        if self.bits == 4 { PANEL / 2 } else { PANEL }
    }

    /// Bytes of `slices` inputs of panels.
    pub(super) fn bytes_of(self, slices: usize) -> usize {
        let runs = slices / self.run * if self.has_offsets { 2 } else { 1 };
        slices * self.slice_bytes() + runs * size_of::<PanelSlice<f32>>()
    }
}

/// Rows of a weight as codes.
pub struct CodeRows {
    /// `[rows, width]`.
    pub codes: Vec<u8>,
    /// `[rows, width / run]`.
    pub scales: Vec<f32>,
    /// `[rows, width / run]`; empty without offsets.
    pub offsets: Vec<f32>,
}

impl CodeRows {
    /// Room for `rows` rows.
    pub(super) fn zeros(format: CodeFormat, rows: usize, width: usize) -> Self {
        let runs = rows * width / format.run;
        Self {
            codes: vec![0; rows * width],
            scales: vec![0.0; runs],
            offsets: vec![0.0; if format.has_offsets { runs } else { 0 }],
        }
    }
}

/// Codes in panels, `[panels · width]` slices.
pub(super) struct CodePanels {
    format: CodeFormat,
    /// The codes of each slice; those of 4 bits are halves of bytes: the lanes of the first half of a panel are the low ones.
    codes: Vec<u8>,
    /// `[panels · width / run]`.
    scales: Vec<PanelSlice<f32>>,
    /// `[panels · width / run]`; empty without offsets.
    offsets: Vec<PanelSlice<f32>>,
}

impl CodePanels {
    /// Zeros in `slices` slices, a multiple of the run.
    pub(super) fn zeros(format: CodeFormat, slices: usize) -> Self {
        let runs = slices / format.run;
        let zero = PanelSlice([0.0; PANEL]);
        Self {
            format,
            codes: vec![0; slices * format.slice_bytes()],
            scales: vec![zero; runs],
            offsets: vec![zero; if format.has_offsets { runs } else { 0 }],
        }
    }

    /// Stores the rows of one panel, at most 32, in slices `first..first + width`.
    pub(super) fn set_panel(&mut self, first: usize, rows: &CodeRows, width: usize) {
        let bytes = self.format.slice_bytes();
        for (lane, codes) in rows.codes.chunks_exact(width.max(1)).enumerate() {
            for (slice, code) in self.codes[first * bytes..].chunks_exact_mut(bytes).zip(codes) {
                match self.format.bits {
                    4 => slice[lane % (PANEL / 2)] |= code << (lane / (PANEL / 2) * 4),
                    _ => slice[lane] = *code,
                }
            }
        }
        let runs = width / self.format.run;
        let first = first / self.format.run;
        for (from, to) in [(&rows.scales, &mut self.scales), (&rows.offsets, &mut self.offsets)] {
            for (lane, values) in from.chunks_exact(runs.max(1)).enumerate() {
                to[first..first + runs].iter_mut().zip(values).for_each(|(slice, value)| slice.0[lane] = *value);
            }
        }
    }

    /// True if the slices from `first` on are these rows, `[at most 32, width]`, to the bit.
    pub(super) fn holds(&self, first: usize, rows: &[f32], width: usize) -> bool {
        let mut wide = vec![PanelSlice([0.0; PANEL]); width];
        self.widen(first, &mut wide);
        let of_row = |(lane, row): (usize, &[f32])| {
            row.iter().zip(&wide).all(|(value, slice)| value.to_bits() == slice.0[lane].to_bits())
        };
        rows.chunks_exact(width.max(1)).enumerate().all(of_row)
    }

    /// Number of slices.
    pub(super) fn slices(&self) -> usize {
        self.codes.len() / self.format.slice_bytes()
    }

    /// Appends the values of one lane of the `width` slices from `first` on.
    pub(super) fn append_row(&self, first: usize, width: usize, lane: usize, to: &mut Vec<f32>) {
        let CodeFormat { run, bits, zero, .. } = self.format;
        let bytes = self.format.slice_bytes();
        let (place, shift, mask) = match bits {
            4 => (lane % (PANEL / 2), lane / (PANEL / 2) * 4, 15),
            _ => (lane, 0, u8::MAX),
        };
        for first in (first..first + width).step_by(run) {
            let scale = self.scales[first / run].0[lane];
            let offset = self.offsets.get(first / run).map_or(-0.0, |offsets| offsets.0[lane]);
            let value = |slice: &[u8]| {
                let code = slice[place] >> shift & mask;
                scale * (i32::from(code) - i32::from(zero)) as f32 + offset
            };
            to.extend(self.codes[first * bytes..(first + run) * bytes].chunks_exact(bytes).map(value));
        }
    }

    /// Number of bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.codes.len() + size_of_val(&self.scales[..]) + size_of_val(&self.offsets[..])
    }

    /// The codes from slice `first` on, and the bytes of one slice.
    pub(super) fn codes_from(&self, first: usize) -> (*const u8, usize) {
        let bytes = self.format.slice_bytes();
        (self.codes[first * bytes..].as_ptr(), bytes)
    }

    /// Widens the slices from `first` on.
    pub(super) fn widen(&self, first: usize, to: &mut [PanelSlice<f32>]) {
        const NONE: PanelSlice<f32> = PanelSlice([-0.0; PANEL]);
        let (run, bytes) = (self.format.run, self.format.slice_bytes());
        let mut done = 0;
        while done < to.len() {
            let slice = first + done;
            let n = (run - slice % run).min(to.len() - done);
            let codes = &self.codes[slice * bytes..(slice + n) * bytes];
            let (scales, offsets) = (&self.scales[slice / run], self.offsets.get(slice / run).unwrap_or(&NONE));
            let zero = i32::from(self.format.zero);
            match self.format.bits {
                4 => widen_halves(codes, zero, scales, offsets, &mut to[done..done + n]),
                _ => widen_bytes(codes, zero, scales, offsets, &mut to[done..done + n]),
            }
            done += n;
        }
    }
}

/// Widens codes of 8 bits that share scales and offsets.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn widen_bytes(
    codes: &[u8],
    zero: i32,
    scales: &PanelSlice<f32>,
    offsets: &PanelSlice<f32>,
    to: &mut [PanelSlice<f32>],
) {
    for (codes, to) in codes.as_chunks::<PANEL>().0.iter().zip(to) {
        widen_slice(codes, zero, scales, offsets, to);
    }
}

/// Widens codes of 4 bits that share scales and offsets.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn widen_halves(
    codes: &[u8],
    zero: i32,
    scales: &PanelSlice<f32>,
    offsets: &PanelSlice<f32>,
    to: &mut [PanelSlice<f32>],
) {
    const HALF: usize = PANEL / 2;
    for (halves, to) in codes.as_chunks::<HALF>().0.iter().zip(to) {
        // Whole bytes first: the compiler makes one loop over all lanes of that.
        let mut codes = [0; PANEL];
        let (low, high) = codes.split_at_mut(HALF);
        for ((byte, low), high) in halves.iter().zip(low).zip(high) {
            (*low, *high) = (byte & 15, byte >> 4);
        }
        widen_slice(&codes, zero, scales, offsets, to);
    }
}

/// Widens the codes of one input.
#[inline(always)]
fn widen_slice(
    codes: &[u8; PANEL],
    zero: i32,
    scales: &PanelSlice<f32>,
    offsets: &PanelSlice<f32>,
    to: &mut PanelSlice<f32>,
) {
    for (((to, code), scale), offset) in to.0.iter_mut().zip(codes).zip(&scales.0).zip(&offsets.0) {
        *to = scale * (i32::from(*code) - zero) as f32 + offset;
    }
}
