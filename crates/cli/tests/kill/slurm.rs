//! Workers in a real Slurm of two nodes on this machine: the bytes of a search by one process, also after a task was cancelled
//! and one was requeued. Skipped, with a line on stderr, where Slurm is not installed or cannot start.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, Ran};
use crate::items;
use crate::search::FILES;

/// Long enough for a task to be requeued while it works.
const SEARCH: &str = "search model --task open.jsonl --score generate --matrices all --threads 1 --strategy exhaustive";

/// A cluster with a folder of its own, which ends when it is dropped.
struct Cluster {
    folder: PathBuf,
}

/// Ports of the controller and of the two nodes.
const PORTS: [u16; 3] = [36817, 36818, 36819];

impl Cluster {
    /// Starts Slurm; says why it cannot.
    fn start(folder: PathBuf) -> Result<Self, String> {
        let host = output(Command::new("hostname").arg("-s"))?.trim().to_owned();
        for name in ["state", "spool-n1", "spool-n2"] {
            std::fs::create_dir_all(folder.join(name)).map_err(|e| e.to_string())?;
        }
        let shown = folder.display();
        let [controller, first, second] = PORTS;
        let configuration = format!(
            "ClusterName=laser\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={controller}\nSlurmUser=root\nSlurmdUser=root\n\
             AuthType=auth/munge\nAuthInfo=socket={shown}/munge.sock\nCredType=cred/munge\nStateSaveLocation={shown}/state\n\
             SlurmdSpoolDir={shown}/spool-%n\nSlurmctldPidFile={shown}/slurmctld.pid\nSlurmdPidFile={shown}/slurmd-%n.pid\n\
             SlurmctldLogFile={shown}/slurmctld.log\nSlurmdLogFile={shown}/slurmd-%n.log\nProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\n\
             SwitchType=switch/none\nMpiDefault=none\nMailProg=/bin/true\nReturnToService=2\n\
             SchedulerParameters=sched_interval=1,batch_sched_delay=0\nSelectType=select/cons_tres\n\
             SelectTypeParameters=CR_Core\nJobRequeue=1\nKillWait=5\nSlurmdParameters=config_overrides\n\
             NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=1 RealMemory=1000 State=UNKNOWN\n\
             NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=1 RealMemory=1000 State=UNKNOWN\n\
             PartitionName=p Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP\n"
        );
        std::fs::write(folder.join("slurm.conf"), configuration).map_err(|e| e.to_string())?;
        let key: Vec<u8> = (0..1024u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        std::fs::write(folder.join("munge.key"), key).map_err(|e| e.to_string())?;
        output(Command::new("chmod").arg("400").arg(folder.join("munge.key")))?;
        let cluster = Self { folder };
        let file = |name: &str| cluster.folder.join(name);
        let mut munged = Command::new("munged");
        for (flag, name) in [
            ("--key-file", "munge.key"),
            ("--socket", "munge.sock"),
            ("--pid-file", "munged.pid"),
            ("--log-file", "munged.log"),
            ("--seed-file", "munged.seed"),
        ] {
            munged.arg(flag).arg(file(name));
        }
        output(munged.arg("--force"))?;
        output(cluster.command("slurmctld").arg("-i"))?;
        output(cluster.command("slurmd").args(["-N", "n1"]))?;
        output(cluster.command("slurmd").args(["-N", "n2"]))?;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(40) {
            if output(cluster.command("sinfo").args(["-h", "-t", "idle", "-o", "%D"]))?.trim() == "2" {
                return Ok(cluster);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(format!("its nodes are not idle after 40 s: {}", output(&mut cluster.command("sinfo"))?))
    }

    /// A command that finds this cluster.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.folder.join("slurm.conf"));
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for name in ["slurmd-n1.pid", "slurmd-n2.pid", "slurmctld.pid", "munged.pid"] {
            if let Ok(process) = std::fs::read_to_string(self.folder.join(name)) {
                let _ = Command::new("kill").arg(process.trim()).status();
            }
        }
    }
}

/// Runs a command to its end and returns what it wrote.
fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let ran = command.stdin(Stdio::null()).output().map_err(|e| format!("{program}: {e}"))?;
    if !ran.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&ran.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

#[test]
fn workers_of_slurm_find_the_same_bytes() {
    let bench = Bench::new();
    let cluster = match Cluster::start(bench.path("slurm")) {
        Ok(cluster) => cluster,
        Err(problem) => {
            // Past the capture of the test's output: a test that did not run must be seen.
            let _ = writeln!(std::io::stderr(), "SKIPPED: workers of Slurm: {problem}");
            return;
        }
    };
    items::open(&bench, 120);
    bench.done(&format!("{SEARCH} --out alone"));
    let mut command = bench.command(&format!("{SEARCH} --workers slurm:2 --out together -- --comment=laser"));
    let child = command.env("SLURM_CONF", cluster.folder.join("slurm.conf")).spawn().expect("starts");
    let tasks = || output(cluster.command("squeue").args(["-h", "-r", "-t", "R", "-o", "%F_%a"])).expect("squeue");
    let begun = Instant::now();
    while tasks().lines().count() < 2 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    // One task is put back into the queue in the midst of its work; it would wait for two minutes.
    if let Some(task) = tasks().lines().next() {
        let _ = output(cluster.command("scontrol").args(["requeue", task]));
        std::thread::sleep(Duration::from_millis(500));
        let _ = output(cluster.command("scontrol").args(["update", &format!("jobid={task}"), "StartTime=now"]));
    }
    let ran = Ran::new("slurm", child.wait_with_output().expect("ends"));
    assert_eq!(ran.status.code(), Some(0), "{ran:?}\n{}", logs(&bench.path("together/workers")));
    for file in FILES {
        assert!(
            bench.settled(&format!("alone/{file}")) == bench.settled(&format!("together/{file}")),
            "{file} differs"
        );
    }
}

/// The output of all workers.
fn logs(folder: &Path) -> String {
    let Ok(logs) = std::fs::read_dir(folder) else { return "no logs".to_owned() };
    logs.filter_map(|log| std::fs::read_to_string(log.ok()?.path()).ok()).collect()
}
