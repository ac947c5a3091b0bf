//! The promises of scoring and search: whatever is batched, shared, started midway or resumed gives the outcomes of
//! one item, one edit and one run at a time.

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{DType, Device};
use laser::activation::Activations;
use laser::edit::Edit;
use laser::error::Error;
use laser::evaluate::Exam;
use laser::model::{Files, Model};
use laser::parallel::{Observer, Unobserved};
use laser::score::{Length, Match, Outcome, Score};
use laser::search::{Arm, Found, Plan, Protocol, Settings, Space, explore, search, sweep};
use laser::statistics::{Fractions, Split};
use laser::store::{Outcomes, Store, Trial};
use laser::task::{Item, Task};
use laser::tokenizer::Tokenizer;
use laser::truncation::{SvdMethod, Truncation};
use laser::weight::{WeightId, WeightKind};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Batches against single items, nats: the same f32 sums in another order.
const SAME_SUMS: f64 = 1e-4;
/// A trial against its edit alone, nats. The trial multiplies by the factors, the edit by their product, and the
/// seeded models have logits in the tens, so that f32 rounding shows in the fifth digit of an answer's sum.
const SAME_EDIT: f64 = 1e-3;
/// Two logits or likelihoods this near may be put in either order by rounding.
const NEAR_TIE: f64 = 1e-3;

const MODELS: [&str; 3] = ["llama-bytes", "mistral-window", "qwen2-bias"];
const MAX_TOKENS: usize = 7;

fn scores() -> Vec<Score> {
    let matches = [Match::Continuation, Match::PromptContinuation, Match::Word, Match::Exact];
    let generate = matches.map(|matching| Score::Generate { max_tokens: MAX_TOKENS, matching });
    let choice = [Length::Sum, Length::PerByte].map(|length| Score::Choice { length });
    [Score::Top1, Score::Greedy].into_iter().chain(generate).chain(choice).collect()
}

/// A tiny model with a tokenizer and two tasks made for it.
struct Case {
    name: String,
    model: Model,
    tokenizer: Tokenizer,
    open: Task,
    choice: Task,
    folder: TempDir,
}

impl Case {
    fn new(name: &str) -> Self {
        Self::changed(name, |_| {})
    }

