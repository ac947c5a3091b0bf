//! Arguments of `laser worker`, and the value of `laser search --workers`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::values::duration;

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// Folder of the search, on a file system that all workers see
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Number of workers that are expected; it decides only how much each takes at once
    #[arg(long, default_value = "2", value_name = "N")]
    pub(crate) workers: NonZeroUsize,
    /// Time after which the work of a worker that shows no sign of life is free again
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = duration)]
    pub(crate) lease: Duration,
    /// Print a manifest for that many workers instead: `k8s` for an Indexed Job of Kubernetes
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) manifest: Option<Manifest>,
    /// Container image with the `laser` command, for the manifest
    #[arg(long, default_value = "laser", value_name = "NAME")]
    pub(crate) image: String,
    /// Claim of the volume with models and run, which the manifest mounts at the current folder's path
    #[arg(long, default_value = "laser", value_name = "NAME")]
    pub(crate) volume_claim: String,
}

/// A system that starts workers by a manifest.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Manifest {
    /// An Indexed Job of Kubernetes, version 1.33 or later
    K8s,
}

/// Processes that search together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Workers {
    pub(crate) place: Place,
    pub(crate) number: NonZeroUsize,
}

/// Where workers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this machine.
    Local,
    /// In an array job of Slurm.
    Slurm,
}

impl FromStr for Workers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("expected local:N or slurm:N with N from 1, such as local:2, found `{text}`");
        let (place, number) = text.split_once(':').ok_or_else(problem)?;
        let place = match place {
            "local" => Place::Local,
            "slurm" => Place::Slurm,
            _ => return Err(problem()),
        };
        Ok(Self { place, number: number.parse().map_err(|_| problem())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_a_place_and_a_number() {
        let two = |place| Ok(Workers { place, number: NonZeroUsize::new(2).expect("two") });
        assert_eq!("local:2".parse(), two(Place::Local));
        assert_eq!("slurm:2".parse(), two(Place::Slurm));
        for text in ["", "2", "local", "local:0", "local:-1", "ssh:2", "slurm:x"] {
            assert!(text.parse::<Workers>().expect_err(text).contains("local:N or slurm:N"), "{text}");
        }
    }
}
