//! `laser search --workers`: starts the workers of a search, waits for them, and reads their results.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use laser::model::parallel::Observer;
use laser::results::Results;
use laser::run::RunFolder;
use laser::team::Team;

use crate::args::{Global, Place, Search, Workers};
use crate::config::Given;
use crate::output;
use crate::plan::environment;
use crate::progress::Progress;

/// Folder of the workers' output in the run folder.
const LOGS: &str = "workers";
/// Time between two looks at the workers.
const PAUSE: Duration = Duration::from_millis(200);
/// Seconds before a job's time limit at which Slurm asks a worker to take no further work.
const NOTICE: u32 = 120;

/// Checks that a folder is not that of a search which workers share.
pub(super) fn check_alone(out: &Path) -> Result<()> {
    if Team::is_of(out) {
        bail!(
            "{out}: workers share the search in this folder: `laser search --resume --workers local:2 --out {out}` goes on with it, and \
             `laser worker {out}` takes part",
            out = out.display()
        );
    }
    Ok(())
}

/// Has workers run the search of `args`; returns its results.
pub(super) fn search(
    workers: Workers,
    args: &Search,
    global: &Global,
    progress: &Arc<Progress>,
    given: &Given,
) -> Result<Results> {
    let (run, out) = (RunFolder::new(&args.out), args.out.display());
    if args.task.task.iter().flat_map(|tasks| tasks.split(',')).any(|task| task == "-") {
        bail!("--task -: workers cannot read standard input of this command; write the questions into a file");
    }
    if run.has_results() && !args.resume {
        bail!("{out}: the folder holds a finished search; use another");
    }
    if !Team::is_of(&args.out) && run.has_trials() && !run.has_results() {
        bail!("{out}: one process began the search in this folder; go on without --workers, or use another folder");
    }
    if Team::is_of(&args.out) && !args.resume {
        bail!("{out}: workers share the search in this folder already; --resume goes on with it");
    }
    run.create()?;
    given.write(&args.out)?;
    let logs = args.out.join(LOGS);
    std::fs::create_dir_all(&logs).with_context(|| logs.display().to_string())?;
    if !run.has_results() {
        let ends = match workers.place {
            Place::Local => Started::local(workers, args, global, &logs)?,
            Place::Slurm => Started::slurm(workers, args, global, &logs)?,
        }
        .wait(progress, &args.out)?;
        progress.finish();
        if !run.has_results() {
            let told = last_line(&logs).map_or_else(String::new, |line| format!(" ({line})"));
            bail!(
                "the workers ended before the search was done: {ends}; {} has what they said{told}; laser search --resume --workers {} --out \
                 {out} goes on",
                logs.display(),
                shown(workers)
            );
        }
    }
    let results = run.results()?;
    if let Some(path) = args.write_model.as_ref().filter(|path| results.proposes_edit() && !path.exists()) {
        bail!(
            "{}: the worker that was to write the model ended before; laser apply {} --edit {out}/recipe.yaml --out {0} writes it",
            path.display(),
            args.model.model
        );
    }
    Team::remove(&args.out)?;
    Ok(results)
}

fn shown(workers: Workers) -> String {
    let place = match workers.place {
        Place::Local => "local",
        Place::Slurm => "slurm",
    };
    format!("{place}:{}", workers.number)
}

/// Processes to wait for: workers, or a command that waits for a job.
struct Started {
    children: Vec<Child>,
    /// Whether they end with this process.
    own: bool,
}

impl Started {
    /// Workers on this machine, which divide its processors and the memory that one process would use.
    fn local(workers: Workers, args: &Search, global: &Global, logs: &Path) -> Result<Self> {
        let number = workers.number.get();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = global.threads.map_or(processors, usize::from).div_ceil(number);
        let mut started = Self { children: Vec::new(), own: true };
        for worker in 0..number {
            let path = logs.join(format!("{worker}.log"));
            let log = File::create(&path).with_context(|| path.display().to_string())?;
            let mut command = Command::new(std::env::current_exe()?);
            command.args(worker_arguments(workers, args, global));
            command.args(["--threads".to_owned(), threads.to_string()]);
            let memory =
                global.memory.map(|bytes| bytes / number).or_else(|| Some(environment::half_of_memory() / number));
            command.args(memory.into_iter().flat_map(|bytes| ["--memory".to_owned(), bytes.to_string()]));
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
            started.children.push(child.context("starting a worker")?);
        }
        output::say(global, &format!("{number} workers on {threads} threads each; what they say: {}", logs.display()));
        Ok(started)
    }

