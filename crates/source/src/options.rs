//! Settings of fetching: addresses, cache folders, and callbacks for progress and for the choice of files.

use std::path::PathBuf;

/// Address of the public Hugging Face Hub.
pub const HUB_ENDPOINT: &str = "https://huggingface.co";

/// Settings of [`resolve`](crate::resolve) and [`HubDataset::fetch`](crate::HubDataset::fetch).
pub struct SourceOptions<'a> {
    /// Cache folder of this program; wheels are unpacked in its subfolder `pypi`.
    pub cache_dir: PathBuf,
    /// Cache folder of the Hub, shared with Python's `huggingface_hub` (usually `$HF_HOME/hub`). Files that it lacks are
    /// looked for in the subfolder `hub` of `cache_dir`, and fetched into that where this folder cannot be written to.
    pub hub_cache: PathBuf,
    /// Folder for what is fetched where no cache can be written to, for instance a temporary one.
    pub spare_dir: Option<PathBuf>,
    /// Base address of the Hub (usually `$HF_ENDPOINT` or [`HUB_ENDPOINT`]).
    pub hub_endpoint: String,
    /// Access token for private and gated repositories.
    pub hub_token: Option<String>,
    /// PEM file with the certificate authorities that are trusted, in place of the system's.
    pub certificate_file: Option<PathBuf>,
    /// Folder of PEM files with certificate authorities that are trusted, in place of the system's.
    pub certificate_dir: Option<PathBuf>,
    /// If true, only the caches are used and no connection is opened.
    pub offline: bool,
    /// Python interpreter whose `pip` downloads wheels: a name on the search path, or a path.
    pub python: String,
    /// Called during a download, each time bytes have been written.
    pub on_progress: &'a dyn Fn(DownloadProgress<'_>),
}

impl<'a> SourceOptions<'a> {
    /// The public Hub without a token, the interpreter `python3`, and all caches in `cache_dir`.
    pub fn new(cache_dir: impl Into<PathBuf>, on_progress: &'a dyn Fn(DownloadProgress<'_>)) -> Self {
        let cache_dir = cache_dir.into();
        Self {
            hub_cache: cache_dir.join("hub"),
            cache_dir,
            hub_endpoint: HUB_ENDPOINT.to_owned(),
            hub_token: None,
            spare_dir: None,
            certificate_file: None,
            certificate_dir: None,
            offline: false,
            python: "python3".to_owned(),
            on_progress,
        }
    }

    /// Folders with the subfolder `pypi`, in the order in which they are searched and written to.
    #[cfg(feature = "pypi")]
    pub(crate) fn package_caches(&self) -> Vec<PathBuf> {
        let mut caches = vec![self.cache_dir.clone()];
        caches.extend(self.spare_dir.clone());
        caches
    }

    /// Cache folders of the Hub, in the order in which they are searched and written to.
    #[cfg(feature = "hub")]
    pub(crate) fn hub_caches(&self) -> Vec<PathBuf> {
        let mut caches = vec![self.hub_cache.clone(), self.cache_dir.join("hub")];
        caches.dedup();
        caches.extend(self.spare_dir.as_ref().map(|folder| folder.join("hub")));
        caches
    }
}

/// Progress of one download: `done` of `total` bytes of `file` are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadProgress<'f> {
    /// Name of the file or package.
    pub file: &'f str,
    /// Bytes on disk.
    pub done: u64,
    /// Bytes of the whole file; `None` while unknown.
    pub total: Option<u64>,
}

/// Chooses the files of a data set: takes the names of all files in the repository (with slashes), gives the names of
/// the files to fetch, or as error the name or pattern that matches no file.
pub type ChooseFiles<'a> = dyn Fn(&[String]) -> Result<Vec<String>, String> + 'a;
