//! A relation against numbers of SciPy, and everything that is refused.

use std::path::Path;

use super::*;
use crate::frequency::FrequencyBin;

/// 90 items whose counts, outcomes and log-probabilities follow from their numbers; the reference values below were computed
/// from the same formulas in Python.
struct Example {
    counts: Vec<u64>,
    base: Vec<SampleRecord>,
    edited: Vec<SampleRecord>,
}

fn example() -> Example {
    let n = 90_u64;
    let counts: Vec<u64> = (0..n).map(|i| (i * i * 7) % 23 * [0, 1, 10, 100][i as usize % 4]).collect();
    let (mut base, mut edited) = (Vec::new(), Vec::new());
    for (i, count) in (0..n).zip(&counts) {
        let is_frequent = *count > 50;
        let base_right = i * 5 % 7 < 2 + u64::from(is_frequent);
        let fixed = !base_right && i * 11 % 13 < if is_frequent { 3 } else { 5 };
        let edited_right = fixed || base_right && i % 9 != 4;
        let before = -1.0 - (i % 5) as f64 * 0.5;
        let gain = if edited_right { 0.9 } else { 0.1 };
        let after = before + gain - 0.002 * ((i * 17) % 31) as f64 - 0.0004 * *count as f64;
        base.push(sample(i, base_right, before));
        edited.push(sample(i, edited_right, after));
    }
    Example { counts, base, edited }
}

fn sample(i: u64, right: bool, logprob: f64) -> SampleRecord {
    SampleRecord {
        task: None,
        id: Some(format!("item {i}")),
        doc_id: i as usize,
        prompt: format!("question {i}"),
        target: "answer".to_owned(),
        aliases: Vec::new(),
        acc: Some(u8::from(right)),
        logprob,
        rank: right.then_some(1).or(i.is_multiple_of(3).then_some(4)),
        answer_tokens: 1,
        prediction: String::new(),
        continuation: None,
        removed: None,
        total_return: None,
        moves: None,
        split: if i < 40 { Split::Search } else { Split::Test },
        group: format!("subject {i}"),
    }
}

fn counts(counts: &[u64]) -> FrequencyCounts {
    let lines = counts.iter().enumerate().map(|(i, n)| format!("{{\"id\":\"item {i}\",\"documents\":{n}}}\n"));
    FrequencyCounts::parse(Path::new("freq.jsonl"), &lines.collect::<String>()).expect("counts")
}

fn relate_example(example: &Example, settings: &RelateSettings) -> Result<FrequencyRelation> {
    let counts = counts(&example.counts);
    relate(Related { base: &example.base, edited: &example.edited, counts: &counts, sources: Vec::new() }, settings)
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() < tolerance, "{found}, expected {expected}");
}

