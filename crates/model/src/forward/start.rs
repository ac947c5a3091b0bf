//! Start of a forward pass: the tokens, or states inside a block that an earlier pass computed.

use candle_core::Tensor;

use super::rows::select_rows;
use crate::error::Result;

/// Place where a forward pass starts, with the states of its rows there.
///
/// `resid_pre` and `resid_mid` are the usual names of the residual stream at the input of a block and after its
/// attention.
#[derive(Debug, Clone)]
pub enum PassStart {
    /// The embedding of the tokens.
    Tokens,
    /// The input of block `.0`: `resid_pre [rows, d_model]`.
    Block(usize, Tensor),
    /// The MLP of block `.0`.
    Mlp(usize, MlpState),
    /// The down projection of block `.0`: `resid_mid [rows, d_model]` and the activated hidden state `[rows, d_mlp]`.
    Down(usize, Tensor, Tensor),
}

/// States of the rows at the MLP of a block.
#[derive(Debug, Clone)]
pub struct MlpState {
    /// `resid_mid [rows, d_model]`, to which the output of the MLP is added.
    pub mid: Tensor,
    /// Input of the MLP, `[rows, d_model]`, in families whose attention and MLP run in parallel: the input of the
    /// block. `None` in other families, whose MLP reads `mid`.
    pub input: Option<Tensor>,
}

impl PassStart {
    /// The same place with the states of the rows `rows`, in this order; a row may occur several times.
    ///
    /// # Errors
    /// Failures of the tensor library, such as a row that does not exist.
    pub fn gather(self, rows: &[usize]) -> Result<Self> {
        let pick = |x| select_rows(x, Some(rows), 1, 0);
        Ok(match self {
            Self::Tokens => Self::Tokens,
            Self::Block(layer, x) => Self::Block(layer, pick(x)?),
            Self::Mlp(layer, MlpState { mid, input }) => {
                Self::Mlp(layer, MlpState { mid: pick(mid)?, input: input.map(pick).transpose()? })
            }
            Self::Down(layer, mid, hidden) => Self::Down(layer, pick(mid)?, pick(hidden)?),
        })
    }

    /// The same place with the rows of `more` after the rows of `self`.
    ///
    /// # Errors
    /// Failures of the tensor library.
    ///
    /// # Panics
    /// If `more` is another kind of place.
    pub fn followed_by(self, more: Self) -> Result<Self> {
        // The tensor library does not join tensors without rows.
        let join = |a: Tensor, b: Tensor| if a.dim(0)? == 0 { Ok(b) } else { Tensor::cat(&[a, b], 0) };
        Ok(match (self, more) {
            (Self::Tokens, Self::Tokens) => Self::Tokens,
            (Self::Block(layer, a), Self::Block(_, b)) => Self::Block(layer, join(a, b)?),
            (Self::Mlp(layer, a), Self::Mlp(_, b)) => {
                let input = a.input.zip(b.input).map(|(a, b)| join(a, b)).transpose()?;
                Self::Mlp(layer, MlpState { mid: join(a.mid, b.mid)?, input })
            }
            (Self::Down(layer, a, c), Self::Down(_, b, d)) => Self::Down(layer, join(a, b)?, join(c, d)?),
            _ => unreachable!("both are states at the same matrix"),
        })
    }
}
