//! A hash table from the codes of states to numbers, made for millions of look-ups a second.

/// Marks an empty place; no code has its highest bit set.
const EMPTY: u64 = u64::MAX;
/// Smallest number of places.
const LEAST: usize = 1 << 10;

/// Numbers by state code: open addressing with a load of at most one half.
#[derive(Debug)]
pub(crate) struct StateTable {
    codes: Vec<u64>,
    values: Vec<u32>,
    len: usize,
}

impl StateTable {
    pub(crate) fn new() -> Self {
        Self { codes: vec![EMPTY; LEAST], values: vec![0; LEAST], len: 0 }
    }

    /// Removes all entries and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.codes.fill(EMPTY);
        self.len = 0;
    }

    /// Index of a code's place, or of the empty place where it belongs.
    fn place(&self, code: u64) -> usize {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the code.
        let hash = code.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mask = self.codes.len() - 1;
        let mut place = (hash >> (64 - self.codes.len().trailing_zeros())) as usize;
        while self.codes[place] != code && self.codes[place] != EMPTY {
            place = (place + 1) & mask;
        }
        place
    }

    /// The number of a code.
    pub(crate) fn get(&self, code: u64) -> Option<u32> {
        let place = self.place(code);
        (self.codes[place] == code).then(|| self.values[place])
    }

    /// Adds an entry. Returns false, and changes nothing, if the code has one.
    pub(crate) fn insert(&mut self, code: u64, value: u32) -> bool {
        let place = self.place(code);
        if self.codes[place] == code {
            return false;
        }
        (self.codes[place], self.values[place]) = (code, value);
        self.len += 1;
        if self.len * 2 > self.codes.len() {
            self.grow();
        }
        true
    }

    /// Gives the entry of a code another number.
    ///
    /// # Panics
    /// If the code has no entry.
    pub(crate) fn replace(&mut self, code: u64, value: u32) {
        let place = self.place(code);
        assert!(self.codes[place] == code, "the code has an entry");
        self.values[place] = value;
    }

    fn grow(&mut self) {
        let size = self.codes.len() * 2;
        let codes = std::mem::replace(&mut self.codes, vec![EMPTY; size]);
        let values = std::mem::replace(&mut self.values, vec![0; size]);
        for (code, value) in codes.into_iter().zip(values).filter(|(code, _)| *code != EMPTY) {
            let place = self.place(code);
            (self.codes[place], self.values[place]) = (code, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_agrees_with_the_standard_map_while_it_grows() {
        let (mut table, mut map) = (StateTable::new(), HashMap::new());
        for round in 0..2 {
            let mut code = 1_u64;
            for value in 0..20_000 {
                code = code.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let short = code >> 50; // 14 bits, so that codes repeat
                assert_eq!(table.insert(short, value), !map.contains_key(&short));
                map.entry(short).or_insert(value);
            }
            for code in 0..1 << 14 {
                assert_eq!(table.get(code), map.get(&code).copied(), "round {round}");
            }
            table.clear();
            map.clear();
            assert_eq!(table.get(7), None);
        }
    }
}