#[test]
fn bins_curves_and_tests_are_those_of_the_reference() {
    let settings = RelateSettings { resamples: 2000, permutations: 2000, seed: 3, ..RelateSettings::default() };
    let found = relate_example(&example(), &settings).expect("a relation");
    assert_eq!((found.items, found.groups), (90, 90));
    assert_eq!(found.coverage, Coverage { items: 90, with_count: 90, above_zero: 64, unknown: 0 });

    let numbers = |bin: &FrequencyBin| [bin.items, bin.base_right, bin.fixed, bin.broken];
    let bins: Vec<[usize; 4]> = found.bins.iter().map(numbers).collect();
    assert_eq!(bins, [[48, 13, 12, 1], [26, 10, 4, 0], [16, 9, 3, 1]]);
    let [low, middle, high] = &found.bins[..] else { panic!("three bins") };
    assert_eq!((low.ratio, middle.ratio, high.ratio), (Some(12.0 / 13.0), Some(0.4), Some(1.0 / 3.0)));
    assert_eq!(found.bins.iter().map(|bin| bin.paper_ratio).collect::<Vec<_>>(), [0.190, 0.138, 0.087].map(Some));
    assert_eq!((low.fix_rate.rate, low.break_rate.rate), (Some(12.0 / 35.0), Some(1.0 / 13.0)));
    assert_eq!(low.net_gain, Some(11.0 / 48.0));
    for bin in &found.bins {
        for (value, interval) in [(bin.ratio, bin.ratio_ci95), (bin.net_gain, bin.net_gain_ci95)] {
            let (value, [low, high]) = (value.expect("a value"), interval.expect("an interval"));
            assert!(low <= value && value <= high && low < high, "{bin:?}");
        }
    }

    let curve: Vec<[u64; 4]> = found
        .curve
        .iter()
        .map(|p| [p.at_most, p.items as u64, p.base.right.hits as u64, p.edited.right.hits as u64])
        .collect();
    assert_eq!(
        curve,
        [
            [0, 26, 7, 12],
            [3, 26, 7, 12],
            [10, 32, 9, 16],
            [31, 48, 13, 24],
            [100, 53, 15, 26],
            [316, 69, 22, 36],
            [1000, 74, 23, 38],
            [2200, 90, 32, 49]
        ]
    );
    // Every item whose number 3 divides has the answer among the first ten, and every right one.
    let wanted = example().base.iter().filter(|sample| sample.is_right() || sample.doc_id.is_multiple_of(3)).count();
    assert_eq!(found.curve[7].base.top10.map(|rate| rate.hits), Some(wanted));
    let of_histogram: usize = found.histogram.iter().map(|bar| bar.items()).sum();
    let fixed: usize = found.histogram.iter().map(|bar| bar.fixed).sum();
    assert_eq!((of_histogram, fixed), (90, 19));

    // scipy 1.17.1, numpy 2.4.6: scipy.stats.spearmanr; logistic regression by scipy.optimize.minimize (BFGS).
    let Associations { logprob, corrected, broken, fix_trend, break_trend } = found.associations;
    let logprob = logprob.expect("a correlation");
    close(logprob.rho, -0.429_732_526_875_889_6, 1e-12);
    assert!(logprob.permutation_p.expect("a test") < 0.003, "scipy: p = 2.4e-5");
    let corrected = corrected.expect("a slope");
    assert_eq!(corrected.items, 58);
    close(corrected.slope, 0.093_489_148_970, 1e-6);
    close(corrected.stderr, 0.242_612_664_347, 1e-6);
    close(corrected.wald_p, 0.699_983_133_028, 1e-6);
    close(corrected.permutation_p.expect("a test"), 0.70, 0.05);
    let broken = broken.expect("a slope");
    assert_eq!(broken.items, 32);
    close(broken.slope, 0.252_117_865_511, 1e-6);
    close(broken.wald_p, 0.696_238_718_386, 1e-6);
    close(fix_trend.expect("a trend").z, -0.072_368_206_667, 1e-9);
    close(break_trend.expect("a trend").p, 0.956_389_241_193, 1e-9);

    assert_eq!(relate_example(&example(), &settings).expect("again"), found, "the seed decides");
    let (html, text) = (found.page().html().expect("a page"), found.page().markdown());
    assert!(html.contains("The denominator of the paper") && html.contains("&lt; 50"), "{html}");
    for expected in [
        "12 / 13 = 0.923",
        "| 0.190 |",
        "for rarer facts",
        "Cochran",
        "90 of 90 items have a count, 64 of them above 0",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn splits_and_missing_counts_leave_items_out_and_say_so() {
    let example = example();
    let on_test =
        RelateSettings { split: Some(Split::Test), permutations: 0, resamples: 0, ..RelateSettings::default() };
    let found = relate_example(&example, &on_test).expect("a relation");
    assert_eq!((found.items, found.coverage.items), (50, 50));
    assert_eq!(found.associations.logprob.and_then(|test| test.permutation_p), None);

    let few = Example { counts: example.counts[..60].to_vec(), ..example };
    let found = relate_example(&few, &on_test).expect("a relation");
    assert_eq!((found.items, found.coverage.items, found.coverage.with_count), (20, 50, 20));
    assert!(
        found.notes.iter().any(|note| note == "30 of 50 items have no count and are left out"),
        "{:?}",
        found.notes
    );

    let rankless = |samples: &[SampleRecord]| -> Vec<SampleRecord> {
        samples.iter().map(|sample| SampleRecord { rank: None, ..sample.clone() }).collect()
    };
    let rankless = Example { base: rankless(&few.base), edited: few.edited.clone(), counts: few.counts.clone() };
    let found = relate_example(&rankless, &on_test).expect("a relation");
    assert!(found.curve.iter().all(|point| point.base.top10.is_none()));
    assert!(found.notes.iter().any(|note| note.starts_with("no curve of the ten most likely")), "{:?}", found.notes);
}

#[test]
fn what_does_not_fit_is_named() {
    let settings = RelateSettings { resamples: 10, permutations: 10, ..RelateSettings::default() };
    let refused = |change: &dyn Fn(&mut Example), settings: &RelateSettings, expected: &str| {
        let mut example = example();
        change(&mut example);
        let error = relate_example(&example, settings).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    let none = |_: &mut Example| {};
    refused(
        &|example| example.counts.push(7),
        &settings,
        "frequency: expected counts of items of the run, found 1 of others (item 90)",
    );
    refused(
        &|example| drop(example.edited.pop()),
        &settings,
        "edited: expected the same items, found 89 items, and 90",
    );
    refused(&|example| example.edited[4].prompt.push('!'), &settings, "found another item than 4");
    refused(&|example| example.base[4].id = None, &settings, "edited: expected the same items");
    refused(
        &|example| example.base.iter_mut().chain(&mut example.edited).for_each(|sample| sample.id = None),
        &settings,
        "run: expected an `id` in each sample, found none",
    );
    refused(
        &|example| example.base.iter_mut().chain(&mut example.edited).for_each(|sample| sample.id = Some("a".into())),
        &settings,
        "found two of item a",
    );
    let named = |example: &mut Example| {
        for (i, sample) in example.base.iter_mut().chain(&mut example.edited).enumerate() {
            sample.task = Some(["one", "two"][i % 2].to_owned());
        }
    };
    refused(&named, &settings, "task: expected the name of one task, found several in the run: one, two");
    let third = RelateSettings { task: Some("three".into()), ..settings.clone() };
    refused(&named, &third, "task: expected one of one, two, found three");
    refused(&none, &RelateSettings { bins: vec![9, 5], ..settings.clone() }, "bins: expected rising numbers");
    let validation = RelateSettings { split: Some(Split::Validation), ..settings.clone() };
    refused(&none, &validation, "expected counts of items, found none of the 0 items of split validation");

    let mut more = example();
    more.counts.push(7);
    let lenient = RelateSettings { ignore_unknown: true, ..settings };
    let found = relate_example(&more, &lenient).expect("the others");
    assert_eq!((found.items, found.coverage.unknown), (90, 1));
    let text = "{\"id\":\"item 3\",\"count\":2,\"answer\":\"other\"}";
    let other = FrequencyCounts::parse(Path::new("freq.jsonl"), text).expect("counts");
    let Example { base, edited, .. } = example();
    let related = Related { base: &base, edited: &edited, counts: &other, sources: Vec::new() };
    let error = relate(related, &lenient).expect_err("another task").to_string();
    assert!(error.contains("item 3: expected a count of \"answer\", found one of \"other\""), "{error}");
}