    /// An array job of Slurm, one task a worker.
    fn slurm(workers: Workers, args: &Search, global: &Global, logs: &Path) -> Result<Self> {
        let program = std::env::current_exe()?;
        let words =
            std::iter::once(program.to_string_lossy().into_owned()).chain(worker_arguments(workers, args, global));
        let script = format!(
            "#!/bin/sh\n# The shell becomes the worker, so that signals reach it.\nexec {}\n",
            words.map(|word| crate::shell::quoted(&word)).collect::<Vec<_>>().join(" ")
        );
        let mut command = Command::new("sbatch");
        command.args(["--wait", "--job-name=laser", "--requeue", "--open-mode=append"]);
        command.arg(format!("--array=0-{}", workers.number.get() - 1));
        command.arg(format!("--signal=B:USR1@{NOTICE}"));
        command.arg(format!("--output={}/%a.log", logs.display()));
        command.args(&args.launcher_options);
        let child = command.stdin(Stdio::piped()).stdout(std::io::stderr()).spawn();
        let mut child = child.context("sbatch, which submits a job to Slurm")?;
        child.stdin.take().context("sbatch takes a script")?.write_all(script.as_bytes()).context("sbatch")?;
        output::say(
            global,
            &format!(
                "waiting for {} workers of Slurm; Ctrl-C ends the waiting and leaves them running (scancel ends them); what they say: {}",
                workers.number,
                logs.display()
            ),
        );
        Ok(Self { children: vec![child], own: false })
    }

    /// Waits until all have ended, and tells how.
    fn wait(mut self, progress: &Progress, out: &Path) -> Result<String> {
        loop {
            let ends = self.children.iter_mut().map(Child::try_wait).collect::<std::io::Result<Vec<_>>>()?;
            if let Some(ends) = ends.into_iter().collect::<Option<Vec<ExitStatus>>>() {
                let mut told: Vec<String> = ends.iter().map(ToString::to_string).collect();
                told.dedup();
                return Ok(told.join(", "));
            }
            if progress.stopped() {
                if self.own {
                    self.children.iter_mut().for_each(|child| drop(child.wait()));
                    bail!(
                        "interrupted: laser search --resume --workers local:{} --out {} goes on",
                        self.children.len(),
                        out.display()
                    );
                }
                bail!("no longer waiting: laser report {} shows the results once they are there", out.display());
            }
            let said = last_line(&out.join(LOGS)).unwrap_or_default();
            progress.progress(&format!("workers: {said}"), 0, 0);
            std::thread::sleep(PAUSE);
        }
    }
}

/// The arguments of `laser worker` for each of some workers.
fn worker_arguments(workers: Workers, args: &Search, global: &Global) -> Vec<String> {
    let mut words = vec!["worker".to_owned(), args.out.to_string_lossy().into_owned()];
    words.extend(["--workers".to_owned(), workers.number.to_string()]);
    let mut flag =
        |name: &str, value: Option<String>| words.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
    flag("--cache-dir", global.cache_dir.as_ref().map(|folder| folder.to_string_lossy().into_owned()));
    flag("--cache-size", global.cache_size.map(|bytes| bytes.to_string()));
    words.extend(global.no_cache.then(|| "--no-cache".to_owned()));
    words.extend(global.offline.then(|| "--offline".to_owned()));
    words
}

/// The last line that some worker wrote.
fn last_line(logs: &Path) -> Option<String> {
    let logs = std::fs::read_dir(logs).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut logs: Vec<_> = logs.collect();
    logs.sort();
    logs.into_iter().find_map(|log| std::fs::read_to_string(log).ok()?.lines().last().map(str::to_owned))
}
