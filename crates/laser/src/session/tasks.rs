//! Tasks for a session's model: opens them, fetches their data, chooses their scores, and applies a chat template.

use std::path::PathBuf;

use laser_source::HubDataset;
use laser_task::built_in::{BUILT_IN, TaskInfo};
use laser_task::chat::{ChatSettings, ChatTemplate};
use laser_task::dataset::DatasetLayout;
use laser_task::{Match, Profile, QuestionSettings, Score, Task, TaskOptions};
use serde_json::Value;

use super::Session;
use super::answer_lengths::fit_answers;
use crate::error::{Error, Result};
use crate::evaluate::{ItemGroups, leave_out_too_long};
use crate::sokoban::PlayerSettings;

/// One task of a request.
#[derive(Debug, Clone, Default)]
pub struct TaskRequest {
    /// Name of a built-in task, path of a file of questions, or name or path of a harness task.
    pub name: String,
    /// Data of a built-in task: a path or `hf:ORG/NAME[@REV]`; `None`: where the Hub has it.
    pub data: Option<String>,
    /// Score; `None`: the task's own.
    pub score: Option<Score>,
}

impl TaskRequest {
    /// A request with the task's own data and score.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// Tasks to open, with their options.
#[derive(Debug, Clone)]
pub struct TaskSettings {
    /// The tasks, in order.
    pub tasks: Vec<TaskRequest>,
    /// Prompts and scores of built-in tasks.
    pub profile: Profile,
    /// Leave out and count malformed records instead of refusing the file.
    pub skip_bad: bool,
    /// Match rule of scores that generate text; `None`: the task's own.
    pub matching: Option<Match>,
    /// Longest generated text, in tokens; `None`: the task's own.
    pub max_tokens: Option<usize>,
    /// Number of few-shot examples of harness tasks; `None`: the task's own.
    pub num_fewshot: Option<usize>,
    /// Seed of the few-shot examples.
    pub fewshot_seed: u64,
    /// Folders with task files of the harness, found by task name.
    pub include: Vec<PathBuf>,
    /// Use the first `limit` items of each task only.
    pub limit: Option<usize>,
    /// Templates and other settings of files of questions.
    pub questions: QuestionSettings,
    /// Bytes of the standard input, for the task `-`.
    pub input: Option<Vec<u8>>,
    /// Puts each question into the model's chat template, as a user's turn; texts whose perplexity is measured stay as
    /// they are.
    pub chat: Option<ChatSettings>,
}

impl Default for TaskSettings {
    fn default() -> Self {
        let TaskOptions { profile, skip_bad, num_fewshot, fewshot_seed, .. } = TaskOptions::default();
        Self {
            tasks: Vec::new(),
            profile,
            skip_bad,
            matching: None,
            max_tokens: None,
            num_fewshot,
            fewshot_seed,
            include: Vec::new(),
            limit: None,
            questions: QuestionSettings::default(),
            input: None,
            chat: None,
        }
    }
}

/// Tasks with the scores that decide what is right, ready for a model.
#[derive(Debug, Clone)]
pub struct ScoredTasks {
    pub(super) tasks: Vec<(Task, Score)>,
    /// Settings that shape the prompts, for a manifest: of the chat template and of files of questions.
    pub(super) wording: Vec<(String, Value)>,
    /// How the model plays, where the items are levels.
    pub(super) player: Option<PlayerSettings>,
    pub(super) fewshot_seed: u64,
    pub(super) limit: Option<usize>,
}

impl ScoredTasks {
    /// Each task with its score.
    pub fn iter(&self) -> impl Iterator<Item = (&Task, Score)> {
        self.tasks.iter().map(|(task, score)| (task, *score))
    }

    /// Names of the tasks, in order.
    pub fn names(&self) -> Vec<&str> {
        self.tasks.iter().map(|(task, _)| task.name.as_str()).collect()
    }

