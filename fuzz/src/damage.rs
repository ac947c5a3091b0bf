//! Damaged files: takes sound ones and words of their format, gives inputs that pass the first checks and fail, or do
//! not, somewhere behind them.

use std::fmt;

use bolero::{Driver, ValueGenerator};

/// Longest input in bytes.
const LONGEST: usize = 1 << 18;

/// Whole numbers at which readers go wrong.
const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    3,
    7,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    1_000_000_000_000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX - 1,
    u64::MAX,
];

/// Texts that replace a number in a text.
const TEXTS: [&str; 22] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "4",
    "5",
    "17",
    "64",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "1000000000000",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "0.5",
    "1e-300",
    "1e308",
    "1e999",
    "null",
];

/// An input. Shown escaped, because most are text.
#[derive(Clone)]
pub struct Input(pub Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// A generator of damaged seeds.
#[derive(Debug)]
pub struct Damaged {
    /// Sound inputs.
    pub seeds: Vec<Vec<u8>>,
    /// Words of the format, which are inserted and put in place of others.
    pub words: &'static [&'static str],
}

impl ValueGenerator for Damaged {
    type Output = Input;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Input> {
        let mut dice = Dice(driver);
        if dice.one_in(32)? {
            let len = dice.below(96)?;
            let mut bytes = Vec::with_capacity(len);
            for _ in 0..len {
                bytes.push(dice.byte()?);
            }
            return Some(Input(bytes));
        }
        let mut bytes = self.seed(&mut dice)?.clone();
        // Mostly one or two, because each lowers the odds to get far.
        let mut times = 1;
        while times < 24 && dice.one_in(2)? {
            times += 1;
        }
        for _ in 0..times {
            self.damage(&mut bytes, &mut dice)?;
        }
        bytes.truncate(LONGEST);
        Some(Input(bytes))
    }
}

impl Damaged {
    fn seed<D: Driver>(&self, dice: &mut Dice<'_, D>) -> Option<&Vec<u8>> {
        self.seeds.get(dice.below(self.seeds.len())?)
    }

    /// Changes one thing.
    fn damage<D: Driver>(&self, bytes: &mut Vec<u8>, dice: &mut Dice<'_, D>) -> Option<()> {
        let at = dice.place(bytes.len())?;
        match dice.below(13)? {
            0 => {
                let bit = dice.below(8)?;
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << bit);
            }
            1 => {
                let new = dice.byte()?;
                bytes.get_mut(at).into_iter().for_each(|byte| *byte = new);
            }
            2 => {
                let end = (at + dice.length()?).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                // A part once more, here or elsewhere.
                let end = (at + dice.length()?).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = dice.place(bytes.len())?;
                bytes.splice(to..to, part);
            }
            4 => {
                let other = self.seed(dice)?;
                let from = dice.place(other.len())?;
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            5 => {
                let other = self.seed(dice)?;
                let from = dice.place(other.len())?;
                let part = other[from..(from + dice.length()?).min(other.len())].to_vec();
                let end = (at + dice.length()?).min(bytes.len());
                bytes.splice(at..end, part);
            }
            6 => bytes.truncate(at),
            7 => {
                let number = dice.number()?;
                let width = [1, 2, 4, 8][dice.below(4)?];
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
            }
            8 | 9 => {
                let digits = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
                let Some(start) = bytes[at..].iter().position(|byte| byte.is_ascii_digit()) else { return Some(()) };
                let start = at + start;
                let len = bytes[start..].iter().position(|byte| !digits(byte)).unwrap_or(bytes.len() - start);
                let text = if dice.one_in(4)? {
                    dice.number()?.to_string()
                } else {
                    TEXTS[dice.below(TEXTS.len())?].to_owned()
                };
                bytes.splice(start..start + len, text.into_bytes());
            }
            10 if !self.words.is_empty() => {
                let word = self.words[dice.below(self.words.len())?];
                bytes.splice(at..at, word.bytes());
            }
            11 if !self.words.is_empty() => {
                // In place of a word, of a text in quotes, or of what a comma ends.
                let word = self.words[dice.below(self.words.len())?];
                let ends = |byte: &u8| !byte.is_ascii_alphanumeric() && *byte != b'_';
                let len = bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at);
                bytes.splice(at..at + len, word.bytes());
            }
            _ => {
                // Two parts change places.
                let other = dice.place(bytes.len())?;
                let len = dice.length()?.min(bytes.len() - at.max(other));
                for i in 0..len {
                    bytes.swap(at + i, other + i);
                }
            }
        }
        Some(())
    }
}

/// Random choices from a driver.
struct Dice<'a, D>(&'a mut D);

impl<D: Driver> Dice<'_, D> {
    fn byte(&mut self) -> Option<u8> {
        self.0.produce()
    }

    fn below(&mut self, bound: usize) -> Option<usize> {
        let value: u32 = self.0.produce()?;
        Some(value as usize % bound.max(1))
    }

    fn one_in(&mut self, n: usize) -> Option<bool> {
        Some(self.below(n)? == n - 1)
    }

    /// A position up to the end; often near the beginning, where headers are.
    fn place(&mut self, len: usize) -> Option<usize> {
        let near = if self.one_in(2)? { len } else { len.min(1024) };
        self.below(near + 1)
    }

    /// A length: mostly a few bytes, sometimes many.
    fn length(&mut self) -> Option<usize> {
        let bound = if self.one_in(8)? { 4096 } else { 16 };
        Some(1 + self.below(bound)?)
    }

    fn number(&mut self) -> Option<u64> {
        if self.one_in(4)? { self.0.produce() } else { Some(NUMBERS[self.below(NUMBERS.len())?]) }
    }
}
