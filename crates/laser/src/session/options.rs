//! Options of a session: where to compute, where to cache, where to fetch from, and who observes.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use laser_model::device::ComputeDevice;
use laser_model::parallel::Unobserved;
use laser_source::{DownloadProgress, HUB_ENDPOINT, SourceOptions};

use crate::search::observer::SearchObserver;

/// Receives the events of a session, and says when a job should stop.
pub trait SessionObserver: SearchObserver + Send {
    /// Called while a file is downloaded.
    fn download(&self, progress: &DownloadProgress<'_>) {
        let _ = progress;
    }
}

impl SessionObserver for Unobserved {}

/// Options of a session.
#[derive(Clone)]
pub struct SessionOptions {
    /// Device and element type of the computation.
    pub device: ComputeDevice,
    /// Number of threads, at least 1.
    pub threads: usize,
    /// Folder for fetched wheels (`pypi/`) and decompositions (`svd/`).
    pub cache_dir: PathBuf,
    /// The Hub's cache folder, shared with Python's `huggingface_hub`; `None`: `hub/` in `cache_dir`.
    pub hub_cache: Option<PathBuf>,
    /// Base address of the Hub.
    pub hub_endpoint: String,
    /// Access token for private and gated repositories.
    pub hub_token: Option<String>,
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
            cache_dir: PathBuf::from(".laser-cache"),
            hub_cache: None,
            hub_endpoint: HUB_ENDPOINT.to_owned(),
            hub_token: None,
            offline: false,
            python: "python3".to_owned(),
            observer: Arc::new(Unobserved),
        }
    }
}

impl SessionOptions {
    /// Calls `fetch` with these options as the crate `laser-source` takes them.
    pub(super) fn with_sources<T>(&self, fetch: impl FnOnce(&SourceOptions<'_>) -> T) -> T {
        let report = |progress: DownloadProgress<'_>| self.observer.download(&progress);
        let mut sources = SourceOptions::new(&self.cache_dir, &report);
        if let Some(cache) = &self.hub_cache {
            sources.hub_cache.clone_from(cache);
        }
        sources.hub_endpoint.clone_from(&self.hub_endpoint);
        sources.hub_token.clone_from(&self.hub_token);
        sources.offline = self.offline;
        sources.python.clone_from(&self.python);
        fetch(&sources)
    }
}

/// Without the token, which belongs into no log.
impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("device", &self.device)
            .field("threads", &self.threads)
            .field("cache_dir", &self.cache_dir)
            .field("hub_cache", &self.hub_cache)
            .field("hub_endpoint", &self.hub_endpoint)
            .field("offline", &self.offline)
            .field("python", &self.python)
            .finish_non_exhaustive()
    }
}
