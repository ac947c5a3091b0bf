//! A folder with a model in it, and the binary to run there.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::checkpoint;

/// A temporary folder with the tiny model; everything the binary keeps goes in there too.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A new folder with the model as `model` (a Hugging Face folder).
    pub(crate) fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        checkpoint::write_folder(&folder.path().join("model"));
        Self { folder }
    }

    /// The same, with the model as `model.gguf` too.
    pub(crate) fn with_gguf() -> Self {
        let bench = Self::new();
        checkpoint::write_gguf(&bench.path("model.gguf"));
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("writes");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// A file of a run without what differs between two runs of the same search: its date, and the command, time and machine
    /// in the manifest of the results, which the report shows.
    #[allow(dead_code)] // not every test binary compares runs
    pub(crate) fn settled(&self, name: &str) -> String {
        let text = self.read(name);
        if name.ends_with("results.json") {
            return without_host(&text).expect("JSON");
        }
        let of_host = |line: &&str| {
            ["command", "time", "machine", "date"]
                .iter()
                .any(|row| line.contains(&format!("<th scope=\"row\">{row}</th>")))
        };
        text.lines().filter(|line| !of_host(line)).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).expect(name)
    }

    /// Laser's own records of an evaluation of one task.
    pub(crate) fn evaluated(&self, out: &str, task: &str) -> Vec<Value> {
        let lines = self.samples(&format!("{out}/samples_{task}.jsonl"));
        lines.into_iter().map(|mut line| line["laser"].take()).collect()
    }

    /// Laser's own block of what `laser eval` prints.
    pub(crate) fn laser(&self, arguments: &str) -> Value {
        self.data(arguments)["laser"].take()
    }

    /// The lines of a `samples.jsonl`.
    pub(crate) fn samples(&self, name: &str) -> Vec<Value> {
        self.read(name).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The binary with arguments split at blanks, to run in the folder without any outside settings.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_laser"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        for name in ["HF_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN", "HF_TOKEN_PATH", "XDG_CACHE_HOME"] {
            command.env_remove(name);
        }
        command.env("LASER_CACHE", self.path("cache")).env("HF_HOME", self.path("cache")).env("HF_HUB_OFFLINE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs to the end after commands of a shell, such as `ulimit`, which hold for the run; whatever comes of it.
    #[allow(dead_code)] // not every test binary limits runs
    pub(crate) fn run_after(&self, shell: &str, arguments: &str) -> Ran {
        let plain = self.command(arguments);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$@\""), "sh"]).arg(plain.get_program()).args(plain.get_args());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        Ran::new(arguments, command.output().expect("sh starts"))
    }

    /// Runs to the end, whatever comes of it.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::new(arguments, self.command(arguments).output().expect("the binary starts"))
    }

    /// Runs and expects exit code 0.
    pub(crate) fn done(&self, arguments: &str) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        ran
    }

    /// Runs with `--json` and expects nothing else on stdout.
    pub(crate) fn data(&self, arguments: &str) -> Value {
        let ran = self.done(&format!("{arguments} --json"));
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("stdout is not JSON: {e}\n{ran:?}"))
    }

    /// Runs and expects exit code 2, nothing on stdout, and an error that says all of `words`. Notes about the tasks may
    /// stand before it.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &str, words: &[&str]) {
        let ran = self.run(arguments);
        assert_eq!(ran.status.code(), Some(2), "{ran:?}");
        assert_eq!(ran.stdout, "", "{ran:?}");
        assert!(ran.stderr.lines().any(|line| line.starts_with("error: ")), "{ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        for word in words {
            assert!(ran.stderr.contains(word), "no `{word}` in {ran:?}");
        }
    }
}

/// Output and exit code of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    #[allow(dead_code)] // shown when an assertion fails
    arguments: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(arguments: &str, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            arguments: arguments.to_owned(),
            status: output.status,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The number at a path of keys such as `test.diff`.
#[track_caller]
pub(crate) fn number(value: &Value, path: &str) -> f64 {
    let found = path.split('.').fold(value, |value, key| &value[key]);
    found.as_f64().unwrap_or_else(|| panic!("`{path}` is no number: {found}"))
}

/// Names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The results of a search or of an evaluation without date, command, time and machine, in which two runs of the same work
/// differ; `None` if the text is no JSON.
pub(crate) fn without_host(results: &str) -> Option<String> {
    let mut results: Value = serde_json::from_str(results).ok()?;
    for pointer in ["/manifest", "/laser/manifest"] {
        if let Some(manifest) = results.pointer_mut(pointer).and_then(Value::as_object_mut) {
            manifest.remove("date");
            manifest.remove("host");
        }
    }
    Some(results.to_string())
}
