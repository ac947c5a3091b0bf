//! The model card of a shared search: base model, recipe, proof, side effects, and how to use and check the edit.

use std::fmt::Write;

use laser_model::config::ModelConfig;
use serde_yaml_ng::Mapping;

use super::{DELTA, FinishedRun, GGUF, RECIPE, REPORT, REPRODUCTION, RESULTS, Reproduction, SharedWeights};
use crate::edit::recipe::RecipeEdit;
use crate::error::{Error, Result};
use crate::export::{loading, one_line};
use crate::report::proof_table;
use crate::results::number_format::{count, p_value};
use crate::results::{Results, price_lines};

/// The facts of a card.
pub(crate) struct SharedCard<'a> {
    /// The repository, `ORG/NAME`.
    pub(crate) repository: &'a str,
    /// The metadata that the Hub reads: base model, licence, tags.
    pub(crate) front: Mapping,
    /// Name of the base model for the title.
    pub(crate) base_name: String,
    pub(crate) config: &'a ModelConfig,
    pub(crate) run: &'a FinishedRun,
    pub(crate) record: &'a Reproduction,
    /// True if the weights are a GGUF file.
    pub(crate) is_gguf: bool,
}

impl SharedCard<'_> {
    /// The card as Markdown.
    pub(crate) fn render(&self) -> Result<String> {
        let front = serde_yaml_ng::to_string(&self.front).map_err(|e| Error::parse(super::CARD, e))?;
        let name = one_line(&self.base_name);
        let sections = [
            ("Base model", self.base_model()),
            ("Recipe", self.recipe()),
            ("Proof", proof(&self.run.results)),
            ("Side effects", side_effects(&self.run.results)),
            ("Use", self.usage()),
            ("Search", search(&self.run.results)),
            ("Check it", self.check()),
        ];
        let mut text = format!(
            "---\n{front}---\n\n# {name}, rank-reduced\n\n\
             An edit of {name} that layer-selective rank reduction (LASER, \
             [arXiv 2312.13558](https://arxiv.org/abs/2312.13558)) found and tested on held-out items. Nothing was trained; \
             all other weights are those of the base model.\n",
        );
        for (title, section) in sections {
            write!(text, "\n## {title}\n\n{}\n", section.trim_end()).expect("writing to a string does not fail");
        }
        Ok(text)
    }

    fn base_model(&self) -> String {
        let base = &self.record.base_model;
        let source = one_line(&base.source);
        let mut text = match base.public_name() {
            Some(_) => format!("`{source}`, SHA-256 of its files `{}`.\n", base.sha256),
            None if base.adapters.is_empty() => format!(
                "`{source}` is a model on the author's machine, SHA-256 of its files `{}`. It cannot be fetched by this name: \
                 whoever has a copy names it with `--model`.\n",
                base.sha256
            ),
            None => format!(
                "`{source}` with the adapters below merged into its weights, SHA-256 of all `{}`. The adapters cannot be \
                 fetched: whoever has copies names all of it with `--model`.\n",
                base.sha256
            ),
        };
        for adapter in &base.adapters {
            text += &format!("- adapter `{}`, SHA-256 `{}`\n", one_line(&adapter.path), adapter.sha256);
        }
        text
    }

    fn recipe(&self) -> String {
        let mut text =
            "| layer (from 0) | matrix | kept | rank | of |\n| ---: | --- | --- | ---: | ---: |\n".to_owned();
        let number = |n: Option<usize>| n.map_or_else(String::new, |n| n.to_string());
        for RecipeEdit { layer, matrix, keep, rank, max_rank } in &self.record.recipe.edits {
            let (rank, of) = (number(*rank), number(*max_rank));
            text += &format!("| {layer} | `{matrix}` | {keep} | {rank} | {of} |\n");
        }
        text + &format!("\nThe same in short form: `{}`; as a file: `{RECIPE}`.\n", self.record.edit)
    }

    fn usage(&self) -> String {
        let base = self.record.base_model.public_name().unwrap_or("BASE_MODEL");
        let repository = self.repository;
        let apply = |file: &str, gives: &str| {
            format!(
                "```console\n$ hf download {repository} {file} --local-dir .\n\
                 $ laser apply {base} --edit {file} --out better\n```\n\n{gives}\n"
            )
        };
        match self.record.weights {
            SharedWeights::Delta => apply(
                DELTA,
                "The delta holds the reduced matrices themselves: with the base model it gives the edited model to the byte, on \
                 every machine.",
            ),
            SharedWeights::None => apply(RECIPE, "The repository has no weights; the recipe says how to make them."),
            SharedWeights::Dense if self.is_gguf => format!("The edited model is `{GGUF}`.\n"),
            SharedWeights::Dense => loading(self.config, repository),
        }
    }

    fn check(&self) -> String {
        let model = match self.record.base_model.public_name() {
            Some(_) => "",
            None => " --model BASE_MODEL",
        };
        format!(
            "```console\n$ laser reproduce-run {}{model}\n```\n\n\
             This compares the base model's hash, makes the edited tensors again, and compares their hashes with those in \
             `{REPRODUCTION}`. With `--search` it also runs the search again, which needs the task's data, and compares the \
             results. `{REPORT}` is the whole report, `{RESULTS}` its numbers.\n",
            self.repository
        )
    }
}

/// The verdict, the accuracies of all splits, and the tests.
fn proof(results: &Results) -> String {
    let test = &results.test;
    let mut text = format!("{}\n\n{}\n", one_line(&results.reason), proof_table(results));
    if results.perplexity_goals().is_empty() {
        text += &format!(
            "- On the {} items of the test split, which the search did not see, {} answers became right and {} wrong.\n",
            count(test.n),
            count(test.fixed),
            count(test.broken)
        );
        text += &format!("- McNemar's test: {}.\n", p_value(test.mcnemar_p));
        text += &format!(
            "- A gain as large on the search split, of the best of as many edits without any effect: {}.\n",
            p_value(test.familywise_p)
        );
    }
    text
}

/// The price on ordinary text, repetition, other wordings, and guards.
fn side_effects(results: &Results) -> String {
    let lines = results.price.as_ref().map(price_lines).unwrap_or_default();
    if lines.is_empty() {
        return "Not measured.\n".to_owned();
    }
    lines.iter().map(|line| format!("- {}\n", one_line(line))).collect()
}

/// Task, strategy and seeds.
fn search(results: &Results) -> String {
    let (manifest, search) = (&results.manifest, &results.search);
    let seeds: Vec<String> = manifest.seeds.iter().map(|(name, seed)| format!("{name} {seed}")).collect();
    format!(
        "- Task: {}, SHA-256 of its items `{}`\n- Strategy: {}, {} edits tried, protocol {}\n- Seeds: {}\n- Laser {}\n",
        one_line(&manifest.task.name),
        manifest.task.sha256,
        search.strategy,
        count(search.trials),
        search.protocol,
        seeds.join(", "),
        manifest.tool_version
    )
}
