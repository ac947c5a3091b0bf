//! Tests of training and studies, in one binary: each binary would be linked with everything once more.

mod gradients;
mod lora;
mod pytorch;
mod resume;
mod trained;
