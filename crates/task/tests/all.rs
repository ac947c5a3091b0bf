//! Tests of the readers of data, in one binary: each binary would be linked with everything once more.

mod csv;
mod json;
mod parquet;
mod world_facts;
