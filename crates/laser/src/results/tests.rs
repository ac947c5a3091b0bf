//! Made-up results for tests, tests of the JSON keys and tests of the verdict.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::price::{BeforeAfter, Price, TextPrice, WordingChange};
use crate::search::objective::{Guard, Measure};
use laser_statistics::{FrequentAnswer, Split};

/// A summary of `n` items, each in its own group; the fraction `acc` of them is right.
pub(crate) fn summary(n: usize, acc: f64) -> SplitSummary {
    let right: Vec<bool> = (0..n).map(|i| (i as f64) < acc * n as f64).collect();
    let groups: Vec<u32> = (0..n as u32).collect();
    SplitSummary::of(Some(&right), &vec![-2.0; n], &vec![2; n], &groups).expect("items")
}

/// Results with `n` test items, of which the edit fixes `fixed` and breaks `broken`; `search_gain` is the accuracy gain
/// on the search split.
pub(crate) fn results(n: usize, fixed: usize, broken: usize, search_gain: f64) -> Results {
    let base: Vec<bool> = (0..n).map(|i| i < n / 2).collect();
    let best: Vec<bool> = (0..n).map(|i| if i < n / 2 { i >= broken } else { i < n / 2 + fixed }).collect();
    let groups: Vec<u32> = (0..n as u32).collect();
    let test = HeldOut::measure(&base, &best, &groups, search_gain, 0.01, 2000, 1);
    let splits = |gain: f64, diff: f64| {
        SplitScores::from([
            (Split::Search, summary(400, 0.5 + gain)),
            (Split::Validation, summary(200, 0.5 + gain / 2.0)),
            (Split::Test, summary(n, 0.5 + diff)),
        ])
    };
    let mut results = Results {
        base: splits(0.0, 0.0),
        best: BestEdit {
            edit: "L27.gate_proj@0.01".to_owned(),
            rank: Some(5),
            rho: Some("0.01".to_owned()),
            splits: splits(search_gain, test.diff),
        },
        verdict: Verdict::default(),
        reason: String::new(),
        price: None,
        finalists: Vec::new(),
        changes: Vec::new(),
        test,
        tasks: Vec::new(),
        search: SearchSummary {
            trials: 720,
            space: SearchSpace {
                layers: (0..30).collect(),
                matrices: ["gate_proj", "up_proj", "down_proj"].map(str::to_owned).to_vec(),
                rhos: ["0.9", "0.8", "0.6", "0.4", "0.2", "0.1", "0.05", "0.01"].map(str::to_owned).to_vec(),
                model_layers: Some(30),
            },
            items_asked: 288_000,
            steps: Vec::new(),
            strategy: "exhaustive".to_owned(),
            protocol: "three-way".to_owned(),
            screen: None,
            none_because: None,
            null_best_gain: 0.021,
        },
        baselines: Baselines {
            majority: Some(FrequentAnswer { answer: " Paris".to_owned(), rate: 0.04 }),
            constant: Some(FrequentAnswer { answer: " Paris".to_owned(), rate: 0.03 }),
            best_prediction: Some(FrequentAnswer { answer: " the".to_owned(), rate: 0.12 }),
            always: Vec::new(),
        },
        manifest: Manifest {
            tool_version: "0.1.0".to_owned(),
            git_hash: None,
            model: ModelIdentity {
                path: "models/SmolLM2-135M-Instruct.Q4_1.gguf".to_owned(),
                sha256: "5f0b1c".repeat(10) + "abcd",
                architecture: "llama".to_owned(),
                adapters: Vec::new(),
            },
            task: TaskIdentity { name: "world-facts".to_owned(), sha256: "77aa".repeat(16) },
            config: BTreeMap::from([("match".to_owned(), json!("top1")), ("rho".to_owned(), json!([0.9, 0.01]))]),
            seeds: BTreeMap::from([("split".to_owned(), 0), ("bootstrap".to_owned(), 1)]),
            dtype: "f32".to_owned(),
            device: "cpu".to_owned(),
            threads: 2,
            date: Some("2025-11-22".to_owned()),
            host: None,
        },
        notes: vec!["three edits tie on the search split; the lower log-loss wins".to_owned()],
    };
    results.verdict = verdict(&results);
    results.reason = verdict_sentence(&results);
    results
}