    /// A golden model whose `config.json` is changed before it is loaded.
    fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Self {
        let source = support::goldens().join("tiny").join(name);
        let folder = tempfile::tempdir().expect("folder");
        let write = |file: &str, text: String| std::fs::write(folder.path().join(file), text).expect(file);
        std::fs::copy(source.join("model.safetensors"), folder.path().join("model.safetensors")).expect("weights");
        let mut config = support::json(&source.join("config.json"));
        change(&mut config);
        write("config.json", config.to_string());
        let (tokenizer, tokenizer_config) = tokenizer_of(name);
        write("tokenizer.json", tokenizer.to_string());
        write("tokenizer_config.json", tokenizer_config.to_string());
        let files = Files::open(folder.path()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let model = files.load(&Device::Cpu, DType::F32, 1).unwrap_or_else(|e| panic!("{name}: {e}"));
        let tokenizer = files.tokenizer().unwrap_or_else(|e| panic!("{name}: {e}"));
        let task = |file: &str, lines: Vec<Value>| {
            let path = folder.path().join(file);
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            std::fs::write(&path, text).expect(file);
            Task::open(path.to_str().expect("a UTF-8 path"), None).unwrap_or_else(|e| panic!("{name}: {e}"))
        };
        let open = task("open.jsonl", open_items(&model, &tokenizer));
        let choice = task("choice.jsonl", choice_items());
        Self { name: name.to_owned(), model, tokenizer, open, choice, folder }
    }

    fn exam(&self, score: Score) -> Exam<'_> {
        let task = if matches!(score, Score::Choice { .. }) { &self.choice } else { &self.open };
        Exam::new(&[(task, score)], &self.tokenizer, self.model.config())
            .unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    fn store(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn edited(&self, truncation: &Truncation, edit: &Edit) -> Model {
        truncation.apply(&self.model, edit).unwrap_or_else(|e| panic!("{}: {edit}: {e}", self.name)).0
    }

    /// Every matrix of every layer at each of `rhos`.
    fn space(&self, rhos: &[&str]) -> Space {
        Space {
            layers: (0..self.model.config().n_layers).collect(),
            kinds: WeightKind::ALL.to_vec(),
            reductions: rhos.iter().map(|r| r.parse().expect("a fraction")).collect(),
        }
    }
}

/// The golden's own tokenizer, or one of its kind with the 96 tokens that the other goldens have.
fn tokenizer_of(name: &str) -> (Value, Value) {
    let bytes = support::goldens().join("tiny/llama-bytes");
    let mut tokenizer = support::json(&bytes.join("tokenizer.json"));
    let mut config = support::json(&bytes.join("tokenizer_config.json"));
    if name == "llama-bytes" {
        return (tokenizer, config);
    }
    const SPECIAL: [&str; 3] = ["<|none|>", "<|start|>", "<|end|>"];
    let mut merges = vec![["h".to_owned(), "e".to_owned()], ["i".into(), "n".into()], ["e".into(), "r".into()]];
    merges.extend(('a'..='z').map(|c| ["Ġ".to_owned(), c.to_string()]));
    let letters = "ĠĊÃ©".chars().chain('a'..='z').chain('0'..='9').chain(".,?!:;'-".chars()).chain('A'..='P');
    let pieces = SPECIAL.iter().map(ToString::to_string).chain(letters.map(String::from));
    let pieces = pieces.chain(merges.iter().map(|[a, b]| format!("{a}{b}")));
    let vocab: serde_json::Map<String, Value> = pieces.zip(0u32..).map(|(piece, id)| (piece, id.into())).collect();
    assert_eq!(vocab.len(), 96, "the vocabulary has the models' size");
    tokenizer["model"]["vocab"] = vocab.into();
    tokenizer["model"]["merges"] = json!(merges);
    let special = SPECIAL.iter().enumerate().map(|(id, content)| {
        let mut token = tokenizer["added_tokens"][0].clone();
        token["id"] = id.into();
        token["content"] = json!(content);
        token
    });
    tokenizer["added_tokens"] = special.collect();
    config["add_bos_token"] = true.into();
    (tokenizer, config)
}

const ITEMS: usize = 48;

/// Prompts in groups of three that begin alike; groups share beginnings too, and two ask the same.
fn prompt(i: usize) -> String {
    const WORDS: [&str; 9] = ["the", "heron", "in", "winter", "a", "quiet theatre", "near", "other rain", "stone"];
    let (group, paraphrase) = (i / 3 - usize::from(i / 3 == 7), i % 3);
    let stem: Vec<&str> = (0..1 + group % 5).map(|w| WORDS[(group * 5 + w * w) % WORDS.len()]).collect();
    let begin = if group % 4 == 0 { "in the theatre, " } else { "" };
    format!("{begin}{}{}", stem.join(" "), ["", " he", " in the inner rain"][paraphrase])
}

/// Open questions. A random model answers no question, so most answers are taken from what it, or an edit of it, says.
fn open_items(model: &Model, tokenizer: &Tokenizer) -> Vec<Value> {
    let edit = Edit::parse("L1.down_proj@0.2", model.config()).expect("edit");
    let (edited, _) = Truncation::new(SvdMethod::Exact, None, 1).apply(model, &edit).expect("apply");
    let says = |model: &Model, i: usize, tokens: std::ops::Range<usize>| {
        let prompt = tokenizer.encode(&prompt(i), true).expect("encode");
        let tokens = &model.greedy(&prompt, MAX_TOKENS).expect("greedy")[tokens];
        tokenizer.decode(tokens).expect("decode")
    };
    // What the model says first, where it begins with a space as answers do.
    let opening = |model: &Model, i: usize| Some(says(model, i, 0..2)).filter(|text| text.starts_with(' '));
    // Only what the tokenizer can spell.
    let spelled = |c: &char| {
        let ids = tokenizer.encode(&c.to_string(), false).expect("encode");
        tokenizer.decode(&ids).expect("decode") == c.to_string()
    };
    let item = |i: usize| {
        let answer = match i % 4 {
            0 => ["tide", "a stone in the rain", "the", "other"][i / 4 % 4].to_owned(),
            1 => opening(model, i).unwrap_or_else(|| says(model, i, 2..5)),
            2 => says(model, i, 0..MAX_TOKENS).trim().lines().next().unwrap_or("").to_owned(),
            _ => opening(&edited, i).unwrap_or_else(|| says(&edited, i, 1..3)),
        };
        let answer: String = answer.chars().filter(spelled).collect();
        let answer = if answer.trim().is_empty() { "the" } else { answer.trim() };
        let alias = ["he", "quiet", "in it", "a rainy tide"][i % 4];
        json!({"id": format!("i{i}"), "group": format!("g{}", i / 3), "question": prompt(i), "answer": answer,
               "aliases": [alias]})
    };
    (0..ITEMS).map(item).collect()
}

fn choice_items() -> Vec<Value> {
    const CHOICES: [&str; 5] = ["tide", "quiet rain", "a stone in the theatre", "a stone", "he"];
    let item = |i: usize| {
        let choices: Vec<&str> = (0..2 + i % 3).map(|c| CHOICES[(i + 2 * c) % CHOICES.len()]).collect();
        let gold = i / 3 % choices.len();
        json!({"id": i, "group": format!("g{}", i / 3), "question": prompt(i), "choices": choices, "gold": gold})
    };
    (0..ITEMS).map(item).collect()
}

/// What a score comes to when everything is computed anew for every token.
struct Naive {
    correct: bool,
    logprob: f64,
    answer_tokens: usize,
    prediction: String,
    /// The gold answer's lead over its best rival.
    lead: f64,
    /// Distance of the closest decision from a tie.
    margin: f64,
}

/// `ln softmax` of every position's logits, in f64.
fn log_softmax(model: &Model, tokens: &[u32]) -> Vec<Vec<f64>> {
    let logits = model.trace(tokens).expect("trace").logits.to_vec2::<f32>().expect("logits");
    let normalise = |row: Vec<f32>| {
        let partition = row.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln();
        row.iter().map(|v| f64::from(*v) - partition).collect()
    };
    logits.into_iter().map(normalise).collect()
}

/// Index of the largest value, and its distance from the next.
fn best(values: &[f64]) -> (usize, f64) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    (order[0], values[order[0]] - values[order[1]])
}

fn naive(case: &Case, model: &Model, item: &Item, score: Score) -> Naive {
    let tokenizer = &case.tokenizer;
    let decode = |tokens: &[u32]| tokenizer.decode(tokens).expect("decode");
    let prompt = tokenizer.encode(&item.prompt, true).expect("encode");
    let answer = |text: &str| {
        let whole = tokenizer.encode(&format!("{} {text}", item.prompt), true).expect("encode");
        assert!(whole.starts_with(&prompt), "no merge crosses the boundary");
        whole[prompt.len()..].to_vec()
    };
    let likelihood = |text: &str| -> f64 {
        let tokens = answer(text);
        let rows = log_softmax(model, &[&prompt[..], &tokens[..]].concat());
        tokens.iter().enumerate().map(|(i, t)| rows[prompt.len() - 1 + i][*t as usize]).sum()
    };
    // The smallest lead of an answer's first `tokens` tokens over all others.
    let lead = |text: &str, tokens: usize| -> f64 {
        let answer = answer(text);
        let rows = log_softmax(model, &[&prompt[..], &answer[..]].concat());
        let of = |(i, token): (usize, &u32)| {
            let (row, token) = (&rows[prompt.len() - 1 + i], *token as usize);
            let others = row.iter().enumerate().filter(|(other, _)| *other != token);
            row[token] - others.map(|(_, p)| *p).fold(f64::NEG_INFINITY, f64::max)
        };
        answer.iter().take(tokens).enumerate().map(of).fold(f64::INFINITY, f64::min)
    };
    let gold = if item.choices.is_empty() { item.target() } else { &item.choices[item.gold] };
    let (correct, prediction, lead, margin) = match score {
        Score::Top1 => {
            let (token, margin) = best(&log_softmax(model, &prompt)[prompt.len() - 1]);
            let text = decode(&[u32::try_from(token).expect("a token")]);
            let plain = |text: &str| text.trim().to_lowercase();
            let correct = item.answers.iter().any(|a| plain(&decode(&answer(a)[..1])) == plain(&text));
            (correct, text, lead(gold, 1), margin)
        }
        Score::Greedy => {
            let (first, mut margin) = best(&log_softmax(model, &prompt)[prompt.len() - 1]);
            let mut said = |text: &String| {
                let tokens = answer(text);
                let rows = log_softmax(model, &[&prompt[..], &tokens[..]].concat());
                let next: Vec<_> = rows[prompt.len() - 1..].iter().map(|row| best(row)).collect();
                margin = next.iter().fold(margin, |m, (_, gap)| m.min(*gap));
                tokens.iter().zip(&next).all(|(token, (best, _))| *token as usize == *best)
            };
            let correct = item.answers.iter().any(&mut said);
            let lead = item.answers.iter().map(|a| lead(a, usize::MAX)).fold(f64::NEG_INFINITY, f64::max);
            (correct, decode(&[u32::try_from(first).expect("a token")]), lead, margin)
        }
        Score::Generate { max_tokens, matching } => {
            let (mut all, mut margin) = (prompt.clone(), f64::INFINITY);
            while all.len() < prompt.len() + max_tokens {
                let (token, gap) = best(&log_softmax(model, &all)[all.len() - 1]);
                let token = u32::try_from(token).expect("a token");
                margin = margin.min(gap);
                if model.config().eos.contains(&token) || tokenizer.eos_ids().contains(&token) {
                    break;
                }
                all.push(token);
            }
            let text = decode(&all[prompt.len()..]);
            (matching.accepts(&item.prompt, &text, &item.answers), text, lead(gold, usize::MAX), margin)
        }
        Score::Choice { length } => {
            let weighed = |text: &String| match length {
                Length::Sum => likelihood(text),
                Length::PerByte => likelihood(text) / text.len() as f64,
            };
            let mut weights: Vec<f64> = item.choices.iter().map(weighed).collect();
            let (chosen, margin) = best(&weights);
            let gold = weights.remove(item.gold);
            let lead = gold - weights.into_iter().fold(f64::NEG_INFINITY, f64::max);
            (chosen == item.gold, item.choices[chosen].clone(), lead, margin)
        }
    };
    Naive { correct, logprob: likelihood(gold), answer_tokens: answer(gold).len(), prediction, lead, margin }
}

/// Demands that outcomes of all items are the same, save for decisions that rounding may turn; those stay rare.
fn assert_same(what: &str, case: &Case, model: &Model, exam: &Exam<'_>, actual: &[Outcome], expected: &[Outcome]) {
    assert_eq!(actual.len(), expected.len(), "{what}: number of outcomes");
    let mut near_ties = 0;
    for ((a, b), item) in actual.iter().zip(expected).zip(exam.items()) {
        let gap = (a.logprob - b.logprob).abs();
        assert!(gap <= SAME_SUMS, "{what}: item {}: log-probability {} against {}", item.id, a.logprob, b.logprob);
        let gap = (a.margin - b.margin).abs();
        assert!(gap <= SAME_SUMS, "{what}: item {}: margin {} against {}", item.id, a.margin, b.margin);
        assert_eq!(a.answer_tokens, b.answer_tokens, "{what}: item {}", item.id);
        if (a.correct, &a.prediction) != (b.correct, &b.prediction) {
            let margin = naive(case, model, item, exam.parts()[0].score).margin;
            assert!(margin < NEAR_TIE, "{what}: item {}, margin {margin}: {a:?} against {b:?}", item.id);
            near_ties += 1;
        }
    }
    assert!(near_ties <= 1, "{what}: {near_ties} items differ near a tie");
}

fn indices(exam: &Exam<'_>) -> Vec<usize> {
    (0..exam.items().len()).collect()
}

fn evaluate(exam: &Exam<'_>, model: &Model, items: &[usize]) -> Vec<Outcome> {
    exam.evaluate(model, items, 1, "", &Unobserved).expect("evaluate")
}

#[test]
fn batches_equal_single_items_whatever_the_threads() {
    for case in MODELS.map(Case::new) {
        let edit = Edit::parse("L0.v_proj@0.2,L1.down_proj@0.5", case.model.config()).expect("edit");
        let edited = case.edited(&Truncation::new(SvdMethod::Exact, None, 1), &edit);
        for score in scores() {
            let exam = case.exam(score);
            for (of, model) in [("base", &case.model), ("edited", &edited)] {
                let what = format!("{}: {score:?}: {of}", case.name);
                let one_by_one = exam.evaluate_one_by_one(model, &indices(&exam)).expect("one by one");
                let batched = evaluate(&exam, model, &indices(&exam));
                assert_same(&what, &case, model, &exam, &batched, &one_by_one);
                assert_margins_agree(&what, score, &batched);
                for threads in [2, 3] {
                    let again = exam.evaluate(model, &indices(&exam), threads, "", &Unobserved).expect("threads");
                    assert_eq!(again, batched, "{what}: {threads} threads");
                }
                let some: Vec<usize> = indices(&exam).into_iter().rev().step_by(5).collect();
                for (index, outcome) in some.iter().zip(evaluate(&exam, model, &some)) {
                    assert!((outcome.logprob - batched[*index].logprob).abs() <= SAME_SUMS, "{what}: order of items");
                }
            }
        }
    }
}

#[test]
fn single_items_equal_the_naive_reference() {
    for case in MODELS.map(Case::new) {
        for score in scores() {
            let exam = case.exam(score);
            let single = exam.evaluate_one_by_one(&case.model, &indices(&exam)).expect("one by one");
            let of = |item: &&Item| {
                let Naive { correct, logprob, answer_tokens, prediction, lead, .. } =
                    naive(&case, &case.model, item, score);
                Outcome { correct, logprob, margin: lead, answer_tokens, prediction, tied: false }
            };
            let reference: Vec<Outcome> = exam.items().iter().map(of).collect();
            assert_same(&format!("{}: {score:?}", case.name), &case, &case.model, &exam, &single, &reference);
        }
    }
}

#[test]
fn several_tasks_give_what_each_gives_alone() {
    let case = Case::new("llama-bytes");
    let alone = [case.exam(Score::GENERATE), case.exam(Score::CHOICE)];
    let tasks = [(&case.open, Score::GENERATE), (&case.choice, Score::CHOICE)];
    let both = Exam::new(&tasks, &case.tokenizer, case.model.config()).expect("exam");
    let ranges: Vec<_> = both.parts().iter().map(|part| part.range.clone()).collect();
    assert_eq!(ranges, [0..ITEMS, ITEMS..2 * ITEMS]);
    let expected: Vec<Outcome> = alone.iter().flat_map(|exam| evaluate(exam, &case.model, &indices(exam))).collect();
    assert_eq!(evaluate(&both, &case.model, &indices(&both)), expected);
    let mixed: Vec<usize> = indices(&both).into_iter().rev().step_by(3).collect();
    let one_by_one = both.evaluate_one_by_one(&case.model, &mixed).expect("one by one");
    assert_eq!(both.parts_of(&mixed), mixed.iter().map(|i| usize::from(*i >= ITEMS)).collect::<Vec<_>>());
    for (index, outcome) in mixed.iter().zip(one_by_one) {
        let expected = &expected[*index];
        assert!((outcome.logprob - expected.logprob).abs() <= SAME_SUMS, "item {index}");
        assert_eq!(outcome.answer_tokens, expected.answer_tokens, "item {index}");
    }
    // Both tasks call their groups g0, g1, ….
    assert_eq!((alone[0].group(3), alone[0].task_name(3)), ("g1".to_owned(), None));
    assert_eq!(both.group(3), format!("{}: g1", case.open.name));
    assert_eq!(both.group(ITEMS + 3), format!("{}: g1", case.choice.name));

    // A trial of both is the trials of each.
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let arms = case.space(&["0.5", "0.1"]).arms();
    let trials = [&alone[0], &alone[1], &both].map(|exam| {
        run(&case, exam, &truncation, &arms, 2, &format!("{}-{}", exam.items().len(), exam.parts()[0].score))
    });
    let [open, choice, both] = trials;
    for ((open, choice), both) in open.iter().zip(&choice).zip(&both) {
        let joined = |of: fn(&Outcomes) -> &Vec<f64>| [&of(&open.outcomes)[..], &of(&choice.outcomes)[..]].concat();
        assert_eq!(both.outcomes.correct, [&open.outcomes.correct[..], &choice.outcomes.correct[..]].concat());
        assert_eq!(both.outcomes.logprobs, joined(|o| &o.logprobs));
        assert_eq!(both.outcomes.margins, joined(|o| &o.margins));
    }
    let twice = Exam::new(&[tasks[0], tasks[0]], &case.tokenizer, case.model.config());
    assert!(twice.expect_err("one name twice").to_string().contains("twice"));
}

/// Demands that a margin above 0 means a right item, and one below 0 a wrong one.
fn assert_margins_agree(what: &str, score: Score, outcomes: &[Outcome]) {
    for outcome in outcomes {
        match score {
            Score::Greedy | Score::Choice { .. } => {
                assert!(outcome.correct || outcome.margin <= 0.0, "{what}: {outcome:?}");
                assert!(!outcome.correct || outcome.margin > 0.0 || outcome.tied, "{what}: {outcome:?}");
            }
            Score::Top1 => assert!(outcome.correct || outcome.margin <= 0.0, "{what}: {outcome:?}"),
            Score::Generate { .. } => {}
        }
    }
}

/// Demands that a trial has the outcomes of its edit evaluated alone; returns the number of items it decides
/// otherwise than the base.
fn assert_trial(case: &Case, exam: &Exam<'_>, arm: &Arm, edited: &Model, trial: &Trial, base: &[Outcome]) -> usize {
    let alone = evaluate(exam, edited, &indices(exam));
    let what = format!("{}: {:?}: {}", case.name, exam.parts()[0].score, arm.edit());
    assert_eq!((&trial.edit, trial.rank), (&arm.edit(), arm.rank(case.model.config())), "{what}");
    assert_eq!(trial.split, Split::Search);
    assert_eq!(trial.outcomes.correct.len(), alone.len(), "{what}: items");
    let mut near_ties = 0;
    for (i, alone) in alone.iter().enumerate() {
        let item = &exam.items()[i];
        let (correct, logprob) = (trial.outcomes.correct[i], trial.outcomes.logprobs[i]);
        assert!((logprob - alone.logprob).abs() <= SAME_EDIT, "{what}: item {}: {logprob}, {alone:?}", item.id);
        if correct != alone.correct {
            let margin = naive(case, edited, item, exam.parts()[0].score).margin;
            assert!(margin < NEAR_TIE, "{what}: item {}, margin {margin}: {correct}, {alone:?}", item.id);
            near_ties += 1;
        }
    }
    assert!(near_ties <= 1, "{what}: {near_ties} items differ near a tie");
    trial.outcomes.correct.iter().zip(base).filter(|(a, b)| **a != b.correct).count()
}

fn run(case: &Case, exam: &Exam<'_>, truncation: &Truncation, arms: &[Arm], threads: usize, name: &str) -> Vec<Trial> {
    let mut store = Store::open(&case.store(name), name, false).expect("store");
    let items = indices(exam);
    let settings = Settings { threads, ..settings(case, honest(), &["1"]) };
    sweep(&case.model, exam, truncation, arms, &items, &settings, &mut store, &Unobserved).expect("sweep")
}

/// Tries every matrix of a model at ranks from nothing to everything, under every score; returns for each score how
/// many outcomes differ from the base.
fn assert_trials(name: &str) -> Vec<usize> {
    let case = Case::new(name);
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let arms = case.space(&["1", "0.9", "0.5", "0.2", "0.05", "0"]).arms();
    assert_eq!(arms.len(), 2 * 7 * 6);
    let edited: Vec<Model> = arms.iter().map(|arm| case.edited(&truncation, &arm.edit())).collect();
    let of_score = |score: Score| {
        let exam = case.exam(score);
        let base = evaluate(&exam, &case.model, &indices(&exam));
        let file = format!("{score:?}.sqlite");
        let trials = run(&case, &exam, &truncation, &arms, 2, &file);
        let store = Store::open_existing(&case.store(&file)).expect("store");
        let mut flips = 0;
        for ((arm, model), trial) in arms.iter().zip(&edited).zip(&trials) {
            flips += assert_trial(&case, &exam, arm, model, trial, &base);
            let stored = store.get(&arm.edit(), Split::Search).expect("get");
            let right = |outcomes: &Outcomes| outcomes.correct.iter().filter(|c| **c).count();
            assert_eq!(right(&stored), right(&trial.outcomes), "what is stored is what is returned");
        }
        if matches!(score, Score::Top1 | Score::Generate { matching: Match::Word, .. }) {
            let one = run(&case, &exam, &truncation, &arms, 1, &format!("{score:?}-one.sqlite"));
            assert_eq!(one, trials, "{name}: {score:?}: threads");
        }
        flips
    };
    scores().into_iter().map(of_score).collect()
}

#[test]
fn every_trial_equals_its_edit_alone() {
    let flips = std::thread::scope(|scope| {
        let models = MODELS.map(|name| scope.spawn(|| assert_trials(name)));
        models.map(|model| model.join().expect("no trial differs"))
    });
    for (s, score) in scores().into_iter().enumerate() {
        let flips: usize = flips.iter().map(|model| model[s]).sum();
        assert!(flips >= 20, "{score:?}: only {flips} outcomes differ from the base, so the test shows little");
    }
}

#[test]
fn a_randomized_trial_equals_its_edit_with_the_same_seed() {
    let case = Case::new("qwen2-bias");
    let arms = case.space(&["1", "0.9", "0.5", "0.1", "0"]).arms();
    let seeded = |seed| Truncation::new(SvdMethod::Randomized { seed }, None, 1);
    for score in [Score::GENERATE, Score::Choice { length: Length::PerByte }] {
        let exam = case.exam(score);
        let base = evaluate(&exam, &case.model, &indices(&exam));
        let trials = run(&case, &exam, &seeded(7), &arms, 1, &format!("{score}-7"));
        for (arm, trial) in arms.iter().zip(&trials) {
            let edited = case.edited(&seeded(7), &arm.edit());
            assert_trial(&case, &exam, arm, &edited, trial, &base);
        }
        assert_eq!(run(&case, &exam, &seeded(7), &arms, 2, &format!("{score}-7-again")), trials);
        assert_ne!(run(&case, &exam, &seeded(8), &arms, 1, &format!("{score}-8")), trials, "the seed counts");
    }
}

/// A model that has nothing to say: every token ends the text.
#[test]
fn empty_continuations_are_searched_too() {
    let case = Case::changed("qwen2-bias", |config| {
        config["eos_token_id"] = (0..96).collect::<Vec<u32>>().into();
    });
    let exam = case.exam(Score::GENERATE);
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let arms = case.space(&["0.5", "0"]).arms();
    let base = evaluate(&exam, &case.model, &indices(&exam));
    assert!(base.iter().all(|o| o.prediction.is_empty() && !o.correct));
    for (arm, trial) in arms.iter().zip(run(&case, &exam, &truncation, &arms, 1, "silent")) {
        assert_trial(&case, &exam, arm, &case.edited(&truncation, &arm.edit()), &trial, &base);
    }
}

/// Lengths about the point where this model's rotary frequencies begin to depend on the longest sequence of a pass.
#[test]
fn sequences_that_change_the_rotary_frequencies_stay_alone() {
    let case = Case::changed("llama-longrope", |config| {
        config["max_position_embeddings"] = 128.into();
        config["original_max_position_embeddings"] = 24.into();
        config["rope_scaling"]["original_max_position_embeddings"] = 24.into();
    });
    assert_eq!(case.model.config().rope.length_dependent_beyond(), Some(24));
    let across = Exam::new(&[(&case.open, Score::GENERATE)], &case.tokenizer, case.model.config());
    let error = across.expect_err("a text may not cross the change").to_string();
    assert!(error.contains("would cross 24"), "{error}");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let arms = case.space(&["1", "0.5", "0"]).arms();
    for score in [Score::Top1, Score::Greedy, Score::CHOICE] {
        let exam = case.exam(score);
        let batched = evaluate(&exam, &case.model, &indices(&exam));
        let single = exam.evaluate_one_by_one(&case.model, &indices(&exam)).expect("one by one");
        assert_same(&format!("{}: {score:?}", case.name), &case, &case.model, &exam, &batched, &single);
        for (arm, trial) in arms.iter().zip(run(&case, &exam, &truncation, &arms, 2, &format!("{score}"))) {
            assert_trial(&case, &exam, arm, &case.edited(&truncation, &arm.edit()), &trial, &batched);
        }
    }
}

#[test]
fn full_rank_everywhere_is_the_base_to_the_bit() {
    for case in MODELS.map(Case::new) {
        let edit = Edit::parse("L*.all@1", case.model.config()).expect("edit");
        let same = case.edited(&Truncation::new(SvdMethod::Exact, None, 1), &edit);
        for score in scores() {
            let exam = case.exam(score);
            let items = indices(&exam);
            assert_eq!(evaluate(&exam, &same, &items), evaluate(&exam, &case.model, &items), "{}", case.name);
        }
    }
}

/// Stops a search after some passes, and counts them.
#[derive(Default)]
struct StopAfter {
    passes: usize,
    seen: AtomicUsize,
}

impl Observer for StopAfter {
    fn progress(&self, stage: &str, _: usize, _: usize) {
        self.seen.fetch_add(usize::from(stage == "search"), Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.passes
    }
}

fn settings(case: &Case, protocol: Protocol, rhos: &[&str]) -> Settings {
    let space = case.space(rhos);
    let base = Settings::new(case.model.config(), 2);
    let plan = Plan::exhaustive();
    Settings { space, plan, protocol, finalists: 6, split_seed: 3, resamples: 200, permutations: 200, ..base }
}

fn honest() -> Protocol {
    Protocol::Honest { fractions: Fractions::new(0.4, 0.3).expect("fractions") }
}

/// Everything a search says, in a form that can be compared.
fn told(found: &Found) -> String {
    format!("{found:?}")
}

/// At most so many passes of the unedited model, which a resumed search needs again.
const BASE_PASSES: usize = 8;

#[test]
fn a_resumed_search_finds_what_an_uninterrupted_one_does() {
    let case = Case::new("llama-bytes");
    let exam = case.exam(Score::GENERATE);
    for method in [SvdMethod::Exact, SvdMethod::Randomized { seed: 5 }] {
        let truncation = Truncation::new(method, None, 1);
        // A search split of several batches.
        let protocol = Protocol::Honest { fractions: Fractions::new(0.7, 0.15).expect("fractions") };
        let settings = settings(&case, protocol, &["1", "0.6", "0.3", "0.05"]);
        let fingerprint = settings.fingerprint("weights", &exam, &truncation);
        let open = |name: &str, resume| Store::open(&case.store(name), &fingerprint, resume);
        let go = |store: &mut Store, observer: &dyn Observer| {
            search(&case.model, &exam, &truncation, &settings, store, observer)
        };
        let whole = format!("{method:?}.sqlite");
        let mut store = open(&whole, false).expect("store");
        let all = StopAfter { passes: usize::MAX, ..StopAfter::default() };
        let found = go(&mut store, &all).expect("search");
        assert_eq!(found.explored.trials.len(), settings.space.arms().len());
        let all = all.seen.into_inner();

        for passes in [0, 1, 9, all - 1, all] {
            let name = format!("{method:?}-{passes}.sqlite");
            let mut store = open(&name, false).expect("store");
            let stop = StopAfter { passes, ..StopAfter::default() };
            let error = go(&mut store, &stop).expect_err("the search is stopped");
            assert!(matches!(error, Error::Interrupted), "{error}");
            let ran = stop.seen.into_inner();
            assert!((passes..passes + 2).contains(&ran), "only the passes in hand go on: {ran} of {passes}");
            drop(store);

            // A store without trials holds nothing that could be taken for another run's.
            match open(&name, false) {
                Ok(_) => assert_eq!(ran, 0, "a run is not gone on with unasked"),
                Err(refused) => assert!(refused.to_string().contains("--resume"), "{refused}"),
            }
            let mut store = open(&name, true).expect("resume");
            let counted = StopAfter { passes: usize::MAX, ..StopAfter::default() };
            let resumed = go(&mut store, &counted).expect("resume");
            let again = counted.seen.into_inner();
            assert!(again + ran <= all + BASE_PASSES, "only what is missing is run: {again} after {ran} of {all}");
            assert!(told(&resumed) == told(&found), "{method:?}: stopped after {passes}");
        }

        let other = |settings: &Settings, model: &str, exam: &Exam<'_>, truncation: &Truncation| {
            let fingerprint = settings.fingerprint(model, exam, truncation);
            let error = Store::open(&case.store(&whole), &fingerprint, true).expect_err("another run");
            assert!(error.to_string().contains("belongs to another run"), "{error}");
        };
        let word = case.exam(Score::Generate { max_tokens: 10, matching: Match::Word });
        other(&settings, "other weights", &exam, &truncation);
        other(&settings, "weights", &word, &truncation);
        other(&settings, "weights", &exam, &Truncation::new(SvdMethod::Randomized { seed: 6 }, None, 1));
        other(&Settings { split_seed: 4, ..settings.clone() }, "weights", &exam, &truncation);
        other(&Settings { finalists: 5, ..settings.clone() }, "weights", &exam, &truncation);
        other(&Settings { protocol: Protocol::Paper, ..settings.clone() }, "weights", &exam, &truncation);
        other(&Settings { space: case.space(&["0.6", "0.3"]), ..settings.clone() }, "weights", &exam, &truncation);
    }
}

/// `Greater` if `a` is the better: accuracy, then log-loss.
fn compare(a: &Outcomes, b: &Outcomes) -> std::cmp::Ordering {
    let right = |o: &Outcomes| o.correct.iter().filter(|c| **c).count();
    let log_likelihood = |o: &Outcomes| o.logprobs.iter().sum::<f64>();
    right(a).cmp(&right(b)).then(log_likelihood(a).total_cmp(&log_likelihood(b)))
}

fn accuracy(outcomes: &[Outcome], items: &[usize]) -> f64 {
    items.iter().filter(|i| outcomes[**i].correct).count() as f64 / items.len() as f64
}

#[test]
fn the_paper_selects_on_the_first_fifth_in_the_references_order() {
    let case = Case::new("llama-bytes");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    // The last list makes every trial a tie with others: 0.05 and 0.04 keep as many components, 1 keeps all.
    let lists: [(Score, &[&str]); 4] = [
        (Score::CHOICE, &["0.9", "0.5", "0.2", "0.05"]),
        (Score::GENERATE, &["0.9", "0.5", "0.2", "0.05"]),
        (Score::CHOICE, &["0.05", "0.04"]),
        (Score::CHOICE, &["1"]),
    ];
    for (i, (score, rhos)) in lists.into_iter().enumerate() {
        let exam = case.exam(score);
        let settings = settings(&case, Protocol::Paper, rhos);
        let mut store = Store::open(&case.store(&format!("paper{i}")), "paper", false).expect("store");
        let found = search(&case.model, &exam, &truncation, &settings, &mut store, &Unobserved).expect("search");

        let (first, rest): (Vec<usize>, Vec<usize>) = indices(&exam).into_iter().partition(|i| *i < ITEMS / 5);
        assert_eq!(found.explored.splits.items(Split::Search), first);
        assert_eq!(found.explored.splits.items(Split::Test), rest);

        // The reference's loops: layers downwards, matrices as listed, the most severe ρ first; strictly better wins.
        let mut severe: Vec<&str> = rhos.to_vec();
        severe.sort_unstable();
        let mut winner: Option<&Trial> = None;
        for layer in [1, 0] {
            for kind in WeightKind::ALL {
                for rho in &severe {
                    let id = WeightId { layer, kind };
                    let edit = Edit::single(id, rho.parse().expect("a fraction"));
                    let trial = found.explored.trials.iter().find(|t| t.edit == edit).expect("every arm is tried");
                    assert_eq!(trial.outcomes.correct.len(), first.len());
                    if winner.is_none_or(|w| compare(&trial.outcomes, &w.outcomes).is_gt()) {
                        winner = Some(trial);
                    }
                }
            }
        }
        let winner = winner.expect("a winner");
        assert_eq!(found.winner, winner.edit, "list {i}");
        if rhos == ["1"] {
            assert_eq!(winner.edit.to_string(), "L1.q_proj@1");
            assert_eq!(found.best, found.base);
        }

        let edited = case.edited(&truncation, &found.winner);
        let alone = |model: &Model| exam.evaluate(model, &indices(&exam), 2, "", &Unobserved).expect("evaluate");
        assert_eq!(found.base, alone(&case.model));
        assert_eq!(found.best, alone(&edited));
        let gain = |items: &[usize]| accuracy(&found.best, items) - accuracy(&found.base, items);
        let held_out = &found.proof.held_out;
        assert_eq!(held_out.n, rest.len());
        assert!((held_out.diff - gain(&rest)).abs() < 1e-12);
        assert!((held_out.shrinkage - (gain(&first) - gain(&rest))).abs() < 1e-12);
    }
}

#[test]
fn finalists_of_the_search_split_meet_on_the_validation_split() {
    let case = Case::new("qwen2-bias");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    for score in [Score::CHOICE, Score::GENERATE] {
        let exam = case.exam(score);
        let settings = settings(&case, honest(), &["0.9", "0.5", "0.2", "0.05"]);
        let mut store = Store::open(&case.store(&score.to_string()), "honest", false).expect("store");
        let found = search(&case.model, &exam, &truncation, &settings, &mut store, &Unobserved).expect("search");

        let groups = |split| -> BTreeSet<&str> {
            found.explored.splits.items(split).iter().map(|i| exam.items()[*i].group.as_str()).collect()
        };
        let parts = [Split::Search, Split::Validation, Split::Test].map(groups);
        assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), ITEMS / 3, "no group is in two splits");

