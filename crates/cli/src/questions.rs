//! From what was typed to the questions: tasks with their scores, and what a search aims at.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use laser::evaluate::Evaluator;
use laser::model::config::ModelConfig;
use laser::model::tokenizer::Tokenizer;
use laser::search::objective::{Guard, Objective};
use laser::source::HubDataset;
use laser::task::Task;
use laser::task::built_in::BUILT_IN;
use laser::task::score::Score;
use laser::task::setup::{Profile, TaskOptions};

use crate::args::{Global, Search, TaskArgs};
use crate::output;
use crate::progress::Progress;
use crate::session::find_data;

/// What can be seen to be wrong before a model is fetched.
pub(crate) fn check(args: &TaskArgs) -> Result<()> {
    args.profile.parse::<Profile>()?;
    args.task.iter().try_for_each(|name| Ok(Task::check_name(name, &args.include_path)?))
}

/// The tasks a user asked for, each with its score, as the model reads them.
pub(crate) fn tasks(
    args: &TaskArgs,
    config: &ModelConfig,
    tokenizer: &Tokenizer,
    global: &Global,
    progress: &Progress,
) -> Result<Vec<(Task, Score)>> {
    let n = args.task.len();
    let setup = TaskOptions {
        profile: args.profile.parse()?,
        kind: config.kind(),
        family: config.architecture.name,
        tokenizer: Some(tokenizer),
        skip_bad: args.skip_bad,
        num_fewshot: args.num_fewshot,
        fewshot_seed: args.fewshot_seed,
        include: &args.include_path,
    };
    if !args.score.is_empty() && args.score.len() != 1 && args.score.len() != n {
        bail!("--score: expected one for all tasks or one for each of {n}, found {}", args.score.len());
    }
    let mut tasks = Vec::with_capacity(n);
    for (i, (name, data)) in args.task.iter().zip(data(args)?).enumerate() {
        let task = open(name, data, &setup, global, progress)?.limited(args.limit)?;
        let score = match args.score.get(i).or(args.score.first()) {
            Some(text) => text.parse()?,
            None => task.default_score,
        };
        tasks.push((task, score));
    }
    if let Some(text) = &args.matching {
        let matching = text.parse()?;
        if !change(&mut tasks, |score| score.with_match(matching)) {
            bail!("--match: the score {} generates no text", names(&tasks));
        }
    }
    if let Some(tokens) = args.max_tokens
        && !change(&mut tasks, |score| score.with_max_tokens(tokens))
    {
        bail!("--max-tokens {tokens}: the score {} generates no text, or the length is 0", names(&tasks));
    }
    Ok(tasks)
}

/// The tasks as an exam takes them.
pub(crate) fn by_reference(tasks: &[(Task, Score)]) -> Vec<(&Task, Score)> {
    tasks.iter().map(|(task, score)| (task, *score)).collect()
}

/// The score for a manifest: a list where there are several tasks.
pub(crate) fn score_value(exam: &Evaluator<'_>) -> Result<serde_json::Value> {
    let mut scores: Vec<_> =
        exam.parts().iter().map(|part| serde_json::to_value(part.score)).collect::<Result<_, _>>()?;
    Ok(if scores.len() == 1 { scores.remove(0) } else { scores.into() })
}

/// Changes the scores that can be; false where none can.
fn change(tasks: &mut [(Task, Score)], to: impl Fn(Score) -> Option<Score>) -> bool {
    let mut changed = false;
    for (_, score) in tasks {
        if let Some(new) = to(*score) {
            (*score, changed) = (new, true);
        }
    }
    changed
}

fn names(tasks: &[(Task, Score)]) -> String {
    tasks.iter().map(|(_, score)| score.to_string()).collect::<Vec<_>>().join(", ")
}

/// One task, with its data fetched where the hub has it and no file was named.
fn open(name: &str, data: Option<&str>, setup: &TaskOptions<'_>, global: &Global, progress: &Progress) -> Result<Task> {
    let known = BUILT_IN.iter().find(|info| info.name == name);
    let published = known.and_then(|info| info.hub);
    let remote = match (data, published) {
        (Some(data), _) if known.is_some_and(|info| info.needs_data) => HubDataset::parse(data)?,
        (None, Some(hub)) => Some(HubDataset { repo: hub.repo.to_owned(), revision: Some(hub.revision.to_owned()) }),
        _ => None,
    };
    let (path, origin) = match &remote {
        Some(remote) => {
            // The names of files are those of the task's own repository.
            let names = published.filter(|hub| hub.repo == remote.repo).map_or(&[][..], |hub| hub.files);
            let found = find_data(remote, names, global, progress)
                .with_context(|| format!("the data of {name}; --data names a file or folder of your own"))?;
            output::say(global, &format!("data of {name}: {}", found.origin));
            (Some(found.path), Some(found.origin))
        }
        None => (data.map(PathBuf::from), data.map(str::to_owned)),
    };
    let task = Task::open(name, path.as_deref(), setup)?;
    if !task.skipped.is_empty() {
        output::say(global, &left_out(&task));
    }
    Ok(Task { data: origin, ..task })
}

/// What was left out of the tasks' data, for the results.
pub(crate) fn notes(tasks: &[(Task, Score)]) -> Vec<String> {
    tasks.iter().filter(|(task, _)| !task.skipped.is_empty()).map(|(task, _)| left_out(task)).collect()
}

/// Bad rows that a sentence names.
const NAMED: usize = 5;

fn left_out(task: &Task) -> String {
    let n = task.skipped.len();
    let rows = if n == 1 { "row" } else { "rows" };
    let more = if n > NAMED { format!("; and {} more", n - NAMED) } else { String::new() };
    let named = task.skipped.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    format!("{}: {n} {rows} left out: {named}{more}", task.name)
}

/// The data of each task. A single one is paired with whatever is there, so that the task itself may refuse it.
fn data(args: &TaskArgs) -> Result<Vec<Option<&str>>> {
    let needs = |name: &String| BUILT_IN.iter().any(|info| info.name == name && info.needs_data);
    let needed = args.task.iter().filter(|name| needs(name)).count();
    let mut files = args.data.iter().map(String::as_str);
    if let ([_], 0 | 1) = (args.task.as_slice(), args.data.len()) {
        return Ok(vec![files.next()]);
    }
    if args.data.len() > needed {
        bail!("--data: expected {needed} files, one for each task that needs one, found {}", args.data.len());
    }
    Ok(args.task.iter().map(|name| if needs(name) { files.next() } else { None }).collect())
}

/// What a search of these tasks aims at.
pub(crate) fn objective(args: &Search, tasks: &[(Task, Score)]) -> Result<Objective> {
    let names: Vec<&str> = tasks.iter().map(|(task, _)| task.name.as_str()).collect();
    let guards = args.guard.iter().map(|text| Guard::parse(text, &names)).collect::<Result<_, _>>()?;
    let objective = Objective { measure: args.objective.parse()?, over: args.aggregate.parse()?, guards };
    objective.check(tasks.len())?;
    Ok(objective)
}