/// Results of a search that proposes no edit: the scores of the winner are those of the unedited model.
pub(crate) fn no_edit() -> Results {
    let mut results = results(1000, 0, 0, 0.0);
    results.best = BestEdit { edit: NO_EDIT.to_owned(), rank: None, rho: None, splits: results.base.clone() };
    results.search.none_because = Some("none is estimated to be better".to_owned());
    results.verdict = verdict(&results);
    results.reason = verdict_sentence(&results);
    results
}

/// A price of 0.43 nats a token.
pub(crate) fn price() -> Price {
    Price {
        text: TextPrice {
            nats_per_token: 0.4267,
            ci95: Some([0.3641, 0.4996]),
            perplexity: BeforeAfter { base: 29.75, best: 45.585 },
            divergence: 0.4485,
            tokens: 6494,
        },
        divergence_on_prompts: Some(0.8211),
        repetition: Some(BeforeAfter { base: 0.01, best: 0.04 }),
        wordings: vec![WordingChange {
            task: "facts-reworded".to_owned(),
            n: 300,
            acc: BeforeAfter { base: 0.2, best: 0.25 },
            ci95: Some([0.01, 0.09]),
        }],
    }
}

/// A finalist that keeps all guards; its gain was measured a hundredth too high, with a standard error of 0.009.
pub(crate) fn finalist(edit: &str, estimated: f64, damage: Option<f64>) -> FinalistSummary {
    let measured = estimated + 0.01;
    FinalistSummary { edit: edit.to_owned(), measured, estimated, stderr: 0.009, damage, keeps_guards: true }
}

/// A task whose measure changes by `diff` on every split, with an interval of ±0.02 on the test split. `guard` is the
/// largest drop that its guard allows; `None` for a task without a guard.
pub(crate) fn task_change(task: &str, measure: Measure, diff: f64, guard: Option<f64>) -> TaskChange {
    let change = |split: Split| {
        let ci95 = (split == Split::Test).then_some([diff - 0.02, diff + 0.02]);
        (split, Change { diff, ci95 })
    };
    let change = BTreeMap::from([Split::Search, Split::Validation, Split::Test].map(change));
    let scores = |acc: f64| SplitScores::from_iter(change.keys().map(|split| (*split, summary(200, acc))));
    TaskChange {
        task: task.to_owned(),
        score: "made".to_owned(),
        measure,
        guard: guard.map(|max_drop| GuardKept::new(&Guard { part: 1, max_drop }, &change)),
        base: scores(0.5),
        best: scores(0.75),
        change,
        always: Vec::new(),
    }
}

#[test]
fn verdict_names_guards_that_held_out_items_break() {
    let mut results = results(1000, 80, 30, 0.08);
    let wikitext = |guard| task_change("wikitext-2", Measure::PerToken, -0.03, Some(guard));
    results.tasks = vec![task_change("facts", Measure::Accuracy, 0.05, None), wikitext(0.05)];
    assert!(
        verdict_sentence(&results).starts_with("The gain is real") && !verdict_sentence(&results).contains("wikitext")
    );
    results.tasks[1] = wikitext(0.02);
    assert!(
        verdict_sentence(&results).ends_with("; but on held-out items it costs wikitext-2 more than the guard allows.")
    );
}