        let mut order: Vec<&Trial> = found.explored.trials.iter().collect();
        order.sort_by(|a, b| compare(&b.outcomes, &a.outcomes));
        let items = found.explored.splits.items(Split::Validation);
        let mut winner: Option<(Outcomes, &Edit)> = None;
        for trial in &order[..settings.finalists] {
            let edited = case.edited(&truncation, &trial.edit);
            let outcomes = Outcomes::of(&exam.evaluate(&edited, &items, 2, "", &Unobserved).expect("evaluate"));
            assert_eq!(store.get(&trial.edit, Split::Validation).expect("get"), outcomes);
            if winner.as_ref().is_none_or(|(best, _)| compare(&outcomes, best).is_gt()) {
                winner = Some((outcomes, &trial.edit));
            }
        }
        let (outcomes, edit) = winner.expect("a finalist");
        assert_eq!(found.winner, *edit);
        let base = Outcomes::of(&exam.evaluate(&case.model, &items, 2, "", &Unobserved).expect("evaluate"));
        let warned = found.explored.notes.iter().any(|note| note.contains("does not beat the unedited model"));
        assert_eq!(warned, !compare(&outcomes, &base).is_gt());
        assert_eq!(found.proof.held_out.n, found.explored.splits.items(Split::Test).len());
    }
}

