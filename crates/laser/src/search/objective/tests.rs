//! Values against plain sums, and the rules of guards, weights and ties.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Random outcomes of `n` items.
fn outcomes(rng: &mut ChaCha8Rng, n: usize) -> Outcomes {
    Outcomes {
        correct: (0..n).map(|_| rng.random_bool(0.4)).collect(),
        logprobs: (0..n).map(|_| rng.random_range(-20.0..0.0)).collect(),
        margins: (0..n).map(|_| rng.random_range(-15.0..15.0)).collect(),
        ties: Vec::new(),
        in_top10: Vec::new(),
    }
}

/// Outcomes with right (1) and wrong (0) items, all of the same log-probability and margin.
fn right(items: &[u8]) -> Outcomes {
    let same = |value| vec![value; items.len()];
    Outcomes {
        correct: items.iter().map(|i| *i == 1).collect(),
        logprobs: same(-1.0),
        margins: same(0.5),
        ties: Vec::new(),
        in_top10: Vec::new(),
    }
}

fn guarded(measure: Measure, over: Aggregate, guards: &[(usize, f64)]) -> Objective {
    let guards = guards.iter().map(|(task, max_drop)| Guard { part: *task, max_drop: *max_drop }).collect();
    Objective { measure, over, guards }
}

/// Mean measure of the items of `task`, computed naively.
fn naive_mean(measure: Measure, outcomes: &Outcomes, tasks: &[usize], task: usize) -> f64 {
    let item = |i: usize| match measure {
        Measure::Accuracy if outcomes.correct[i] => 1.0,
        Measure::Accuracy => 0.0,
        Measure::LogLoss => outcomes.logprobs[i],
        Measure::Margin if outcomes.margins[i] > 10.0 => 10.0,
        Measure::Margin if outcomes.margins[i] < -10.0 => -10.0,
        Measure::Margin | Measure::PerToken => outcomes.margins[i],
        Measure::SoftAccuracy => 1.0 / (1.0 + (-2.0 * outcomes.margins[i]).exp()),
    };
    let measures: Vec<f64> = (0..tasks.len()).filter(|i| tasks[*i] == task).map(item).collect();
    measures.iter().sum::<f64>() / measures.len() as f64
}

const MEASURES: [Measure; 3] = [Measure::Accuracy, Measure::LogLoss, Measure::Margin];

#[test]
fn one_task_is_ordered_by_accuracy_then_log_loss() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let objective = Objective::default();
    objective.check(1).expect("one task");
    let values: Vec<(Outcomes, Value)> = (0..40)
        .map(|_| {
            let outcomes = outcomes(&mut rng, 7);
            let value = objective.value(&outcomes, &Outcomes::default(), &[0; 7], &[Measure::Accuracy]);
            assert_eq!((value.measure(), value.log_loss()), (outcomes.accuracy(), outcomes.log_loss()));
            assert!(value.is_feasible());
            (outcomes, value)
        })
        .collect();
    for (a, value_a) in &values {
        for (b, value_b) in &values {
            let order = a.accuracy().total_cmp(&b.accuracy()).then(b.log_loss().total_cmp(&a.log_loss()));
            assert_eq!(value_a.cmp(value_b), order);
        }
    }
}

#[test]
fn tasks_are_combined_by_their_means_whatever_the_order_of_the_items() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    // Tasks 0, 2 and 3 of unequal sizes, mixed; task 1 is guarded.
    let tasks = [0, 3, 1, 0, 0, 2, 3, 0, 1, 2, 0, 0, 3, 0, 2, 1];
    let weights = [0.5, 0.2, 0.3];
    for measure in MEASURES {
        for _ in 0..20 {
            let outcomes = outcomes(&mut rng, tasks.len());
            let means = [0, 2, 3].map(|task| naive_mean(measure, &outcomes, &tasks, task));
            let weighted = means.iter().zip(&weights).map(|(m, w)| m * w).sum::<f64>();
            for (over, naive) in [
                (Aggregate::Mean, means.iter().sum::<f64>() / 3.0),
                (Aggregate::Worst, means.iter().copied().fold(f64::INFINITY, f64::min)),
                (Aggregate::Weighted(weights.to_vec()), weighted),
                (Aggregate::Weighted(weights.map(|w| 7.0 * w).to_vec()), weighted),
            ] {
                let objective = guarded(measure, over, &[(1, 0.0)]);
                objective.check(4).expect("four tasks");
                let value = objective.value(&outcomes, &outcomes, &tasks, &[measure; 4]);
                assert!((value.measure() - naive).abs() < 1e-12, "{objective:?}: {value:?}, {naive}");
                assert!(value.is_feasible(), "the unedited model keeps its own guard");
                let values = objective.item_values(&outcomes, &tasks, &[measure; 4]);
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                assert!((mean - naive).abs() < 1e-12, "{objective:?}: {mean}, {naive}");
                assert!(tasks.iter().zip(&values).all(|(task, v)| *task != 1 || *v == 0.0));
            }
        }
    }
}

