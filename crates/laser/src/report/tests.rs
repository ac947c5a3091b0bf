//! Tests of the rendered page and of the Markdown tables.

use super::*;
use crate::results::FinalistSummary;
use crate::results::tests::{finalist, no_edit, price, results, task_change};
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
        picture: None,
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
fn the_first_levels_are_shown_as_pictures_and_the_others_as_text() {
    let picture = |i: usize| Flip { picture: Some(format!("<svg>{i}</svg>")), ..flip("# @$.#", false, true) };
    let flips: Vec<Flip> = (0..9).map(picture).collect();
    let page = render_html(&results(1000, 80, 30, 0.08), &[], &flips).expect("a page");
    assert!((0..6).all(|i| page.contains(&format!("<td><svg>{i}</svg></td>"))) && !page.contains("<svg>6</svg>"));
    assert_eq!(page.matches("<td># @$.#</td>").count(), 3);
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

#[test]
fn the_page_shows_the_price_as_a_tile_and_row_by_row() {
    let mut results = results(1000, 80, 30, 0.08);
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(!page.contains("What it costs") && !page.contains("price, nats a token"));
    results.price = Some(price());
    let page = render_html(&results, &trials(), &[]).expect("a page");
    for part in [
        "<span>price, nats a token</span><strong>+0.43</strong><small>95 %: +0.36 to +0.50</small>",
        "with the task.</small></th><td class=\"n\">29.8</td><td class=\"n\">45.6</td>\
         <td class=\"n\"><b>+0.43 nats a token</b><small>+0.36 to +0.50</small></td>",
        "predicting 6,494 tokens of text",
        "<b>0.45 nats a token</b>",
        "<b>0.82 nats</b>",
        "in a row.</small></th><td class=\"n\">1.0 %</td><td class=\"n\">4.0 %</td><td class=\"n\"><b>+3.0 points",
        "facts-reworded, 300 items<small>Accuracy on the same questions in other words",
        "on the wording.</small></th><td class=\"n\">20.0 %</td><td class=\"n\">25.0 %</td>\
         <td class=\"n\"><b>+5.0 points</b><small>+1.0 to +9.0</small>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let price = results.price.as_mut().expect("a price");
    (price.divergence_on_prompts, price.repetition) = (None, None);
    price.wordings.clear();
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(page.contains("What it costs") && !page.contains("answers that repeat") && !page.contains("other words"));
}

/// Finalists of which the winner has the smallest gain and the least damage, and one breaks a guard.
fn finalists() -> Vec<FinalistSummary> {
    vec![
        finalist("L27.gate_proj@0.01", 0.05, Some(0.04)),
        finalist("L27.gate_proj@0.05,L26.up_proj@0.1", 0.07, Some(0.3)),
        FinalistSummary { keeps_guards: false, ..finalist("L3.up_proj@0.1", 0.09, Some(0.01)) },
        finalist("L9.q_proj@0.9", -0.01, Some(0.0)),
    ]
}

#[test]
fn the_page_shows_finalists_instead_of_the_best_on_the_search_split() {
    let mut results = results(1000, 80, 30, 0.08);
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(page.contains("The ten best on the search split") && !page.contains("The finalists"));
    results.finalists = finalists();
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(!page.contains("The ten best on the search split"));
    assert!(page.contains(
        "<tr class=\"won\"><th scope=\"row\">L27.gate_proj@0.01 <small>winner</small></th><td class=\"n\">+6.0</td>\
         <td class=\"n\">+5.0 ± 0.9</td><td class=\"n\">0.040</td></tr>"
    ));
    assert!(page.contains("L27.gate_proj@0.05,<wbr>L26.up_proj@0.1") && !page.contains("<th>guards</th>"));
    results.tasks = vec![task_change("novels", Measure::PerToken, 0.0, Some(0.1))];
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(page.contains("<th>guards</th>") && page.contains("<td>broken</td>"));

    // The winner stays in the table, however many finalists are better.
    results.finalists.extend((0..30).map(|i| finalist(&format!("L{i}.o_proj@0.1"), 0.06, None)));
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert_eq!(page.matches("<tr class=\"won\">").count(), 1);
    assert!(page.contains("The best of 34 are shown") && !page.contains("L9.q_proj@0.9"));
}

#[test]
fn the_winner_is_among_the_best_on_the_search_split_if_others_beat_it_there() {
    let others = (0..15).map(|layer| trial(layer, "o_proj", "0.1", 0.7));
    let trials: Vec<TrialRow> = others.chain(trials()).collect();
    let page = render_html(&results(1000, 80, 30, 0.08), &trials, &[]).expect("a page");
    let table = page.split("The ten best on the search split").nth(1).expect("the table");
    assert!(table.contains("L27.gate_proj@0.01 <small>winner</small>") && !table.contains("L27.gate_proj@0.9"));
    assert!(table.contains("L9.o_proj@0.1") && !table.contains("L10.o_proj@0.1"));
}

#[test]
fn the_best_edit_of_each_bound_keeps_guards_and_beats_no_edit() {
    let mut results = results(1000, 80, 30, 0.08);
    results.finalists = finalists();
    let table = markdown_table(&results);
    let lines: Vec<&str> = table.lines().skip(6).collect();
    let several = "L27.gate_proj@0.05,L26.up_proj@0.1 | +7.0 ± 0.9 | 0.300 |";
    let expected = [
        "| damage at most, nats a token | best edit | estimated gain (points) | damage |".to_owned(),
        "|---:|---|---:|---:|".to_owned(),
        "| 0.02 | none | | |".to_owned(),
        "| 0.05 | L27.gate_proj@0.01 | +5.0 ± 0.9 | 0.040 |".to_owned(),
        "| 0.1 | L27.gate_proj@0.01 | +5.0 ± 0.9 | 0.040 |".to_owned(),
        "| 0.2 | L27.gate_proj@0.01 | +5.0 ± 0.9 | 0.040 |".to_owned(),
        format!("| 0.5 | {several}"),
        format!("| no bound | {several}"),
    ];
    assert_eq!(lines, expected, "{table}");
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(page.contains("<th scope=\"row\">0.02</th><td>none</td>"));
    assert!(page.contains("<th scope=\"row\">0.2</th><td>L27.gate_proj@0.01</td>"));

    results.manifest.config.insert("objective".to_owned(), "margin".into());
    assert!(
        markdown_table(&results).contains("estimated gain (nats)")
            && markdown_table(&results).contains("+0.0500 ± 0.0090")
    );
    results.finalists.iter_mut().for_each(|finalist| finalist.damage = None);
    assert_eq!(markdown_table(&results).lines().count(), 5, "no bounds without damage");
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(page.contains("The finalists") && !page.contains("bounds of damage") && !page.contains("damage, nats"));
}

#[test]
fn the_terminal_shows_the_price_in_words() {
    let mut results = results(1000, 80, 30, 0.08);
    results.price = Some(price());
    let table = markdown_table(&results);
    let lines: Vec<&str> = table.lines().skip(5).collect();
    let expected = [
        "",
        "- costs 0.43 nats a token on ordinary text (95 % 0.36 to 0.50), perplexity 29.8 → 45.6",
        "- generated answers that repeat themselves: 1.0 % → 4.0 %",
        "- in other words (facts-reworded, 300 items): 20.0 % → 25.0 %, +5.0 points (95 % +1.0 to +9.0)",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn shrinkage_is_called_inflation_only_beyond_its_error() {
    // With 1,000 test and 400 search items the standard errors are about 1.0 and 1.6, of the difference 1.9 points.
    for (search_gain, sentence) in [
        (0.08, "the difference of 3.0 points exceeds its error (1.9 points): picking the best of many edits inflated"),
        (0.06, "the difference of 1.0 points is within its error (1.9 points)."),
        (0.04, "the difference of 1.0 points is within its error (1.9 points)."),
        (0.01, "picking the best of many edits did not inflate the gain."),
    ] {
        let page = render_html(&results(1000, 80, 30, search_gain), &[], &[]).expect("a page");
        assert!(page.contains(sentence), "{sentence}");
    }
    let mut results = results(1000, 80, 30, 0.08);
    results.test.ci95 = None;
    let page = render_html(&results, &[], &[]).expect("a page");
    assert!(page.contains("no interval says whether the difference of 3.0 points is chance."));
}

#[test]
fn the_page_says_which_p_decides() {
    let mut results = results(1000, 80, 30, 0.08);
    let page = render_html(&results, &[], &[]).expect("a page");
    for part in [
        "McNemar’s p there is below 0.05 and the bootstrap interval of the change excludes zero.",
        "has a family-wise p = 0.010, which speaks of the search split only and does not enter the verdict.",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("A guard that is broken"));
    results.tasks = vec![
        task_change("facts", Measure::Accuracy, 0.05, None),
        task_change("novels", Measure::PerToken, 0.0, Some(0.1)),
    ];
    assert!(render_html(&results, &[], &[]).expect("a page").contains("A guard that is broken"));
}

#[test]
fn without_a_proposed_edit_only_the_unedited_model_has_scores() {
    let mut results = no_edit();
    results.finalists = finalists();
    let page = render_html(&results, &trials(), &[]).expect("a page");
    for part in [
        "<h1>No edit is proposed: of 720 tried, none is estimated to be better.</h1>",
        "<h2>The unedited model</h2>",
        "<th scope=\"row\">validation</th><td class=\"n\">200</td><td class=\"n\">50.0 %",
        "by chance alone, the best of 720 edits without any effect would show +2.1 points on the search split.",
        "The finalists",
        "layer 26, gate_proj, keep 0.01",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let body = page.split("main>").nth(1).expect("the page without styles and script");
    for part in ["class=\"tile\"", "winner", "flipped", "family-wise", "McNemar", "the edited model"] {
        assert!(!body.contains(part), "{part}");
    }
    let table = markdown_table(&results);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert_eq!(lines[0], "| split | items | unedited model | log-loss, nats |");
    assert_eq!(lines[4], "| test | 1,000 | 50.0 % | 2.000 |");

    results.tasks = vec![task_change("facts", Measure::Accuracy, 0.0, None)];
    let table = markdown_table(&results);
    assert!(table.starts_with("| task | split | items | unedited model |\n") && !table.contains("none"), "{table}");
    let page = render_html(&results, &trials(), &[]).expect("a page");
    assert!(page.contains("<th class=\"n\">unedited model</th>") && !page.contains("<th>guard</th>"));
}
