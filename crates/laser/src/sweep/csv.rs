//! A sweep as a table of comma-separated values, for other programs.

use super::{Scored, Sweep, SweepRow};

/// Names of the columns.
const HEADER: &str = "layer,matrix,kind,removed,reduction,rank,accuracy,top10,log_loss,change,stderr,fixed,broken";

impl Sweep {
    /// One line for each edit, after a line of names and one for the unedited model, whose first six cells are empty.
    /// Reductions are quoted, because some have commas.
    pub fn csv(&self) -> String {
        let mut text =
            format!("{HEADER}\n,,,,,,{},{},{},0,0,0,0\n", self.base.acc, top10(&self.base), self.base.log_loss);
        self.rows.iter().for_each(|row| text.push_str(&line(row)));
        text
    }
}

fn line(row: &SweepRow) -> String {
    let rank = row.rank.map_or_else(String::new, |rank| rank.to_string());
    let stderr = row.stderr.map_or_else(String::new, |stderr| stderr.to_string());
    let SweepRow { layer, matrix, kind, removed, reduction, change, fixed, broken, .. } = row;
    let (acc, loss) = (row.scored.acc, row.scored.log_loss);
    format!(
        "{layer},{matrix},{kind},{removed},\"{reduction}\",{rank},{acc},{},{loss},{change},{stderr},{fixed},{broken}\n",
        top10(&row.scored)
    )
}

/// The share of answers among the ten most likely tokens; empty where the score tells no ranks.
fn top10(scored: &Scored) -> String {
    scored.top10.map_or_else(String::new, |share| share.to_string())
}
