//! Reader of JSON lines: one document a line.

use std::io::BufRead;
use std::ops::ControlFlow;

use super::Broken;
use super::json_text::JsonText;
use super::lines::{Line, Lines};
use crate::source::DocumentSink;

/// Hands the text of each line of `reader` to `sink`; blank lines are skipped.
pub(crate) fn read(reader: impl BufRead, key: &str, limit: usize, sink: &mut dyn DocumentSink) -> Result<(), Broken> {
    let mut lines = Lines::new(reader, limit);
    let mut text = JsonText::new(key);
    let mut line = Vec::new();
    loop {
        let next = lines.next(&mut line);
        let place = || format!("line {}", lines.number());
        match next.map_err(Broken::at(place))? {
            None => return Ok(()),
            Some(Line::TooLong { bytes }) => {
                sink.fault(place(), format!("expected a line of at most {limit} bytes, found {bytes}"));
            }
            Some(Line::Whole) if line.trim_ascii().is_empty() => {}
            Some(Line::Whole) => match text.find(&line) {
                Ok(text) => {
                    if sink.document(text) == ControlFlow::Break(()) {
                        return Ok(());
                    }
                }
                Err(problem) => sink.fault(place(), problem),
            },
        }
    }
}
