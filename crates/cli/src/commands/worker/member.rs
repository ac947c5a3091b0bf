//! The worker as a member of its team: its name and threads from the launcher's variables, and signals to stop.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result};
use laser::team::Member;

use crate::args::Worker;
use crate::progress::Progress;

/// Variables by which launchers number their processes: Slurm, HyperQueue, Kubernetes, Open MPI, other MPI.
const NUMBERS: [&str; 6] =
    ["SLURM_ARRAY_TASK_ID", "SLURM_PROCID", "HQ_TASK_ID", "JOB_COMPLETION_INDEX", "OMPI_COMM_WORLD_RANK", "PMI_RANK"];
/// Variables by which launchers number the starts of one process.
const STARTS: [&str; 2] = ["SLURM_RESTART_COUNT", "HQ_INSTANCE_ID"];

/// Variables by which Slurm says how many processors a task has; the second is set in any job.
const PROCESSORS: [&str; 2] = ["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"];

/// Number, start and processors of a worker, as its launcher gives them.
pub(super) struct Launch {
    number: Option<String>,
    start: Option<String>,
    /// Processors that the worker may use.
    pub(super) threads: Option<NonZeroUsize>,
}

impl Launch {
    /// Reads the variables of the launcher.
    pub(super) fn of_environment() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        Self {
            number: first(&NUMBERS),
            start: first(&STARTS),
            threads: first(&PROCESSORS).and_then(|number| number.parse().ok()),
        }
    }

    /// The member, which stops taking parts at SIGUSR1 and ends at SIGTERM as at Ctrl-C.
    pub(super) fn member(&self, args: &Worker, progress: &Progress) -> Result<Member> {
        let host = sysinfo::System::host_name().unwrap_or_default();
        let closing = Arc::default();
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGTERM, SIGUSR1};
            signal_hook::flag::register(SIGUSR1, Arc::clone(&closing)).context("signals")?;
            let mut ends = signal_hook::iterator::Signals::new([SIGTERM]).context("signals")?;
            let stopper = progress.stopper();
            std::thread::spawn(move || ends.forever().for_each(|_| stopper.stop()));
        }
        Ok(Member {
            name: self.name(&host, std::process::id()),
            expected: args.workers.get(),
            lease: args.lease,
            closing,
        })
    }

    /// Host and process number are unique; the others tell people which task of a job this is.
    fn name(&self, host: &str, process: u32) -> String {
        let mut parts = vec![if host.is_empty() { "host" } else { host }.to_owned(), process.to_string()];
        parts.extend(self.number.iter().map(|number| format!("task{number}")));
        parts.extend(self.start.iter().map(|start| format!("start{start}")));
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        parts.join("-").chars().map(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_name_and_size_their_workers() {
        let of = |variables: &'static [(&str, &str)]| {
            Launch::of(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        let slurm = of(&[("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_RESTART_COUNT", "1"), ("SLURM_CPUS_PER_TASK", "8")]);
        assert_eq!(slurm.name("node7.cluster", 42), "node7_cluster-42-task3-start1");
        assert_eq!(slurm.threads.map(NonZeroUsize::get), Some(8));
        assert_eq!(of(&[("HQ_TASK_ID", "5"), ("HQ_INSTANCE_ID", "2")]).name("a", 1), "a-1-task5-start2");
        let alone = of(&[("SLURM_CPUS_PER_TASK", "many")]);
        assert_eq!((alone.name("", 9), alone.threads), ("host-9".to_owned(), None));
    }
}
