//! Tests of the rendered page and of the Markdown tables.

use super::*;
use crate::results::tests::{results, task_change};
use crate::search::objective::Measure;
use laser_statistics::Split;

fn trial(layer: usize, matrix: &str, rho: &str, acc: f64) -> TrialRow {
    TrialRow {
        edit: format!("L{layer}.{matrix}@{rho}"),
        layer,
        matrix: matrix.to_owned(),
        reduction: rho.to_owned(),
        rank: Some(5),
        acc,
        log_loss: 3.0,
        split: Split::Search,
    }
}

fn flip(prompt: &str, base_right: bool, edit_right: bool) -> Flip {
    Flip {
        prompt: prompt.to_owned(),
        target: " Paris".to_owned(),
        base_prediction: " Lyon".to_owned(),
        edit_prediction: " Paris".to_owned(),
        base_right,
        edit_right,
    }
}

fn trials() -> Vec<TrialRow> {
    vec![
        trial(26, "gate_proj", "0.01", 0.2),
        trial(27, "gate_proj", "0.9", 0.5),
        trial(27, "gate_proj", "0.01", 0.58),
        trial(26, "up_proj", "0.9", 0.51),
        TrialRow { split: Split::Validation, ..trial(99, "gate_proj", "0.9", 0.5) },
    ]
}

#[test]
fn the_page_outlines_the_winner_and_titles_every_cell() {
    let page = render_html(&results(1000, 80, 30, 0.08), &trials(), &[]).expect("a page");
    assert_eq!(page.matches("<rect class=\"p4 win\"").count(), 1);
    let winner = "layer 27, gate_proj, keep 0.01 (rank 5): 58.0 % right, +8.0 points";
    assert!(page.contains(winner));
    for class in ["n6", "z", "p4 win", "p2"] {
        assert_eq!(page.matches(&format!("<rect class=\"{class}\" x=")).count(), 1, "{class}");
    }
    assert!(!page.contains("layer 99"), "validation trials are not drawn");
}

#[test]
fn the_page_shows_the_proof() {
    let page = render_html(&results(1000, 80, 30, 0.08), &trials(), &[]).expect("a page");
    for part in [
        "The gain is real: ",
        "fixes 80 answers and breaks 30",
        "+8.0 points on the search split, where this edit was found, +5.0 on the held-out test split",
        "the best of 720 edits without any effect would show +2.1 points",
        "always answering “Paris” would score 3.0 % on test",
        "5f0b1c5f0b1c",
        "three edits tie",
        "0–29",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn the_page_escapes_texts_of_models_and_tasks() {
    let hostile = "<script>alert('x')</script> \"&amp;";
    let mut results = results(1000, 80, 30, 0.08);
    results.manifest.model.path = hostile.to_owned();
    results.notes = vec![hostile.to_owned()];
    results.best.edit = hostile.to_owned();
    let mut trials = trials();
    trials[0].matrix = hostile.to_owned();
    let page = render_html(&results, &trials, &[flip(hostile, false, true)]).expect("a page");
    assert_eq!(page.matches("<script").count(), 1, "only the page's own script");
    assert!(page.contains("&lt;script&gt;"));
}

#[test]
fn the_page_loads_nothing() {
    let page = render_html(&results(1000, 80, 30, 0.08), &trials(), &[]).expect("a page");
    for reference in ["http:", "https:", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn flips_are_divided_into_fixed_and_broken() {
    let flips: Vec<Flip> = (0..60)
        .map(|i| flip(&format!("fixed {i};"), false, true))
        .chain([flip("broken;", true, false), flip("still right;", true, true)])
        .collect();
    let page = render_html(&results(1000, 80, 30, 0.08), &[], &flips).expect("a page");
    assert!(page.contains("Fixed: 60") && page.contains("the first 50 are shown"));
    assert!(page.contains("fixed 49;") && !page.contains("fixed 50;"));
    assert!(page.contains("Broken: 1") && page.contains("broken;"));
    assert!(!page.contains("still right;"));
}

#[test]
fn a_base_without_search_scores_is_an_error() {
    let mut results = results(1000, 80, 30, 0.08);
    results.base.remove(&Split::Search);
    let error = render_html(&results, &[], &[]).expect_err("no base to compare with");
    let text = error.to_string();
    assert!(text.contains("`search`") && text.contains("Validation"), "{text}");
}

#[test]
fn the_page_is_the_same_every_time() {
    let page = || render_html(&results(1000, 80, 30, 0.08), &trials(), &[]).expect("a page");
    assert_eq!(page(), page());
}

#[test]
fn the_table_has_the_interval_on_the_test_split_only() {
    let table = markdown_table(&results(1000, 80, 30, 0.08));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0], "| split | items | base | L27.gate_proj@0.01 | change (points) |");
    assert_eq!(lines[2], "| search | 400 | 50.0 % | 58.0 % | +8.0 |");
    assert!(lines[4].starts_with("| test | 1,000 | 50.0 % | 55.0 % | +5.0 (95 % +3."), "{}", lines[4]);
}

#[test]
fn tasks_have_a_row_for_each_split_in_their_own_measure() {
    let mut results = results(1000, 80, 30, 0.08);
    results.tasks = vec![
        task_change("facts", Measure::Accuracy, 0.05, None),
        task_change("doubts", Measure::Margin, 0.5, Some(0.1)),
        task_change("novels", Measure::PerToken, -0.03, Some(0.01)),
    ];
    let table = markdown_table(&results);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines.len(), lines[5]), (5 + 1 + 2 + 9, ""));
    for line in [
        "| facts | search | 200 | 50.0 % | 75.0 % | +5.0 points |  |",
        "| facts | test | 200 | 50.0 % | 75.0 % | +5.0 points (95 % +3.0 to +7.0) |  |",
        "| doubts | validation | 200 | 50.0 % | 75.0 % | +0.5000 nats of margin | at most −0.1000 nats of margin: kept |",
        "| novels | test | 200 | 1.0000 | 1.0000 | +0.0300 nats a token (95 % +0.0100 to +0.0500) | at most +0.0100 nats a token: broken |",
    ] {
        assert!(lines.contains(&line), "{line}: {table}");
    }
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(page.contains("Task by task") && page.contains("Base against winner") && page.contains("at most +0.0100"));

    // If only a perplexity task is to improve, accuracies are not shown.
    results.tasks.remove(0);
    results.tasks[1].guard = None;
    assert_eq!(markdown_table(&results).lines().count(), 2 + 6);
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(!page.contains("Base against winner") && !page.contains("class=\"p4 win\""));
    assert!(page.contains("Task by task"));
}
