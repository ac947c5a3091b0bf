//! Gradient screen: keeps the candidates with the best prediction from one backward pass (`docs/method.md`, "Savings").

mod divided;

use std::collections::BTreeMap;

use self::divided::DividedScreen;
use crate::edit::Edit;
use crate::error::Result;
use crate::evaluate::RunContext;
use crate::gradient::{Loss, Prediction, loss_items};
use crate::search::candidate::{Candidate, best_candidates};
use crate::search::context::SearchContext;
use crate::search::objective::Measure;
use crate::search::stage::{Pool, Stage};
use crate::search::trial_runner::TrialRunner;
use laser_model::Model;

/// Keeps the candidates that the gradient of the loss ranks first. It predicts only reductions that keep or drop whole
/// singular components; candidates of other reductions all stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct GradientScreen {
    /// Number of items whose gradients are computed, the first ones in item order, at most.
    pub(super) items: usize,
    /// Number of candidates to keep.
    pub(super) keep: usize,
}

/// Number of tokens that the items of a screen have together, at most: of long items fewer are taken, because a backward
/// pass over them would take longer than the race that it is to shorten.
const MOST_TOKENS: usize = 3_000;
/// Number of items taken however long they are.
const LEAST_ITEMS: usize = 32;

/// Name of the predictions in the store.
pub(in crate::search) const CRITERION: &str = "gradient";

impl Stage for GradientScreen {
    fn run(&self, runner: &mut TrialRunner<'_>, pool: Pool) -> Result<Pool> {
        // A resumed search has the predictions in its store.
        let mut predicted = runner.store_mut().screen(CRITERION)?;
        if predicted.is_empty() {
            let values = self.predict(runner, (&Edit::default(), runner.context().model), &pool.candidates)?;
            runner.store_mut().insert_screen(CRITERION, &values)?;
            predicted = values.into_iter().map(|(edit, value)| (edit.to_string(), value)).collect();
        }
        let value = |candidate: &Candidate| predicted.get(&candidate.edit().to_string()).copied();
        let (with_value, others): (Vec<Candidate>, Vec<Candidate>) =
            pool.candidates.iter().cloned().partition(|candidate| value(candidate).is_some());
        let with_values = with_value.into_iter().filter_map(|c| Some((value(&c)?, c))).collect();
        let candidates = best_candidates(with_values, self.keep).into_iter().chain(others).collect();
        Ok(Pool { candidates, ..pool })
    }
}

impl GradientScreen {
    /// Returns the most promising of `candidates`, each added to the edit `base`, best first. Reductions that cannot be
    /// predicted are left out.
    pub(super) fn rank(
        &self,
        runner: &TrialRunner<'_>,
        base: &Edit,
        candidates: &[Candidate],
    ) -> Result<Vec<Candidate>> {
        let SearchContext { model, truncation, .. } = runner.context();
        let (edited, _) = truncation.apply(model, base)?;
        let predicted: BTreeMap<String, f64> = self
            .predict(runner, (base, &edited), candidates)?
            .into_iter()
            .map(|(edit, v)| (edit.to_string(), v))
            .collect();
        let with_value =
            |candidate: &Candidate| Some((*predicted.get(&candidate.edit().to_string())?, candidate.clone()));
        Ok(best_candidates(candidates.iter().filter_map(with_value).collect(), self.keep))
    }

    /// Predicts the effect of every candidate that keeps or drops whole components: the change of the accuracy if that is
    /// the measure and margins are in nats, else the fall of the mean loss, nats an item. Losses are those of `model`, which
    /// the edit `base` made.
    fn predict(
        &self,
        runner: &TrialRunner<'_>,
        (base, model): (&Edit, &Model),
        candidates: &[Candidate],
    ) -> Result<Vec<(Edit, f64)>> {
        if candidates.is_empty() {
            return Ok(Vec::new()); // a composition that has all of them
        }
        let context = runner.context();
        let measure = context.settings.objective.measure;
        let counts_flips = measure == Measure::Accuracy && runner.counts_flips();
        // Log-loss is a poor guide to accuracy: an edit that takes probability from frequent words turns answers right
        // while answers that stay wrong become less likely (`docs/search.md`, "Screen").
        // Of a demonstration the margin would be that of one step, where several moves may be equally good.
        let is_text = context.evaluator.levels().is_none();
        let by_margin = is_text && runner.improves_answers() && measure != Measure::LogLoss;
        let loss = if by_margin { Loss::Margin } else { Loss::LogLoss };
        // Without windows of running text, if there are answers: a window has hundreds of tokens and an answer a few,
        // so that the windows would drown the answers in the mean.
        // A level without a demonstration has nothing to differentiate.
        let guides = |item: &&usize| runner.guides_screen(**item) && context.evaluator.longest(**item) > 0;
        let guides = runner.items().iter().filter(guides).take(self.items);
        let mut tokens = 0;
        let within_tokens = guides.enumerate().take_while(|(taken, item)| {
            tokens += context.evaluator.longest(**item);
            *taken < LEAST_ITEMS || tokens <= MOST_TOKENS
        });
        let items: Vec<usize> = within_tokens.map(|(_, item)| *item).collect();
        let SearchContext { evaluator, truncation, settings, observer, team, .. } = context;
        let items = loss_items(model, evaluator, &items, loss)?;
        let screen = DividedScreen {
            model,
            base: base.to_string(),
            candidates,
            items,
            truncation,
            run: RunContext { threads: settings.threads, stage: "gradient", observer },
        };
        let (losses, predictions) = screen.predictions(team)?;
        let value = |prediction: Prediction| match counts_flips {
            true => prediction.flips(&losses),
            false => -prediction.change,
        };
        let with_value = |(candidate, prediction): (&Candidate, Option<Prediction>)| {
            prediction.map(|prediction| (candidate.edit(), value(prediction)))
        };
        Ok(candidates.iter().zip(predictions).filter_map(with_value).collect())
    }
}
