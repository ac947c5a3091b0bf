//! Model families: tensor names, the meaning of configuration keys in each family, and how its files store matrices.
//!
//! Each family is one file of data: it describes its block in terms of [`ModelConfig`](crate::ModelConfig) and names
//! its tensors. `arch/family.rs` and `arch/tensor_names.rs` are the plain data that a configuration refers to,
//! `arch/definition.rs` adds the functions that read a family's configurations, and `arch/registry.rs` lists all
//! families and decides which one a file belongs to. The forward pass reads the configuration only and does not depend
//! on the family.

mod apertus;
mod arcee;
mod bert;
mod bloom;
mod cohere;
mod decision_transformer;
mod deepseek;
mod definition;
mod ernie;
mod exaone4;
mod falcon;
pub(crate) mod family;
mod gemma;
mod gguf_metadata;
mod glm;
mod glm_moe;
mod glm_moe_lite;
mod gpt2;
mod gpt_neo;
mod gpt_neox;
mod gpt_oss;
mod gptj;
mod granite;
mod helium;
mod hunyuan;
mod latent;
mod lfm2;
mod llama;
mod minimax;
mod ministral;
mod mixtral;
mod modernbert;
mod nemotron;
mod olmo;
mod olmo2;
mod opt;
mod phi;
mod phi3;
mod qwen3;
mod qwen_moe;
pub(crate) mod registry;
mod seed_oss;
mod smollm3;
mod stablelm;
mod starcoder2;
pub(crate) mod tensor_names;
mod text_part;

pub use definition::WriteConfigJson;
pub use family::{Alias, Family};
pub use registry::{config_json_writer, families, gguf_tensor_names};
pub use tensor_names::{TensorNames, TensorRole};
