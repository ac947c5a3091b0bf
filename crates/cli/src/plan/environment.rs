//! Settings from the environment: caches, the Hub, the machine's memory. The library reads none of them.

use std::path::PathBuf;

use laser::SessionOptions;

/// The user's cache folder for Laser: `LASER_CACHE`, else `laser` in `XDG_CACHE_HOME` or `~/.cache`.
pub(super) fn cache_dir() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("LASER_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("laser")))
        .or_else(|| variable("HOME").map(|folder| folder.join(".cache/laser")))
        .unwrap_or_else(|| PathBuf::from(".laser-cache"))
}

/// `options` with the Hub's customary variables: `HF_HUB_CACHE`, `HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`.
pub(super) fn hub(mut options: SessionOptions) -> SessionOptions {
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(cache) = text("HF_HUB_CACHE") {
        options.hub_cache = Some(PathBuf::from(cache));
    } else if let Some(home) = text("HF_HOME") {
        options.hub_cache = Some(PathBuf::from(home).join("hub"));
    }
    if let Some(endpoint) = text("HF_ENDPOINT") {
        options.hub_endpoint = endpoint;
    }
    options.hub_token = text("HF_TOKEN");
    options.offline |= text("HF_HUB_OFFLINE").is_some_and(|value| value != "0");
    options
}

/// Half of the machine's memory, in bytes; at least 256 MiB.
pub(super) fn half_of_memory() -> usize {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    usize::try_from(system.total_memory() / 2).unwrap_or(usize::MAX).max(1 << 28)
}
