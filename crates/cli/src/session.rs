//! From what was typed to what the library takes: model files, device, decomposition.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use laser::edit::Edit;
use laser::edit::recipe::Recipe;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::evaluate::Evaluator;
use laser::model::Model;
use laser::model::device::{Place, parse_dtype};
use laser::model::load::ModelFiles;
use laser::model::tokenizer::Tokenizer;
use laser::results::{Manifest, ModelIdentity, TaskIdentity};
use laser::source::{HubDataset, ModelSource, Resolved, SourceOptions, resolve, sha256_model};
use laser::statistics::Fractions;
use laser::task::Task;
use laser::task::chat::{ChatSettings, ChatTemplate};
use laser::task::dataset::Layout;
use laser::task::score::Score;

use crate::args::{Global, SvdArgs, TaskArgs};
use crate::progress::Progress;

/// The user's cache folder for Laser.
pub(crate) fn cache_dir(global: &Global) -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    global
        .cache_dir
        .clone()
        .or_else(|| variable("LASER_CACHE"))
        .or_else(|| variable("XDG_CACHE_HOME").map(|d| d.join("laser")))
        .or_else(|| variable("HOME").map(|d| d.join(".cache/laser")))
        .unwrap_or_else(|| PathBuf::from(".laser-cache"))
}

/// Number of threads to use.
pub(crate) fn threads(global: &Global) -> usize {
    global.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1)
}

/// Finds a model's files, fetching them if need be.
pub(crate) fn find(model: &str, global: &Global, progress: &Progress) -> Result<Resolved> {
    let source = ModelSource::parse(model)?;
    Ok(with_sources(global, progress, |options| resolve(&source, options))?)
}

/// Finds the files of a data set with these names, fetching them if need be.
pub(crate) fn find_data(data: &HubDataset, names: &[&str], global: &Global, progress: &Progress) -> Result<Resolved> {
    Ok(with_sources(global, progress, |options| data.fetch(&|files| Layout::choose(files, names), options))?)
}

/// Where things are fetched from and kept, by the flags and the environment.
fn with_sources<T>(global: &Global, progress: &Progress, find: impl FnOnce(&SourceOptions<'_>) -> T) -> T {
    let report = |p: laser::source::Progress<'_>| progress.download(&p);
    let mut options = SourceOptions::new(cache_dir(global), &report);
    let text = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    if let Some(cache) = text("HF_HUB_CACHE") {
        options.hub_cache = PathBuf::from(cache);
    } else if let Some(home) = text("HF_HOME") {
        options.hub_cache = PathBuf::from(home).join("hub");
    }
    if let Some(endpoint) = text("HF_ENDPOINT") {
        options.hub_endpoint = endpoint;
    }
    options.hub_token = text("HF_TOKEN");
    options.offline = global.offline || text("HF_HUB_OFFLINE").is_some_and(|v| v != "0");
    find(&options)
}

/// An edit as the user named it.
pub(crate) struct TypedEdit {
    pub(crate) edit: Edit,
    /// The decomposition a recipe asks for.
    pub(crate) svd: Option<SvdMethod>,
    /// Whether it is a recipe that was made for other model files.
    foreign: bool,
}

impl TypedEdit {
    /// The exit code of a command that did its work with this edit: 1 where the recipe is another model's.
    pub(crate) fn exit_code(&self, global: &Global) -> ExitCode {
        if self.foreign {
            crate::output::say(
                global,
                "check failed: the recipe was made for other model files (its base_model.sha256 differs)",
            );
            return ExitCode::from(1);
        }
        ExitCode::SUCCESS
    }
}

/// An opened model, with everything commands need of it.
pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) files: ModelFiles,
    pub(crate) place: Place,
    pub(crate) threads: usize,
    svd_cache: PathBuf,
    /// What questions are put into, where the user wants that.
    chat: Option<ChatTemplate>,
}

impl Session {
    /// Opens the model's files; loads nothing yet.
    pub(crate) fn open(model: &str, global: &Global, progress: &Progress) -> Result<Self> {
        let place = Place::parse(&global.device, global.dtype.as_deref().map(parse_dtype).transpose()?)?;
        let resolved = find(model, global, progress)?;
        let files = ModelFiles::open(&resolved.path)?;
        let threads = threads(global);
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().ok(); // already built: the same size
        let svd_cache = cache_dir(global).join("svd");
        Ok(Self { name: resolved.origin, files, place, threads, svd_cache, chat: None })
    }

