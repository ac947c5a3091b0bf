//! Model files as named tensors.
