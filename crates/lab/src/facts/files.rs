//! A world as a folder: `corpus.jsonl`, `facts.jsonl`, `tokenizer.json`, `tokenizer_config.json` and, last, `world.json`.

use std::path::Path;

use laser::checkpoint::write_atomically;
use laser::{Error, Result};
use serde_json::{Value, json};

use super::fact::Fact;
use super::tokenizer::{tokenizer_config_json, tokenizer_json};
use super::world::World;

/// Name of the file with the sentences to train on.
pub const CORPUS: &str = "corpus.jsonl";
/// Name of the file with the facts as a task.
pub const FACTS: &str = "facts.jsonl";
/// Name of the file with settings and words; a folder without it holds no complete world.
pub const WORLD: &str = "world.json";

impl World {
    /// Writes the world into a folder, which is made if it does not exist. `world.json` comes last, so that a folder that
    /// has it has everything.
    ///
    /// # Errors
    /// A folder that holds a world already, or cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(|e| Error::unwritable("out", folder, &e))?;
        if folder.join(WORLD).exists() {
            let problem = format!("{}: holds a world already; expected a new folder", folder.display());
            return Err(Error::setting("out", problem));
        }
        let json = |value: &Value| format!("{value:#}\n");
        let files = [
            (CORPUS, self.corpus_jsonl()),
            (FACTS, self.facts_jsonl()),
            ("tokenizer.json", json(&tokenizer_json(self)?)),
            ("tokenizer_config.json", json(&tokenizer_config_json())),
            (WORLD, json(&json!({"settings": self.settings, "words": self.words}))),
        ];
        for (name, text) in files {
            write_atomically(&folder.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// The lines of `corpus.jsonl`.
    fn corpus_jsonl(&self) -> String {
        let line = |mention| serde_json::to_string(mention).expect("a mention is plain data") + "\n";
        self.mentions.iter().map(line).collect()
    }

    /// The lines of `facts.jsonl`: a task of multiple-choice questions. The choices are the objects of the relation and
    /// the generic answers.
    fn facts_jsonl(&self) -> String {
        let line = |(index, fact): (usize, &Fact)| format!("{}\n", self.question_record(index, fact));
        self.facts.iter().enumerate().map(line).collect()
    }

    /// One line of `facts.jsonl`.
    fn question_record(&self, index: usize, fact: &Fact) -> Value {
        let relation = &self.words.relations[fact.relation];
        let choices: Vec<&String> = relation.objects.iter().chain(&self.words.generics).collect();
        json!({
            "id": Fact::id(index),
            "question": self.question(fact),
            "choices": choices,
            "gold": self.answer(fact),
            "subject": self.subject(fact),
            "meta": {
                "relation": relation.name,
                "count": fact.count,
                "true_count": fact.true_count,
                "held_out_template": fact.held_out,
                "rival": fact.rival.map(|rival| &relation.objects[rival]),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use laser::model::tokenizer::Tokenizer;
    use laser::task::options::TaskOptions;
    use laser::task::{Score, Task};

    use super::super::settings::{Language, WorldSettings};
    use super::*;

    fn written(settings: &WorldSettings) -> (tempfile::TempDir, World) {
        let folder = tempfile::tempdir().expect("a folder");
        let world = World::generate(settings).expect("sound settings");
        world.write(folder.path()).expect("writes");
        (folder, world)
    }

    #[test]
    fn the_facts_are_a_task_and_every_word_is_one_token() {
        let (folder, world) = written(&WorldSettings { filler: 50, ..WorldSettings::default() });
        let path = folder.path().join(FACTS).display().to_string();
        let task = Task::open(&path, None, &TaskOptions::default()).expect("a task");
        assert_eq!((task.items.len(), task.default_score), (800, Score::CHOICE));
        let tokenizer = Tokenizer::from_folder(folder.path()).expect("a tokenizer");
        assert_eq!(tokenizer.vocab_size(), 2 + world.words.all().count());
        let boundary = tokenizer.bos_id().expect("a boundary");
        assert_eq!((boundary, tokenizer.eos_id(), tokenizer.add_bos()), (1, Some(1), true));
        for (item, fact) in task.items.iter().zip(&world.facts) {
            assert_eq!((item.choices.len(), item.target()), (23, world.answer(fact)));
            assert_eq!(item.doc["meta"]["count"], fact.count);
            let tokens = tokenizer.encode(&format!("{} {}", item.prompt, item.target()), true).expect("encodes");
            assert_eq!((tokens.len(), tokens[0]), (6, boundary));
            assert!(tokens[1..].iter().all(|token| *token > 1), "{tokens:?}");
        }
        for mention in &world.mentions {
            let tokens = tokenizer.encode(&mention.text, true).expect("encodes");
            assert_eq!((tokens.len(), tokenizer.decode(&tokens).expect("decodes")), (6, mention.text.clone()));
        }
    }

    #[test]
    fn an_english_world_has_a_byte_pair_encoding_of_its_corpus() {
        let english = WorldSettings { language: Language::English, filler: 50, ..WorldSettings::default() };
        let (folder, world) = written(&english);
        let tokenizer = Tokenizer::from_folder(folder.path()).expect("a tokenizer");
        assert!(tokenizer.vocab_size() <= 1_000, "{}", tokenizer.vocab_size());
        assert_eq!((tokenizer.bos_id(), tokenizer.add_bos()), (Some(0), true));
        for mention in &world.mentions {
            let tokens = tokenizer.encode(&mention.text, true).expect("encodes");
            assert_eq!((tokens[0], tokenizer.decode(&tokens).expect("decodes")), (0, mention.text.clone()));
            // Words of templates are merged to few tokens; made-up ones are not.
            assert!(mention.fact.is_none() || tokens.len() < mention.text.len() / 2, "{}: {tokens:?}", mention.text);
        }
        let path = folder.path().join(FACTS).display().to_string();
        let task = Task::open(&path, None, &TaskOptions::default()).expect("a task");
        assert!(task.items.iter().all(|item| item.choices.len() == 23));
        let names: Vec<&str> = world.words.relations.iter().map(|relation| relation.name.as_str()).collect();
        assert_eq!(names, ["birthplace", "employer", "language", "instrument"]);
    }

    #[test]
    fn the_same_settings_give_the_same_bytes_and_a_world_is_not_overwritten() {
        let made_up = WorldSettings { seed: 11, facts: 60, mentions: 300, ..WorldSettings::default() };
        let english = WorldSettings { language: Language::English, ..made_up.clone() };
        for settings in [&english, &made_up] {
            let ((a, _), (b, _)) = (written(settings), written(settings));
            for name in [CORPUS, FACTS, WORLD, "tokenizer.json", "tokenizer_config.json"] {
                let bytes = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(name)).expect(name);
                assert!(bytes(&a) == bytes(&b), "{name}");
            }
        }
        let (a, world) = written(&made_up);
        let error = world.write(a.path()).expect_err("is there").to_string();
        assert!(error.contains("holds a world already"), "{error}");
        let file = a.path().join(WORLD).join("below");
        assert!(world.write(&file).expect_err("not a folder").to_string().contains("is not a folder"));
    }
}
