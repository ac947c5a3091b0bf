//! Words of a text, its runs of letters and digits: found 64 bytes at a time.
//!
//! The bytes of a block become bits, one where a word may be; the bits in which neighbours differ are the bounds of
//! words. So there is no branch for each byte, which a processor would often guess wrong. Bytes beyond ASCII count as
//! parts of words at first; where a run has one, it is divided again by its characters.

use crate::characters::{char_at, is_word_character};

/// Bytes of a block.
const BLOCK: usize = 64;

/// Calls `visit` with the start and end of each word of `text`, in bytes, and whether it is ASCII.
#[inline]
pub(crate) fn for_each_word(text: &str, mut visit: impl FnMut(usize, usize, bool)) {
    let bytes = text.as_bytes();
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    // Zeros end a run, and the last block has at least one, or is all zeros.
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let mut base = 0;
    // Start of the run that the last block ended in.
    let mut open = None;
    for block in blocks.iter().chain([&last]) {
        let inside = word_bits(block);
        let beyond = if block.is_ascii() { 0 } else { bits(block, |byte| byte >= 0x80) };
        let mut bounds = inside ^ (inside << 1 | u64::from(open.is_some()));
        while bounds != 0 {
            let at = base + bounds.trailing_zeros() as usize;
            bounds &= bounds - 1;
            match open.take() {
                Some(start) if is_run_ascii(bytes, start, at, base, beyond) => visit(start, at, true),
                Some(start) => divide_run(text, start, at, &mut visit),
                None => open = Some(at),
            }
        }
        base += BLOCK;
    }
}

/// Returns true if a run that ends in the block at `base` is ASCII; the bits `beyond` mark the other bytes of the block.
#[inline]
fn is_run_ascii(bytes: &[u8], start: usize, end: usize, base: usize, beyond: u64) -> bool {
    match start.checked_sub(base) {
        // Both numbers are below 64: the run begins and ends in the block.
        Some(first) => beyond >> first & !(u64::MAX << (end - start)) == 0,
        None => bytes[start..end].is_ascii(),
    }
}

/// A bit for each byte: set for ASCII letters and digits and for all bytes beyond ASCII.
#[inline]
fn word_bits(block: &[u8; BLOCK]) -> u64 {
    bits(block, |byte| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        letter | digit | (byte >= 0x80)
    })
}

/// A bit for each byte of the block: whether `is` holds for it.
#[inline]
fn bits(block: &[u8; BLOCK], is: impl Fn(u8) -> bool) -> u64 {
    // This becomes vector instructions if `is` has no table and no branch.
    let flags = block.map(|byte| u8::from(is(byte)));
    let (eights, _) = flags.as_chunks::<8>();
    // The product gathers the lowest bit of each of eight bytes in its highest byte.
    eights
        .iter()
        .rev()
        .fold(0, |bits, eight| bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56)
}

/// The words of a run with characters beyond ASCII.
fn divide_run(text: &str, start: usize, end: usize, visit: &mut impl FnMut(usize, usize, bool)) {
    let mut open = None;
    let mut i = start;
    while i < end {
        let Some(c) = char_at(text, i) else { break };
        match (is_word_character(c), open) {
            (true, None) => open = Some(i),
            (false, Some(word)) => {
                visit(word, i, text.as_bytes()[word..i].is_ascii());
                open = None;
            }
            _ => {}
        }
        i += c.len_utf8();
    }
    if let Some(word) = open {
        visit(word, end, text.as_bytes()[word..end].is_ascii());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The words of `text`, one character after the other.
    fn words_by_characters(text: &str) -> Vec<&str> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
    }

    proptest! {
        #[test]
        fn words_are_those_of_the_characters(
            text in prop::collection::vec(
                prop::sample::select(vec!["a", "Zz", "09", " ", "@", "[", "`", "{", "/", ":", "\0", "é", "–", "東", "longer"]),
                0..150,
            ),
        ) {
            let text = text.concat();
            let mut words = Vec::new();
            for_each_word(&text, |start, end, is_ascii| {
                assert_eq!(is_ascii, text[start..end].is_ascii());
                words.push(&text[start..end]);
            });
            prop_assert_eq!(words, words_by_characters(&text));
        }
    }

    #[test]
    fn words_at_the_bounds_of_blocks() {
        for length in [1, 62, 63, 64, 65, 127, 128, 129, 200] {
            for before in [0, 1, 63, 64] {
                let text = " ".repeat(before) + &"a".repeat(length);
                let mut words = Vec::new();
                for_each_word(&text, |start, end, _| words.push([start, end]));
                assert_eq!(words, [[before, before + length]]);
            }
        }
    }
}
