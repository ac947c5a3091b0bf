//! Times the matcher of names on one thread, beside Aho–Corasick automata and with the reading of files around it.
//!
//! 21,000 made names, as many as the subjects and answers of CounterFact, and 16 MiB of made text in which about one
//! word in forty begins a name, as in English prose; some names are much more frequent than others:
//!
//! ```text
//! cargo bench -p laser-rank-corpus --bench matchers
//! ```

use std::fmt::Write as _;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use laser_corpus::{
    Bounds, Case, CountSettings, DocumentSource, FileShard, Item, MatchBuffers, Matcher, Reading, Unobserved, count,
};

/// Number of names.
const NAMES: usize = 21_000;
/// Size of the text, bytes.
const TEXT: usize = 16 << 20;
/// Size of a document, bytes: about the mean of the Pile.
const DOCUMENT: usize = 6000;

static NAME_LIST: LazyLock<Vec<String>> = LazyLock::new(names);
static DOCUMENTS: LazyLock<Vec<String>> = LazyLock::new(|| documents(&["", "", "", ""]));
/// The same with characters beyond ASCII in every tenth word or so.
static ACCENTED_DOCUMENTS: LazyLock<Vec<String>> = LazyLock::new(|| documents(&["é", " – ", "“", "ß"]));

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 7, sample_size = 1)]
fn words_exact(bencher: Bencher<'_, '_>) {
    time_matcher(bencher, &DOCUMENTS, Case::Exact, Bounds::Word);
}

#[divan::bench(sample_count = 7, sample_size = 1)]
fn words_folded(bencher: Bencher<'_, '_>) {
    time_matcher(bencher, &DOCUMENTS, Case::Fold, Bounds::Word);
}

#[divan::bench(sample_count = 7, sample_size = 1)]
fn words_exact_accented(bencher: Bencher<'_, '_>) {
    time_matcher(bencher, &ACCENTED_DOCUMENTS, Case::Exact, Bounds::Word);
}

