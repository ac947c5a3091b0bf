//! Divides the items of tasks into two parts that share no group, so that a model can learn from one and be measured on
//! the other.

use laser_statistics::{Fractions, Split, assign_split};
use laser_task::Task;

use super::{ScoredTasks, Session};
use crate::edit::seed::derived_seed;
use crate::error::{Error, Result};

impl Session {
    /// Divides tasks: the first part gets about `share` of the groups of items, the second the others. Items that ask the same
    /// stay together. `seed` decides, independently of the splits of a search with the same seed.
    ///
    /// # Errors
    /// A share outside 0 to 1, a perplexity task, levels, or a part of a task without items.
    pub fn divide(&self, tasks: &ScoredTasks, share: f64, seed: u64) -> Result<[ScoredTasks; 2]> {
        let fractions = Fractions::new(share, 0.0)
            .map_err(|_| Error::setting("share", format!("expected a number from 0 to 1, found {share}")))?;
        if let Some((task, _)) = tasks.iter().find(|(_, score)| score.is_perplexity() || tasks.player.is_some()) {
            let problem = format!("{}: expected questions with answers, found texts or levels", task.name);
            return Err(Error::setting("task", problem));
        }
        let evaluator = self.evaluator(tasks)?;
        let seed = derived_seed(seed, "parts");
        let is_first = |index: usize| assign_split(evaluator.split_group(index), seed, fractions) == Split::Search;
        let part = |first: bool| -> Result<ScoredTasks> {
            let of_task = |(part, (task, score)): (&crate::evaluate::EvaluatedTask<'_>, &(Task, _))| {
                let chosen = part.range.clone().zip(&task.items).filter(|(index, _)| is_first(*index) == first);
                let items: Vec<_> = chosen.map(|(_, item)| item.clone()).collect();
                if items.is_empty() {
                    let problem =
                        format!("{share} of the {} items of {} leaves a part empty", task.items.len(), task.name);
                    return Err(Error::setting("share", problem));
                }
                Ok((Task { items, ..task.clone() }, *score))
            };
            let divided = evaluator.tasks().iter().zip(&tasks.tasks).map(of_task).collect::<Result<_>>()?;
            Ok(ScoredTasks { tasks: divided, ..tasks.clone() })
        };
        Ok([part(true)?, part(false)?])
    }
}
