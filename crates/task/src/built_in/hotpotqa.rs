//! HotpotQA (Yang et al. 2018) as closed-book questions: the model answers without the articles.

use super::data_source::DataSource;
use super::info::{HubData, TaskInfo};
use super::records::{id, items};
use super::wording::clean_suffix_after_mask;
use crate::dataset::{BadField, DatasetLayout, Records};
use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::options::{Profile, TaskOptions};
use crate::score::{Match, Score};
use crate::task::{Item, Task};
use laser_model::ModelKind;

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "hotpotqa",
    about: "questions over two articles, asked without the articles; short free answers",
    source: "hotpot_dev_fullwiki_v1.json or its simplified copy, or Hugging Face hotpot_qa (fullwiki)",
    licence: "CC BY-SA 4.0",
    size: 7405,
    needs_data: true,
    quirks: &[
        "log-loss is of the shortest run of last tokens that reads as the answer",
        "prompt and continuation together must contain the answer, so that one the question names is always right",
        "an answer counts inside other words (`no` in `know`)",
        "answers of more than 15 tokens, the beginning token among them, are left out, by the tokenizer of the model \
         instead of Llama 2's, which is not at hand",
        "the paper's 14,618 items begin with as many training questions as there are of validation, as in a folder with \
         both",
        "a masked model fills five masks without a full stop behind them, and its log-loss is divided by one too many",
    ],
    wordings: &[],
    hub: Some(HubData {
        repo: "hotpotqa/hotpot_qa",
        revision: "1908d6afbbead072334abe2965f91bd2709910ab",
        files: &["fullwiki/validation-*.parquet"],
    }),
    files: &[&[
        "hotpot_dev_fullwiki_v1.json",
        "hotpot_dev_distractor_v1.json",
        "hotpot_dev_v1_simplified.json",
        "fullwiki/validation-*.parquet",
        "distractor/validation-*.parquet",
        "data/validation-*.parquet",
        "validation-*.parquet",
    ]],
    example: r#"{"question": "Were Scott Derrickson and Ed Wood of the same nationality?", "answer": "yes"}"#,
    read,
};

/// Maximum length of an answer under the profile `paper`, in tokens, the beginning-of-text token included.
const MAX_ANSWER_TOKENS: usize = 15;

/// Files of the training split, the first questions of which the paper uses.
const TRAIN: DatasetLayout<'_> = DatasetLayout {
    files: &[
        "hotpot_train_v1.1.json",
        "fullwiki/train-*.parquet",
        "distractor/train-*.parquet",
        "data/train-*.parquet",
        "train-*.parquet",
    ],
    list: None,
};

