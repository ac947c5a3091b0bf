//! Arguments of `laser reproduce`.

use std::path::PathBuf;

use clap::Args;
use laser_paper::Exhibit;

use super::ModelArg;
use super::values::library_value;

#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// table1, fig2, fig3, fig4, fig5, fig7, fig8, fig9, fig10, perplexity or paraphrases
    #[arg(value_name = "WHAT", value_parser = library_value::<Exhibit>)]
    pub(crate) what: Exhibit,
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// Folder with the paper's data sets: counterfact, hotpotqa, fever, bios, truthfulqa, bigbench/epistemic_reasoning,
    /// bigbench/qa_wikidata; wikitext-2 for perplexity. Those that are missing are named
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Use the first N items of each data set only
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Layers to edit: 5, 20-27, several joined by commas [default: all]
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) layers: String,
    /// The edit to look at (fig5, fig8, perplexity, paraphrases), or a recipe file [default: a search finds it]
    #[arg(long, value_name = "EDIT")]
    pub(crate) edit: Option<String>,
    /// Counts of fig3: what `laser corpus count` writes for the data set
    #[arg(long, value_name = "FILE")]
    pub(crate) frequency: Option<PathBuf>,
    /// Folder for reproduce.json, report.html and the trials; the same command goes on with them
    #[arg(long, default_value = "laser-reproduce", value_name = "DIR")]
    pub(crate) out: PathBuf,
}
