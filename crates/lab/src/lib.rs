//! The lab: trains small models, and answers on them what the LASER paper (arXiv 2312.13558) left open.
//!
//! [`facts`] makes worlds of facts whose frequency and noise are known exactly, as a corpus to train on and a task to
//! score. `docs/lab.md` says what is asked of the models, and what came out.
#![forbid(unsafe_code)]

pub mod facts;
pub mod page;
pub mod study;
