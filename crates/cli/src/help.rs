//! Help: the heading of every flag, the flags of the short help (`-h`), and examples.
//!
//! One table for all commands, because most flags belong to several.

use std::ffi::OsString;

use clap::{ColorChoice, Command, ValueEnum};

/// Headings with the flags under them, by the names of their fields.
const HEADINGS: [(&str, &[&str]); 9] = [
    (
        "Task",
        &[
            "task",
            "data",
            "prompt",
            "answer",
            "choices",
            "gold",
            "records",
            "target_delimiter",
            "skip_bad",
            "profile",
            "score",
            "matching",
            "max_tokens",
            "num_fewshot",
            "fewshot_seed",
            "include_path",
            "apply_chat_template",
            "chat",
            "system_instruction",
            "chat_date",
            "limit",
            "split_seed",
            "split_fractions",
            "split",
        ],
    ),
    (
        "Search space",
        &["layers", "matrices", "rho", "edit", "run", "adapter", "adapted_edit", "svd", "svd_seed", "removed", "kinds"],
    ),
    (
        "Strategy",
        &[
            "strategy",
            "objective",
            "aggregate",
            "guard",
            "protocol",
            "finalists",
            "candidates",
            "screen_items",
            "criterion",
            "error_rate",
            "greedy_order",
            "greedy_passes",
            "beam_width",
            "seed",
        ],
    ),
    ("Budget", &["max_time", "max_trials", "max_items", "dry_run"]),
    ("Workers", &["workers", "launcher_options", "lease", "manifest", "image", "volume_claim"]),
    ("Proof", &["max_damage", "no_side_effects", "require_gain", "controls", "bottoms", "draws", "update_ranks"]),
    (
        "Output",
        &[
            "out",
            "write_model",
            "resume",
            "force",
            "no_menu",
            "json",
            "all",
            "time",
            "format",
            "approximate_rank",
            "tensor_type",
            "weights_type",
            "spectra",
            "generic",
            "with",
            "private",
            "message",
            "search",
        ],
    ),
    ("Model", &["model", "device", "dtype", "threads", "memory"]),
    (
        "General",
        &["quiet", "verbose", "color", "config", "cache_dir", "cache_size", "no_cache", "offline", "help", "version"],
    ),
];

/// Flags that the short help of every command shows.
const SHORT: [&str; 25] = [
    "task",
    "data",
    "limit",
    "skip_bad",
    "edit",
    "layers",
    "matrices",
    "rho",
    "max_time",
    "max_damage",
    "dry_run",
    "out",
    "format",
    "write_model",
    "resume",
    "prompt",
    "answer",
    "run",
    "with",
    "private",
    "model",
    "search",
    "json",
    "quiet",
    "help",
];

/// Commands with examples of their use.
const EXAMPLES: [(&str, &str); 15] = [
    (
        "search",
        "\
laser search MODEL --task questions.jsonl --out run
laser search MODEL --task questions.jsonl --max-damage 0.1 --max-time 20m --write-model better
laser search --resume --out run
laser search MODEL --task questions.jsonl --out run --workers slurm:16 -- --time=2:00:00",
    ),
    (
        "worker",
        "\
laser worker run
mpirun -n 16 laser worker run
laser worker run --workers 16 --manifest k8s",
    ),
    (
        "eval",
        "\
laser eval MODEL --task questions.jsonl
laser eval MODEL --task known-1000 --data known_1000 --edit L28.up_proj@0.2 --out edited",
    ),
    (
        "apply",
        "\
laser apply MODEL --edit run/recipe.yaml --out better
laser apply model.gguf --edit L28.up_proj@0.2 --out better.gguf
laser apply MODEL --edit run/recipe.yaml --format delta --out better.safetensors
laser apply MODEL --edit better.safetensors --out better",
    ),
    (
        "explain",
        "\
laser explain MODEL --task questions.jsonl --run run
laser explain MODEL --prompt \"Toronto is located in\" --answer Canada --edit L28.up_proj@0.2",
    ),
    ("sweep", "laser sweep MODEL --task questions.jsonl --layers 20- --matrices up,down"),
    (
        "ask",
        "laser ask MODEL --edit run/recipe.yaml \"Toronto is located in\"\nlaser ask MODEL --chat \"Who wrote Hamlet?\"",
    ),
    ("spectrum", "laser spectrum MODEL --matrices L20-27.mlp"),
    ("inspect", "laser inspect hf:ORG/NAME"),
    ("compare", "laser compare before after\nlaser compare run/ edited/"),
    ("reproduce", "laser reproduce table1 MODEL --data DATA --limit 300"),
    (
        "push",
        "\
laser push run my-name/better-model --dry-run
laser push run my-name/better-model --private
laser push run my-name/better-model --with dense",
    ),
    (
        "reproduce-run",
        "\
laser reproduce-run my-name/better-model
laser reproduce-run reproduce.json --model path/to/base
laser reproduce-run run --search",
    ),
    ("lora", "laser lora MODEL --adapter DIR --edit run/recipe.yaml --task questions.jsonl"),
    ("config", "laser config search > run.yaml\nlaser search --config run.yaml"),
];

/// Puts flags under their headings, hides the rarer ones from the short help, and adds the examples.
pub(crate) fn arrange(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let mut command = command.mut_args(|argument| {
        let id = argument.get_id().to_string();
        let heading = HEADINGS.iter().find(|(_, ids)| ids.contains(&id.as_str())).map(|(heading, _)| *heading);
        let is_rare = argument.is_last_set() || !argument.is_positional() && !SHORT.contains(&id.as_str());
        let argument = argument.hide_short_help(is_rare);
        match heading {
            Some(heading) if !argument.is_positional() => argument.help_heading(heading),
            _ => argument,
        }
    });
    if let Some((_, examples)) = EXAMPLES.iter().find(|(command, _)| *command == name) {
        let lines: String = examples.lines().map(|line| format!("  {line}\n")).collect();
        let text = format!("Examples:\n{}", lines.trim_end_matches('\n'));
        command = command.after_help(format!("{text}\n\nAll flags: laser {name} --help")).after_long_help(text);
    }
    command.mut_subcommands(arrange)
}

/// The choice of `--color` among arguments, for help and errors, which are printed before the arguments are known.
pub(crate) fn colour(arguments: &[OsString]) -> ColorChoice {
    let words: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let given = words.iter().enumerate().find_map(|(i, word)| match word.strip_prefix("--color") {
        Some("") => words.get(i + 1).map(|next| next.to_string()),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    given.and_then(|given| ColorChoice::from_str(&given, true).ok()).unwrap_or(ColorChoice::Auto)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Arguments;

    #[test]
    fn flags_of_the_main_commands_have_headings_and_the_short_help_is_short() {
        let command = arrange(Arguments::command());
        for name in ["search", "eval", "apply", "explain", "sweep"] {
            let sub = command.find_subcommand(name).expect(name);
            for argument in sub.get_arguments().filter(|argument| !argument.is_positional()) {
                assert!(argument.get_help_heading().is_some(), "{name}: {} has no heading", argument.get_id());
            }
            let shown = sub.get_arguments().filter(|argument| !argument.is_hide_short_help_set()).count();
            assert!(shown <= 16, "{name} -h shows {shown} arguments");
        }
    }

    #[test]
    fn the_tables_name_what_exists() {
        let command = arrange(Arguments::command());
        for (name, _) in EXAMPLES {
            assert!(command.find_subcommand(name).is_some(), "there is no command {name}");
        }
    }
}
