//! `laser tasks` lists the built-in tasks; `laser tasks show NAME` prints one with its prompts and scores.

use std::process::ExitCode;

use anyhow::{Result, bail};
use laser::model::ModelKind;
use laser::task::Task;
use laser::task::built_in::{BUILT_IN, TaskInfo};
use laser::task::options::{Profile, TaskOptions};
use laser::task::score::{LengthNormalization, Score, Ties};
use serde_json::{Value, json};

use crate::args::{Global, Tasks, TasksCommand};
use crate::output;

pub(super) fn run(args: &Tasks, global: &Global) -> Result<ExitCode> {
    match &args.command {
        None => list(global)?,
        Some(TasksCommand::Show { name }) => show(name, global)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(global: &Global) -> Result<()> {
    if global.json {
        return output::json(&BUILT_IN.iter().map(record).collect::<Vec<_>>());
    }
    let mut rows = vec![["task", "items", "what it asks", "data", "licence"].map(str::to_owned).to_vec()];
    for t in BUILT_IN {
        let source = if t.needs_data { format!("--data PATH: {}", t.source) } else { t.source.to_owned() };
        rows.push(vec![t.name.to_owned(), t.size.to_string(), t.about.to_owned(), source, t.licence.to_owned()]);
    }
    output::result(&output::table(&rows))?;
    output::result(
        "\nor a JSON, JSONL, CSV, TSV or Parquet file of your own with the fields question and answer, or question, \
         choices and gold; laser tasks show NAME prints a task's prompts and scores",
    )
}

/// Description of a task, without its prompts.
fn record(t: &TaskInfo) -> Value {
    let hub = t.hub.map(|hub| json!({"repo": hub.repo, "revision": hub.revision, "files": hub.files}));
    json!({"name": t.name, "about": t.about, "source": t.source, "licence": t.licence, "size": t.size,
        "needs_data": t.needs_data, "hub": hub, "quirks": t.quirks})
}

fn show(name: &str, global: &Global) -> Result<()> {
    let Some(info) = TaskInfo::named(name) else {
        let known: Vec<&str> = BUILT_IN.iter().map(|info| info.name).collect();
        bail!("no such task: expected one of {}, found `{name}`", known.join(", "));
    };
    let mut forms: Vec<Form> = Vec::new();
    for profile in [Profile::Clean, Profile::Paper] {
        for kind in [ModelKind::Causal, ModelKind::Masked] {
            let task = info.example_task(&TaskOptions { profile, kind, ..TaskOptions::default() })?;
            // A model that fills masks has no perplexity.
            if matches!((kind, task.default_score), (ModelKind::Masked, Score::Perplexity { .. })) {
                continue;
            }
            let form = Form::new(&task, profile, kind);
            match forms.iter_mut().find(|known| known.is_as(&form)) {
                Some(known) => known.profiles.push(profile),
                None => forms.push(form),
            }
        }
    }
    if global.json {
        let mut record = record(info);
        record["prompts"] = forms.iter().map(Form::json).collect();
        return output::json(&record);
    }
    let place = if info.needs_data { "with --data PATH from" } else { "inside laser:" };
    output::result(&format!("{name}: {}\n", info.about))?;
    output::result(&format!("data     {place} {}", info.source))?;
    if let Some(hub) = info.hub {
        output::result(&format!("hub      {} at {}: {}", hub.repo, hub.revision, hub.files.join(", ")))?;
    }
    output::result(&format!("licence  {}", info.licence))?;
    output::result(&format!("items    {}", info.size))?;
    for form in &forms {
        output::result(&format!("\n{}", form.text()))?;
    }
    output::result("\nwhat `paper` does differently")?;
    info.quirks.iter().try_for_each(|quirk| output::result(&format!("- {quirk}")))
}

/// How the first item of a task's specimen is asked under some profiles.
struct Form {
    profiles: Vec<Profile>,
    kind: ModelKind,
    prompt: String,
    choices: Vec<String>,
    score: Score,
    boundary: laser::task::join::Boundary,
}

impl Form {
    fn new(task: &Task, profile: Profile, kind: ModelKind) -> Self {
        let item = &task.items[0];
        let answer = match kind {
            ModelKind::Causal => item.target(),
            ModelKind::Masked => "mask",
        };
        // A text of which the perplexity is measured has no prompt.
        let before = if item.prompt.is_empty() { String::new() } else { item.prompt.clone() + &task.join.delimiter };
        Self {
            profiles: vec![profile],
            kind,
            prompt: format!("{before}[{answer}]{}", item.suffix),
            choices: item.choices.clone(),
            score: task.default_score.of(kind),
            boundary: task.join.boundary,
        }
    }

    /// Whether two profiles ask a kind of model the same.
    fn is_as(&self, other: &Self) -> bool {
        let parts = |form: &Self| (form.kind, form.prompt.clone(), form.choices.clone(), form.score, form.boundary);
        parts(self) == parts(other)
    }

    fn profiles(&self) -> Vec<String> {
        self.profiles.iter().map(Profile::to_string).collect()
    }

    fn json(&self) -> Value {
        json!({"profiles": self.profiles(), "kind": kind_name(self.kind), "prompt": self.prompt,
            "choices": self.choices, "score": self.score, "boundary": format!("{:?}", self.boundary).to_lowercase()})
    }

    fn text(&self) -> String {
        let mut text = format!("{}, {} models\n", self.profiles().join(" and "), kind_name(self.kind));
        for line in self.prompt.lines() {
            text += &format!("    {line}\n");
        }
        if !self.choices.is_empty() {
            text += &format!("  choices: {}\n", self.choices.join(" | "));
        }
        text + &format!("  score: {}", in_words(self.score))
    }
}

fn kind_name(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Causal => "causal",
        ModelKind::Masked => "masked",
    }
}

/// A score with its settings.
fn in_words(score: Score) -> String {
    match score {
        Score::Top1 => "top1: the next token is the answer's first".to_owned(),
        Score::Greedy => "greedy: the whole answer is what greedy decoding would say".to_owned(),
        Score::Generate { max_tokens, matching } => {
            format!("generate: {max_tokens} greedy tokens, of which `{matching}` holds the answer")
        }
        Score::Fill { masks, matching } => {
            format!("fill: the likeliest tokens of {masks} masks, of which `{matching}` holds the answer")
        }
        Score::Choice { length, ties } => {
            let length = match length {
                LengthNormalization::Sum => "",
                LengthNormalization::PerByte => " per byte",
                LengthNormalization::PerCharacter => " per character",
            };
            let ties = match ties {
                Ties::Wrong => "is wrong",
                Ties::First => "goes to the first",
            };
            format!("choice: the likeliest{length}; a tie {ties}")
        }
        Score::Perplexity { window, stride } => {
            format!("perplexity: windows of at most {window} tokens, {stride} of them scored")
        }
    }
}
