//! Reader of level files in the form of `google-deepmind/boxoban-levels`: `; NUMBER`, then the rows of a level.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::level::Level;

/// A level of a file, under its number there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedLevel {
    /// Number after the semicolon.
    pub number: u32,
    /// The level.
    pub level: Level,
}

/// Reads the text of a level file; `file` names it in errors.
///
/// # Errors
/// A heading without a number, rows before the first heading, a number that comes twice, a level that cannot be played,
/// or a text without levels, with its line.
pub fn parse_levels(file: &Path, text: &str) -> Result<Vec<NumberedLevel>> {
    let mut levels: Vec<NumberedLevel> = Vec::new();
    let mut numbers = std::collections::BTreeSet::new();
    // Heading of the level that is being read: its line and number.
    let mut heading: Option<(usize, u32)> = None;
    let mut rows: Vec<&str> = Vec::new();
    let wrong = |line: usize, problem: String| Error::file(file, format!("line {line}"), problem);
    let mut finish = |heading: &mut Option<(usize, u32)>, rows: &mut Vec<&str>| -> Result<()> {
        let Some((line, number)) = heading.take() else { return Ok(()) };
        let level = Level::parse(rows).map_err(|e| wrong(line, format!("level {number}: {e}")))?;
        if !numbers.insert(number) {
            return Err(wrong(line, format!("expected different numbers, found level {number} twice")));
        }
        rows.clear();
        levels.push(NumberedLevel { number, level });
        Ok(())
    };
    for (index, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix(';') {
            finish(&mut heading, &mut rows)?;
            let number = title.trim().parse();
            let number = number.map_err(|_| wrong(index + 1, format!("expected `; NUMBER`, found {line:?}")))?;
            heading = Some((index + 1, number));
        } else if !line.trim().is_empty() {
            if heading.is_none() {
                return Err(wrong(
                    index + 1,
                    format!("expected `; NUMBER` before the rows of a level, found {line:?}"),
                ));
            }
            rows.push(line);
        }
    }
    finish(&mut heading, &mut rows)?;
    if levels.is_empty() {
        return Err(Error::file(file, "the file", "expected levels, each after `; NUMBER`, found none"));
    }
    Ok(levels)
}

/// The level files at a path: the path itself, or all `.txt` files of a folder in the order of their names.
///
/// # Errors
/// A path that cannot be read, or a folder without `.txt` files.
pub fn level_files(path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(Error::io(path))? {
        let file = entry.map_err(Error::io(path))?.path();
        if file.extension().is_some_and(|extension| extension == "txt") && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Error::file(path, "the folder", "expected level files `*.txt`, found none")),
        false => Ok(files),
    }
}

/// Reads one level file.
///
/// # Errors
/// A file that cannot be read, and those of [`parse_levels`].
pub fn read_levels(path: &Path) -> Result<Vec<NumberedLevel>> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    parse_levels(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<NumberedLevel>> {
        parse_levels(Path::new("levels.txt"), text)
    }

    #[test]
    fn levels_are_read_under_their_numbers() {
        let text = "; 0\n#####\n#@$.#\n#####\n\n; 7\r\n#####\r\n#.$@#\r\n#####\r\n";
        let levels = parse(text).expect("two levels");
        assert_eq!(levels.iter().map(|level| level.number).collect::<Vec<_>>(), [0, 7]);
        assert_eq!(levels[1].level.rows(), ["#####", "#.$@#", "#####"]);
    }

    #[test]
    fn malformed_files_are_named_with_the_line() {
        for (text, expected) in [
            ("", "levels.txt: the file: expected levels, each after `; NUMBER`, found none"),
            ("#####\n", "levels.txt: line 1: expected `; NUMBER` before the rows of a level, found \"#####\""),
            ("; one\n", "levels.txt: line 1: expected `; NUMBER`, found \"; one\""),
            ("; 3\n", "levels.txt: line 1: level 3: expected at least 3 rows and 3 columns, found 0 and 0"),
            (
                "; 1\n#####\n#@$.#\n#####\n\n; 2\n#####\n# $.#\n#####\n",
                "levels.txt: line 6: level 2: expected one player (`@` or `+`), found none",
            ),
            (
                "; 1\n#####\n#@$.#\n#####\n; 1\n#####\n#@$.#\n#####\n",
                "levels.txt: line 5: expected different numbers, found level 1 twice",
            ),
        ] {
            assert_eq!(parse(text).expect_err(expected).to_string(), expected);
        }
    }
}
