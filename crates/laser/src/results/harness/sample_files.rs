//! Names of the files of samples, one file for each task.

/// Longest part of a task's name, in bytes, that goes into a file's name: file systems allow 255 bytes, and prefix,
/// number and extension need some of them.
const MAX_NAME: usize = 200;

/// The names `samples_NAME.jsonl` for some tasks, in their order. Characters of a task's name other than ASCII letters,
/// digits, `.`, `_` and `-` become `_`; if two tasks would get the same file, the second one's name ends in `-2`.
pub fn sample_files<'a>(tasks: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut files = Vec::<String>::new();
    for task in tasks {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let name: String = task.strip_suffix(".jsonl").unwrap_or(task).chars().map(safe).collect();
        // The end of a long name, often a path, tells more than its beginning.
        let name = &name[name.len().saturating_sub(MAX_NAME)..];
        let numbered = (1..).map(|n| if n == 1 { name.to_owned() } else { format!("{name}-{n}") });
        let file = numbered.map(|name| format!("samples_{name}.jsonl")).find(|file| !files.contains(file));
        files.extend(file);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_a_file_with_a_safe_name() {
        let long = "x".repeat(300);
        let names = sample_files(["arc_easy", "../a b/c.jsonl", ".._a_b_c", "é", &long]);
        assert_eq!(
            names[..4],
            ["samples_arc_easy.jsonl", "samples_.._a_b_c.jsonl", "samples_.._a_b_c-2.jsonl", "samples__.jsonl"]
        );
        assert!(names[4].len() < 255);
    }
}
