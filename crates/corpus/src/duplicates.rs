//! Documents that were seen: a set of hashes that all threads share.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Mutex;

use sha2::{Digest, Sha256};

/// Parts of the set, each with a lock of its own, so that threads seldom wait for one another.
const PARTS: usize = 64;

/// Hashes of the documents that were counted.
#[derive(Debug)]
pub(crate) struct SeenDocuments {
    parts: Vec<Mutex<HashSet<u64, BuildHasherDefault<Itself>>>>,
}

impl SeenDocuments {
    /// The set of these hashes.
    pub(crate) fn new(hashes: impl IntoIterator<Item = u64>) -> Self {
        let seen = Self { parts: (0..PARTS).map(|_| Mutex::default()).collect() };
        for hash in hashes {
            seen.insert(hash);
        }
        seen
    }

    /// Adds a hash; `false` if it is in the set already.
    pub(crate) fn insert(&self, hash: u64) -> bool {
        let part = &self.parts[hash as usize % PARTS];
        part.lock().expect("no thread panics while it holds the lock").insert(hash)
    }
}

/// The first 64 bits of the SHA-256 of a text. Journals keep them, so they must never change.
pub(crate) fn document_hash(text: &str) -> u64 {
    let digest = Sha256::digest(text);
    digest.iter().take(8).rev().fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

/// A hasher of hashes: they need no other.
#[derive(Debug, Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0.rotate_left(8) ^ u64::from(byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_new_once() {
        let seen = SeenDocuments::new([document_hash("a")]);
        assert!(!seen.insert(document_hash("a")));
        assert!(seen.insert(document_hash("b")));
        assert!(!seen.insert(document_hash("b")));
    }

    #[test]
    fn the_hash_is_the_start_of_the_sha_256() {
        // echo -n abc | sha256sum
        assert_eq!(document_hash("abc").to_le_bytes(), [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]);
    }
}
