//! The analysis of an adapter against numpy, which computes it densely from the definitions; and the comparison of six
//! models.

use std::path::{Path, PathBuf};

use laser::lora::{AnalysedMatrix, Cell};
use laser::statistics::{Fractions, Split};
use laser::{AdapterOptions, BehaviourOptions, Edit, EvaluateOptions, Session, SessionOptions, SvdMethod};
use serde_json::Value;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens")
}

fn open(model: &str, cache: &Path) -> Session {
    let options = SessionOptions { cache_dir: cache.to_owned(), threads: 2, ..SessionOptions::default() };
    Session::open_with(model, options).unwrap_or_else(|e| panic!("{model}: {e}"))
}

/// The base model and the same with an adapter.
fn sessions(base: &str, adapter: &str, cache: &Path) -> [Session; 2] {
    let (base, adapter) = (goldens().join(base), goldens().join("adapters").join(adapter));
    let tuned = format!("{}+adapter:{}", base.display(), adapter.display());
    [open(&base.display().to_string(), cache), open(&tuned, cache)]
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found}, expected {expected}");
}

#[test]
fn every_number_is_that_of_numpy() {
    let text = std::fs::read_to_string(goldens().join("adapters/analysis.json")).expect("a golden");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let cache = tempfile::tempdir().expect("a folder");
    let [base, tuned] = sessions("tiny/llama-gqa-untied", "llama", cache.path());
    let rhos = ["0.1", "0.4", "0.8"].map(|rho| rho.parse().expect("a fraction")).to_vec();
    let options = AdapterOptions { rhos, draws: 2000, ..AdapterOptions::default() };
    let analysis = tuned.analyse_adapter(&base, &options).expect("analyses");
    assert_eq!(analysis.matrices.len(), 21);
    let expected = golden["matrices"].as_object().expect("matrices by name");
    for (name, expected) in expected {
        let found = analysis.matrices.iter().find(|m| m.matrix == *name).unwrap_or_else(|| panic!("{name}"));
        check_matrix(found, expected);
    }
    assert_eq!(expected.len(), 8);
}

fn check_matrix(found: &AnalysedMatrix, expected: &Value) {
    let name = &found.matrix;
    assert_eq!(found.rank as u64, expected["rank"].as_u64().expect("a rank"), "{name}");
    close(name, found.norm, expected["norm"].as_f64().expect("a norm"), 1e-5);
    for (cut, expected) in found.cuts.iter().zip(expected["cuts"].as_array().expect("cuts")) {
        assert_eq!(cut.rank as u64, expected["rank"].as_u64().expect("a rank"), "{name}");
        let shares = &cut.shares;
        let all = [shares.kept, shares.removed, shares.left_kept, shares.right_kept, shares.outside];
        let (of_share, of_mean, of_sd) = (&expected["shares"], &expected["chance_mean"], &expected["chance_sd"]);
        for (i, share) in all.iter().enumerate() {
            close(&format!("{name}: share {i}"), share.share, numbers(of_share)[i], 1e-5);
            // The mean is exact here and of 2000 draws there; both deviations are estimates.
            let sd = numbers(of_sd)[i];
            close(&format!("{name}: chance {i}"), share.chance, numbers(of_mean)[i], 5.0 * sd / 2000f64.sqrt() + 1e-6);
            close(&format!("{name}: deviation {i}"), share.sd.expect("draws"), sd, 0.12 * sd + 1e-6);
        }
        let angles = &cut.angles;
        let all = [&angles.left_kept, &angles.right_kept, &angles.left_removed, &angles.right_removed];
        for (angle, cosines) in all.iter().zip(expected["cosines"].as_array().expect("cosines")) {
            // numpy gives no cosines beyond the dimension of a subspace; here they are 0.
            for (found, expected) in angle.cosines.iter().zip(numbers(cosines)) {
                close(&format!("{name}: cosine"), *found, expected, 2e-4);
            }
            let overlap = numbers(cosines).iter().map(|c| c * c).sum::<f64>() / found.rank as f64;
            close(&format!("{name}: overlap"), angle.overlap, overlap, 1e-5);
        }
        close(&format!("{name}: retained"), cut.retained, expected["retained"].as_f64().expect("a number"), 1e-4);
    }
    for (decile, expected) in found.growth.iter().zip(expected["growth"].as_array().expect("deciles")) {
        let [mean_abs, rms] = ["mean_abs", "rms"].map(|key| expected[key].as_f64().expect("a number"));
        close(&format!("{name}: mean change"), decile.mean_abs, mean_abs, 1e-3 * mean_abs);
        close(&format!("{name}: change"), decile.rms, rms, 1e-3 * rms);
    }
    let counts =
        expected["intruders"].as_array().expect("counts").iter().map(|n| n.as_u64().expect("a count") as usize);
    let found_counts = found.intruders.counts.iter().take(4).map(|count| count.count);
    assert!(found_counts.eq(counts), "{name}: intruders");
    for vector in &found.intruders.vectors {
        close(name, vector.cosine, numbers(&expected["nearest_cosines"])[vector.index], 1e-4);
    }
}