#[test]
fn verdict_on_texts_follows_the_interval_of_their_log_loss() {
    let mut results = results(1000, 0, 0, 0.0);
    for (diff, opening, figures) in [
        (
            0.05,
            "The gain is real: ",
            "of novels by −0.0500 nats a token (95 % interval −0.0700 to −0.0300), its perplexity by −4.9 %.",
        ),
        (
            -0.05,
            "The edit does harm: ",
            "by +0.0500 nats a token (95 % interval +0.0300 to +0.0700), its perplexity by +5.1 %.",
        ),
        (0.01, "No gain is shown: ", "by −0.0100 nats a token"),
    ] {
        results.tasks = vec![
            task_change("facts", Measure::Accuracy, 0.0, Some(0.1)),
            task_change("novels", Measure::PerToken, diff, None),
        ];
        let sentence = verdict_sentence(&results);
        assert!(sentence.starts_with(opening) && sentence.contains(figures), "{sentence}");
    }
    results.tasks[1].change.values_mut().for_each(|change| change.ci95 = None);
    assert!(verdict_sentence(&results).contains("too few texts"));
    results.tasks.push(task_change("more facts", Measure::Accuracy, 0.0, None));
    assert!(verdict_sentence(&results).contains("answers"), "a task with answers is proved by them");
}

#[test]
fn json_has_the_keys_that_other_tools_read_and_is_read_back() {
    let mut results = results(1000, 80, 30, 0.08);
    results.tasks = vec![task_change("novels", Measure::PerToken, -0.03, Some(0.05))];
    results.price = Some(price());
    results.finalists = vec![finalist("L27.gate_proj@0.01", 0.05, Some(0.1))];
    let text = serde_json::to_string(&results).expect("serialisable");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for pointer in [
        "/base/search/acc",
        "/base/validation/n",
        "/base/test/acc_stderr",
        "/base/test/log_loss",
        "/verdict",
        "/reason",
        "/price/text/nats_per_token",
        "/price/text/ci95/1",
        "/price/divergence_on_prompts",
        "/price/repetition/best",
        "/price/wordings/0/acc/base",
        "/finalists/0/estimated",
        "/finalists/0/damage",
        "/best/edit",
        "/best/rank",
        "/best/rho",
        "/best/test/acc",
        "/best/test/log_loss_per_token",
        "/test/diff",
        "/test/ci95/0",
        "/test/ci95/1",
        "/test/mcnemar_p",
        "/test/familywise_p",
        "/test/shrinkage",
        "/tasks/0/change/test/ci95/0",
        "/tasks/0/guard/held/validation",
        "/tasks/0/measure",
        "/search/trials",
        "/search/space/layers",
        "/search/null_best_gain",
        "/search/strategy",
        "/search/protocol",
        "/baselines/majority/rate",
        "/baselines/constant/rate",
        "/manifest/model/sha256",
        "/manifest/seeds/split",
        "/notes/0",
    ] {
        assert!(json.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer}");
    }
    let back: Results = serde_json::from_str(&text).expect("results as written");
    assert_eq!(back, results);
}

#[test]
fn summaries_average_over_items() {
    let got = SplitSummary::of(Some(&[true, false]), &[-1.0, -6.0], &[1, 3], &[0, 1]).expect("items");
    assert_eq!((got.n, got.acc(), got.log_loss, got.log_loss_per_token), (2, Some(0.5), 3.5, 1.5));
    assert_eq!(SplitSummary::of(Some(&[]), &[], &[], &[]), None);
    let text = SplitSummary::of(None, &[-1.0, -6.0], &[1, 3], &[0, 1]).expect("items");
    assert_eq!((text.n, text.acc(), text.log_loss), (2, None, 3.5));
    let json = serde_json::to_value(&text).expect("serialisable");
    assert!(json.get("acc").is_none() && json.get("acc_ci95").is_none(), "{json}");
    for summary in [got, text] {
        let json = serde_json::to_string(&summary).expect("serialisable");
        assert_eq!(serde_json::from_str::<SplitSummary>(&json).expect("a summary"), summary);
    }
}

#[test]
fn held_out_counts_flips_and_shrinkage() {
    let got = results(1000, 80, 30, 0.08).test;
    assert_eq!((got.n, got.groups, got.fixed, got.broken), (1000, 1000, 80, 30));
    assert!((got.diff - 0.05).abs() < 1e-12 && (got.shrinkage - 0.03).abs() < 1e-12);
    let [low, high] = got.ci95.expect("many groups");
    assert!(low < 0.05 && 0.05 < high);
}

