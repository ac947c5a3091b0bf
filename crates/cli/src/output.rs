//! Printing: results to stdout, everything else to stderr.

use std::io::Write;

use anyhow::Result;

use crate::args::Global;

/// Prints a result. A closed pipe (`laser … | head`) is not an error.
pub(crate) fn result(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

/// Prints a result as JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<()> {
    result(&serde_json::to_string_pretty(value)?)
}

/// Says something on stderr, unless the user wants quiet.
pub(crate) fn say(global: &Global, text: &str) {
    if !global.quiet {
        line(text);
    }
}

/// Says why the command could not run.
pub(crate) fn failure(error: &anyhow::Error) {
    line(&format!("error: {error}"));
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !error.to_string().contains(&cause) {
            line(&format!("  because {cause}"));
        }
    }
}

/// A line on stderr.
pub(crate) fn line(text: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A table with aligned columns; the first row is the header, cells that are numbers go right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &'_ [String], c: usize| row.get(c).cloned().unwrap_or_default();
    let width: Vec<usize> =
        (0..columns).map(|c| rows.iter().map(|r| cell(r, c).chars().count()).max().unwrap_or(0)).collect();
    let starts_a_number = |x: &String| x.is_empty() || x.starts_with(|c: char| c.is_ascii_digit() || "+-−".contains(c));
    let numeric: Vec<bool> =
        (0..columns).map(|c| rows.len() > 1 && rows.iter().skip(1).all(|r| starts_a_number(&cell(r, c)))).collect();
    let mut text = String::new();
    for row in rows {
        let cells = (0..columns).map(|c| {
            let (cell, width) = (cell(row, c), width[c]);
            if numeric[c] { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text.pop();
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_go_right_and_texts_left() {
        let rows = [["name", "n"], ["a", "10"], ["long", "2"]].map(|r| r.map(str::to_owned).to_vec());
        assert_eq!(super::table(&rows), "name   n\na     10\nlong   2");
    }
}
