//! The tables, figures and numbers of the paper that can be reproduced, by name.

use std::fmt;
use std::str::FromStr;

use laser::{Error, Result};

use crate::published::{self, Claim};

/// A table, a figure or a number of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhibit {
    /// Tables 1 and 3: accuracy and log-loss before and after, on all data sets.
    Table1,
    /// Figure 2: log-loss by layer, matrix and share removed.
    Fig2,
    /// Figure 3: the facts that benefit, by their frequency in a corpus.
    Fig3,
    /// Figure 4: several layers at once.
    Fig4,
    /// Figure 5: what the removed components say.
    Fig5,
    /// Figure 7: effective ranks.
    Fig7,
    /// Figure 8: removing too much.
    Fig8,
    /// Figure 9: the best layer of each matrix on each data set.
    Fig9,
    /// Figure 10: pruning entries instead of components.
    Fig10,
    /// Section 5.1: perplexity of text.
    Perplexity,
    /// Section 5.1: the same questions in other words.
    Paraphrases,
}

impl Exhibit {
    /// All of them, in the order of the paper.
    pub const ALL: [Self; 11] = [
        Self::Table1,
        Self::Fig2,
        Self::Fig3,
        Self::Fig4,
        Self::Fig5,
        Self::Fig7,
        Self::Fig8,
        Self::Fig9,
        Self::Fig10,
        Self::Perplexity,
        Self::Paraphrases,
    ];

    /// Name in options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table1 => "table1",
            Self::Fig2 => "fig2",
            Self::Fig3 => "fig3",
            Self::Fig4 => "fig4",
            Self::Fig5 => "fig5",
            Self::Fig7 => "fig7",
            Self::Fig8 => "fig8",
            Self::Fig9 => "fig9",
            Self::Fig10 => "fig10",
            Self::Perplexity => "perplexity",
            Self::Paraphrases => "paraphrases",
        }
    }

    /// The paper's own claim; `None` for table 1, whose numbers stand in the table.
    pub(crate) fn claim(self) -> Option<Claim> {
        Some(match self {
            Self::Table1 => return None,
            Self::Fig2 => published::FIGURE_2,
            Self::Fig3 => published::FIGURE_3,
            Self::Fig4 => published::FIGURE_4,
            Self::Fig5 => published::FIGURE_5,
            Self::Fig7 => published::FIGURE_7,
            Self::Fig8 => published::FIGURE_8,
            Self::Fig9 => published::FIGURE_9,
            Self::Fig10 => published::FIGURE_10,
            Self::Perplexity => published::PERPLEXITY,
            Self::Paraphrases => published::PARAPHRASES,
        })
    }
}

impl fmt::Display for Exhibit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Exhibit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let problem = || {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::setting("what", format!("expected one of {known}, found `{text}`"))
        };
        Self::ALL.into_iter().find(|exhibit| exhibit.name() == text).ok_or_else(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for exhibit in Exhibit::ALL {
            assert_eq!(exhibit.to_string().parse::<Exhibit>().expect("a name"), exhibit);
        }
        assert!("fig1".parse::<Exhibit>().expect_err("not known").to_string().contains("table1, fig2"));
    }
}