#[test]
fn verdict_distinguishes_gain_harm_and_lack_of_evidence() {
    for (results, opening, part) in [
        (results(1000, 80, 30, 0.08), "The gain is real: ", "from 50.0 % to 55.0 %"),
        (results(1000, 30, 80, 0.08), "The edit does harm: ", "from 50.0 % to 45.0 %"),
        (results(60, 6, 4, 0.05), "There are too few items to tell: ", "points or more"),
        (results(60, 1, 0, 0.05), "There are too few items to tell: ", "so few of them flip"),
        (results(4000, 41, 39, 0.05), "No gain is shown: ", "hardly larger than 0."),
        (results(60, 6, 4, -0.05), "No gain is shown: ", "hardly larger than 1"),
        (results(100, 0, 0, 0.05), "No gain is shown: ", "none of the 100"),
    ] {
        let sentence = verdict_sentence(&results);
        assert!(sentence.starts_with(opening) && sentence.contains(part), "{sentence}");
        assert!(sentence.ends_with('.') && !sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn verdict_needs_more_than_one_group() {
    let mut results = results(1000, 80, 30, 0.08);
    results.test.ci95 = None;
    assert!(verdict_sentence(&results).contains("one group"));
}

#[test]
fn verdict_says_if_no_edit_won_or_the_test_split_is_empty() {
    let mut results = results(1000, 80, 30, 0.08);
    results.test.n = 0;
    assert!(verdict_sentence(&results).contains("the test split is empty"));
    results.best.edit = NO_EDIT.to_owned();
    assert!(verdict_sentence(&results).starts_with("No edit is proposed: of 720 tried, none does"));
    let none = no_edit();
    assert_eq!(none.verdict, Verdict::None);
    assert!(!none.proposes_edit() && none.reason.ends_with("of 720 tried, none is estimated to be better."));
}

#[test]
fn the_verdict_in_one_word_follows_interval_p_and_guards() {
    for (results, expected) in [
        (results(1000, 80, 30, 0.08), Verdict::Gain),
        (results(1000, 30, 80, 0.08), Verdict::Loss),
        (results(1000, 35, 30, 0.08), Verdict::Unproven),
    ] {
        assert_eq!(verdict(&results), expected, "{}", results.reason);
    }
    let mut broken = results(1000, 80, 30, 0.08);
    broken.tasks = vec![
        task_change("facts", Measure::Accuracy, 0.05, None),
        task_change("wikitext-2", Measure::PerToken, -0.03, Some(0.02)),
    ];
    assert_eq!(verdict(&broken), Verdict::Loss);
}

#[test]
fn the_reason_ends_with_the_price() {
    let mut results = results(1000, 80, 30, 0.08);
    results.price = Some(price());
    assert!(verdict_sentence(&results).ends_with(". It costs 0.43 nats a token on ordinary text."));
}

#[test]
fn the_price_in_words_has_every_figure() {
    assert_eq!(
        price_text::price_line(&price()),
        "Price: costs 0.43 nats a token on ordinary text (95 % 0.36 to 0.50), perplexity 29.8 → 45.6; predictions diverge \
         by 0.45 nats a token there and by 0.82 nats after the task’s prompts; generated answers that repeat themselves: \
         1.0 % → 4.0 %; in other words (facts-reworded, 300 items): 20.0 % → 25.0 %, +5.0 points (95 % +1.0 to +9.0)."
    );
    let mut gain = price();
    (gain.text.nats_per_token, gain.text.ci95) = (-0.02, Some([-0.03, 0.001]));
    let words = price_text::text_price(&gain);
    assert!(words.starts_with("gains 0.02 nats a token on ordinary text (95 % 0.00 to 0.03), "), "{words}");
}

#[test]
fn verdict_warns_if_a_constant_answer_is_as_accurate() {
    let mut results = results(1000, 80, 30, 0.08);
    results.baselines.constant = Some(FrequentAnswer { answer: " true".to_owned(), rate: 0.562 });
    assert!(verdict_sentence(&results).ends_with("; but always answering “true” would score 56.2 %."));
}
