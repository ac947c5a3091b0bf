//! Made corpora: documents, shards in memory, files, and a naive count.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use laser_corpus::{
    CountObserver, CountSettings, Counted, DocumentSink, DocumentSource, FileShard, Item, ItemFrequency, Reading,
    Unobserved, count,
};

/// An item without aliases.
pub(crate) fn item(subject: &str, answer: &str) -> Item {
    let id = format!("{subject}/{answer}");
    Item { id, subject: subject.to_owned(), answer: answer.to_owned(), ..Item::default() }
}

/// A shard in memory.
#[derive(Debug, Clone)]
pub(crate) struct MadeShard {
    pub(crate) name: String,
    pub(crate) documents: Vec<String>,
    pub(crate) reading: String,
}

impl MadeShard {
    pub(crate) fn new(name: &str, documents: &[&str]) -> Self {
        let documents = documents.iter().map(|&text| text.to_owned()).collect();
        Self { name: name.to_owned(), documents, reading: String::new() }
    }
}

impl DocumentSource for MadeShard {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.documents.iter().map(|text| text.len() as u64).sum()
    }

    fn reading(&self) -> String {
        self.reading.clone()
    }

    fn read(&self, sink: &mut dyn DocumentSink) -> io::Result<()> {
        for text in &self.documents {
            if sink.document(text) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}

/// The shards as sources.
pub(crate) fn sources<S: DocumentSource + Clone + 'static>(shards: &[S]) -> Vec<Box<dyn DocumentSource>> {
    shards.iter().map(|shard| Box::new(shard.clone()) as Box<dyn DocumentSource>).collect()
}

/// The files as sources.
pub(crate) fn files(paths: &[PathBuf], reading: &Reading) -> Vec<Box<dyn DocumentSource>> {
    let source = |path: &PathBuf| -> Box<dyn DocumentSource> {
        Box::new(FileShard::new(path, reading.clone()).expect("a known extension"))
    };
    paths.iter().map(source).collect()
}

/// Writes a file of `folder`.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a folder that can be written");
    path
}

/// The count of these sources on one thread.
pub(crate) fn counted(sources: &[Box<dyn DocumentSource>], items: &[Item], settings: &CountSettings) -> Counted {
    count(sources, items, settings, &Unobserved).expect("a count")
}

/// Documents with both, with the subject and with the answer, and the smallest distance.
pub(crate) fn numbers(item: &ItemFrequency) -> (u64, u64, u64, Option<u32>) {
    (item.documents, item.subject_documents, item.answer_documents, item.nearest_words)
}

/// An observer that stops a count at a document.
#[derive(Debug)]
pub(crate) struct StopAt {
    left: AtomicUsize,
}

impl StopAt {
    /// Stops when it was asked so often.
    pub(crate) fn new(questions: usize) -> Self {
        Self { left: AtomicUsize::new(questions) }
    }
}

impl CountObserver for StopAt {
    fn stopped(&self) -> bool {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.is_err()
    }
}

/// Shards of random documents over few names, so that all kinds of counts occur; some documents occur again.
pub(crate) fn random_shards(shards: usize, documents: usize) -> Vec<MadeShard> {
    let words = ["Rome", "Paris", "Italy", "France", "Air", "the", "of", "and,", "Lyon.", "Roma", "é"];
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut document = || {
        let length = 1 + random(6);
        (0..length).map(|_| words[random(words.len())]).collect::<Vec<_>>().join(" ")
    };
    let shard = |i: usize| MadeShard {
        name: format!("shard {i}"),
        documents: (0..documents).map(|_| document()).collect(),
        reading: String::new(),
    };
    (0..shards).map(shard).collect()
}

/// Items over the names of [`random_shards`].
pub(crate) fn random_items() -> Vec<Item> {
    let mut items =
        vec![item("Rome", "Italy"), item("Paris", "France"), item("Lyon", "France"), item("Air France", "Air")];
    items[0].subject_aliases.push("Roma".to_owned());
    items.push(item("Nowhere", "Italy"));
    items
}
