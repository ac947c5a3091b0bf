//! Races under many item orders, replayed from the outcomes of an exhaustive search: the winner of each, and the number
//! of items scored. The model does not run, so that twenty seeds take seconds.
//!
//!     cargo bench -p laser-rank --bench race_seeds -- MODEL TASK.jsonl RUN STRATEGY SEEDS [ERROR_RATE]
//!
//! RUN is the folder of a finished `laser search --strategy exhaustive` on the same task, with seed 0 and the search
//! space below. Prints one line of JSON a seed.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;

use candle_core::{DType, Device};
use laser::edit::Edit;
use laser::edit::selector::MatrixSet;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::evaluate::Evaluator;
use laser::model::load::ModelFiles;
use laser::model::parallel::Unobserved;
use laser::model::weight_id::WeightKind;
use laser::search::store::{Outcomes, Store, Trial};
use laser::search::{Candidate, Fingerprint, ItemOrder, Plan, SearchContext, Settings, Space, Splits, explore};
use laser::statistics::{PairedOutcomes, Split};
use laser::task::Task;
use laser::task::options::TaskOptions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [model, task, run, strategy, seeds, rest @ ..] = args.as_slice() else {
        return Err("expected MODEL TASK.jsonl RUN STRATEGY SEEDS [ERROR_RATE]".into());
    };
    let files = ModelFiles::open(model.as_ref())?;
    let (tokenizer, model) = (files.tokenizer()?, files.load(&Device::Cpu, DType::F32, 1)?);
    let task = Task::open(task, None, &TaskOptions::default())?;
    let evaluator = Evaluator::new(&[(&task, task.default_score)], &tokenizer, model.config())?;
    let mut settings = Settings::new(model.config(), 1);
    settings.space = Space {
        matrices: [WeightKind::Gate, WeightKind::Up, WeightKind::Down].map(MatrixSet::one).to_vec(),
        ..settings.space
    };
    settings.plan = Plan::exhaustive();
    (settings.resamples, settings.permutations) = (10, 10);
    if let Some(rate) = rest.first() {
        settings.error_rate = rate.parse()?;
    }
    let items = Splits::new(&evaluator, &settings)?.items(Split::Search);
    let order = ItemOrder::new(&evaluator, &items, &settings).items;
    let exhaustive = Store::open_existing(&std::path::Path::new(run).join("trials.sqlite"))?;
    let candidates = settings.space.candidates(model.config());
    let edits: Vec<_> = [Edit::default()].into_iter().chain(candidates.iter().map(Candidate::edit)).collect();
    let mut whole: Vec<(Edit, BTreeMap<usize, Outcomes>)> = Vec::new();
    for edit in edits {
        let outcomes = exhaustive.get(&edit, Split::Search)?;
        if outcomes.len() != order.len() {
            return Err(format!("{edit}: expected {} items in the run, found {}", order.len(), outcomes.len()).into());
        }
        let by_item = order.iter().enumerate().map(|(position, item)| (*item, one(&outcomes, position))).collect();
        whole.push((edit, by_item));
    }
    let value = |edit: &Edit| {
        let (_, by_item) = whole.iter().find(|(e, _)| e == edit).expect("every edit of the space was tried");
        let right: Vec<bool> = items.iter().map(|i| by_item[i].correct[0]).collect();
        let loss: f64 = items.iter().map(|i| -by_item[i].logprobs[0]).sum::<f64>() / items.len() as f64;
        (right, loss)
    };
    let score = |edit: &Edit| {
        let (right, loss) = value(edit);
        (right.iter().filter(|r| **r).count(), -loss)
    };
    let best = candidates.iter().map(Candidate::edit).max_by(|a, b| score(a).partial_cmp(&score(b)).expect("numbers"));
    let best = best.ok_or("an empty space")?;

    settings.plan = strategy.parse()?;
    let folder = std::env::temp_dir().join(format!("laser-race-seeds-{}", std::process::id()));
    for seed in 0..seeds.parse::<u64>()? {
        settings.order_seed = seed;
        let order = ItemOrder::new(&evaluator, &items, &settings).items;
        let path = folder.join(format!("{seed}.sqlite"));
        let mut store = Store::open(&path, &Fingerprint::named("replay"), false)?;
        let trials: Vec<Trial> = whole
            .iter()
            .map(|(edit, by_item)| {
                let mut outcomes = Outcomes::default();
                order.iter().for_each(|item| outcomes.append(&by_item[item]));
                Trial { edit: edit.clone(), rank: None, split: Split::Search, outcomes }
            })
            .collect();
        store.insert(0, &trials)?;
        let truncation = Truncation::new(SvdMethod::Exact, None, 1);
        let explored =
            explore(SearchContext::new(&model, &evaluator, &truncation, &settings, &Unobserved), &mut store)?;
        let (right, _) = value(&explored.found[0]);
        let mcnemar_p = PairedOutcomes::new(&value(&best).0, &right).mcnemar_p();
        println!(
            "{}",
            serde_json::json!({
                "seed": seed, "winner": explored.found[0].to_string(), "best": best.to_string(),
                "right": score(&explored.found[0]).0, "best_right": score(&best).0, "mcnemar_p": mcnemar_p,
                "items_asked": explored.items_asked, "exhaustive_items": candidates.len() * items.len(),
            })
        );
    }
    Ok(std::fs::remove_dir_all(folder)?)
}

/// The outcome of the item at a position.
fn one(outcomes: &Outcomes, position: usize) -> Outcomes {
    Outcomes {
        correct: vec![outcomes.correct[position]],
        logprobs: vec![outcomes.logprobs[position]],
        margins: vec![outcomes.margins[position]],
        ties: vec![outcomes.ties[position]],
        in_top10: vec![outcomes.in_top10[position]],
    }
}
