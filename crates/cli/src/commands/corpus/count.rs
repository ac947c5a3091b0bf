//! `laser corpus count`: how often a corpus mentions the subjects and answers of a task.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use laser::Observer;
use laser::checkpoint::write_atomically;
use laser::task::Task;
use laser::task::options::TaskOptions;
use laser_corpus::{
    Bounds, Case, CountObserver, CountSettings, Counted, DocumentSource, Duplicates, FileShard, Item, Reading, Rules,
    Split, Window, count,
};
use serde::Deserialize;
use serde_json::json;

use super::parquet_shard::ParquetShard;
use crate::args::{BoundsName, CaseName, CorpusCount, Global};
use crate::progress::Progress;
use crate::{output, plan};

/// Number of faults of a shard that are shown.
const SHOWN_FAULTS: usize = 5;

pub(super) fn run(args: &CorpusCount, global: &Global, progress: &Progress) -> Result<ExitCode> {
    let task = Task::open(&args.task, args.data.as_deref(), &TaskOptions::default())?;
    let items = items(&task, args.aliases.as_deref())?;
    let reading = Reading {
        text_key: args.field.clone(),
        split: match args.split.as_str() {
            "file" => Split::File,
            "blank-lines" => Split::BlankLines,
            line => Split::Line(line.to_owned()),
        },
        ..Reading::default()
    };
    let shard = |path: &PathBuf| -> Result<Box<dyn DocumentSource>> {
        let refused = |problem: String| laser::Error::setting("corpus", problem);
        Ok(if ParquetShard::knows(path) {
            Box::new(
                ParquetShard::new(path, &reading).map_err(|error| refused(format!("{}: {error}", path.display())))?,
            )
        } else {
            Box::new(FileShard::new(path, reading.clone()).map_err(|error| refused(error.to_string()))?)
        })
    };
    let sources = args.corpus.iter().map(shard).collect::<Result<Vec<_>>>()?;
    if let Some(folder) = args.out.parent() {
        std::fs::create_dir_all(folder).map_err(|error| laser::Error::unwritable("out", folder, &error))?;
    }
    let journal = args.out.with_extension("journal");
    let settings = CountSettings { rules: rules(args), threads: plan::threads(global), journal: Some(journal.clone()) };
    let counted = count(&sources, &items, &settings, &Counting(progress)).map_err(|error| match error {
        laser_corpus::Error::Interrupted => {
            anyhow!("interrupted: {} keeps the finished files; the same command continues", journal.display())
        }
        repeated @ laser_corpus::Error::RepeatedShard { .. } => {
            laser::Error::setting("corpus", repeated.to_string()).into()
        }
        other => other.into(),
    })?;
    write(&args.out, &counted, &settings)?;
    // The counts are complete, so that nothing is left to continue.
    for done in [journal.clone(), hashes_of(&journal)] {
        match std::fs::remove_file(&done) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| done.display().to_string());
            }
            _ => {}
        }
    }
    progress.finish();
    report_faults(global, &counted);
    if global.json {
        output::json(&json!({"items": counted.items, "shards": counted.shards}))?;
    } else {
        output::result(&summary(&counted))?;
    }
    output::say(global, &format!("wrote {}", args.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// The file of document hashes that a journal has beside it.
fn hashes_of(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".hashes");
    name.into()
}

fn rules(args: &CorpusCount) -> Rules {
    Rules {
        case: match args.case {
            CaseName::Exact => Case::Exact,
            CaseName::Fold => Case::Fold,
        },
        bounds: match args.bounds {
            BoundsName::Word => Bounds::Word,
            BoundsName::Any => Bounds::Any,
        },
        window: args.window.map_or(Window::Document, Window::Words),
        duplicates: if args.dedup { Duplicates::CountOnce } else { Duplicates::Keep },
    }
}

/// Other names of a subject or an answer: a line of the file of aliases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Aliases {
    name: String,
    aliases: Vec<String>,
}

