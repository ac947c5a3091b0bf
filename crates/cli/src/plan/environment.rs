//! Settings from the environment: caches, the Hub, certificates, the machine's memory. The library reads none of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use laser::SessionOptions;

/// Environment variables, as `laser --help` lists them.
pub(crate) const HELP: &str = "\
Environment variables:
  LASER_CACHE                  folder for decompositions and fetched wheels, as --cache-dir
  HF_HOME, HF_HUB_CACHE        Hugging Face's folder and its cache of models [default: ~/.cache/huggingface]
  HF_TOKEN, HF_TOKEN_PATH      access token, or the file of it [default: the one that `hf auth login` saved]
  HF_HUB_OFFLINE               1, ON, YES or TRUE: use caches only, as --offline
  HF_ENDPOINT                  address of the Hub
  SSL_CERT_FILE, SSL_CERT_DIR  certificate authorities to trust [default: the system's]
  HTTPS_PROXY, NO_PROXY        proxy, and hosts without it";

/// Values of environment variables, and the user's home folder.
struct Environment<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
}

impl Environment<'_> {
    /// The first of these variables that is set to more than blanks.
    fn text(&self, names: &[&str]) -> Option<String> {
        let value = |name: &&str| (self.variable)(name).map(|value| value.to_string_lossy().trim().to_owned());
        names.iter().filter_map(value).find(|value| !value.is_empty())
    }

    /// The first of these variables that is set, as a path whose `~` stands for the home folder.
    fn path(&self, names: &[&str]) -> Option<PathBuf> {
        let value = |name: &&str| (self.variable)(name).filter(|value| !value.is_empty());
        let path = PathBuf::from(names.iter().find_map(value)?);
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(path),
        }
    }

    /// The user's folder of caches.
    fn caches(&self) -> Option<PathBuf> {
        self.path(&["XDG_CACHE_HOME"]).or_else(|| Some(self.home.as_ref()?.join(".cache")))
    }

    /// The user's cache folder for Laser.
    fn laser_cache(&self) -> PathBuf {
        let own = || Some(self.caches()?.join("laser"));
        self.path(&["LASER_CACHE"]).or_else(own).unwrap_or_else(|| PathBuf::from(".laser-cache"))
    }

    /// The folder of `huggingface_hub`, with its cache and its saved token.
    fn hugging_face(&self) -> Option<PathBuf> {
        self.path(&["HF_HOME"]).or_else(|| Some(self.caches()?.join("huggingface")))
    }

    /// The Hub's cache folder.
    fn hub_cache(&self) -> Option<PathBuf> {
        // The second name is that of older versions.
        let own = || Some(self.hugging_face()?.join("hub"));
        self.path(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]).or_else(own)
    }

    /// The access token: of the environment, else the saved one.
    fn token(&self) -> Option<String> {
        if let Some(token) = self.text(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
            return Some(token);
        }
        if self.is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            return None;
        }
        let saved = || Some(self.hugging_face()?.join("token"));
        let file = self.path(&["HF_TOKEN_PATH"]).or_else(saved)?;
        let token = std::fs::read_to_string(file).ok()?;
        Some(token.trim().to_owned()).filter(|token| !token.is_empty())
    }

    /// True if the variable is set to one of the words by which `huggingface_hub` means yes.
    fn is_on(&self, name: &str) -> bool {
        let yes = ["1", "ON", "YES", "TRUE"];
        self.text(&[name]).is_some_and(|value| yes.contains(&value.to_ascii_uppercase().as_str()))
    }

    /// `options` with the Hub's settings.
    fn hub(&self, mut options: SessionOptions) -> SessionOptions {
        options.hub_cache = self.hub_cache();
        if let Some(endpoint) = self.text(&["HF_ENDPOINT"]) {
            options.hub_endpoint = endpoint;
        }
        options.hub_token = self.token();
        options.certificate_file = self.path(&["SSL_CERT_FILE"]);
        options.certificate_dir = self.path(&["SSL_CERT_DIR"]);
        // The second name is that of the library `transformers`.
        options.offline |= self.is_on("HF_HUB_OFFLINE") || self.is_on("TRANSFORMERS_OFFLINE");
        options
    }
}

