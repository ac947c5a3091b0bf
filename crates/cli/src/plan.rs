//! From arguments to checked options of the library: the one place that maps flags and environment variables.

pub(crate) mod environment;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::model::device::{ComputeDevice, parse_dtype};
use laser::search::{Budget, Protocol};
use laser::session::{DECOMPOSITIONS, SOKOBAN};
use laser::statistics::Fractions;
use laser::sweep::SweepGrid;
use laser::task::Task;
use laser::task::built_in::BUILT_IN;
use laser::task::chat::ChatSettings;
use laser::task::questions::STANDARD_INPUT;
use laser::{
    RequestedEdit, SearchOptions, Session, SessionObserver, SessionOptions, SweepOptions, TaskRequest, TaskSettings,
};

use crate::args::{Global, ProtocolName, Search, SvdArgs, SvdName, Sweep, TaskArgs};
use crate::progress::Progress;

/// The number of threads to use, of which the process's pool then consists.
pub(crate) fn threads(global: &Global) -> usize {
    let threads = global.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, usize::from);
    // An error means that the pool exists: an earlier call of this process built it, of the same size.
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().ok();
    threads
}

/// Opens a session as the global options and the environment say.
pub(crate) fn open(model: &str, global: &Global, progress: &Arc<Progress>) -> Result<Session> {
    Ok(Session::open_with(model, session_options(global, progress)?)?)
}

/// The options of a session, as the global options and the environment say.
pub(crate) fn session_options(global: &Global, progress: &Arc<Progress>) -> Result<SessionOptions> {
    let threads = threads(global);
    let dtype = global.dtype.map(|dtype| parse_dtype(dtype.name())).transpose()?;
    let cache_dir = cache_dir(global);
    let options = SessionOptions {
        device: ComputeDevice::parse(&global.device.0, dtype)?,
        threads,
        memory: Some(global.memory.unwrap_or_else(environment::half_of_memory)),
        spare_dir: spare_dir(&cache_dir),
        decompositions: cache_bound(global),
        remember_hashes: !global.no_cache,
        now: Some(SystemTime::now()),
        cache_dir,
        offline: global.offline,
        observer: Arc::clone(progress) as Arc<dyn SessionObserver>,
        ..SessionOptions::default()
    };
    Ok(environment::hub(options))
}

/// The cache folder.
pub(crate) fn cache_dir(global: &Global) -> PathBuf {
    global.cache_dir.clone().unwrap_or_else(environment::cache_dir)
}

/// Most bytes of decompositions to keep; `None` where none are kept.
pub(crate) fn cache_bound(global: &Global) -> Option<u64> {
    (!global.no_cache).then(|| global.cache_size.map_or(DECOMPOSITIONS, |size| size as u64))
}

/// A folder for what is fetched where the cache folder cannot be written to. It is removed when the process ends in order.
fn spare_dir(cache_dir: &Path) -> Option<PathBuf> {
    let mut spare = SPARE.lock().expect("no thread panics while it holds the folder");
    if spare.is_none() {
        *spare = environment::spare_dir(cache_dir);
    }
    spare.as_ref().map(|folder| folder.path().to_owned())
}

/// The temporary folder of [`spare_dir`].
static SPARE: Mutex<Option<tempfile::TempDir>> = Mutex::new(None);

/// Removes the temporary folder, if there is one.
pub(crate) fn remove_spare_dir() {
    drop(SPARE.lock().expect("no thread panics while it holds the folder").take());
}

/// Fails on task names that cannot be right, before a model is fetched for them.
pub(crate) fn check_tasks(args: &TaskArgs) -> Result<()> {
    let tasks = args.tasks();
    let of_texts = tasks.iter().filter(|name| *name != SOKOBAN);
    of_texts.into_iter().try_for_each(|name| Ok(Task::check_name(name, &args.include_path)?))
}

/// The bytes of the standard input, where one of the tasks is read from there.
///
/// # Errors
/// A terminal, at which nobody would know what to type; input that cannot be read.
pub(crate) fn standard_input(tasks: &[String]) -> Result<Option<Vec<u8>>> {
    if tasks.iter().all(|name| name != STANDARD_INPUT) {
        return Ok(None);
    }
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        bail!("`-` reads a file of questions from standard input: expected a pipe or a file, found a terminal");
    }
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).context("standard input")?;
    Ok(Some(bytes))
}

/// The tasks of a command.
pub(crate) fn task_settings(args: &TaskArgs) -> Result<TaskSettings> {
    let tasks = args.tasks();
    let n = tasks.len();
    if args.score.len() > 1 && args.score.len() != n {
        bail!("--score: expected one for all tasks or one for each of {n}, found {}", args.score.len());
    }
    let request = |(i, (name, data)): (usize, (&String, Option<String>))| TaskRequest {
        name: name.clone(),
        data,
        score: args.score.get(i).or(args.score.first()).copied(),
    };
    let chat = ChatSettings { system: args.system_instruction.clone(), date: args.chat_date };
    Ok(TaskSettings {
        tasks: tasks.iter().zip(data_of_tasks(&tasks, args.data())?).enumerate().map(request).collect(),
        profile: args.profile,
        skip_bad: args.skip_bad,
        matching: args.matching,
        max_tokens: args.max_tokens,
        num_fewshot: args.num_fewshot,
        fewshot_seed: args.fewshot_seed,
        include: args.include_path.clone(),
        limit: args.limit,
        questions: args.questions.settings(),
        input: standard_input(&tasks)?,
        chat: args.apply_chat_template.then_some(chat),
    })
}

