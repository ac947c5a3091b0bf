//! A race under many orders of its items, replayed from the outcomes of an exhaustive search: which edit wins, and how
//! many items are asked. Nothing is run on the model, so that twenty seeds take seconds.
//!
//!     cargo bench -p laser-rank --bench race_seeds -- MODEL TASK.jsonl RUN STRATEGY SEEDS [ERROR_RATE]
//!
//! RUN is the folder of a finished `laser search --strategy exhaustive` on the same task with seed 0 and one space. One
//! line of JSON a seed.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;

use candle_core::{DType, Device};
use laser::edit::selector::MatrixSet;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::evaluate::Evaluator;
use laser::model::load::ModelFiles;
use laser::model::parallel::Unobserved;
use laser::model::weight_id::WeightKind;
use laser::search::store::{Outcomes, Store, Trial};
use laser::search::{Asking, Candidate, Plan, Settings, Space, Splits, explore};
use laser::statistics::{Paired, Split};
use laser::task::Task;
use laser::task::setup::TaskOptions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [model, task, run, strategy, seeds, rest @ ..] = args.as_slice() else {
        return Err("expected MODEL TASK.jsonl RUN STRATEGY SEEDS [ERROR_RATE]".into());
    };
    let files = ModelFiles::open(model.as_ref())?;
    let (tokenizer, model) = (files.tokenizer()?, files.load(&Device::Cpu, DType::F32, 1)?);
    let task = Task::open(task, None, &TaskOptions::default())?;
    let exam = Evaluator::new(&[(&task, task.default_score)], &tokenizer, model.config())?;
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
    let items = Splits::new(&exam, &settings)?.items(Split::Search);
    let asked = Asking::new(&exam, &items, &settings).order;
    let exhaustive = Store::open_existing(&std::path::Path::new(run).join("trials.sqlite"))?;
    let arms = settings.space.arms(model.config());
    let edits: Vec<_> = [laser::edit::Edit::default()].into_iter().chain(arms.iter().map(Candidate::edit)).collect();
    let mut whole: Vec<(laser::edit::Edit, BTreeMap<usize, Outcomes>)> = Vec::new();
    for edit in edits {
        let outcomes = exhaustive.get(&edit, Split::Search)?;
        if outcomes.len() != asked.len() {
            return Err(format!("{edit}: expected {} items in the run, found {}", asked.len(), outcomes.len()).into());
        }
        let by_item = asked.iter().enumerate().map(|(place, item)| (*item, one(&outcomes, place))).collect();
        whole.push((edit, by_item));
    }
    let value = |edit: &laser::edit::Edit| {
        let (_, by_item) = whole.iter().find(|(e, _)| e == edit).expect("every edit of the space was tried");
        let right: Vec<bool> = items.iter().map(|i| by_item[i].correct[0]).collect();
        let loss: f64 = items.iter().map(|i| -by_item[i].logprobs[0]).sum::<f64>() / items.len() as f64;
        (right, loss)
    };
    let score = |edit: &laser::edit::Edit| {
        let (right, loss) = value(edit);
        (right.iter().filter(|r| **r).count(), -loss)
    };
    let best = arms.iter().map(Candidate::edit).max_by(|a, b| score(a).partial_cmp(&score(b)).expect("numbers"));
    let best = best.ok_or("an empty space")?;

    settings.plan = strategy.parse()?;
    let folder = std::env::temp_dir().join(format!("laser-race-seeds-{}", std::process::id()));
    for seed in 0..seeds.parse::<u64>()? {
        settings.order_seed = seed;
        let order = Asking::new(&exam, &items, &settings).order;
        let path = folder.join(format!("{seed}.sqlite"));
        let mut store = Store::open(&path, "replay", false)?;
        let parts: Vec<Trial> = whole
            .iter()
            .map(|(edit, by_item)| {
                let mut outcomes = Outcomes::default();
                order.iter().for_each(|item| outcomes.append(&by_item[item]));
                Trial { edit: edit.clone(), rank: None, split: Split::Search, outcomes }
            })
            .collect();
        store.insert(0, &parts)?;
        let truncation = Truncation::new(SvdMethod::Exact, None, 1);
        let explored = explore(&model, &exam, &truncation, &settings, &mut store, &Unobserved)?;
        let (right, _) = value(&explored.found[0]);
        let tie = Paired::new(&value(&best).0, &right).mcnemar_p();
        println!(
            "{}",
            serde_json::json!({
                "seed": seed, "winner": explored.found[0].to_string(), "best": best.to_string(),
                "right": score(&explored.found[0]).0, "best_right": score(&best).0, "mcnemar_p": tie,
                "items_asked": explored.items_asked, "exhaustive_items": arms.len() * items.len(),
            })
        );
    }
    Ok(std::fs::remove_dir_all(folder)?)
}

fn one(outcomes: &Outcomes, place: usize) -> Outcomes {
    Outcomes {
        correct: vec![outcomes.correct[place]],
        logprobs: vec![outcomes.logprobs[place]],
        margins: vec![outcomes.margins[place]],
        ties: vec![outcomes.ties[place]],
    }
}
