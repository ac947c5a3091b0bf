//! Tests of the models, in one binary: each binary would be linked with everything once more.

mod adapters;
mod altered;
mod element_types;
mod foreign_keys;
mod gguf_metadata;
mod gpt_oss;
mod mixers;
mod names;
mod parity;
mod parity_gguf;
mod rope_spellings;
mod sizes;
mod support;
mod tied_head;
mod tokenizer;
mod wrapped_and_quantised;
mod xielu;