    /// The tasks as they are put to the model: as they are, or in its chat template.
    pub(crate) fn put(
        &mut self,
        tasks: Vec<(Task, Score)>,
        args: &TaskArgs,
        tokenizer: &Tokenizer,
    ) -> Result<Vec<(Task, Score)>> {
        if !args.apply_chat_template {
            return Ok(tasks);
        }
        if tasks.iter().all(|(_, score)| score.only_reads()) {
            bail!("--apply-chat-template: no task asks a question");
        }
        let date = args.chat_date.as_deref().map(str::parse).transpose()?;
        let settings = ChatSettings { system: args.system_instruction.clone(), date };
        let chat = ChatTemplate::new(tokenizer, self.files.config(), settings)
            .with_context(|| format!("--apply-chat-template: {}", self.name))?;
        let put = |(task, score)| -> Result<_> { Ok((chat.apply(task, score)?, score)) };
        let tasks = tasks.into_iter().map(put).collect::<Result<_>>()?;
        self.chat = Some(chat);
        Ok(tasks)
    }

    /// Reads the weights.
    pub(crate) fn load(&self) -> Result<Model> {
        Ok(self.files.load(&self.place.device, self.place.dtype, self.threads)?)
    }

    /// The model's tokenizer.
    pub(crate) fn tokenizer(&self) -> Result<Tokenizer> {
        Ok(self.files.tokenizer()?)
    }

    /// An edit in the short form; or a recipe file's, with the decomposition it was made by.
    pub(crate) fn edit(&self, text: &str) -> Result<TypedEdit> {
        let (path, config) = (Path::new(text), self.files.config());
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            let recipe = Recipe::read(path)?;
            let foreign = match &recipe.base_model {
                Some(base) => base.sha256 != self.sha256()?,
                None => false,
            };
            return Ok(TypedEdit { edit: recipe.edit(config)?, svd: Some(recipe.svd), foreign });
        }
        Ok(TypedEdit { edit: Edit::parse(text, config)?, svd: None, foreign: false })
    }

    /// What truncates matrices: as the flags say, else as the recipe does, else exactly.
    pub(crate) fn truncation(&self, args: &SvdArgs, recipe: Option<SvdMethod>) -> Result<Truncation> {
        let method = match (args.svd.as_deref(), args.svd_seed) {
            (None, None) => recipe.unwrap_or_default(),
            (Some("exact"), None) => SvdMethod::Exact,
            (None | Some("exact"), Some(_)) => bail!("--svd-seed: only --svd randomized has a seed"),
            (Some("randomized"), seed) => SvdMethod::Randomized { seed: seed.unwrap_or(0) },
            (Some(other), _) => bail!("--svd: expected exact or randomized, found `{other}`"),
        };
        self.truncation_by(method)
    }

    /// What truncates matrices by `method`, with the user's cache of decompositions.
    pub(crate) fn truncation_by(&self, method: SvdMethod) -> Result<Truncation> {
        let cache = &self.svd_cache;
        std::fs::create_dir_all(cache).with_context(|| {
            format!("{}: the cache cannot be made; --cache-dir takes another place", cache.display())
        })?;
        Ok(Truncation::new(method, Some(cache.clone()), self.threads))
    }

    /// SHA-256 of the model's files.
    pub(crate) fn sha256(&self) -> Result<String> {
        Ok(sha256_model(self.files.path())?)
    }

    /// Provenance of a result. Of several tasks, names and hashes are joined by commas.
    pub(crate) fn manifest(&self, sha256: String, exam: &Evaluator<'_>) -> Manifest {
        let joined = |of: fn(&Task) -> String| exam.parts().iter().map(|p| of(p.task)).collect::<Vec<_>>().join(",");
        let data: Vec<_> = exam.parts().iter().filter_map(|p| p.task.data.clone()).collect();
        let data = if data.is_empty() { None } else { Some(("data".to_owned(), data.into())) };
        Manifest {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            git_hash: option_env!("LASER_GIT_HASH").map(str::to_owned),
            model: ModelIdentity {
                path: self.name.clone(),
                sha256,
                architecture: self.files.config().architecture.model_type.to_owned(),
            },
            task: TaskIdentity { name: joined(|t| t.name.clone()), sha256: joined(Task::sha256) },
            config: self
                .chat
                .iter()
                .flat_map(ChatTemplate::record)
                .map(|(key, v)| (key.to_owned(), v))
                .chain(data)
                .collect(),
            seeds: std::collections::BTreeMap::new(),
            dtype: self.place.dtype_name().to_owned(),
            device: self.place.name.clone(),
            threads: self.threads,
            date: None,
        }
    }
}

/// The shares of the splits.
pub(crate) fn fractions(args: &TaskArgs) -> Result<Fractions> {
    let form = || format!("--split-fractions: expected two numbers such as 0.4,0.2, found `{}`", args.split_fractions);
    let (search, validation) = args.split_fractions.split_once(',').with_context(form)?;
    let number = |s: &str| s.trim().parse::<f64>().with_context(form);
    Ok(Fractions::new(number(search)?, number(validation)?)?)
}
