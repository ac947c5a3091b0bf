//! Training of a language model from a file of texts to a Hugging Face folder.

use std::fs;
use std::path::{Path, PathBuf};

use laser::Observer;
use laser::checkpoint::write_atomically;
use laser::model::tokenizer::Tokenizer;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::training::{
    Architecture, JournalLine, ModelSizes, ParameterSet, Sequence, TextExamples, TrainingSettings, read_config,
    write_model,
};
use crate::training_folder::{Training, TrainingFolder};

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
        let sha256 = laser::source::FileHashes::default().of_files([file])?;
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
    /// Sizes that do not fit together, a folder that is not free, and those of [`crate::training::Trainer::run`].
    pub fn run(
        &self,
        corpus: &Corpus,
        out: &Path,
        resume: bool,
        threads: usize,
        observer: &dyn Observer,
        on_step: impl FnMut(&JournalLine),
    ) -> Result<JournalLine> {
        let tokenizer = &corpus.tokenizer;
        let config_json =
            self.architecture.config_json(self.sizes, tokenizer.vocab_size(), tokenizer.bos_id(), tokenizer.eos_id());
        let examples = TextExamples::new(corpus.sequences.clone(), self.batch, SLICE_ROWS, self.seed)?;
        let training = Training {
            parameters: ParameterSet::initial(read_config(&config_json)?, self.seed)?,
            examples: &examples,
            settings: self.settings,
            description: json!({"language_model": self, "corpus_sha256": corpus.sha256}),
        };
        let write = |out: &Path, parameters: &ParameterSet| {
            copy_tokenizer(&corpus.tokenizer_folder, out)?;
            write_model(out, &config_json, parameters)
        };
        TrainingFolder::open(out, resume)?.run(training, threads, observer, on_step, write)
    }
}

/// Copies the files of a tokenizer, as far as there are any.
fn copy_tokenizer(from: &Path, to: &Path) -> Result<()> {
    for name in TOKENIZER_FILES {
        let file = from.join(name);
        if file.exists() {
            let bytes = fs::read(&file).map_err(Error::io(&file))?;
            write_atomically(&to.join(name), &bytes)?;
        }
    }
    Ok(())
}