/// Pairs `--data` with the tasks. A single task takes whatever is given, so that the task itself can refuse it.
fn data_of_tasks(tasks: &[String], data: Vec<String>) -> Result<Vec<Option<String>>> {
    let needs = |name: &String| BUILT_IN.iter().any(|info| info.name == name && info.needs_data);
    let needed = tasks.iter().filter(|name| needs(name)).count();
    let n = data.len();
    let mut given = data.into_iter();
    if let ([_], 0 | 1) = (tasks, n) {
        return Ok(vec![given.next()]);
    }
    if n > needed {
        bail!("--data: expected {needed} files, one for each task that needs one, found {n}");
    }
    Ok(tasks.iter().map(|name| if needs(name) { given.next() } else { None }).collect())
}

/// The decomposition: as the flags say, else as the recipe does, else exact.
pub(crate) fn svd(args: &SvdArgs, recipe: Option<SvdMethod>) -> Result<SvdMethod> {
    Ok(match (args.svd, args.svd_seed) {
        (None, None) => recipe.unwrap_or_default(),
        (Some(SvdName::Exact), None) => SvdMethod::Exact,
        (None | Some(SvdName::Exact), Some(_)) => bail!("--svd-seed: only --svd randomized has a seed"),
        (Some(SvdName::Randomized), seed) => SvdMethod::Randomized { seed: seed.unwrap_or(0) },
    })
}

/// The decomposition that an edit asks for, as [`svd`] says. A delta holds its matrices, so that there is nothing to decompose.
pub(crate) fn svd_of(args: &SvdArgs, edit: Option<&RequestedEdit>) -> Result<SvdMethod> {
    let given = args.svd.map(|_| "--svd").or(args.svd_seed.map(|_| "--svd-seed"));
    if let (Some(flag), Some(delta)) = (given, edit.and_then(|edit| edit.delta.as_ref())) {
        bail!("{flag}: {} holds the reduced matrices themselves, which are not computed again", delta.path().display());
    }
    svd(args, edit.and_then(|edit| edit.svd))
}

/// Method by which the matrices of an edit are made.
pub(crate) fn truncation(session: &Session, args: &SvdArgs, edit: Option<&RequestedEdit>) -> Result<Truncation> {
    let delta = edit.and_then(|edit| edit.delta.clone());
    Ok(session.truncation(svd_of(args, edit)?).with_delta(delta))
}

/// Checks that there is a folder to resume.
pub(crate) fn check_resumed(resume: bool, out: &Path) -> Result<()> {
    if resume && !out.exists() {
        bail!("--resume: expected the folder of a run at {}, found none", out.display());
    }
    Ok(())
}

/// The options of a search.
pub(crate) fn search_options(args: &Search) -> Result<SearchOptions> {
    let strategy = &args.strategy;
    Ok(SearchOptions {
        layers: args.layers.clone(),
        matrices: args.matrices.clone().unwrap_or_default(),
        reductions: args.rho.as_ref().map(|list| list.0.clone()).unwrap_or_default(),
        strategy: strategy.strategy.clone(),
        candidates: strategy.candidates,
        screen_items: strategy.screen_items,
        criterion: strategy.criterion,
        error_rate: strategy.error_rate,
        greedy_order: strategy.greedy_order,
        greedy_passes: strategy.greedy_passes,
        beam_width: strategy.beam_width,
        budget: Budget { trials: strategy.max_trials, items: strategy.max_items },
        measure: args.objective,
        aggregate: args.aggregate.clone(),
        guards: args.guard.clone(),
        protocol: Some(protocol(args.protocol, args.task.split_fractions)),
        finalists: Some(args.finalists),
        max_damage: args.max_damage,
        no_side_effects: args.no_side_effects,
        split_seed: args.task.split_seed,
        seed: args.seed,
        svd: svd(&args.svd, None)?,
        run: Some(args.out.clone()),
        resume: args.resume,
    })
}

/// The options of a sweep.
pub(crate) fn sweep_options(args: &Sweep) -> Result<SweepOptions> {
    Ok(SweepOptions {
        layers: args.layers.clone(),
        matrices: args.matrices.clone(),
        grid: SweepGrid { removed: args.removed.clone(), kinds: args.kinds.clone(), seed: args.seed },
        split: args.split.into(),
        fractions: args.task.split_fractions,
        split_seed: args.task.split_seed,
        svd: svd(&args.svd, None)?,
        run: Some(args.out.clone()),
        resume: args.resume,
    })
}

fn protocol(name: ProtocolName, fractions: Fractions) -> Protocol {
    match name {
        ProtocolName::Honest => Protocol::Honest { fractions },
        ProtocolName::Paper => Protocol::Paper,
    }
}
