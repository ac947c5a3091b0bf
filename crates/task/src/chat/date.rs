//! The date that a chat template may ask for: takes what the user says, gives it as the template formats it.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    year: u32,
    /// From 1.
    month: u32,
    /// From 1.
    day: u32,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Date {
    /// The date in C's `strftime` notation, at midnight; `Err` holds the directive that is not known.
    pub(super) fn format(self, format: &str) -> Result<String, char> {
        let mut text = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let (weekday, month) = (DAYS[self.weekday()], MONTHS[self.month as usize - 1]);
            text.push_str(&match chars.next().unwrap_or('%') {
                'd' => format!("{:02}", self.day),
                'm' => format!("{:02}", self.month),
                'Y' => self.year.to_string(),
                'y' => format!("{:02}", self.year % 100),
                'B' => month.to_owned(),
                'b' => month[..3].to_owned(),
                'A' => weekday.to_owned(),
                'a' => weekday[..3].to_owned(),
                'H' | 'M' | 'S' => "00".to_owned(),
                '%' => "%".to_owned(),
                other => return Err(other),
            });
        }
        Ok(text)
    }

    /// Days after a Monday. 1 January of year 1 was one; leap days of the years before are counted, then those days of
    /// this year's months before.
    fn weekday(self) -> usize {
        let past = self.year - 1;
        let days = past * 365 + past / 4 - past / 100 + past / 400;
        let of_months: u32 = (1..self.month).map(|month| days_of(self.year, month)).sum();
        ((days + of_months + self.day - 1) % 7) as usize
    }
}

fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let numbers: Vec<u32> =
            text.split('-').filter(|n| n.bytes().all(|b| b.is_ascii_digit())).filter_map(|n| n.parse().ok()).collect();
        match numbers[..] {
            [year @ 1..=9999, month @ 1..=12, day] if text.len() == 10 && (1..=days_of(year, month)).contains(&day) => {
                Ok(Self { year, month, day })
            }
            _ => Err(Error::setting("--chat-date", format!("expected a day such as 2026-01-31, found `{text}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_and_written_as_in_c() {
        for (day, want) in [
            ("2000-01-01", "Saturday, 01 January 2000"),
            ("2024-02-29", "Thursday, 29 February 2024"),
            ("1900-03-01", "Thursday, 01 March 1900"),
            ("2026-11-23", "Monday, 23 November 2026"),
        ] {
            let date: Date = day.parse().expect(day);
            assert_eq!(date.format("%A, %d %B %Y").as_deref(), Ok(want));
            assert_eq!(date.to_string(), day);
        }
        let date: Date = "2024-07-26".parse().expect("a day");
        assert_eq!(date.format("%a %d.%b/%m %y %H:%M:%S 100%%").as_deref(), Ok("Fri 26.Jul/07 24 00:00:00 100%"));
        assert_eq!(date.format("%Q"), Err('Q'));
    }

    #[test]
    fn what_is_no_day_is_refused() {
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
        ] {
            assert!(text.parse::<Date>().expect_err(text).to_string().contains("--chat-date"), "{text}");
        }
    }
}