    /// One sentence for each task of which malformed records were left out; what is worth knowing of the data; and one
    /// sentence for each task with items that share a group though the task does not say so.
    pub fn notes(&self) -> Vec<String> {
        let skipped = self.iter().filter(|(task, _)| !task.skipped.is_empty()).map(|(task, _)| describe_skipped(task));
        let of_data = self.iter().flat_map(|(task, _)| task.notes.iter().cloned());
        skipped.chain(of_data).chain(ItemGroups::of(&self.by_reference()).notes()).collect()
    }

    /// The tasks as an evaluator takes them.
    pub(super) fn by_reference(&self) -> Vec<(&Task, Score)> {
        self.iter().collect()
    }

    fn change_scores(&mut self, change: impl Fn(Score) -> Option<Score>) -> bool {
        let mut changed = false;
        for (_, score) in &mut self.tasks {
            if let Some(new) = change(*score) {
                (*score, changed) = (new, true);
            }
        }
        changed
    }

    fn score_names(&self) -> String {
        self.iter().map(|(_, score)| score.to_string()).collect::<Vec<_>>().join(", ")
    }
}

impl Session {
    /// Opens one task with its own data and score: a built-in task by name, a file of questions by path, or a harness
    /// task by its YAML file.
    ///
    /// # Errors
    /// No such task or file, or data that is missing or malformed.
    pub fn task(&self, name: &str) -> Result<ScoredTasks> {
        self.tasks(&TaskSettings { tasks: vec![TaskRequest::named(name)], ..TaskSettings::default() })
    }

    /// Opens tasks.
    ///
    /// # Errors
    /// No such task or file; data that is missing or malformed; a match rule or length where no score generates text; a
    /// chat template that the model does not have.
    pub fn tasks(&self, settings: &TaskSettings) -> Result<ScoredTasks> {
        if let Some(request) = settings.levels() {
            return self.open_levels(settings, request);
        }
        let config = self.config();
        let options = TaskOptions {
            profile: settings.profile,
            kind: config.kind(),
            family: config.family.name,
            tokenizer: Some(self.tokenizer()?),
            skip_bad: settings.skip_bad,
            num_fewshot: settings.num_fewshot,
            fewshot_seed: settings.fewshot_seed,
            include: &settings.include,
            questions: &settings.questions,
            input: settings.input.as_deref(),
        };
        check_used(settings)?;
        let mut tasks = Vec::with_capacity(settings.tasks.len());
        for request in &settings.tasks {
            let task = self.open_task(request, &options)?.limited(settings.limit)?;
            let score = request.score.unwrap_or(task.default_score);
            tasks.push((task, score));
        }
        let (fewshot_seed, limit) = (settings.fewshot_seed, settings.limit);
        let wording = settings.questions.given().into_iter().map(|(name, text)| (name.replace('-', "_"), text.into()));
        let mut tasks = ScoredTasks { tasks, wording: wording.collect(), player: None, fewshot_seed, limit };
        if let Some(matching) = settings.matching
            && !tasks.change_scores(|score| score.with_match(matching))
        {
            return Err(Error::setting("match", format!("the score {} generates no text", tasks.score_names())));
        }
        if let Some(tokens) = settings.max_tokens
            && !tasks.change_scores(|score| score.with_max_tokens(tokens))
        {
            let problem = format!("{tokens}: the score {} generates no text, or the length is 0", tasks.score_names());
            return Err(Error::setting("max-tokens", problem));
        }
        for (task, score) in &mut tasks.tasks {
            let is_own = Task::is_own(&task.name, &settings.include)?;
            let is_free = settings.max_tokens.is_none();
            fit_answers(task, score, config.kind(), self.tokenizer()?, is_own, is_free)?;
        }
        if let Some(chat) = &settings.chat {
            tasks = self.apply_chat_template(tasks, chat.clone())?;
        }
        if settings.skip_bad {
            for (task, score) in &mut tasks.tasks {
                leave_out_too_long(task, self.tokenizer()?, *score, config)?;
            }
        }
        Ok(tasks)
    }

