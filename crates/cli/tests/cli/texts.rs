//! Texts that are only read: measured by the log-loss of their tokens, as guards and as aims.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::bench::{Bench, number};
use crate::items;

const PLANTED: &str = "L1.gate_proj@0.1";
const SPLITS: [&str; 3] = ["search", "validation", "test"];

/// A model, 60 questions whose answers `L1.fc_in@0.1` gives, and 40 texts of one to three windows.
fn bench() -> Bench {
    let bench = Bench::new();
    items::planted(&bench, "model", "L1.fc_in@0.1", 60);
    let mut rng = ChaCha8Rng::seed_from_u64(19);
    let mut text = |i: usize| -> String {
        let letters = 20 + 40 * (i % 4);
        (0..letters).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
    };
    let rows = (0..40).map(|i| format!("{}\n", json!({"question": "none", "answer": text(i), "id": format!("t{i}")})));
    bench.write("texts.jsonl", &rows.collect::<String>());
    bench
}

/// The mean over a split's windows of the winner's less the unedited model's log-probability a token.
fn per_token(bench: &Bench, run: &str, split: &str) -> f64 {
    let own = |file: &str| -> Vec<Value> {
        let all = bench.samples(&format!("{run}/{file}"));
        let of_texts = |s: &Value| s["split"] == split && s["target"].as_str().is_some_and(|t| t.len() >= 20);
        all.into_iter().filter(of_texts).collect()
    };
    let (base, best) = (own("samples.base.jsonl"), own("samples.jsonl"));
    let one = |(a, b): (&Value, &Value)| (number(b, "logprob") - number(a, "logprob")) / number(a, "answer_tokens");
    base.iter().zip(&best).map(one).sum::<f64>() / base.len() as f64
}

#[test]
fn an_evaluation_has_a_perplexity_and_no_accuracy() {
    let bench = bench();
    let eval = "eval model --task texts.jsonl --score perplexity";
    let whole = bench.data(&format!("{eval} --out texts"));
    let (data, samples) = (&whole["laser"], bench.evaluated("texts", "texts"));
    let windows = number(data, "scores.all.n");
    assert!(windows > 60.0, "texts are cut into windows");
    assert_eq!(whole["n-samples"]["texts.jsonl"]["effective"], samples.len());
    assert!(windows > samples.len() as f64, "and samples are texts");
    let sum = |key: &str| samples.iter().map(|s| number(s, key)).sum::<f64>();
    let perplexity = (-sum("logprob") / sum("answer_tokens")).exp();
    let text = bench.done(eval).stdout;
    assert!(text.contains(&format!("{perplexity:.4} a token")), "{perplexity}: {text}");
    assert_eq!(data["scores"]["all"].get("acc"), None);
    assert!(samples.iter().all(|sample| sample.get("acc").is_none()), "no text is right or wrong");
    assert!(!text.contains("accuracy") && !text.contains("always"), "{text}");
    assert_eq!((&data["always"], &data["majority"]), (&Value::Null, &Value::Null));
    let bytes: usize = samples.iter().map(|s| s["target"].as_str().expect("a text").len()).sum();
    let bits = -sum("logprob") / bytes as f64 / 2f64.ln();
    assert!((number(&whole["results"]["texts.jsonl"], "bits_per_byte,none") - bits).abs() < 1e-9);

    let both = "eval model --task planted.jsonl,texts.jsonl --score top1,perplexity";
    let data = bench.laser(both);
    let alone = bench.laser("eval model --task planted.jsonl --score top1");
    assert_eq!((&data["scores"], &data["majority"]), (&alone["scores"], &alone["majority"]));
    assert_eq!(number(&data["tasks"][1], "scores.all.n"), windows);
    let text = bench.done(both).stdout;
    assert!(!text.lines().any(|line| line.starts_with("mean")), "of one accuracy there is no mean: {text}");
}