#[test]
fn item_values_of_one_task_are_the_measures_of_its_items() {
    let outcomes = outcomes(&mut ChaCha8Rng::seed_from_u64(3), 9);
    let values = |measure| guarded(measure, Aggregate::Worst, &[]).item_values(&outcomes, &[0; 9], &[measure]);
    let hits: Vec<f64> = outcomes.correct.iter().map(|c| if *c { 1.0 } else { 0.0 }).collect();
    assert_eq!(values(Measure::Accuracy), hits);
    assert_eq!(values(Measure::LogLoss), outcomes.logprobs);
    assert!(
        values(Measure::Margin)
            .iter()
            .zip(&outcomes.margins)
            .all(|(s, m)| *s == if *m > 10.0 { 10.0 } else { m.max(-10.0) })
    );
}

#[test]
fn equal_accuracy_is_decided_by_log_loss_and_the_order_of_tasks_does_not_matter() {
    let mean = guarded(Measure::Accuracy, Aggregate::Mean, &[]);
    let tasks = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2];
    // Accuracies 0.3, 2/3 and 1/7.
    let a = right(&[1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    let mut b = a.clone();
    b.logprobs[4] = -0.5;
    let value = |o: &Outcomes| mean.value(o, &Outcomes::default(), &tasks, &[Measure::Accuracy; 3]);
    assert!(value(&b) > value(&a), "less log-loss");
    b.correct[19] = true;
    b.logprobs[4] = -99.0;
    assert!(value(&b) > value(&a), "accuracy comes first");
    // Thirds and sevenths summed in another order differ in the last bit only.
    let value = |[x, y, z]: [f64; 3]| Value::new(true, x / 3.0 + y / 3.0 + z / 3.0, -1.0);
    assert_eq!(value([0.1, 0.7, 0.3]), value([0.7, 0.3, 0.1]));
}

#[test]
fn a_broken_guard_outweighs_everything() {
    let tasks: Vec<usize> = (0..300).map(|i| usize::from(i >= 100)).collect();
    let with = |aim: usize, guard: usize| {
        right(&(0..300).map(|i| u8::from(i < aim || (100..100 + guard).contains(&i))).collect::<Vec<_>>())
    };
    let base = with(50, 190); // 0.5, and 0.95 in the guarded task
    let objective = guarded(Measure::Accuracy, Aggregate::Mean, &[(1, 0.01)]);
    let value = |outcomes: &Outcomes| objective.value(outcomes, &base, &tasks, &[Measure::Accuracy; 2]);
    assert!(value(&with(60, 188)).is_feasible(), "0.95 − 0.94 is the drop that is allowed");
    assert!(!value(&with(60, 187)).is_feasible());
    assert!(value(&with(20, 188)) > value(&with(100, 187)), "an edit that keeps the guard comes first");
    assert!(value(&with(90, 0)) > value(&with(60, 0)), "then the measure");
    assert_eq!(value(&with(60, 189)).measure(), 0.6, "the guarded task counts in no other way");
    assert_eq!(value(&with(60, 188)), value(&with(60, 200)));

    // The other two measures have bounds in nats an item.
    for measure in [Measure::LogLoss, Measure::Margin] {
        let objective = guarded(measure, Aggregate::Mean, &[(1, 0.25)]);
        let (mut kept, mut lost) = (base.clone(), base.clone());
        for i in 100..300 {
            (kept.logprobs[i], kept.margins[i]) = (-1.25, 0.25);
            (lost.logprobs[i], lost.margins[i]) = (-1.26, 0.24);
        }
        assert!(objective.value(&kept, &base, &tasks, &[measure; 2]).is_feasible());
        assert!(!objective.value(&lost, &base, &tasks, &[measure; 2]).is_feasible());
    }
}

#[test]
fn running_text_is_measured_by_token_under_every_objective() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let tasks: Vec<usize> = (0..30).map(|i| i % 3).collect();
    for measure in MEASURES {
        let measures = [measure, Measure::PerToken, measure];
        let base = outcomes(&mut rng, 30);
        // The second task, running text, is guarded: 0.05 nats a token, whatever the sums over its windows.
        let objective = guarded(measure, Aggregate::Mean, &[(1, 0.05)]);
        let with = |change: f64| {
            let mut edited = base.clone();
            for i in (1..30).step_by(3) {
                edited.margins[i] += change;
                edited.logprobs[i] -= 1000.0;
                edited.correct[i] = false;
            }
            objective.value(&edited, &base, &tasks, &measures)
        };
        assert!(with(-0.05).is_feasible() && with(3.0).is_feasible());
        assert!(!with(-0.051).is_feasible());
        assert_eq!(with(0.0).log_loss(), objective.value(&base, &base, &tasks, &measures).log_loss());
        // Without the guard its mean is added as it is, without the bound of margins, and breaks ties by token too.
        let all = guarded(measure, Aggregate::Weighted(vec![0.5, 0.25, 0.25]), &[]);
        let mut edited = base.clone();
        (1..30).step_by(3).for_each(|i| edited.margins[i] -= 40.0);
        let value = |o: &Outcomes| all.value(o, &base, &tasks, &measures);
        let naive = 0.5 * naive_mean(measure, &edited, &tasks, 0)
            + 0.25 * naive_mean(Measure::PerToken, &edited, &tasks, 1)
            + 0.25 * naive_mean(measure, &edited, &tasks, 2);
        assert!((value(&edited).measure() - naive).abs() < 1e-12);
        assert!((value(&edited).log_loss() - value(&base).log_loss() - 10.0).abs() < 1e-9);
        assert_eq!([0, 1, 2].map(|task| objective.proves(task, &measures)), [true, false, true]);
        assert_eq!([0, 1, 2].map(|task| all.proves(task, &measures)), [true, false, true]);
    }
    assert_eq!(Measure::PerToken.to_string(), "log-loss per token");
    assert!("log-loss per token".parse::<Measure>().is_err(), "users cannot choose it");
}

