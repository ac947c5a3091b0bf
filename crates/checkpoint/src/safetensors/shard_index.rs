//! The index of a sharded safetensors checkpoint: takes its JSON, gives the shards and checks their tensors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::error::CheckpointError;
use crate::stand_in::StandIn;

/// File name of a model in one file.
pub(crate) const MODEL_FILE: &str = "model.safetensors";
/// File name of the index of a sharded model.
pub(crate) const INDEX_FILE: &str = "model.safetensors.index.json";

/// The shard of every tensor of a checkpoint.
#[derive(Debug)]
pub(crate) struct ShardIndex {
    /// File name of the shard for each tensor name.
    shard_of: BTreeMap<String, String>,
}

impl ShardIndex {
    /// Reads the JSON of an index; shards must be plain file names, so that no index can lead out of its folder.
    ///
    /// # Errors
    /// [`CheckpointError::StandIn`], [`CheckpointError::InvalidJson`], [`CheckpointError::DuplicateTensor`],
    /// [`CheckpointError::InvalidShardName`].
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, CheckpointError> {
        if let Some(found) = StandIn::of(bytes) {
            return Err(CheckpointError::StandIn { found });
        }
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|source| CheckpointError::InvalidJson { what: "the safetensors index", source })?;
        let mut shard_of = BTreeMap::new();
        for (tensor, shard) in document.weight_map.0 {
            if !is_plain(&shard) {
                return Err(CheckpointError::InvalidShardName { shard });
            }
            if shard_of.insert(tensor.clone(), shard).is_some() {
                return Err(CheckpointError::DuplicateTensor { tensor });
            }
        }
        Ok(Self { shard_of })
    }

    /// File names of the shards, sorted.
    pub(crate) fn shards(&self) -> BTreeSet<&str> {
        self.shard_of.values().map(String::as_str).collect()
    }

    /// Checks that the tensors `found` in a shard are exactly those that the index places there.
    ///
    /// # Errors
    /// [`CheckpointError::SurplusTensor`], [`CheckpointError::MissingTensor`].
    pub(crate) fn check(&self, shard: &str, found: &BTreeSet<&str>) -> Result<(), CheckpointError> {
        for &tensor in found {
            let placed = self.shard_of.get(tensor);
            if placed.is_none_or(|placed| placed != shard) {
                return Err(CheckpointError::SurplusTensor {
                    tensor: tensor.to_string(),
                    placed: placed.map(|placed| format!("`{placed}`")),
                });
            }
        }
        let missing =
            self.shard_of.iter().find(|(tensor, placed)| *placed == shard && !found.contains(tensor.as_str()));
        match missing {
            Some((tensor, _)) => Err(CheckpointError::MissingTensor { tensor: tensor.clone() }),
            None => Ok(()),
        }
    }
}

/// Tells whether `name` is a single file name on any operating system, and no path to another folder.
fn is_plain(name: &str) -> bool {
    // `Path` knows the separators of this operating system only; those of the others are refused below.
    let mut parts = Path::new(name).components();
    let single = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
    single && !name.contains(['/', '\\', ':'])
}

/// The part of the index's JSON that is read.
#[derive(Deserialize)]
struct Document {
    weight_map: Pairs,
}

/// The entries of a JSON object. A list instead of a map, so that repeated keys are noticed.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from tensor to shard")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_shards() {
        assert!(is_plain("model-00001-of-00002.safetensors"));
        for name in ["", ".", "..", "../x", "a/b", "/etc/x", "a\\b", "c:x", "./x", "x/"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
