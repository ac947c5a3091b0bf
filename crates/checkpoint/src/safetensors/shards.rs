//! The index of a sharded safetensors checkpoint: JSON in, the shards and what each must hold out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::error::CheckpointError;

/// Which shard holds which tensor.
#[derive(Debug)]
pub(crate) struct Index {
    /// Tensor to shard.
    places: BTreeMap<String, String>,
}

impl Index {
    /// Reads an index; shard names must be plain, so that no index leads out of its folder.
    ///
    /// # Errors
    /// [`CheckpointError::Json`], [`CheckpointError::DuplicateTensor`], [`CheckpointError::ShardName`].
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|source| CheckpointError::Json { what: "the safetensors index", source })?;
        let mut places = BTreeMap::new();
        for (tensor, shard) in document.weight_map.0 {
            if !is_plain(&shard) {
                return Err(CheckpointError::ShardName { shard });
            }
            if places.insert(tensor.clone(), shard).is_some() {
                return Err(CheckpointError::DuplicateTensor { tensor });
            }
        }
        Ok(Self { places })
    }

    /// The shards' file names, sorted.
    pub(crate) fn shards(&self) -> BTreeSet<&str> {
        self.places.values().map(String::as_str).collect()
    }

    /// Holds the tensors found in `shard` against the index.
    ///
    /// # Errors
    /// [`CheckpointError::SurplusTensor`], [`CheckpointError::MissingTensor`].
    pub(crate) fn check(&self, shard: &str, found: &BTreeSet<&str>) -> Result<(), CheckpointError> {
        for &tensor in found {
            let placed = self.places.get(tensor);
            if placed.is_none_or(|placed| placed != shard) {
                return Err(CheckpointError::SurplusTensor {
                    tensor: tensor.to_string(),
                    placed: placed.map(|placed| format!("`{placed}`")),
                });
            }
        }
        let missing = self.places.iter().find(|(tensor, placed)| *placed == shard && !found.contains(tensor.as_str()));
        match missing {
            Some((tensor, _)) => Err(CheckpointError::MissingTensor { tensor: tensor.clone() }),
            None => Ok(()),
        }
    }
}

/// Whether `name` is one file name, on any system, and no way to another folder.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let single = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
    single && !name.contains(['/', '\\', ':'])
}

#[derive(Deserialize)]
struct Document {
    weight_map: Pairs,
}

/// A JSON object's entries, repeated keys included.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
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
        deserializer.deserialize_map(Entries)
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