#[test]
fn the_order_is_total_whatever_the_numbers() {
    let odd = [f64::NEG_INFINITY, -1.0, 0.0, 0.5, f64::INFINITY];
    let mut values = Vec::new();
    for feasible in [false, true] {
        for measure in odd {
            values.extend(odd.map(|logprob| Value::new(feasible, measure, logprob)));
        }
    }
    for (i, a) in values.iter().enumerate() {
        assert_eq!(a, a);
        for b in &values[i..] {
            assert_eq!(a.cmp(b), b.cmp(a).reverse());
            assert_eq!(a < b, !std::ptr::eq(a, b), "the list is ascending: {a:?} {b:?}");
        }
    }
    assert_eq!(Value::new(true, -0.0, f64::NAN), Value::new(true, 0.0, f64::NEG_INFINITY));
    assert_eq!(Value::new(true, f64::NAN, -0.0), Value::new(true, f64::NEG_INFINITY, 0.0));
    // No items at all, or none of the first two tasks.
    let objective = guarded(Measure::Accuracy, Aggregate::Weighted(vec![1.0, 3.0]), &[(1, 0.0)]);
    let none = objective.value(&Outcomes::default(), &Outcomes::default(), &[], &[Measure::Accuracy; 3]);
    assert!(none.is_feasible() && none.measure() == f64::NEG_INFINITY);
    assert!(objective.item_values(&Outcomes::default(), &[], &[Measure::Accuracy; 3]).is_empty());
    let only_last = objective.value(&right(&[1, 0]), &right(&[1, 1]), &[2, 2], &[Measure::Accuracy; 3]);
    assert_eq!((only_last.is_feasible(), only_last.measure()), (true, 0.5));
}

#[test]
fn objectives_that_do_not_fit_the_tasks_are_refused() {
    let refused = |over: Aggregate, guards: &[(usize, f64)], tasks: usize, words: &[&str]| {
        let error = guarded(Measure::Accuracy, over, guards).check(tasks).expect_err("refused").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
    };
    refused(Aggregate::Mean, &[(0, 0.0)], 1, &["guard", "without a guard"]);
    refused(Aggregate::Mean, &[(2, 0.0)], 2, &["guard", "2 tasks"]);
    refused(Aggregate::Mean, &[(1, 0.0), (1, 0.1)], 3, &["guard", "twice"]);
    refused(Aggregate::Weighted(vec![1.0, 2.0]), &[(1, 0.0)], 2, &["aggregate", "1 weights", "found 2"]);
    assert!(guarded(Measure::Accuracy, Aggregate::Weighted(vec![1.0, 2.0]), &[(1, 0.0)]).check(3).is_ok());
}

#[test]
fn names_are_read_back() {
    for measure in MEASURES {
        assert_eq!(measure.to_string().parse::<Measure>().expect("a measure"), measure);
    }
    for text in ["mean", "worst", "weighted:0.7,0.3", "weighted:2"] {
        assert_eq!(text.parse::<Aggregate>().expect(text).to_string(), text);
    }
    assert!("loss".parse::<Measure>().expect_err("none").to_string().contains("accuracy, log-loss, margin"));
    for text in ["", "best", "weighted", "mean:1", "weighted:", "weighted:1,0", "weighted:1,-2", "weighted:1,NaN"] {
        assert!(text.parse::<Aggregate>().expect_err(text).to_string().starts_with("aggregate: expected"), "{text}");
    }
    let names = ["a.jsonl", "c:\\b.jsonl"];
    assert_eq!(Guard::parse("c:\\b.jsonl:0.01", &names).expect("a guard"), Guard { part: 1, max_drop: 0.01 });
    for (text, word) in [("a.jsonl", "NAME:MAX_DROP"), ("b:0.1", "a.jsonl, c:\\b.jsonl"), ("a.jsonl:-1", "`-1`")] {
        assert!(Guard::parse(text, &names).expect_err(text).to_string().contains(word), "{text}");
    }
}
