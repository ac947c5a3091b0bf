//! Scores, prices and finalists, on the page and in the Markdown tables.

use super::super::markdown_table;
use super::{content, page_of, trial, trials};
use crate::results::FinalistSummary;
use crate::results::tests::{finalist, no_edit, price, results, task_change};
use crate::search::objective::Measure;
use crate::search::store::TrialRow;

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
    let page = page_of(&results, &trials(), &[]);
    assert!(page.contains("Task by task") && page.contains("What it gains") && page.contains("at most +0.0100"));

    // If only a perplexity task is to improve, accuracies are not shown.
    results.tasks.remove(0);
    results.tasks[1].guard = None;
    assert_eq!(markdown_table(&results).lines().count(), 2 + 6);
    let without_answers = |trial| TrialRow { accuracy: None, accuracy_change: None, ..trial };
    let trials: Vec<TrialRow> = trials().into_iter().map(without_answers).collect();
    let page = page_of(&results, &trials, &[]);
    assert!(!page.contains("What it gains") && !page.contains("value=\"accuracy\""));
    assert!(page.contains("Task by task"));
}

#[test]
fn the_page_shows_the_price_as_a_tile_and_row_by_row() {
    let mut results = results(1000, 80, 30, 0.08);
    let page = page_of(&results, &trials(), &[]);
    assert!(!page.contains("What it costs") && page.contains("<strong>?</strong><small>not measured</small>"));
    results.price = Some(price());
    let page = page_of(&results, &trials(), &[]);
    for part in [
        "<span>price on ordinary text, nats a token</span><strong>+0.43</strong><small>95 %: +0.36 to +0.50</small>",
        "with the task.</small></th><td class=\"n\" data-label=\"change\"><b>+0.43 nats a token</b>\
         <small>+0.36 to +0.50</small><small>perplexity 29.8 → 45.6</small></td>",
        "predicting 6,494 tokens of text",
        "<b>0.45 nats a token</b>",
        "<b>0.82 nats</b>",
        "<b>+3.0 points</b><small>1.0 % → 4.0 %</small>",
        "facts-reworded, 300 items<small>Accuracy on the same questions in other words",
        "<b>+5.0 points</b><small>+1.0 to +9.0</small><small>20.0 % → 25.0 %</small>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let price = results.price.as_mut().expect("a price");
    (price.divergence_on_prompts, price.repetition) = (None, None);
    price.wordings.clear();
    let page = page_of(&results, &trials(), &[]);
    assert!(page.contains("What it costs") && !page.contains("answers that repeat") && !page.contains("other words"));
}

#[test]
fn the_page_shows_finalists_instead_of_the_best_on_the_search_split() {
    let mut results = results(1000, 80, 30, 0.08);
    let page = page_of(&results, &trials(), &[]);
    assert!(page.contains("The ten best on the search split") && !page.contains("The finalists"));
    results.finalists = finalists();
    let page = page_of(&results, &trials(), &[]);
    assert!(!page.contains("The ten best on the search split"));
    assert!(page.contains(
        "<tr class=\"won\"><th scope=\"row\">L27.gate_proj@0.01<small>winner</small></th>\
         <td class=\"n\" data-label=\"measured gain, points\">+6.0</td>\
         <td class=\"n\" data-label=\"estimated gain ± standard error\">+5.0 ± 0.9</td>\
         <td class=\"n\" data-label=\"damage, nats a token\">0.040</td></tr>"
    ));
    assert!(page.contains("L27.gate_proj@0.05,<wbr>L26.up_proj@0.1") && !page.contains(">guards</th>"));
    results.tasks = vec![task_change("novels", Measure::PerToken, 0.0, Some(0.1))];
    let page = page_of(&results, &trials(), &[]);
    assert!(page.contains(">guards</th>") && page.contains("data-label=\"guards\">broken</td>"));

    // The winner stays in the table, however many finalists are better.
    results.finalists.extend((0..30).map(|i| finalist(&format!("L{i}.o_proj@0.1"), 0.06, None)));
    let page = page_of(&results, &trials(), &[]);
    let table = page.split("<h2>The finalists</h2>").nth(1).expect("the finalists");
    assert_eq!(table.matches("<tr class=\"won\">").count(), 1);
    assert!(page.contains("The best of 34 are shown") && !page.contains("L9.q_proj@0.9"));
}

#[test]
fn the_winner_is_among_the_best_on_the_search_split_if_others_beat_it_there() {
    let others = (0..15).map(|layer| trial(layer, "o_proj", "0.1", 0.7));
    let trials: Vec<TrialRow> = others.chain(trials()).collect();
    let page = page_of(&results(1000, 80, 30, 0.08), &trials, &[]);
    let table = page.split("The ten best on the search split").nth(1).expect("the table");
    assert!(table.contains("L27.gate_proj@0.01<small>winner</small>") && !table.contains("L27.gate_proj@0.9"));
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
    let page = page_of(&results, &trials(), &[]);
    assert!(page.contains("<th scope=\"row\">0.02</th><td data-label=\"best edit\">none</td>"));
    assert!(page.contains("<th scope=\"row\">0.2</th><td data-label=\"best edit\">L27.gate_proj@0.01</td>"));

    results.manifest.config.insert("objective".to_owned(), "margin".into());
    assert!(
        markdown_table(&results).contains("estimated gain (nats)")
            && markdown_table(&results).contains("+0.0500 ± 0.0090")
    );
    results.finalists.iter_mut().for_each(|finalist| finalist.damage = None);
    assert_eq!(markdown_table(&results).lines().count(), 5, "no bounds without damage");
    let page = page_of(&results, &trials(), &[]);
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
fn without_a_proposed_edit_only_the_unedited_model_has_scores() {
    let mut results = no_edit();
    results.finalists = finalists();
    let page = page_of(&results, &trials(), &[]);
    for part in [
        "<h1>No edit is proposed: of 720 tried, none is estimated to be better.</h1>",
        "<h2>The unedited model</h2>",
        "<th scope=\"row\">validation<small>200 items</small></th><td class=\"n\" data-label=\"accuracy\">50.0 %",
        "by chance alone, the best of 720 edits without any effect would show +2.1 points on the search split.",
        "The finalists",
        "layer 26, gate_proj, keep 0.01",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let body = content(&page);
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
    let page = page_of(&results, &trials(), &[]);
    assert!(page.contains("class=\"n\">unedited model</th>") && !page.contains(">guard</th>"));
}
