//! Date given to chat templates that print the current date: takes `YYYY-MM-DD`, gives it formatted as by `strftime`.

use std::fmt;
use std::str::FromStr;

use jiff::civil;

use crate::error::Error;

/// A day of the Gregorian calendar, from year 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(civil::Date);

impl Date {
    /// Formats the date, at midnight, by a format string of C's `strftime`.
    ///
    /// # Errors
    /// The format contains a directive that is not supported; the error is its character.
    pub(super) fn format(self, format: &str) -> Result<String, char> {
        // Only directives whose meaning does not depend on locale or time zone are passed on.
        let mut checked = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            checked.push(c);
            if c != '%' {
                continue;
            }
            match chars.next() {
                // Without `-`, jiff pads years before 1000 with zeros, which C and Python on Linux do not.
                Some('Y') => checked.push_str("-Y"),
                Some(directive @ ('d' | 'm' | 'y' | 'B' | 'b' | 'A' | 'a' | 'H' | 'M' | 'S' | '%')) => {
                    checked.push(directive);
                }
                None => checked.push('%'), // a lone `%` at the end stands for itself
                Some(other) => return Err(other),
            }
        }
        Ok(self.0.at(0, 0, 0, 0).strftime(&checked).to_string())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // jiff also accepts other notations of ISO 8601, such as `20260131`, which do not print as they were written.
        match text.parse::<civil::Date>() {
            Ok(date) if date.year() >= 1 && date.to_string() == text => Ok(Self(date)),
            _ => Err(Error::setting("chat-date", format!("expected a day such as 2026-01-31, found `{text}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_formatted_as_by_strftime() {
        for (day, want) in [
            ("2000-01-01", "Saturday, 01 January 2000"),
            ("2024-02-29", "Thursday, 29 February 2024"),
            ("1900-03-01", "Thursday, 01 March 1900"),
            ("2026-11-23", "Monday, 23 November 2026"),
            ("0987-05-09", "Wednesday, 09 May 987"),
            ("0001-01-01", "Monday, 01 January 1"),
        ] {
            let date: Date = day.parse().expect(day);
            assert_eq!(date.format("%A, %d %B %Y").as_deref(), Ok(want));
            assert_eq!(date.to_string(), day);
        }
        let date: Date = "2024-07-26".parse().expect("a day");
        assert_eq!(date.format("%a %d.%b/%m %y %H:%M:%S 100%%").as_deref(), Ok("Fri 26.Jul/07 24 00:00:00 100%"));
        assert_eq!(date.format("100%").as_deref(), Ok("100%"));
        for (format, directive) in [("%Q", 'Q'), ("%c", 'c'), ("%d %-d", '-'), ("%Z", 'Z')] {
            assert_eq!(date.format(format), Err(directive));
        }
    }

    #[test]
    fn texts_that_are_not_a_day_are_rejected() {
        for text in [
            "",
            "today",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-1",
            "0000-01-01",
            "2024-04-31",
            "+024-01-01",
            "20240101",
            "2024-01-01T00:00",
        ] {
            assert!(text.parse::<Date>().expect_err(text).to_string().contains("chat-date"), "{text}");
        }
    }
}
