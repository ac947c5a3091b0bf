//! Counter of one shard: takes its documents, gives its counts. Each thread has one and uses it for many shards.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::document_mentions::DocumentMentions;
use crate::duplicates::{SeenDocuments, document_hash};
use crate::error::{Error, Result};
use crate::lexicon::Lexicon;
use crate::matcher::{MatchBuffers, Matcher};
use crate::observer::{CountObserver, Progress};
use crate::rules::Window;
use crate::shard_counts::{PairCount, ShardCounts, ShardSummary, Tally};
use crate::source::{DocumentSink, DocumentSource};

/// Text between two reports of progress of a thread, bytes.
const REPORT_EVERY: u64 = 4 << 20;

/// Everything that the threads of a count share.
pub(crate) struct SharedCount<'a> {
    pub(crate) lexicon: &'a Lexicon,
    pub(crate) matcher: &'a Matcher,
    pub(crate) window: Window,
    /// Documents that were counted, if duplicates count once.
    pub(crate) seen: Option<SeenDocuments>,
    pub(crate) observer: &'a dyn CountObserver,
    pub(crate) progress: SharedProgress,
}

/// Progress of all threads.
#[derive(Debug, Default)]
pub(crate) struct SharedProgress {
    pub(crate) shards: AtomicUsize,
    pub(crate) total_shards: usize,
    pub(crate) stored_bytes: AtomicU64,
    pub(crate) total_stored_bytes: u64,
    pub(crate) documents: AtomicU64,
    pub(crate) text_bytes: AtomicU64,
}

impl SharedProgress {
    /// Adds a finished shard.
    pub(crate) fn add_shard(&self, size: u64) {
        self.shards.fetch_add(1, Ordering::Relaxed);
        self.stored_bytes.fetch_add(size, Ordering::Relaxed);
    }

    /// The progress now.
    pub(crate) fn now(&self) -> Progress {
        Progress {
            shards: self.shards.load(Ordering::Relaxed),
            total_shards: self.total_shards,
            stored_bytes: self.stored_bytes.load(Ordering::Relaxed),
            total_stored_bytes: self.total_stored_bytes,
            documents: self.documents.load(Ordering::Relaxed),
            text_bytes: self.text_bytes.load(Ordering::Relaxed),
        }
    }
}

/// A shard that was read.
pub(crate) struct CountedShard {
    pub(crate) counts: ShardCounts,
    /// Hashes of the documents that it counted.
    pub(crate) hashes: Vec<u64>,
    /// True if it was read to its end, however damaged.
    pub(crate) is_finished: bool,
}

/// Counter of one shard after another.
pub(crate) struct ShardCounter<'a> {
    shared: &'a SharedCount<'a>,
    tally: Tally,
    mentions: DocumentMentions,
    buffers: MatchBuffers,
    summary: ShardSummary,
    hashes: Vec<u64>,
    /// Documents and bytes that were not yet reported.
    unreported: [u64; 2],
    is_stopped: bool,
}

impl<'a> ShardCounter<'a> {
    /// A counter without counts.
    pub(crate) fn new(shared: &'a SharedCount<'a>) -> Self {
        Self {
            shared,
            tally: Tally::new(shared.lexicon),
            mentions: DocumentMentions::new(shared.lexicon.entities),
            buffers: MatchBuffers::default(),
            summary: ShardSummary::default(),
            hashes: Vec::new(),
            unreported: [0; 2],
            is_stopped: false,
        }
    }

    /// Counts a shard.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the observer has stopped the count.
    pub(crate) fn count(&mut self, source: &dyn DocumentSource) -> Result<CountedShard> {
        let read = if self.shared.observer.stopped() { return Err(Error::Interrupted) } else { source.read(self) };
        self.report();
        if self.is_stopped {
            return Err(Error::Interrupted);
        }
        let is_finished = read.is_ok();
        if let Err(error) = read {
            self.summary.add_fault("file".to_owned(), format!("expected a readable file, found: {error}"));
        }
        let mut summary = std::mem::take(&mut self.summary);
        summary.name = source.name().to_owned();
        summary.size = source.size();
        let counts = self.tally.take(summary, source.reading());
        Ok(CountedShard { counts, hashes: std::mem::take(&mut self.hashes), is_finished })
    }

    /// Returns false for a duplicate that must not count again, and remembers any other document.
    fn is_new(&mut self, text: &str) -> bool {
        let Some(seen) = &self.shared.seen else { return true };
        let hash = document_hash(text);
        let is_new = seen.insert(hash);
        if is_new {
            self.hashes.push(hash);
        }
        is_new
    }

    fn count_document(&mut self, text: &str) {
        let Self { shared, tally, mentions, buffers, summary, .. } = self;
        let SharedCount { lexicon, matcher, window, .. } = shared;
        let words = matcher.find(text, buffers, |mention| {
            for &entity in lexicon.entities_of_name.get(mention.name as usize) {
                mentions.push(entity, mention.first_word, mention.last_word);
            }
        });
        for &subject in mentions.mentioned() {
            tally.entities[subject as usize] += 1;
            for &[answer, pair] in lexicon.pairs_of_subject.get(subject as usize) {
                if let Some(nearest) = mentions.nearest(subject, answer) {
                    let is_together = match *window {
                        Window::Document => true,
                        Window::Words(most) => nearest <= most,
                    };
                    tally.pairs[pair as usize].add(PairCount { documents: u64::from(is_together), nearest });
                }
            }
        }
        mentions.clear();
        summary.documents += 1;
        summary.words += u64::from(words);
        summary.text_bytes += text.len() as u64;
    }

    /// Adds the documents since the last report to the shared progress.
    fn report(&mut self) {
        let [documents, bytes] = std::mem::take(&mut self.unreported);
        self.shared.progress.documents.fetch_add(documents, Ordering::Relaxed);
        self.shared.progress.text_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl DocumentSink for ShardCounter<'_> {
    fn document(&mut self, text: &str) -> ControlFlow<()> {
        if self.shared.observer.stopped() {
            self.is_stopped = true;
            return ControlFlow::Break(());
        }
        if self.is_new(text) {
            self.count_document(text);
        } else {
            self.summary.duplicates += 1;
        }
        self.unreported[0] += 1;
        self.unreported[1] += text.len() as u64;
        if self.unreported[1] >= REPORT_EVERY {
            self.report();
            self.shared.observer.progress(&self.shared.progress.now());
        }
        ControlFlow::Continue(())
    }

    fn fault(&mut self, place: String, problem: String) {
        self.summary.add_fault(place, problem);
    }
}