/// Reads the task.
fn read(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let tokenizer = match setup.profile {
        Profile::Clean => None,
        Profile::Paper => source.tokenizer(&INFO, setup, "leaves out answers of more than 15 tokens")?,
    };
    let mut records = source.records(&INFO, setup)?;
    if let (Profile::Paper, DataSource::Path(path)) = (setup.profile, source)
        && TRAIN.is_in(path)
    {
        let mut train = Records::open(path, &TRAIN, setup.skip_bad)?;
        train.records.truncate(records.records.len());
        records = train.and(records);
    }
    let items = items(records, setup, |record, _| {
        let (question, answer) = (record.text("question")?.trim(), record.text("answer")?.trim());
        if let Some(tokenizer) = tokenizer {
            let tokens = tokenizer.encode(answer, false).map_err(|e| BadField::new("answer", e.to_string()))?;
            if tokens.len() + 1 > MAX_ANSWER_TOKENS {
                return Ok(Vec::new());
            }
        }
        let id = ["id", "_id"].iter().map(|field| id(record, field)).find(|id| !id.is_empty());
        let mark = if question.ends_with(['?', '.']) { "" } else { "?" };
        let suffix = clean_suffix_after_mask(setup);
        Ok(vec![Item {
            id: id.unwrap_or_default(),
            prompt: format!("{question}{mark} The answer is"),
            suffix,
            answers: vec![answer.to_owned()],
            ..Item::default()
        }])
    })?;
    let max_tokens = if setup.kind == ModelKind::Masked { 5 } else { MAX_ANSWER_TOKENS };
    let (matching, boundary) = match (setup.profile, setup.kind) {
        (Profile::Clean, _) => (Match::Word, Boundary::Joint),
        (Profile::Paper, ModelKind::Causal) => (Match::PromptContinuation, Boundary::Suffix),
        (Profile::Paper, ModelKind::Masked) => (Match::Continuation, Boundary::Suffix),
    };
    let task = items.task(INFO.name, Score::Generate { max_tokens, matching })?;
    Ok(Task { join: Join::at(boundary), ..task })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{
        items as default_items, prompts_of_all_setups, read as read_text, real_data, setup, tokenizer,
    };

    #[test]
    fn prompts_of_each_profile() {
        let prompt = "Were Scott Derrickson and Ed Wood of the same nationality? The answer is";
        let shown = ["[yes]", "[mask].", "[yes]", "[mask]"].map(|end| format!("{prompt} {end}"));
        assert_eq!(prompts_of_all_setups(&INFO, Some(&tokenizer())), shown);
    }

    #[test]
    fn all_layouts_give_the_same_items_with_question_marks() {
        let simplified =
            default_items(&INFO, "s.json", r#"[{"question":" Who is it ","answer":" he ","type":"bridge"}]"#);
        assert_eq!(simplified[0].prompt, "Who is it? The answer is");
        assert_eq!(simplified[0].answers, ["he"]);
        let original =
            default_items(&INFO, "o.json", r#"[{"_id":"5a","question":"Name it.","answer":"he","context":[]}]"#);
        assert_eq!((original[0].id.as_str(), original[0].prompt.as_str()), ("5a", "Name it. The answer is"));
        let hub = default_items(&INFO, "h.jsonl", r#"{"id":"5a","question":"Name it.","answer":"he","context":{}}"#);
        assert_eq!(hub, original);
    }

    #[test]
    fn the_paper_leaves_out_long_answers() {
        let text = r#"[{"question":"Q?","answer":"fourteen bytes"},{"question":"Q?","answer":"fifteen letters"}]"#;
        let error = read_text(&INFO, "f.json", text, &setup(Profile::Paper, ModelKind::Causal)).expect_err("none");
        assert!(error.to_string().contains("needs the model's tokenizer"), "{error}");
        let tokenizer = tokenizer();
        let with = TaskOptions { tokenizer: Some(&tokenizer), ..setup(Profile::Paper, ModelKind::Causal) };
        let task = read_text(&INFO, "f.json", text, &with).expect("paper");
        assert_eq!((task.items.len(), task.items[0].target()), (1, "fourteen bytes"));
        assert_eq!(task.default_score, Score::Generate { max_tokens: 15, matching: Match::PromptContinuation });
        assert_eq!(task.join.boundary, Boundary::Suffix);
        let masked = TaskOptions { kind: ModelKind::Masked, ..with };
        let score = read_text(&INFO, "f.json", text, &masked).expect("masked").default_score;
        assert_eq!(score, Score::Generate { max_tokens: 5, matching: Match::Continuation });
    }

    #[test]
    fn the_paper_begins_with_training_questions() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let write = |name: &str, ids: &[&str]| {
            let records: Vec<_> =
                ids.iter().map(|id| serde_json::json!({"_id": id, "question": "Q?", "answer": "a"})).collect();
            std::fs::write(folder.path().join(name), serde_json::to_string(&records).expect("JSON")).expect("write");
        };
        write("hotpot_dev_fullwiki_v1.json", &["d1", "d2"]);
        write("hotpot_train_v1.1.json", &["t1", "t2", "t3"]);
        let tokenizer = tokenizer();
        let ids = |setup: &TaskOptions<'_>| -> Vec<String> {
            let task = Task::open(INFO.name, Some(folder.path()), setup).expect("a folder");
            task.items.into_iter().map(|item| item.id).collect()
        };
        assert_eq!(ids(&TaskOptions::default()), ["d1", "d2"]);
        let paper = TaskOptions { tokenizer: Some(&tokenizer), ..setup(Profile::Paper, ModelKind::Causal) };
        assert_eq!(ids(&paper), ["t1", "t2", "d1", "d2"]);
    }

    #[test]
    fn real_data_has_the_published_size() {
        let Some(path) = real_data("hotpotqa/hotpot_dev_v1_simplified.json") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("hotpotqa");
        assert_eq!(task.items.len(), INFO.size);
    }
}
