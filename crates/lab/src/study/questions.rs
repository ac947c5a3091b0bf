//! The questions of a world in the tokens of its models.

use laser::explain::AnswerClass;
use laser::model::tokenizer::Tokenizer;
use laser::statistics::{Fractions, Split, assign_split};
use laser::{Error, Result};

use crate::facts::{Fact, Language, World};

/// The facts of a world as questions: prompts in the held-out templates, and what an answer can be.
#[derive(Debug, Clone)]
pub struct Questions {
    /// Tokens of each prompt, `[facts]`.
    pub prompts: Vec<Vec<u32>>,
    /// Token of each gold answer, `[facts]`.
    pub gold: Vec<u32>,
    /// Relation of each fact, `[facts]`.
    pub relations: Vec<usize>,
    /// Number of mentions of each fact, `[facts]`.
    pub counts: Vec<usize>,
    /// Whether the fact is in the test half, which chooses nothing, `[facts]`.
    pub is_test: Vec<bool>,
    /// Tokens of the objects of each relation, `[relations][objects]`.
    pub objects: Vec<Vec<u32>>,
    /// Tokens of the generic answers, most frequent first.
    pub generics: Vec<u32>,
}

impl Questions {
    /// Encodes the facts of a world. Each fact goes to the search or the test half by its id and `split_seed`, as the items
    /// of any search do.
    ///
    /// # Errors
    /// A world in English, or a tokenizer that is not the world's: an answer is not one token.
    pub fn new(world: &World, tokenizer: &Tokenizer, split_seed: u64) -> Result<Self> {
        if world.settings.language != Language::MadeUp {
            let problem = "expected made-up: studies compare answers of one token, found english";
            return Err(Error::setting("language", problem.to_owned()));
        }
        let halves = Fractions::new(0.5, 0.0).expect("two halves");
        let token = |word: &str| match tokenizer.encode(word, false)?.as_slice() {
            [token] if tokenizer.token_text(*token).as_deref() == Some(word) => Ok(*token),
            tokens => {
                let problem =
                    format!("expected the world's own, in which `{word}` is a token, found {} tokens", tokens.len());
                Err(Error::setting("tokenizer", problem))
            }
        };
        let tokens = |words: &[String]| words.iter().map(|word| token(word)).collect::<Result<Vec<u32>>>();
        let of_relations = world.words.relations.iter().map(|relation| tokens(&relation.objects));
        let objects: Vec<Vec<u32>> = of_relations.collect::<Result<_>>()?;
        let prompts = world.facts.iter().map(|fact| Ok(tokenizer.encode(&world.question(fact), true)?));
        Ok(Self {
            prompts: prompts.collect::<Result<_>>()?,
            gold: world.facts.iter().map(|fact| objects[fact.relation][fact.object]).collect(),
            relations: world.facts.iter().map(|fact| fact.relation).collect(),
            counts: world.facts.iter().map(|fact| fact.count).collect(),
            is_test: (0..world.facts.len())
                .map(|index| assign_split(&Fact::id(index), split_seed, halves) == Split::Test)
                .collect(),
            generics: tokens(&world.words.generics)?,
            objects,
        })
    }

    /// Number of facts.
    pub fn len(&self) -> usize {
        self.gold.len()
    }

    /// Whether there are no facts.
    pub fn is_empty(&self) -> bool {
        self.gold.is_empty()
    }

    /// The class of `word` as an answer to question `fact`.
    pub fn class(&self, word: u32, fact: usize) -> AnswerClass {
        if word == self.gold[fact] {
            AnswerClass::Gold
        } else if self.objects[self.relations[fact]].contains(&word) {
            AnswerClass::SameType
        } else if self.generics.contains(&word) {
            AnswerClass::Generic
        } else {
            AnswerClass::Other
        }
    }

    /// Indices of the facts of the test half (`test`) or of the search half, ascending.
    pub fn half(&self, test: bool) -> Vec<usize> {
        (0..self.len()).filter(|index| self.is_test[*index] == test).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_one_class() {
        let questions = Questions {
            prompts: vec![vec![1], vec![1]],
            gold: vec![5, 8],
            relations: vec![0, 1],
            counts: vec![2, 2],
            is_test: vec![false, true],
            objects: vec![vec![5, 6], vec![7, 8]],
            generics: vec![2],
        };
        let classes = [(5, 0), (6, 0), (2, 0), (7, 0), (7, 1), (9, 1)].map(|(word, fact)| questions.class(word, fact));
        use AnswerClass::{Generic, Gold, Other, SameType};
        assert_eq!(classes, [Gold, SameType, Generic, Other, SameType, Other]);
    }
}