#[test]
fn what_a_judge_and_a_composition_find_is_a_finalist_once() {
    let case = Case::new("llama-bytes");
    let exam = case.exam(Score::CHOICE);
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    for plan in ["exhaustive+greedy", "exhaustive+beam"] {
        let plan = plan.parse().expect("a plan");
        let settings = Settings { plan, ..settings(&case, honest(), &["0.5", "0.2"]) };
        let mut store = Store::open(&case.store(&settings.plan.to_string()), "once", false).expect("store");
        let explored = explore(&case.model, &exam, &truncation, &settings, &mut store, &Unobserved).expect("explore");
        let first = explored.steps.first().expect("a first step");
        assert!(first.as_single().is_some(), "the composition begins with an edit that the judge found too");
        let names: BTreeSet<String> = explored.found.iter().map(Edit::to_string).collect();
        assert_eq!(names.len(), explored.found.len(), "{}", settings.plan);
    }
}

#[test]
fn whitened_edits_take_their_inputs_from_the_prompts_of_an_exam() {
    let case = Case::new("llama-bytes");
    let model = &case.model;
    let id = WeightId { layer: 1, kind: WeightKind::Down };
    let edit = Edit::parse("L1.down_proj@whitened(0.2)", model.config()).expect("edit");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    assert!(matches!(truncation.apply(model, &edit), Err(Error::Uncalibrated { .. })));

    let exam = case.exam(Score::TOP1);
    let items: Vec<usize> = (0..exam.items().len()).collect();
    let measured = |score: Score, threads: usize| {
        let exam = case.exam(score);
        Activations::measure(model, &exam, &items, &[id], threads, &Unobserved).expect("measures")
    };
    let logits = |activations: Activations| {
        let truncation = truncation.clone().with_activations(std::sync::Arc::new(activations));
        let (edited, records) = truncation.apply(model, &edit).expect("applies");
        assert_eq!(records[0].rank, Some(model.config().max_rank(id.kind) / 5));
        edited.trace(&[1, 2, 3]).expect("trace").logits.flatten_all().expect("flat").to_vec1::<f32>().expect("numbers")
    };
    let once = measured(Score::TOP1, 1);
    let tokens: usize = exam
        .items()
        .iter()
        .map(|item| case.tokenizer.encode_pair(&item.prompt, &format!(" {}", item.target())).expect("encodes").0.len())
        .sum();
    assert_eq!(once.inputs(id).expect("measured").weight(), tokens as f64, "every prompt counts in full");
    let edited = logits(once);
    // Neither the threads nor what is asked after the prompts matters.
    assert_eq!(logits(measured(Score::TOP1, 3)), edited);
    assert_eq!(logits(measured(Score::GENERATE, 2)), edited);
    assert!(Activations::measure(model, &exam, &[], &[id], 1, &Unobserved).is_err());
}
