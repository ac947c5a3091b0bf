//! A tied output head according to the configuration, and what the files hold: where they differ, the files are right.

use laser_checkpoint::Checkpoint;

use crate::arch::tensor_names::TensorRole;
use crate::config::ModelConfig;
use crate::error::Result;
use crate::tensor_layout::TensorLayout;

/// Settles whether the head of a model in safetensors files is tied: a stored head that differs from the token embedding
/// is used, and a tensor that is stored alone is used for both. Gives a sentence about either.
///
/// # Errors
/// A tensor that cannot be read.
pub(super) fn settle(
    c: &mut ModelConfig,
    layout: &mut TensorLayout,
    checkpoint: &Checkpoint,
) -> Result<Option<String>> {
    if !c.head.tied || c.embedding.trajectory.is_some() {
        return Ok(None);
    }
    let name = |role| layout.role_stem(role, 0).map(|stem| format!("{stem}.weight"));
    let (Some(embedding), Some(head)) = (name(TensorRole::Embedding), name(TensorRole::Head)) else { return Ok(None) };
    let Some(stored_head) = checkpoint.info(&head) else { return Ok(None) };
    let file = stored_head.file.display();
    let Some(stored_embedding) = checkpoint.info(&embedding) else {
        layout.share(TensorRole::Embedding, TensorRole::Head);
        return Ok(Some(format!(
            "{file}: there is no `{embedding}`: `{head}` is used for it too, as the head is tied"
        )));
    };
    let (a, b) = (checkpoint.tensor(&head)?, checkpoint.tensor(&embedding)?);
    let same = stored_head.shape == stored_embedding.shape
        && match stored_head.dtype == stored_embedding.dtype {
            true => a.bytes() == b.bytes(),
            // Some tools store one of the two in another type. Values that cannot be read differ, and loading says why.
            false => a.to_f32().ok().zip(b.to_f32().ok()).is_some_and(|(a, b)| a == b),
        };
    if same {
        return Ok(None);
    }
    c.head.tied = false;
    Ok(Some(format!(
        "{file}: `{head}` differs from `{embedding}` although the configuration says that the head is tied \
         (`tie_word_embeddings`): the stored head is used"
    )))
}