/// Calls `read` with this process's environment.
fn with_environment<T>(read: impl FnOnce(&Environment<'_>) -> T) -> T {
    read(&Environment { variable: &|name| std::env::var_os(name), home: std::env::home_dir() })
}

/// The user's cache folder for Laser: `LASER_CACHE`, else `laser` in `XDG_CACHE_HOME` or `~/.cache`.
pub(crate) fn cache_dir() -> PathBuf {
    with_environment(|environment| environment.laser_cache())
}

/// The Hub's cache folder: `HF_HUB_CACHE`, else `hub` in Hugging Face's folder.
pub(crate) fn hub_cache() -> Option<PathBuf> {
    with_environment(|environment| environment.hub_cache())
}

/// `options` with the settings of the Hub that `huggingface_hub` would use, and the certificates that OpenSSL would.
pub(super) fn hub(options: SessionOptions) -> SessionOptions {
    with_environment(|environment| environment.hub(options))
}

/// A temporary folder for what is fetched, if nothing can be written to the cache folder. Removed when dropped.
pub(super) fn spare_dir(cache_dir: &Path) -> Option<tempfile::TempDir> {
    let probe = || -> std::io::Result<()> {
        std::fs::create_dir_all(cache_dir)?;
        tempfile::tempfile_in(cache_dir).map(drop)
    };
    if probe().is_ok() { None } else { tempfile::Builder::new().prefix("laser-").tempdir().ok() }
}

/// Half of the memory that the machine has and its control group allows, in bytes; at least 256 MiB.
pub(crate) fn half_of_memory() -> usize {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let allowed = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    usize::try_from(system.total_memory().min(allowed) / 2).unwrap_or(usize::MAX).max(1 << 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads from these variables, with the home folder `home`.
    fn of<T>(home: &Path, variables: &[(&str, &str)], read: impl FnOnce(&Environment<'_>) -> T) -> T {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        read(&Environment { variable: &variable, home: Some(home.to_owned()) })
    }

    #[test]
    fn caches_are_where_hugging_face_has_them() {
        let home = Path::new("/home/me");
        for (variables, expected) in [
            (&[][..], "/home/me/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x"), ("HF_HOME", "~/hf")], "/home/me/hf/hub"),
            (&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "~/models")], "/home/me/models"),
            (&[("HF_HOME", "/hf"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old"),
            (&[("HF_HOME", ""), ("HF_HUB_CACHE", "")], "/home/me/.cache/huggingface/hub"),
        ] {
            assert_eq!(of(home, variables, |e| e.hub_cache()), Some(PathBuf::from(expected)), "{variables:?}");
        }
        assert_eq!(of(home, &[("LASER_CACHE", "~/l")], |e| e.laser_cache()), Path::new("/home/me/l"));
        assert_eq!(of(home, &[], |e| e.laser_cache()), Path::new("/home/me/.cache/laser"));
    }

    #[test]
    fn offline_is_read_as_hugging_face_reads_it() {
        for (value, expected) in [
            ("1", true),
            ("on", true),
            ("Yes", true),
            ("TRUE", true),
            (" true ", true),
            ("0", false),
            ("2", false),
            ("", false),
        ] {
            for name in ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"] {
                let options = of(Path::new("/none"), &[(name, value)], |e| e.hub(SessionOptions::default()));
                assert_eq!(options.offline, expected, "{name}={value}");
            }
        }
    }

    #[test]
    fn the_token_is_that_of_the_environment_or_the_saved_one() {
        let home = tempfile::tempdir().unwrap();
        let token = |variables: &[(&str, &str)]| of(home.path(), variables, |e| e.token());
        assert_eq!(token(&[]), None);
        assert_eq!(token(&[("HF_TOKEN", " hf_env\r\n")]).as_deref(), Some("hf_env"));
        let folder = home.path().join(".cache/huggingface");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("token"), "hf_saved\n").unwrap();
        assert_eq!(token(&[]).as_deref(), Some("hf_saved"));
        assert_eq!(token(&[("HF_TOKEN", "  ")]).as_deref(), Some("hf_saved"));
        assert_eq!(token(&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
        std::fs::write(home.path().join("other"), "hf_other").unwrap();
        assert_eq!(token(&[("HF_TOKEN_PATH", "~/other")]).as_deref(), Some("hf_other"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_gets_a_spare_one() {
        let home = tempfile::tempdir().unwrap();
        assert!(spare_dir(&home.path().join("cache")).is_none());
        std::fs::write(home.path().join("file"), "").unwrap();
        assert!(spare_dir(&home.path().join("file/cache")).is_some_and(|spare| spare.path().is_dir()));
    }
}
