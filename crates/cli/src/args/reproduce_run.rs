//! Arguments of `laser reproduce-run`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ReproduceRun {
    /// A reproduce.json, the folder of a search, or the repository ORG/NAME[@REV] that `laser push` wrote
    #[arg(value_name = "FILE_OR_NAME")]
    pub(crate) from: String,
    /// The base model, if it cannot be fetched by the recorded name
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Also run the recorded search again, and compare its results
    #[arg(long)]
    pub(crate) search: bool,
    /// With --search: the tasks, if their files are elsewhere
    #[arg(long, value_name = "TASKS", requires = "search")]
    pub(crate) task: Option<String>,
    /// With --search: the data of built-in tasks, if it is elsewhere
    #[arg(long, value_name = "PATH", requires = "search")]
    pub(crate) data: Option<String>,
}
