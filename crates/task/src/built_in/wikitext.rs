//! WikiText-2 (Merity et al. 2016): perplexity on Wikipedia articles.

use std::path::{Path, PathBuf};

use super::data_source::DataSource;
use super::info::{HubData, TaskInfo};
use super::records::TaskItems;
use crate::error::Result;
use crate::options::{Profile, TaskOptions};
use crate::score::Score;
use crate::task::{Item, Task};
use crate::text_file::read_text;

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "wikitext-2",
    about: "articles of Wikipedia: perplexity in sliding windows, 512 tokens at a time",
    source: "wiki.test.tokens or wiki.test.raw, Hugging Face wikitext (text) or EleutherAI/wikitext_document_level (page)",
    licence: "CC BY-SA 3.0",
    size: 62,
    needs_data: true,
    quirks: &["the whole file is one text, so that an article's first words are read after the end of the one before"],
    wordings: &[],
    hub: Some(HubData {
        repo: "Salesforce/wikitext",
        revision: "b08601e04326c79dfdd32d625aee71d232d685c3",
        files: &["wikitext-2-raw-v1/test-*.parquet"],
    }),
    files: &[&[
        "wiki.test.tokens",
        "wiki.test.raw",
        "test.txt",
        "wikitext-2-raw-v1/test-*.parquet",
        "wikitext-2-v1/test-*.parquet",
        "data/test-*.parquet",
        "test-*.parquet",
    ]],
    example: r#"{"text": " = Example = \n \n An article begins with its heading .\n"}"#,
    read,
};

/// Reads the task: one item per article; one item for the whole text under the profile `paper`.
fn read(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let text = text(source, setup)?;
    let articles = match setup.profile {
        Profile::Clean => articles(&text),
        Profile::Paper => vec![text.as_str()],
    };
    let item = |(i, article): (usize, &&str)| Item {
        id: i.to_string(),
        group: i.to_string(),
        answers: vec![(*article).to_owned()],
        ..Item::default()
    };
    let items = articles.iter().filter(|article| !article.trim().is_empty()).enumerate().map(item).collect();
    TaskItems { items, skipped: Vec::new() }.task(INFO.name, Score::PERPLEXITY)
}

/// Reads the whole text: a text file unchanged, or the texts of all records, each ended by a line break.
fn text(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<String> {
    if let DataSource::Path(path) = source
        && let Some(file) = text_file(path)
    {
        return read_text(&file);
    }
    let mut whole = String::new();
    source.items(&INFO, setup, |record, _| {
        let field = if record.fields.contains_key("page") { "page" } else { "text" };
        let line = record.value(field)?.as_str().unwrap_or_default();
        // Every line of the original ends in a space and a line break; the Hub's copy has lost the space of empty
        // lines.
        whole.push_str(if line.is_empty() { " " } else { line });
        if !line.ends_with('\n') {
            whole.push('\n');
        }
        Ok(Vec::new())
    })?;
    Ok(whole)
}

/// The text file at `path`, or in the folder `path`; `None` if the data is in another format.
fn text_file(path: &Path) -> Option<PathBuf> {
    let is_text = |path: &PathBuf| {
        let extension = path.extension().unwrap_or_default();
        path.is_file() && ["txt", "tokens", "raw"].iter().any(|known| extension == *known)
    };
    let names = INFO.files.iter().flat_map(|names| names.iter());
    std::iter::once(path.to_owned()).chain(names.map(|name| path.join(name))).find(is_text)
}

/// Cuts the text before every first-level heading, ` = Title = `.
fn articles(text: &str) -> Vec<&str> {
    let mut articles = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for line in text.split_inclusive('\n') {
        if is_title(line) && end > begin {
            articles.push(&text[begin..end]);
            begin = end;
        }
        end += line.len();
    }
    articles.push(&text[begin..]);
    articles
}

/// Whether a line is a first-level heading; those of lower levels have more `=` signs.
fn is_title(line: &str) -> bool {
    let title = line.trim().strip_prefix("= ").and_then(|rest| rest.strip_suffix(" ="));
    title.is_some_and(|title| !title.starts_with('=') && !title.ends_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{items, read as read_text, real_data, setup};
    use laser_model::ModelKind;

    const TEXT: &str = " \n = First = \n \n One = two = three .\n \n = = Part = = \n \n = Second = \n \n Last .\n";

    #[test]
    fn articles_begin_at_their_titles() {
        let made = items(&INFO, "wiki.test.tokens", TEXT);
        let texts: Vec<_> = made.iter().map(|item| item.target()).collect();
        assert_eq!(
            texts,
            [" = First = \n \n One = two = three .\n \n = = Part = = \n \n", " = Second = \n \n Last .\n"]
        );
        assert!(made.iter().all(|item| item.prompt.is_empty()));
        let whole = read_text(&INFO, "w.txt", TEXT, &setup(Profile::Paper, ModelKind::Causal)).expect("paper");
        assert_eq!((whole.items.len(), whole.items[0].target()), (1, TEXT));
        assert_eq!(whole.default_score, Score::PERPLEXITY);
    }

    #[test]
    fn records_are_joined() {
        let original = items(&INFO, "w.txt", TEXT);
        let record = |line: &str| serde_json::json!({"text": line}).to_string() + "\n";
        let hub = |line: &str| record(if line.trim().is_empty() { "" } else { line });
        assert_eq!(items(&INFO, "h.jsonl", &TEXT.split_inclusive('\n').map(hub).collect::<String>()), original);
        assert_eq!(items(&INFO, "h.jsonl", &TEXT.lines().map(record).collect::<String>()), original);
        let page = |item: &Item| serde_json::json!({"page": item.target()}).to_string() + "\n";
        assert_eq!(items(&INFO, "p.jsonl", &original.iter().map(page).collect::<String>()), original);
    }

    #[test]
    fn real_data_has_the_published_size() {
        for (file, articles) in [("test", INFO.size), ("valid", 60)] {
            let Some(path) = real_data(&format!("wikitext-2/{file}.txt")) else { return };
            let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect(file);
            assert_eq!(task.items.len(), articles, "{file}");
        }
    }
}
