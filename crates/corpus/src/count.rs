//! The count: shards in parallel, sums of their counts.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::Digest;

use crate::duplicates::SeenDocuments;
use crate::error::{Error, Result};
use crate::item::{Item, ItemFrequency};
use crate::journal::{Finished, Journal};
use crate::lexicon::Lexicon;
use crate::matcher::Matcher;
use crate::observer::CountObserver;
use crate::rules::{Duplicates, Rules};
use crate::shard_counter::{CountedShard, ShardCounter, SharedCount, SharedProgress};
use crate::shard_counts::{ShardCounts, ShardSummary, Tally};
use crate::source::DocumentSource;

/// Settings of a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountSettings {
    /// Rules of mentions and co-mentions.
    pub rules: Rules,
    /// Threads, each of which reads one shard at a time; at least 1.
    pub threads: usize,
    /// File that remembers finished shards, so that a count that was stopped goes on where it was. With
    /// [`Duplicates::CountOnce`] a second file beside it, `….hashes`, has 8 bytes for each document.
    pub journal: Option<PathBuf>,
}

impl Default for CountSettings {
    fn default() -> Self {
        Self { rules: Rules::default(), threads: 1, journal: None }
    }
}

/// Result of a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Frequencies in the order of the items.
    pub items: Vec<ItemFrequency>,
    /// Summaries in the order of the sources, with their faults.
    pub shards: Vec<ShardSummary>,
    /// Number of shards that the journal knew and that were not read again.
    pub resumed: usize,
    /// SHA-256 of names and rules, in hexadecimal digits; that of the journal, if there is one.
    pub fingerprint: String,
}

/// Counts the documents of `sources` that mention the subject and the answer of each of `items`.
///
/// The frequencies are sums over the shards, and do not depend on the number of threads or the order of the sources.
/// Damage in a shard is in its [`ShardSummary::faults`]; the rest of the shard is counted.
///
/// # Errors
/// Items without a name; sources that share a name; a journal of another count; [`Error::Interrupted`] if `observer`
/// has stopped the count; a journal that cannot be written.
pub fn count(
    sources: &[Box<dyn DocumentSource>],
    items: &[Item],
    settings: &CountSettings,
    observer: &dyn CountObserver,
) -> Result<Counted> {
    check_names(sources)?;
    let rules = &settings.rules;
    let lexicon = Lexicon::new(items, rules.case)?;
    let matcher = Matcher::new(&lexicon.names, rules.case, rules.bounds)?;
    let fingerprint = fingerprint(&lexicon, rules, sources);
    let counts_once = rules.duplicates == Duplicates::CountOnce;
    let (journal, finished) = match &settings.journal {
        Some(path) => {
            let (journal, finished) = Journal::open(path, &fingerprint, counts_once, &lexicon)?;
            check_readings(path, sources, &finished)?;
            (Some(journal), finished)
        }
        None => (None, Finished::default()),
    };
    let Finished { shards: mut known, hashes } = finished;
    let shared = SharedCount {
        lexicon: &lexicon,
        matcher: &matcher,
        window: rules.window,
        seen: counts_once.then(|| SeenDocuments::new(hashes)),
        observer,
        progress: SharedProgress {
            total_shards: sources.len(),
            total_stored_bytes: sources.iter().map(|source| source.size()).sum(),
            ..SharedProgress::default()
        },
    };
    let mut sums = Sums { journal, tally: Tally::new(&lexicon), shards: vec![None; sources.len()] };
    let mut pending = Vec::new();
    for (place, source) in sources.iter().enumerate() {
        match known.remove(source.name()).filter(|counts| counts.summary.size == source.size()) {
            Some(counts) => {
                shared.progress.add_shard(source.size());
                sums.add(place, counts);
            }
            None => pending.push((place, source.as_ref())),
        }
    }
    let resumed = sources.len() - pending.len();
    observer.progress(&shared.progress.now());
    let sums = Mutex::new(sums);
    count_all(&pending, &shared, &sums, settings.threads)?;
    let Sums { tally, shards, .. } = sums.into_inner().expect("all threads have ended");
    Ok(Counted {
        items: tally.frequencies(items, &lexicon),
        shards: shards.into_iter().flatten().collect(),
        resumed,
        fingerprint,
    })
}

/// Counts the shards that are left, each with its place among the sources.
fn count_all(
    pending: &[(usize, &dyn DocumentSource)],
    shared: &SharedCount<'_>,
    sums: &Mutex<Sums>,
    threads: usize,
) -> Result<()> {
    let threads = threads.clamp(1, pending.len().max(1));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|e| Error::setting("threads", format!("expected a number that can start, found {e}")))?;
    let next = AtomicUsize::new(0);
    // Each thread has one counter and takes the next shard as soon as it is free: shards may take very different times.
    let results = pool.broadcast(|_| {
        let mut counter = ShardCounter::new(shared);
        while let Some(&(place, source)) = pending.get(next.fetch_add(1, Ordering::Relaxed)) {
            let finished = counter
                .count(source)
                .and_then(|counted| sums.lock().expect("no thread panics while it adds").finish(place, counted));
            if finished.is_err() {
                next.store(pending.len(), Ordering::Relaxed);
                return finished;
            }
            shared.progress.add_shard(source.size());
            shared.observer.progress(&shared.progress.now());
        }
        Ok(())
    });
    results.into_iter().collect()
}

/// Sums over the shards.
struct Sums {
    journal: Option<Journal>,
    tally: Tally,
    shards: Vec<Option<ShardSummary>>,
}

impl Sums {
    fn add(&mut self, place: usize, counts: ShardCounts) {
        self.tally.add(&counts);
        self.shards[place] = Some(counts.summary);
    }

    /// Adds a shard that was read now, to the journal too.
    fn finish(&mut self, place: usize, counted: CountedShard) -> Result<()> {
        let CountedShard { counts, hashes, is_finished } = counted;
        if let Some(journal) = &mut self.journal
            && is_finished
        {
            journal.append(&counts, &hashes)?;
        }
        self.add(place, counts);
        Ok(())
    }
}

fn check_names(sources: &[Box<dyn DocumentSource>]) -> Result<()> {
    let mut names = HashSet::new();
    match sources.iter().find(|source| !names.insert(source.name())) {
        Some(source) => Err(Error::RepeatedShard { name: source.name().to_owned() }),
        None => Ok(()),
    }
}

/// Refuses a journal in which a shard was read by other rules.
fn check_readings(path: &Path, sources: &[Box<dyn DocumentSource>], finished: &Finished) -> Result<()> {
    for source in sources {
        if let Some(counts) = finished.shards.get(source.name())
            && counts.reading != source.reading()
        {
            let [name, expected, found] = [source.name(), &source.reading(), &counts.reading];
            return Err(Error::journal(path, format!("{name}: expected documents by {expected}, found by {found}")));
        }
    }
    Ok(())
}

fn fingerprint(lexicon: &Lexicon, rules: &Rules, sources: &[Box<dyn DocumentSource>]) -> String {
    let mut hash = lexicon.hash(rules);
    if rules.duplicates == Duplicates::CountOnce {
        // See the journal: which shard counts a document depends on the others.
        let mut shards: Vec<_> = sources.iter().map(|source| (source.name(), source.size())).collect();
        shards.sort_unstable();
        hash.update(format!("{shards:?}"));
    }
    hex::encode(hash.finalize())
}
