//! The prompt of a built-in task, as `laser tasks show` prints it.

use laser::model::ModelKind;
use laser::task::Task;
use laser::task::options::Profile;
use laser::task::score::{LengthNormalization, Score, Ties};
use serde_json::{Value, json};

/// The prompt and score of a task's example item under one or more profiles.
pub(crate) struct Form {
    pub(crate) profiles: Vec<Profile>,
    kind: ModelKind,
    prompt: String,
    choices: Vec<String>,
    score: Score,
    boundary: laser::task::join::Boundary,
}

impl Form {
    pub(crate) fn new(task: &Task, profile: Profile, kind: ModelKind) -> Self {
        let item = &task.items[0];
        let answer = match kind {
            ModelKind::Causal => item.target(),
            ModelKind::Masked => "mask",
        };
        // A text of which the perplexity is measured has no prompt.
        let before = if item.prompt.is_empty() { String::new() } else { item.prompt.clone() + task.delimiter(item) };
        Self {
            profiles: vec![profile],
            kind,
            prompt: format!("{before}[{answer}]{}", item.suffix),
            choices: item.choices.clone(),
            score: task.default_score.of(kind),
            boundary: task.join.boundary,
        }
    }

    /// Whether two profiles give one kind of model the same prompt and score.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let parts = |form: &Self| (form.kind, form.prompt.clone(), form.choices.clone(), form.score, form.boundary);
        parts(self) == parts(other)
    }

    fn profiles(&self) -> Vec<String> {
        self.profiles.iter().map(Profile::to_string).collect()
    }

    pub(crate) fn json(&self) -> Value {
        json!({"profiles": self.profiles(), "kind": kind_name(self.kind), "prompt": self.prompt,
            "choices": self.choices, "score": self.score, "boundary": format!("{:?}", self.boundary).to_lowercase()})
    }

    pub(crate) fn text(&self) -> String {
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
pub(super) fn in_words(score: Score) -> String {
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
        Score::Play => "play: the level is solved".to_owned(),
    }
}
