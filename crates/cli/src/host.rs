//! The machine and the command that make a result, for its manifest: the library reads neither.

use std::time::Instant;

use laser::results::{Host, Manifest};

use crate::shell::quoted;

/// Writes a command, its time since `begun`, the machine and the date into a manifest.
pub(crate) fn record(manifest: &mut Manifest, begun: Instant, command: String) {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
    let processor = system.cpus().first().map_or_else(String::new, |cpu| cpu.brand().trim().to_owned());
    manifest.host = Some(Host {
        command,
        seconds: (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        processor,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory: system.total_memory(),
        system: sysinfo::System::long_os_version().unwrap_or_else(|| std::env::consts::OS.to_owned()),
    });
    let now = jiff::Timestamp::now();
    manifest.date = Some(now.round(jiff::Unit::Second).unwrap_or(now).to_string());
}

/// The command of this process as a shell would take it again.
pub(crate) fn command() -> String {
    command_line(std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()))
}

/// The command as a shell would take it again.
fn command_line(arguments: impl Iterator<Item = String>) -> String {
    let arguments = arguments.skip(1).map(|argument| quoted(&argument));
    ["laser".to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_quoted_for_a_shell() {
        let arguments = ["/usr/bin/laser", "search", "my model", "--edit", "L*.up_proj@0.1", "it's", ""];
        let line = command_line(arguments.into_iter().map(str::to_owned));
        assert_eq!(line, r"laser search 'my model' --edit 'L*.up_proj@0.1' 'it'\''s' ''");
    }
}