    /// Puts the questions of `tasks` into the model's chat template.
    fn apply_chat_template(&self, tasks: ScoredTasks, settings: ChatSettings) -> Result<ScoredTasks> {
        const SETTING: &str = "apply-chat-template";
        if tasks.iter().all(|(_, score)| score.is_perplexity()) {
            return Err(Error::setting(SETTING, "no task asks a question"));
        }
        let template = ChatTemplate::new(self.tokenizer()?, self.config(), settings)
            .map_err(|e| Error::setting(SETTING, format!("{}: {e}", self.name)))?;
        let render = |(task, score): (Task, Score)| -> Result<_> { Ok((template.apply(task, score)?, score)) };
        let mut wording = tasks.wording;
        wording.extend(template.record().into_iter().map(|(key, value)| (key.to_owned(), value)));
        let rendered = tasks.tasks.into_iter().map(render).collect::<Result<_>>()?;
        Ok(ScoredTasks { tasks: rendered, wording, ..tasks })
    }

    /// Opens one task. Its data is fetched where the request names a repository, or names nothing and the Hub has it.
    fn open_task(&self, request: &TaskRequest, options: &TaskOptions<'_>) -> Result<Task> {
        let TaskRequest { name, data, .. } = request;
        let built_in = BUILT_IN.iter().find(|info| info.name == name);
        let (path, origin) = match repository(built_in, data.as_deref())? {
            Some(repository) => {
                let (path, origin) = self.fetch_data(name, built_in, &repository)?;
                (Some(path), Some(origin))
            }
            None => (data.as_deref().map(PathBuf::from), data.clone()),
        };
        let task = Task::open(name, path.as_deref(), options)?;
        Ok(Task { data: origin, ..task })
    }

    /// Fetches a task's files; gives their folder and where they are from.
    fn fetch_data(&self, name: &str, task: Option<&TaskInfo>, repository: &HubDataset) -> Result<(PathBuf, String)> {
        // File names are known for the task's own repository only; of another, every data file is fetched.
        let own = task.and_then(|info| info.hub).filter(|hub| hub.repo == repository.repo);
        let names = own.map_or(&[][..], |hub| hub.files);
        let choose = |files: &[String]| DatasetLayout::choose(files, names);
        let fetched = self.options.with_sources(|sources| repository.fetch(&choose, sources));
        let fetched = fetched.map_err(|e| Error::TaskData { task: name.to_owned(), source: Box::new(e) })?;
        fetched.notes.iter().for_each(|note| self.options.observer.warn(note));
        Ok((fetched.path, fetched.origin))
    }
}

/// Checks that there is a file of questions where templates are given for one.
fn check_used(settings: &TaskSettings) -> Result<()> {
    let Some((setting, _)) = settings.questions.given().into_iter().next() else { return Ok(()) };
    for request in &settings.tasks {
        if Task::is_own(&request.name, &settings.include)? {
            return Ok(());
        }
    }
    Err(Error::setting(setting, "only files of questions have it, and no task is one"))
}

/// The Hub repository a task's data comes from; `None` where the data is a path, or the task has none.
fn repository(built_in: Option<&TaskInfo>, data: Option<&str>) -> Result<Option<HubDataset>> {
    match (built_in, data) {
        (Some(info), Some(data)) if info.needs_data => Ok(HubDataset::parse(data)?),
        (Some(info), None) => {
            Ok(info.hub.map(|hub| HubDataset { repo: hub.repo.to_owned(), revision: Some(hub.revision.to_owned()) }))
        }
        _ => Ok(None),
    }
}

/// Number of malformed records that a sentence describes one by one.
const DESCRIBED: usize = 5;

fn describe_skipped(task: &Task) -> String {
    let n = task.skipped.len();
    let rows = if n == 1 { "row" } else { "rows" };
    let more = if n > DESCRIBED { format!("; and {} more", n - DESCRIBED) } else { String::new() };
    let described = task.skipped.iter().take(DESCRIBED).map(String::as_str).collect::<Vec<_>>().join("; ");
    format!("{}: {n} {rows} left out: {described}{more}", task.name)
}
