//! The lab: trains small models, and answers on them what the LASER paper (arXiv 2312.13558) left open.
#![forbid(unsafe_code)]

pub mod sokoban;
