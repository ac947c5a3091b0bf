//! `laser explain`: what the components that an edit removes say, on the items of a task or after one prompt.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use laser::explain::FUNCTION_WORDS;
use laser::run::RunFolder;
use laser::statistics::Split;
use laser::{ExplainOptions, PromptOptions};

use crate::args::{Explain, Global};
use crate::progress::Progress;
use crate::{output, plan};

pub(super) fn run(args: &Explain, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let is_prompt = args.task.task.is_empty();
    match (&args.task.questions.prompt, &args.task.questions.answer) {
        (Some(_), Some(_)) if is_prompt && args.run.is_some() => bail!("--run: explains a task, not a prompt"),
        (Some(prompt), Some(answer)) if is_prompt => explain_prompt(args, [prompt, answer], global, progress),
        _ if args.edit.is_none() && args.run.is_none() => bail!("--edit: expected the edit to explain, or --run"),
        _ => explain_task(args, global, progress),
    }
}

fn explain_prompt(
    args: &Explain,
    [prompt, answer]: [&str; 2],
    global: &Global,
    progress: &Arc<Progress>,
) -> Result<ExitCode> {
    let folder = RunFolder::new(&args.out);
    folder.create()?;
    let session = plan::open(&args.model.model, global, progress)?;
    let requested = args.edit.as_deref().map(|text| session.edit(text)).transpose()?;
    let options = PromptOptions {
        prompt: prompt.to_owned(),
        answer: answer.to_owned(),
        edit: requested.as_ref().map(|requested| requested.edit.clone()).unwrap_or_default(),
        matrices: args.matrices.clone(),
    };
    output::describe_model(global, &session);
    let explanation = session.explain_prompt(&options)?;
    folder.write_prompt_explanation(&explanation)?;
    progress.finish();
    if global.json {
        output::json(&explanation)?;
    } else {
        output::result(&explanation.page().markdown())?;
    }
    output::say(global, &format!("wrote {} (report.html, prompt.json)", args.out.display()));
    Ok(output::exit_code(requested.as_ref()))
}

fn explain_task(args: &Explain, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    plan::check_tasks(&args.task)?;
    let settings = plan::task_settings(&args.task)?;
    let generic = args.generic.as_deref().map_or_else(|| Ok(FUNCTION_WORDS.map(str::to_owned).to_vec()), words)?;
    let folder = RunFolder::new(&args.out);
    folder.create()?;
    let session = plan::open(&args.model.model, global, progress)?;
    let tasks = session.tasks(&settings)?;
    let requested = args.edit.as_deref().map(|text| session.edit(text)).transpose()?;
    let options = ExplainOptions {
        edit: requested.as_ref().map(|requested| requested.edit.clone()).unwrap_or_default(),
        split: args.split.map_or(Split::All, Split::from),
        fractions: args.task.split_fractions,
        split_seed: args.task.split_seed,
        bottoms: args.bottoms.clone(),
        controls: args.controls,
        seed: args.seed,
        generic,
        spectra: args.spectra.clone(),
        no_side_effects: args.no_side_effects,
    };
    let options = match &args.run {
        None => options,
        Some(run) => {
            let split = args.split.map_or(Split::Test, Split::from);
            session.options_for_run(&tasks, &RunFolder::new(run), ExplainOptions { split, ..options })?
        }
    };
    output::describe_tasks(global, &session, &tasks);
    let explained = session.explain(&tasks, &options)?;
    folder.write_explanation(&explained.explanation, &explained.questions)?;
    progress.finish();
    if global.json {
        output::json(&explained.explanation)?;
    } else {
        output::result(&explained.explanation.page(&explained.questions).markdown())?;
    }
    let out = args.out.display();
    output::say(global, &format!("wrote {out} (report.html, explain.json, explain.jsonl)"));
    Ok(output::exit_code(requested.as_ref()))
}

/// The words of a file, one a line.
fn words(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--generic: {}", path.display()))?;
    let words: Vec<String> = text.lines().map(|line| line.trim().to_owned()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        bail!("--generic: {}: expected words, one a line, found none", path.display());
    }
    Ok(words)
}
