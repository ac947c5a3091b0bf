//! Storage of a packed weight: its values in panels, as floats of 32 or 16 bits, or as codes of a quantised type.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::PANEL;
use super::codes::CodePanels;
use super::panel_slice::PanelSlice;
use crate::float_type::FloatType;

/// The values of a packed weight. Panels are `[panels · width]` slices.
pub(super) enum Storage {
    F32(Vec<PanelSlice<f32>>),
    Bf16(Vec<PanelSlice<bf16>>),
    F16(Vec<PanelSlice<f16>>),
    Codes(CodePanels),
}

/// Weights of consecutive inputs of one panel, as a tile function reads them.
pub(super) struct PanelPart {
    pub(super) float_type: FloatType,
    pub(super) weights: *const u8,
    /// Size of the weights of one input, bytes.
    pub(super) stride: usize,
}

impl Storage {
    /// Zeros in `slices` slices.
    pub(super) fn zeros(float_type: FloatType, slices: usize) -> Self {
        match float_type {
            FloatType::F32 => Self::F32(vec![PanelSlice([0.0; PANEL]); slices]),
            FloatType::Bf16 => Self::Bf16(vec![PanelSlice([bf16::ZERO; PANEL]); slices]),
            FloatType::F16 => Self::F16(vec![PanelSlice([f16::ZERO; PANEL]); slices]),
        }
    }

    /// Stores the rows of one panel, `[at most 32, width]`, in slices `first..first + width`. False if the type does not
    /// have one of the values; the panel then has any values.
    pub(super) fn set_panel(&mut self, first: usize, rows: &[f32], width: usize) -> bool {
        match self {
            Self::F32(slices) => {
                transpose(rows, width, &mut slices[first..first + width]);
                true
            }
            Self::Bf16(slices) => {
                let mut narrow = Vec::with_capacity(rows.len());
                narrow.extend(rows.iter().map(|value| bf16::from_bits((value.to_bits() >> 16) as u16)));
                transpose(&narrow, width, &mut slices[first..first + width]);
                rows.iter().fold(0, |lower, value| lower | value.to_bits() & 0xffff) == 0
            }
            Self::F16(slices) => {
                // All values together: the conversion of a single one asks for the machine's instructions each time.
                let (mut narrow, mut wide) = (vec![f16::ZERO; rows.len()], vec![0.0; rows.len()]);
                narrow.convert_from_f32_slice(rows);
                narrow.convert_to_f32_slice(&mut wide);
                transpose(&narrow, width, &mut slices[first..first + width]);
                rows.iter().zip(&wide).all(|(value, wide)| value.to_bits() == wide.to_bits())
            }
            Self::Codes(_) => false,
        }
    }

    /// The same panels in f32.
    pub(super) fn widened(self) -> Self {
        fn widen<T>(slices: &[PanelSlice<T>]) -> Storage
        where
            [T]: HalfFloatSliceExt,
        {
            let mut wide = vec![PanelSlice([0.0; PANEL]); slices.len()];
            slices.iter().zip(&mut wide).for_each(|(from, to)| from.0.convert_to_f32_slice(&mut to.0));
            Storage::F32(wide)
        }
        match &self {
            Self::F32(_) => self,
            Self::Codes(panels) => {
                let mut wide = vec![PanelSlice([0.0; PANEL]); panels.slices()];
                panels.widen(0, &mut wide);
                Self::F32(wide)
            }
            Self::Bf16(slices) => widen(slices),
            Self::F16(slices) => widen(slices),
        }
    }

    /// The type of the values.
    #[cfg(test)]
    pub(super) fn float_type(&self) -> FloatType {
        match self {
            Self::Codes(_) => FloatType::F32,
            floats => floats.part(0, 0).float_type,
        }
    }

    /// Number of bytes of `slices` slices.
    pub(super) fn bytes_of(float_type: FloatType, slices: usize) -> usize {
        let size =
            if float_type == FloatType::F32 { size_of::<PanelSlice<f32>>() } else { size_of::<PanelSlice<f16>>() };
        slices.saturating_mul(size)
    }

    /// Number of bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::F32(slices) => size_of_val(&slices[..]),
            Self::Bf16(slices) => size_of_val(&slices[..]),
            Self::F16(slices) => size_of_val(&slices[..]),
            Self::Codes(panels) => panels.bytes(),
        }
    }

    /// The slices from `first` on, `count` of them, in the type in which they are stored.
    ///
    /// # Panics
    /// If they do not exist, or are codes.
    pub(super) fn part(&self, first: usize, count: usize) -> PanelPart {
        fn part<T>(float_type: FloatType, slices: &[PanelSlice<T>]) -> PanelPart {
            PanelPart { float_type, weights: slices.as_ptr().cast(), stride: size_of::<PanelSlice<T>>() }
        }
        match self {
            Self::F32(slices) => part(FloatType::F32, &slices[first..first + count]),
            Self::Bf16(slices) => part(FloatType::Bf16, &slices[first..first + count]),
            Self::F16(slices) => part(FloatType::F16, &slices[first..first + count]),
            Self::Codes(_) => unreachable!("codes are widened before they are multiplied"),
        }
    }

    /// Appends the values of output `index` to `to`.
    pub(super) fn append_row(&self, index: usize, width: usize, to: &mut Vec<f32>) {
        let (panel, lane) = (index / PANEL * width..(index / PANEL + 1) * width, index % PANEL);
        match self {
            Self::F32(slices) => to.extend(slices[panel].iter().map(|slice| slice.0[lane])),
            Self::Bf16(slices) => to.extend(slices[panel].iter().map(|slice| slice.0[lane].to_f32())),
            Self::F16(slices) => to.extend(slices[panel].iter().map(|slice| slice.0[lane].to_f32())),
            Self::Codes(panels) => panels.append_row(panel.start, width, lane, to),
        }
    }
}

/// Writes rows `[at most 32, width]` to slices `[width]`, one lane for each row.
fn transpose<T: Copy>(rows: &[T], width: usize, slices: &mut [PanelSlice<T>]) {
    const RUN: usize = 16; // inputs at a time, so that reads and writes both stay in the first-level cache
    for (run, slices) in slices.chunks_mut(RUN).enumerate() {
        for (lane, row) in rows.chunks_exact(width).enumerate() {
            for (slice, value) in slices.iter_mut().zip(&row[run * RUN..]) {
                slice.0[lane] = *value;
            }
        }
    }
}
