//! Training of a language model from a file of texts to a Hugging Face folder.

use std::fs;
use std::path::{Path, PathBuf};

use laser::Observer;
use laser::checkpoint::write_atomically;
use laser::model::tokenizer::Tokenizer;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::training::{
    Architecture, JournalLine, ModelSizes, ParameterSet, Sequence, TextExamples, Trainer, TrainingSettings,
    read_config, write_model,
};

/// A language model to train, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextTraining {
    /// Kind of the model.
    pub architecture: Architecture,
    /// Its sizes.
    pub sizes: ModelSizes,
    /// Number of texts in a step.
    pub batch: usize,
    /// Steps, learning rate, optimiser.
    pub settings: TrainingSettings,
    /// Seed of the initial weights and of the order of the texts.
    pub seed: u64,
}

/// Folder within the target that a training in progress uses.
const PROGRESS: &str = "training";
/// File of the settings and of the last line of the journal, in a finished folder.
const SUMMARY: &str = "training.json";
/// File of the journal.
const JOURNAL: &str = "train.jsonl";
/// Files of a tokenizer that are copied to the model.
const TOKENIZER_FILES: [&str; 3] = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];
/// Rows of a slice, about: enough for products near their peak speed, few enough for several slices in a step.
const SLICE_ROWS: usize = 512;

/// Texts as tokens, with the folder of their tokenizer.
#[derive(Debug)]
pub struct Corpus {
    tokenizer: Tokenizer,
    tokenizer_folder: PathBuf,
    sequences: Vec<Sequence>,
    /// SHA-256 of the file of texts, which a training that goes on compares.
    sha256: String,
}

impl Corpus {
    /// Reads texts: a `.jsonl` file with the text of each line under `text`, a `.txt` file with a text in each line, or a
    /// folder with `corpus.jsonl`. The tokenizer lies in `tokenizer`, or beside the texts.
    ///
    /// # Errors
    /// A file that is missing, a line that is no object with a text, a text that the tokenizer cannot spell, a file without
    /// texts.
    pub fn read(data: &Path, tokenizer: Option<&Path>, context: usize) -> Result<Self> {
        let file = if data.is_dir() { data.join("corpus.jsonl") } else { data.to_owned() };
        let beside = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let tokenizer_folder = tokenizer.unwrap_or(beside).to_owned();
        let text = fs::read_to_string(&file).map_err(Error::io(&file))?;
        let tokenizer = Tokenizer::from_folder(&tokenizer_folder)?;
        let json = file.extension().is_some_and(|extension| extension == "jsonl");
        let mut sequences = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let place = || format!("{}:{}", file.display(), number + 1);
            let text = if json { text_of(line, place)? } else { line.to_owned() };
            let mut tokens = tokenizer.encode(&text, true)?;
            tokens.extend(tokenizer.eos_id());
            if tokens.len() > context + 1 {
                return Err(Error::File {
                    path: place(),
                    problem: format!(
                        "expected a text of at most {} tokens, the model's context, found {}",
                        context,
                        tokens.len() - 1
                    ),
                });
            }
            sequences.push(Sequence { tokens, given: 1 });
        }
        if sequences.is_empty() {
            return Err(Error::File { path: file.display().to_string(), problem: "expected texts, found none".into() });
        }
        let sha256 = laser::source::sha256_files(&[file])?;
        Ok(Self { tokenizer, tokenizer_folder, sequences, sha256 })
    }

    /// SHA-256 of the file of texts, hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.sequences.len()
    }

    /// Whether there are none; never, because such a file is refused.
    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }
}

/// The text in a line of JSON.
fn text_of(line: &str, place: impl Fn() -> String) -> Result<String> {
    #[derive(Deserialize)]
    struct Line {
        text: String,
    }
    let line: Line = serde_json::from_str(line).map_err(|error| Error::File {
        path: place(),
        problem: format!("expected an object with a string `text`: {error}"),
    })?;
    Ok(line.text)
}

impl TextTraining {
    /// Trains the model on `corpus` and writes it to the folder `out`, which must not exist, be empty, or with `resume` hold
    /// a training of the same settings that was stopped. Returns the journal's last line.
    ///
    /// # Errors
    /// Sizes that do not fit together, a folder that is not free, and those of [`Trainer::run`].
    pub fn run(
        &self,
        corpus: &Corpus,
        out: &Path,
        resume: bool,
        threads: usize,
        observer: &dyn Observer,
        mut on_step: impl FnMut(&JournalLine),
    ) -> Result<JournalLine> {
        let tokenizer = &corpus.tokenizer;
        let json =
            self.architecture.config_json(self.sizes, tokenizer.vocab_size(), tokenizer.bos_id(), tokenizer.eos_id());
        let parameters = ParameterSet::initial(read_config(&json)?, self.seed)?;
        let examples = TextExamples::new(corpus.sequences.clone(), self.batch, SLICE_ROWS, self.seed)?;
        let progress = progress_folder(out, resume)?;
        let description = serde_json::json!({"training": self, "corpus": corpus.sha256}).to_string();
        let mut trainer = Trainer::new(parameters, &examples, self.settings).in_folder(&progress, &description)?;
        trainer.run(threads, observer, &mut on_step)?;
        let last = trainer.last_line()?;
        self.write(corpus, out, &progress, &json, &trainer.into_parameters(), &last)?;
        Ok(last)
    }

    /// Writes the finished model, and removes the state of the training.
    fn write(
        &self,
        corpus: &Corpus,
        out: &Path,
        progress: &Path,
        config_json: &serde_json::Value,
        parameters: &ParameterSet,
        last: &JournalLine,
    ) -> Result<()> {
        for name in TOKENIZER_FILES {
            let from = corpus.tokenizer_folder.join(name);
            if from.exists() {
                let bytes = fs::read(&from).map_err(Error::io(&from))?;
                write_atomically(&out.join(name), &bytes)?;
            }
        }
        let summary = serde_json::json!({"training": self, "corpus_sha256": corpus.sha256, "last_step": last});
        let summary = serde_json::to_string_pretty(&summary).expect("JSON values can be written");
        write_atomically(&out.join(SUMMARY), format!("{summary}\n").as_bytes())?;
        let journal = progress.join(JOURNAL);
        fs::copy(&journal, out.join(JOURNAL)).map_err(Error::io(&journal))?;
        write_model(out, config_json, parameters)?;
        fs::remove_dir_all(progress).map_err(Error::io(progress))
    }
}

/// The folder of a training in progress within `out`, made if it is new.
fn progress_folder(out: &Path, resume: bool) -> Result<PathBuf> {
    let progress = out.join(PROGRESS);
    if out.exists() {
        let mut entries = fs::read_dir(out).map_err(Error::io(out))?;
        let problem = |problem: &str| Err(Error::File { path: out.display().to_string(), problem: problem.to_owned() });
        if resume && !progress.exists() {
            return problem("expected a training that was stopped, found none");
        }
        if !resume && entries.next().is_some() {
            return problem(
                "expected a new or an empty folder, found one with files in it; a training that was stopped can be resumed",
            );
        }
    } else if resume {
        return Err(Error::io(out)(std::io::ErrorKind::NotFound.into()));
    }
    fs::create_dir_all(&progress).map_err(Error::io(&progress))?;
    Ok(progress)
}
