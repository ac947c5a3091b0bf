//! Attention over whole sequences as a CPU kernel with gradients.
//!
//! The backward pass computes the attention weights again instead of keeping them: they are `[queries, keys]` for each
//! head, more than all other states of a block together.

mod sequence;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::{AttentionScoring, Heads, SegmentLayout, fused};
use crate::batch_layout::Segment;
use crate::differentiable::{self, tensor_like};
use crate::host::values_of_cpu_storage;
use crate::kv_cache::KvChunk;
use sequence::{Sequence, SequenceGradients};

/// Whether this kernel can compute with `q`: every segment is a whole sequence, and scores have no soft cap.
pub(super) fn applies(q: &Tensor, scoring: AttentionScoring<'_>, layout: SegmentLayout<'_>) -> bool {
    let whole = layout.copies == 1 && layout.segments.iter().all(|segment| segment.context.is_empty());
    differentiable::applies(q) && whole && scoring.softcap.is_none()
}

/// As [`super::attention`], for tensors that need gradients.
pub(super) fn attention(
    q: &Tensor,
    own: &KvChunk,
    heads: Heads,
    scoring: AttentionScoring<'_>,
    layout: SegmentLayout<'_>,
) -> Result<Tensor> {
    let [slopes, sinks] = [scoring.slopes, scoring.sinks].map(|values| values.map(<[f32]>::to_vec));
    let scoring = AttentionScoring { slopes: None, sinks: None, ..scoring };
    let operation = WholeSequences { heads, slopes, sinks, scoring, segments: layout.segments.to_vec() };
    q.contiguous()?.apply_op3(&own.k.contiguous()?, &own.v.contiguous()?, operation)
}

struct WholeSequences {
    heads: Heads,
    slopes: Option<Vec<f32>>,
    sinks: Option<Vec<f32>>,
    /// The scoring without its slopes and sinks, which are borrowed.
    scoring: AttentionScoring<'static>,
    segments: Vec<Segment>,
}

impl WholeSequences {
    fn scoring(&self) -> AttentionScoring<'_> {
        AttentionScoring { slopes: self.slopes.as_deref(), sinks: self.sinks.as_deref(), ..self.scoring }
    }
}

impl CustomOp3 for WholeSequences {
    fn name(&self) -> &'static str {
        "attention over whole sequences"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let q = values_of_cpu_storage(q, q_layout)?;
        let own = (values_of_cpu_storage(k, k_layout)?, values_of_cpu_storage(v, v_layout)?, 0);
        let rows = q_layout.shape().dims2()?.0;
        let layout = SegmentLayout { segments: &self.segments, copies: 1, rows };
        let out = fused::attend(q, &[own], self.heads, self.scoring(), layout, 1);
        Ok((CpuStorage::F32(out), Shape::from((rows, self.heads.n_heads * self.heads.d_value))))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _out: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (width, k_width, v_width) = (q.dims2()?.1, k.dims2()?.1, v.dims2()?.1);
        let out_width = self.heads.n_heads * self.heads.d_value;
        let gradient = gradient.contiguous()?;
        let (mut dk, mut dv) = (vec![0f32; k.elem_count()], vec![0f32; v.elem_count()]);
        let dq = tensor_like(q, [q, k, v, &gradient], |dq, [q, k, v, delta]| {
            for segment in &self.segments {
                let (start, end) = (segment.rows.start, segment.rows.end);
                let of = |width: usize| start * width..end * width;
                let sequence =
                    Sequence { q: &q[of(width)], k: &k[of(k_width)], v: &v[of(v_width)], delta: &delta[of(out_width)] };
                let gradients =
                    SequenceGradients { q: &mut dq[of(width)], k: &mut dk[of(k_width)], v: &mut dv[of(v_width)] };
                sequence.differentiate(gradients, self.heads, self.scoring());
            }
        })?;
        let like = |values: Vec<f32>, shape: &Tensor| Tensor::from_vec(values, shape.shape(), shape.device());
        Ok((Some(dq), Some(like(dk, k)?), Some(like(dv, v)?)))
    }
}