#[test]
fn an_edit_adds_its_ranks_and_other_reductions_are_refused() {
    let cache = tempfile::tempdir().expect("a folder");
    let [base, tuned] = sessions("families/gpt2", "gpt2-dora", cache.path());
    let edit = |text: &str| Edit::parse(text, base.config()).expect("an edit");
    let options = AdapterOptions {
        edit: edit("L1.up_proj@r3"),
        matrices: Some("up_proj".to_owned()),
        draws: 50,
        ..AdapterOptions::default()
    };
    let analysis = tuned.analyse_adapter(&base, &options).expect("analyses");
    let names: Vec<&str> = analysis.matrices.iter().map(|matrix| matrix.matrix.as_str()).collect();
    assert_eq!(names, ["L0.up_proj", "L1.up_proj"]);
    // DoRA rescales whole rows, so that its update has no low rank.
    assert!(analysis.matrices[0].rank > 4, "{}", analysis.matrices[0].rank);
    let edited: Vec<_> = analysis.matrices[1].cuts.iter().filter(|cut| cut.from_edit).collect();
    assert_eq!((edited.len(), edited[0].rank, edited[0].rule.as_str()), (1, 3, "r3"));
    assert_eq!(analysis.summary.cuts.iter().filter(|cut| cut.rule == "edit").count(), 1);
    let options = AdapterOptions { edit: edit("L1.up_proj@magnitude(0.1)"), ..options };
    let error = tuned.analyse_adapter(&base, &options).expect_err("no rank").to_string();
    assert!(error.contains("magnitude(0.1)") && error.contains("expected ρ or r"), "{error}");
    let error = base.analyse_adapter(&base, &AdapterOptions::default()).expect_err("no adapter").to_string();
    assert!(error.contains("no adapter"), "{error}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let cache = tempfile::tempdir().expect("a folder");
    let [base, tuned] = sessions("tiny/llama-gqa-untied", "llama", cache.path());
    let options = AdapterOptions { matrices: Some("L0.mlp".to_owned()), ..AdapterOptions::default() };
    let run = |options: &AdapterOptions| {
        serde_json::to_string(&tuned.analyse_adapter(&base, options).expect("analyses")).expect("JSON")
    };
    assert_eq!(run(&options), run(&options));
    assert_ne!(run(&options), run(&AdapterOptions { seed: 1, ..options.clone() }));
}

#[test]
fn six_models_and_a_control_answer_the_same_items() {
    let cache = tempfile::tempdir().expect("a folder");
    let [base, tuned] = sessions("tiny/llama-bytes", "llama-bytes", cache.path());
    let items = cache.path().join("items.jsonl");
    let lines =
        (0..40).map(|i| format!("{{\"question\": \"{} then\", \"answer\": \"{}\"}}\n", i, (b'a' + i % 26) as char));
    std::fs::write(&items, lines.collect::<String>()).expect("writes");
    let tasks = tuned.task(&items.display().to_string()).expect("a task");
    let edit = |text: &str| Edit::parse(text, base.config()).expect("an edit");
    let options = BehaviourOptions {
        edit: edit("L0.down_proj@r2"),
        adapted_edit: Some(edit("L1.q_proj@r1")),
        svd: SvdMethod::Exact,
        update_ranks: vec![1, 64],
        split: Split::All,
        fractions: Fractions::new(0.4, 0.2).expect("fractions"),
        split_seed: 0,
        seed: 5,
    };
    let found = tuned.compare_behaviour(&base, &tasks, &options).expect("compares");
    assert_eq!((found.n, found.cells.len(), found.pairs.len()), (40, 8, 15 + 2));
    let losses: Vec<f64> = found.cells.iter().map(|cell| cell.log_loss).collect();
    let cell = |cell: Cell| found.cells.iter().find(|of| of.cell == cell).expect("a model");
    // Each model by itself, as `laser eval` scores it.
    let alone = |session: &Session, edit: Edit| {
        let options = EvaluateOptions { edit, no_side_effects: true, ..EvaluateOptions::default() };
        let outcomes = session.evaluate(&tasks, &options).expect("evaluates").outcomes;
        outcomes.iter().map(|outcome| -outcome.logprob).sum::<f64>() / outcomes.len() as f64
    };
    for (of, loss) in [
        (Cell::Base, alone(&base, Edit::default())),
        (Cell::BaseEdited, alone(&base, options.edit.clone())),
        (Cell::Tuned, alone(&tuned, Edit::default())),
        (Cell::TunedEdited, alone(&tuned, options.adapted_edit.clone().expect("an edit"))),
        (Cell::TunedTransferred, alone(&tuned, options.edit.clone())),
    ] {
        close(&of.name(), cell(of).log_loss, loss, 1e-9);
    }
    assert!(losses.iter().enumerate().all(|(i, a)| losses[..i].iter().all(|b| a != b || i == 7)), "{losses:?}");
    // An update that is not truncated is the tuned model.
    close("rank 64", cell(Cell::UpdateTruncated(64)).log_loss, cell(Cell::Tuned).log_loss, 1e-5);
    let no_edit = BehaviourOptions { edit: Edit::default(), ..options };
    let error = tuned.compare_behaviour(&base, &tasks, &no_edit).expect_err("no edit").to_string();
    assert!(error.contains("edit"), "{error}");
}

#[test]
fn a_task_is_divided_into_parts_without_common_groups() {
    let cache = tempfile::tempdir().expect("a folder");
    let session = open(&goldens().join("lab/facts-llama").display().to_string(), cache.path());
    let path = cache.path().join("questions.jsonl");
    let line = |i: usize| format!("{{\"question\":\"a {i} b\",\"answer\":\"c\",\"group\":\"{}\"}}\n", i / 2);
    std::fs::write(&path, (0..200).map(line).collect::<String>()).expect("writes");
    let tasks = session.task(&path.display().to_string()).expect("a task");
    let groups = |tasks: &laser::ScoredTasks| -> Vec<String> {
        tasks.iter().flat_map(|(task, _)| task.items.iter().map(|item| item.group.clone())).collect()
    };
    let [first, second] = session.divide(&tasks, 0.4, 7).expect("two parts").map(|part| groups(&part));
    assert_eq!(first.len() + second.len(), 200);
    assert!(first.iter().all(|group| !second.contains(group)));
    assert!((50..110).contains(&first.len()), "{}", first.len());
    // A search with the same seed has items of the second part in each of its splits.
    let fractions = Fractions::new(0.4, 0.2).expect("shares");
    for split in [Split::Search, Split::Validation, Split::Test] {
        assert!(second.iter().any(|group| laser::statistics::assign_split(group, 7, fractions) == split), "{split}");
    }
    for (share, expected) in [(1.5, "share: expected a number from 0 to 1"), (1.0, "leaves a part empty")] {
        let error = session.divide(&tasks, share, 7).expect_err("cannot be divided").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
