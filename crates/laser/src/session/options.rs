//! Options of a session: where to compute, where to cache, where to fetch from, and who observes.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use laser_model::device::ComputeDevice;
use laser_model::parallel::Unobserved;
use laser_source::{DownloadProgress, FileHashes, HUB_ENDPOINT, SourceOptions};

use crate::cache;
use crate::edit::truncation::SvdCache;
use crate::search::observer::SearchObserver;

/// Receives the events of a session, and says when a job should stop.
pub trait SessionObserver: SearchObserver + Send {
    /// Called while a file is downloaded.
    fn download(&self, progress: &DownloadProgress<'_>) {
        let _ = progress;
    }

    /// Called with a remark that should not wait for the end of the job, such as a cache that cannot be written to.
    fn warn(&self, remark: &str) {
        let _ = remark;
    }
}

impl SessionObserver for Unobserved {}

/// Usual bound of the decompositions in bytes, 10 GiB: all matrices of a model of about a billion parameters.
pub const DECOMPOSITIONS: u64 = 10 << 30;

/// Options of a session.
#[derive(Clone)]
pub struct SessionOptions {
    /// Device and element type of the computation.
    pub device: ComputeDevice,
    /// Number of threads, at least 1.
    pub threads: usize,
    /// Memory for weights and cached hidden states, in bytes; `None`: no bound. On the CPU, weights beyond three quarters of
    /// it stay in the model's files, and every pass reads them; the results are the same.
    pub memory: Option<usize>,
    /// Folder for fetched wheels (`pypi/`), decompositions (`svd/`) and hashes of files (`sha256/`).
    pub cache_dir: PathBuf,
    /// Folder for what is fetched where no cache can be written to, for instance a temporary one.
    pub spare_dir: Option<PathBuf>,
    /// Most bytes of decompositions in `cache_dir`, of which the least recently used are removed; `None`: they are neither
    /// kept nor used.
    pub decompositions: Option<u64>,
    /// Remember the hashes of large files in `cache_dir` (`sha256/`), so that they are read once.
    pub remember_hashes: bool,
    /// Time at which a decomposition of the cache counts as used; `None`: only its writing counts.
    pub now: Option<SystemTime>,
    /// The Hub's cache folder, shared with Python's `huggingface_hub`; `None`: `hub/` in `cache_dir`. Files that it lacks
    /// are looked for in `hub/` in `cache_dir` too.
    pub hub_cache: Option<PathBuf>,
    /// Base address of the Hub.
    pub hub_endpoint: String,
    /// Access token for private and gated repositories.
    pub hub_token: Option<String>,
    /// PEM file with the certificate authorities that are trusted, in place of the system's.
    pub certificate_file: Option<PathBuf>,
    /// Folder of PEM files with certificate authorities that are trusted, in place of the system's.
    pub certificate_dir: Option<PathBuf>,
    /// Use caches only; never open a connection.
    pub offline: bool,
    /// The Python interpreter whose `pip` fetches wheels.
    pub python: String,
    /// Receives progress, and can stop a job.
    pub observer: Arc<dyn SessionObserver>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            device: ComputeDevice::parse("cpu", None).expect("the CPU is always there"),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: None,
            cache_dir: PathBuf::from(".laser-cache"),
            spare_dir: None,
            decompositions: Some(DECOMPOSITIONS),
            remember_hashes: true,
            now: None,
            hub_cache: None,
            hub_endpoint: HUB_ENDPOINT.to_owned(),
            hub_token: None,
            certificate_file: None,
            certificate_dir: None,
            offline: false,
            python: "python3".to_owned(),
            observer: Arc::new(Unobserved),
        }
    }
}

impl SessionOptions {
    /// Calls `fetch` with these options as the crate `laser-source` takes them.
    pub fn with_sources<T>(&self, fetch: impl FnOnce(&SourceOptions<'_>) -> T) -> T {
        let report = |progress: DownloadProgress<'_>| self.observer.download(&progress);
        let mut sources = SourceOptions::new(&self.cache_dir, &report);
        if let Some(cache) = &self.hub_cache {
            sources.hub_cache.clone_from(cache);
        }
        sources.hub_endpoint.clone_from(&self.hub_endpoint);
        sources.hub_token.clone_from(&self.hub_token);
        sources.spare_dir.clone_from(&self.spare_dir);
        sources.certificate_file.clone_from(&self.certificate_file);
        sources.certificate_dir.clone_from(&self.certificate_dir);
        sources.offline = self.offline;
        sources.python.clone_from(&self.python);
        fetch(&sources)
    }

    /// The hashes of files that the cache remembers.
    pub(super) fn file_hashes(&self) -> FileHashes {
        FileHashes::new(self.remember_hashes.then(|| cache::hashes(&self.cache_dir)))
    }

    /// The cache of decompositions.
    pub(super) fn svd_cache(&self) -> Option<SvdCache> {
        let observer = Arc::clone(&self.observer);
        let warn = move |remark: &str| observer.warn(remark);
        self.decompositions.map(|bound| SvdCache::new(cache::decompositions(&self.cache_dir), bound, self.now, warn))
    }
}

/// Without the token, which belongs into no log.
impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("device", &self.device)
            .field("threads", &self.threads)
            .field("memory", &self.memory)
            .field("cache_dir", &self.cache_dir)
            .field("decompositions", &self.decompositions)
            .field("remember_hashes", &self.remember_hashes)
            .field("hub_cache", &self.hub_cache)
            .field("hub_endpoint", &self.hub_endpoint)
            .field("offline", &self.offline)
            .field("python", &self.python)
            .finish_non_exhaustive()
    }
}