/// The items of a task as subject and answer.
fn items(task: &Task, aliases: Option<&Path>) -> Result<Vec<Item>> {
    let mut known: HashMap<String, Vec<String>> = HashMap::new();
    if let Some(path) = aliases {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let Aliases { name, aliases } = serde_json::from_str(line)
                .with_context(|| format!("{}:{}: expected {{\"name\",\"aliases\"}}", path.display(), number + 1))?;
            known.entry(name).or_default().extend(aliases);
        }
    }
    let of = |name: &str| known.get(name.trim()).cloned().unwrap_or_default();
    let item = |item: &laser::task::Item| {
        let subject = if item.subject.is_empty() { &item.group } else { &item.subject };
        if subject.is_empty() {
            bail!("item {}: expected a subject or a group, found neither", item.id);
        }
        let answer = item.target();
        let (subject_aliases, answer_aliases) = (of(subject), of(answer));
        Ok(Item {
            id: item.id.clone(),
            subject: subject.clone(),
            answer: answer.to_owned(),
            subject_aliases,
            answer_aliases,
        })
    };
    task.items.iter().map(item).collect()
}

/// Writes the counts, and `NAME.manifest.json` with the rules and the files.
fn write(out: &Path, counted: &Counted, settings: &CountSettings) -> Result<()> {
    let manifest = json!({
        "laser": env!("CARGO_PKG_VERSION"), "rules": settings.rules, "fingerprint": counted.fingerprint,
        "shards": counted.shards,
    });
    let manifest = serde_json::to_string_pretty(&manifest)? + "\n";
    write_atomically(&out.with_extension("manifest.json"), manifest.as_bytes())?;
    let lines = counted.items.iter().map(|item| Ok(serde_json::to_string(item)? + "\n"));
    Ok(write_atomically(out, lines.collect::<Result<String>>()?.as_bytes())?)
}

/// Names what could not be read of the corpus; the rest was counted.
fn report_faults(global: &Global, counted: &Counted) {
    for shard in counted.shards.iter().filter(|shard| shard.fault_count > 0) {
        for fault in shard.faults.iter().take(SHOWN_FAULTS) {
            output::say(global, &format!("{}: {}: {}", shard.name, fault.place, fault.problem));
        }
        let more = shard.fault_count.saturating_sub(SHOWN_FAULTS as u64);
        if more > 0 {
            output::say(global, &format!("{}: {more} more faults; the rest was counted", shard.name));
        }
    }
}

/// The size of the corpus, and how many items it mentions.
fn summary(counted: &Counted) -> String {
    let sum = |of: fn(&laser_corpus::ShardSummary) -> u64| counted.shards.iter().map(of).sum::<u64>();
    let items = counted.items.len();
    let with = |of: fn(&laser_corpus::ItemFrequency) -> u64| counted.items.iter().filter(|item| of(item) > 0).count();
    let mut text = format!(
        "{} documents, {} words, {:.1} MB of text in {} files, {} of them damaged\n{} of {items} subjects mentioned, {} of {items} \
         answers, {} of {items} together",
        sum(|shard| shard.documents),
        sum(|shard| shard.words),
        sum(|shard| shard.text_bytes) as f64 / 1e6,
        counted.shards.len(),
        counted.shards.iter().filter(|shard| shard.fault_count > 0).count(),
        with(|item| item.subject_documents),
        with(|item| item.answer_documents),
        with(|item| item.documents),
    );
    if counted.resumed > 0 {
        text.push_str(&format!("\n{} files were counted before", counted.resumed));
    }
    text
}

/// Shows the progress of a count.
struct Counting<'a>(&'a Progress);

impl CountObserver for Counting<'_> {
    fn progress(&self, progress: &laser_corpus::Progress) {
        Observer::progress(self.0, "files", progress.shards, progress.total_shards);
    }

    fn stopped(&self) -> bool {
        Observer::stopped(self.0)
    }
}