#[test]
fn a_guard_bounds_the_nats_a_token() {
    let bench = bench();
    let search = "search model --task planted.jsonl,texts.jsonl --score top1,perplexity --strategy exhaustive";
    let free = bench.data(&format!("{search} --rho 1,0.1 --guard texts.jsonl:9 --out free"));
    assert_eq!(free["best"]["edit"], PLANTED, "{} {}", free["reason"], free["finalists"]);
    let [asked, read] = [&free["tasks"][0], &free["tasks"][1]];
    assert_eq!((&asked["measure"], &read["measure"]), (&json!("accuracy"), &json!("log-loss per token")));
    assert_eq!((&asked["guard"], number(read, "guard.max_drop")), (&Value::Null, 9.0));
    for split in SPLITS {
        let diff = number(read, &format!("change.{split}.diff"));
        assert!((diff - per_token(&bench, "free", split)).abs() < 1e-9, "{split}: {diff}");
        assert_eq!(read["guard"]["held"][split], true);
        let gain = number(&free, &format!("best.{split}.acc")) - number(&free, &format!("base.{split}.acc"));
        assert!((number(asked, &format!("change.{split}.diff")) - gain).abs() < 1e-12, "scores leave texts aside");
    }
    assert_eq!(number(&free, "test.n"), number(asked, "base.test.n"), "so does the proof");
    assert!((number(&free, "test.diff") - number(asked, "change.test.diff")).abs() < 1e-12);
    let page = bench.read("free/report.html");
    assert!(page.contains("Task by task") && page.contains("at most +9.0000 nats a token: kept"));

    // A guard that allows no loss is kept if, and only if, the edit costs nothing on search and validation split together.
    let [on_search, on_validation] = ["search", "validation"]
        .map(|split| (number(read, &format!("change.{split}.diff")), number(read, &format!("base.{split}.n"))));
    let gain = on_search.0 * on_search.1 + on_validation.0 * on_validation.1;
    let tight = bench.data(&format!("{search} --rho 1,0.1 --guard texts.jsonl:0 --out tight"));
    assert_eq!(tight["best"]["edit"] == PLANTED, gain >= 0.0, "{gain} {}", tight["best"]["edit"]);
    // Where nothing else is there, no edit wins. Under the paper's protocol it does, and is marked.
    let only = format!("{search} --rho 0.1 --layers 1 --matrices fc_in --guard texts.jsonl:0");
    assert_eq!(bench.data(&format!("{only} --out none"))["best"]["edit"] == PLANTED, gain >= 0.0);
    let ran = bench.run(&format!("{only} --protocol paper --out broken"));
    let broken = bench.json("broken/results.json");
    for split in ["search", "test"] {
        let held = per_token(&bench, "broken", split) >= -1e-9;
        assert_eq!(broken["tasks"][1]["guard"]["held"][split], held, "{split}");
    }
    assert!(
        ran.stdout.contains("| texts.jsonl | test |") && ran.stdout.contains("at most 0.0000 nats a token"),
        "{ran:?}"
    );
    let costs = per_token(&bench, "broken", "test") < -1e-9;
    assert_eq!(ran.stdout.contains("it costs texts.jsonl more than the guard allows"), costs, "{ran:?}");
    assert_eq!(ran.status.code(), Some(i32::from(costs)), "{ran:?}");
    // Under every objective.
    bench.run(&format!("{only} --protocol paper --objective margin --out margin"));
    let margin = bench.json("margin/results.json");
    assert_eq!(margin["tasks"][0]["measure"], "margin");
    assert_eq!(margin["tasks"][1], broken["tasks"][1]);
}

#[test]
fn texts_alone_are_searched_by_their_log_loss() {
    let bench = bench();
    let search = "search model --task texts.jsonl --score perplexity --rho 0.9,0.5";
    for (strategy, run) in [("exhaustive", "all"), ("gradient+race+greedy --candidates 8", "some")] {
        let found = bench.data(&format!("{search} --strategy {strategy} --out {run}"));
        assert_eq!(found["manifest"]["config"]["objective"], "log-loss per token");
        let diff = number(&found["tasks"][0], "change.test.diff");
        assert!((diff - per_token(&bench, run, "test")).abs() < 1e-9, "{diff}");
        let chosen = found["best"]["edit"] != "none";
        assert_eq!(number(&found["tasks"][0], "change.search.diff") > 0.0, chosen, "better where it was chosen");
    }
    let search = search.replace("--task", "--protocol paper --task");
    let text = bench.done(&format!("{search} --strategy exhaustive --out again")).stdout;
    assert!(text.contains("nats a token (95 % interval"), "{text}");
    assert!(!text.contains("points") && !text.contains("answers"), "{text}");
    let page = bench.read("again/report.html");
    assert!(!page.contains("Answers that flipped") && page.contains("Task by task"));
}
