//! Search results: takes a finished search and its samples, gives the contents of `results.json`.

use super::samples::{on_split, samples_with_answers};
use super::scores::{constant_answers, scores};
use super::task_changes::task_changes;
use crate::edit::truncation::removal_notes;
use crate::evaluate::Evaluator;
use crate::price::Price;
use crate::results::{
    Baselines, BestEdit, FinalistSummary, Manifest, NO_EDIT, Results, SampleRecord, SearchSpace, SearchSummary,
    Verdict, verdict, verdict_sentence,
};
use crate::search::{Finalist, Protocol, SearchResult, Settings};
use laser_statistics::{Split, constant_answer_rate, most_frequent};

/// Builds `results.json` of a search. `base` and `best` are the samples of the unedited model and of the winner, one for
/// each item; the notes of the search are added to `notes`.
pub fn search_results(
    evaluator: &Evaluator<'_>,
    found: &SearchResult,
    settings: &Settings,
    [base, best]: [&[SampleRecord]; 2],
    manifest: Manifest,
    price: Option<Price>,
    mut notes: Vec<String>,
) -> Results {
    notes.extend(found.explored.notes.iter().cloned());
    notes.extend(removal_notes(&found.records));
    // All figures but those of single tasks count the items that the proof counts: a guarded task cannot prove a gain.
    let [base_counted, best_counted] = [base, best].map(|samples| without_guarded(evaluator, settings, samples));
    let mut results = Results {
        base: scores(evaluator, &base_counted),
        best: BestEdit {
            edit: if found.winner.is_empty() { NO_EDIT.to_owned() } else { found.winner.to_string() },
            rank: found.winner.as_single().and_then(|_| found.records.first()).and_then(|record| record.rank),
            rho: found.winner.as_single().map(|(_, reduction)| reduction.to_string()),
            splits: scores(evaluator, &best_counted),
        },
        verdict: Verdict::default(),
        reason: String::new(),
        price,
        changes: Vec::new(),
        finalists: found.finalists.iter().map(finalist_summary).collect(),
        test: found.proof.held_out.clone(),
        tasks: task_changes(evaluator, found, settings, base, best),
        search: search_summary(found, settings),
        baselines: baselines(evaluator, &base_counted, &best_counted),
        manifest,
        notes,
    };
    results.verdict = verdict(&results);
    results.reason = verdict_sentence(&results);
    results
}

fn finalist_summary(finalist: &Finalist) -> FinalistSummary {
    FinalistSummary {
        edit: finalist.edit.to_string(),
        measured: finalist.measured.value,
        estimated: finalist.estimated.value,
        stderr: finalist.estimated.stderr,
        damage: finalist.damage,
        keeps_guards: finalist.value.is_feasible(),
    }
}

/// The samples of the tasks without a guard.
fn without_guarded(evaluator: &Evaluator<'_>, settings: &Settings, samples: &[SampleRecord]) -> Vec<SampleRecord> {
    let guards = settings.objective.guards.iter();
    let guarded: Vec<&str> = guards.map(|guard| evaluator.tasks()[guard.part].task.name.as_str()).collect();
    let counts = |sample: &&SampleRecord| sample.task.as_deref().is_none_or(|task| !guarded.contains(&task));
    samples.iter().filter(counts).cloned().collect()
}

fn search_summary(found: &SearchResult, settings: &Settings) -> SearchSummary {
    let protocol = match settings.protocol {
        Protocol::Honest { .. } => "three-way",
        Protocol::Paper => "paper",
    };
    SearchSummary {
        trials: found.explored.trials.len(),
        space: SearchSpace {
            layers: settings.space.layers.clone(),
            matrices: settings.space.matrices.iter().map(ToString::to_string).collect(),
            rhos: settings.space.reductions.iter().map(ToString::to_string).collect(),
            model_layers: None,
        },
        items_asked: found.explored.items_asked,
        steps: found.explored.steps.iter().map(ToString::to_string).collect(),
        strategy: settings.plan.to_string(),
        protocol: protocol.to_owned(),
        screen: found.explored.screen.clone(),
        none_because: found.none_because.clone(),
        null_best_gain: found.proof.null_best_gain,
    }
}

fn baselines(evaluator: &Evaluator<'_>, base: &[SampleRecord], best: &[SampleRecord]) -> Baselines {
    if evaluator.levels().is_some() {
        return Baselines::default(); // no moves solve two levels
    }
    let [base_answers, best_answers] = [base, best].map(|samples| samples_with_answers(samples));
    let golds = |split: Split| -> Vec<&str> {
        base_answers.iter().filter(|s| s.split == split).map(|s| s.target.as_str()).collect()
    };
    let predictions: Vec<&str> =
        best_answers.iter().filter(|s| s.split == Split::Test).map(|s| s.prediction.trim()).collect();
    let (search, test) = (golds(Split::Search), golds(Split::Test));
    Baselines {
        majority: most_frequent(&test),
        constant: constant_answer_rate(&search, &test),
        best_prediction: most_frequent(&predictions),
        always: match evaluator.tasks() {
            [task] => constant_answers(task, &on_split(Split::Test, base)),
            // The tasks have different labels; each of them has its constant answers in `Results::tasks`.
            _ => Vec::new(),
        },
    }
}
