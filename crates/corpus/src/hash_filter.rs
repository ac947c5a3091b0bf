//! Filter of hashes: tells of most hashes outside a set that they are outside, with one read of memory.
//!
//! A Bloom filter whose three bits of a hash are in one word of memory. It fits into the cache where the table does not.

/// Bits of the filter for each hash, so that about one foreign hash in sixty passes.
const BITS_PER_HASH: usize = 16;

/// Filter of hashes.
#[derive(Debug)]
pub(crate) struct HashFilter {
    /// Words of 64 bits; their number is a power of two.
    words: Vec<u64>,
    mask: usize,
}

impl HashFilter {
    /// The filter of a set of hashes.
    pub(crate) fn new(hashes: &[u64]) -> Self {
        let words = (hashes.len() * BITS_PER_HASH / 64).next_power_of_two();
        let mut filter = Self { words: vec![0; words], mask: words - 1 };
        for &hash in hashes {
            let word = filter.word(hash);
            filter.words[word] |= bits(hash);
        }
        filter
    }

    /// Returns true for every hash of the set, and for few others.
    #[inline]
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        let bits = bits(hash);
        self.words[self.word(hash)] & bits == bits
    }

    #[inline]
    fn word(&self, hash: u64) -> usize {
        (hash >> 20) as usize & self.mask
    }
}

/// Three of 64 bits, chosen by the low bits of a hash.
#[inline]
fn bits(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(i: u64) -> u64 {
        let product = u128::from(i + 1) * 0x9e37_79b9_7f4a_7c15;
        let folded = u128::from(product as u64 ^ (product >> 64) as u64) * 0x2438_6a88_85a3_08d3;
        folded as u64 ^ (folded >> 64) as u64
    }

    #[test]
    fn hashes_of_the_set_pass_and_few_others_do() {
        for count in [0, 1, 100, 5000] {
            let set: Vec<u64> = (0..count).map(hash).collect();
            let filter = HashFilter::new(&set);
            assert!(set.iter().all(|&hash| filter.may_contain(hash)));
            let others = (10_000..20_000).filter(|&i| filter.may_contain(hash(i))).count();
            assert!(others < 400, "{others} of 10,000 pass a filter of {count}");
        }
    }
}