#[divan::bench(sample_count = 7, sample_size = 1)]
fn words_folded_accented(bencher: Bencher<'_, '_>) {
    time_matcher(bencher, &ACCENTED_DOCUMENTS, Case::Fold, Bounds::Word);
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn anywhere_exact(bencher: Bencher<'_, '_>) {
    time_matcher(bencher, &DOCUMENTS, Case::Exact, Bounds::Any);
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn automaton_contiguous_nfa(bencher: Bencher<'_, '_>) {
    time_automaton(bencher, AhoCorasickKind::ContiguousNFA);
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn automaton_dfa(bencher: Bencher<'_, '_>) {
    time_automaton(bencher, AhoCorasickKind::DFA);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn count_json_lines(bencher: Bencher<'_, '_>) {
    time_count(bencher, "corpus.jsonl", |text| text);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn count_json_lines_gzip(bencher: Bencher<'_, '_>) {
    time_count(bencher, "corpus.jsonl.gz", |text| {
        let mut encoder = flate2::read::GzEncoder::new(text.as_slice(), flate2::Compression::fast());
        let mut compressed = Vec::new();
        std::io::Read::read_to_end(&mut encoder, &mut compressed).expect("memory");
        compressed
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn count_json_lines_zstd(bencher: Bencher<'_, '_>) {
    time_count(bencher, "corpus.jsonl.zst", |text| zstd::encode_all(text.as_slice(), 1).expect("memory"));
}

fn time_matcher(bencher: Bencher<'_, '_>, documents: &[String], case: Case, bounds: Bounds) {
    let matcher = Matcher::new(&NAME_LIST, case, bounds).expect("names");
    let mut buffers = MatchBuffers::default();
    bencher.counter(BytesCount::new(bytes(documents))).bench_local(|| {
        let mut mentions = 0_u64;
        for text in documents {
            matcher.find(text, &mut buffers, |_| mentions += 1);
        }
        black_box(mentions)
    });
}

fn time_automaton(bencher: Bencher<'_, '_>, kind: AhoCorasickKind) {
    let builder = AhoCorasick::builder().match_kind(MatchKind::Standard).kind(Some(kind)).build(&*NAME_LIST);
    let automaton = builder.expect("names");
    bencher.counter(BytesCount::new(bytes(&DOCUMENTS))).bench_local(|| {
        let found = |text: &String| automaton.find_overlapping_iter(text).count();
        black_box(DOCUMENTS.iter().map(found).sum::<usize>())
    });
}

/// Copies of the documents in a counted file: the names are prepared once for each count, which takes as long as some
/// megabytes of text, and real corpora have gigabytes.
const REPEATS: usize = 4;

/// Times a whole count of one file; names become subjects and answers by turns.
fn time_count(bencher: Bencher<'_, '_>, name: &str, compress: impl Fn(Vec<u8>) -> Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    let lines: String = DOCUMENTS.iter().map(|text| format!("{}\n", serde_json::json!({"text": text}))).collect();
    std::fs::write(&path, compress(lines.repeat(REPEATS).into_bytes())).expect("a folder that can be written");
    let pair = |pair: &[String]| Item { subject: pair[0].clone(), answer: pair[1].clone(), ..Item::default() };
    let items: Vec<Item> = NAME_LIST.chunks_exact(2).map(pair).collect();
    bencher.counter(BytesCount::new(REPEATS * bytes(&DOCUMENTS))).bench_local(|| {
        let shard: Box<dyn DocumentSource> = Box::new(FileShard::new(&path, Reading::default()).expect("a file"));
        count(&[shard], &items, &CountSettings::default(), &Unobserved).expect("a count")
    });
}

fn bytes(documents: &[String]) -> usize {
    documents.iter().map(String::len).sum()
}

/// A generator of pseudo-random numbers that needs no crate.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// A number whose frequency falls with its size.
    fn skewed(&mut self, limit: usize) -> usize {
        let below = 1 + self.below(limit);
        let below = 1 + self.below(below);
        self.below(below)
    }

    /// A word of one to four syllables.
    fn word(&mut self, syllables: &[&str]) -> String {
        (0..1 + self.below(4)).map(|_| syllables[self.below(syllables.len())]).collect()
    }

    fn capital_word(&mut self, syllables: &[&str]) -> String {
        let word = self.word(syllables);
        word[..1].to_uppercase() + &word[1..]
    }
}

/// Syllables of names, and of the other words: as in English, few words of the prose begin names, whatever their case.
const NAME_SYLLABLES: [&str; 16] =
    ["a", "ber", "ca", "el", "fo", "ge", "ja", "ko", "la", "mon", "ri", "ter", "us", "vo", "wi", "zen"];
const PROSE_SYLLABLES: [&str; 16] =
    ["in", "th", "er", "ou", "ly", "com", "de", "ing", "be", "wh", "at", "per", "s", "tion", "ea", "con"];

/// Distinct names of one to four words; some hundreds share the first.
fn names() -> Vec<String> {
    let mut random = Random(1);
    let mut names = std::collections::BTreeSet::new();
    while names.len() < NAMES {
        let mut words: Vec<String> = (0..1 + random.below(4)).map(|_| random.capital_word(&NAME_SYLLABLES)).collect();
        if random.below(20) == 0 {
            words[0] = "The".to_owned();
        }
        names.insert(words.join(" "));
    }
    // In an order without meaning, because the first are frequent in the text.
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort_by_key(|name| (name.len() * 7 % 11, name.bytes().rev().collect::<Vec<_>>()));
    names
}

/// Documents of made prose; `odd` are inserted after some words.
fn documents(odd: &[&str]) -> Vec<String> {
    let mut random = Random(2);
    let mut made = 0;
    let mut documents = Vec::new();
    while made < TEXT {
        let mut text = String::with_capacity(DOCUMENT + 100);
        while text.len() < DOCUMENT {
            let word = match random.below(40) {
                0 => NAME_LIST[random.skewed(NAMES)].clone(),
                1..4 => random.capital_word(&PROSE_SYLLABLES),
                4 => "The".to_owned(),
                _ => random.word(&PROSE_SYLLABLES),
            };
            let odd = if random.below(10) == 0 { odd[random.below(odd.len())] } else { "" };
            let end = [" ", " ", " ", " ", " ", " ", ", ", ".\n"][random.below(8)];
            write!(text, "{word}{odd}{end}").expect("memory");
        }
        made += text.len();
        documents.push(text);
    }
    documents
}
