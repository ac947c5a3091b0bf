//! Tests of the rendered page; those of scores, prices and finalists are in `tests/scores.rs`.

mod scores;

use super::*;
use crate::results::tests::{results, task_change};
use crate::results::{Host, MatrixChange, Results};
use crate::search::objective::Measure;
use crate::search::store::TrialRow;
use crate::search::{Prediction, Screen};
use laser_statistics::Split;

/// A trial on all 400 items of the search split.
fn trial(layer: usize, matrix: &str, rho: &str, acc: f64) -> TrialRow {
    TrialRow {
        rank: Some(5),
        items: 400,
        accuracy: Some(acc),
        accuracy_change: Some(acc - 0.5),
        log_loss: Some(3.0),
        log_loss_change: Some(1.0),
        ..TrialRow::untried(&format!("L{layer}.{matrix}@{rho}"))
    }
}

fn flip(prompt: &str, base_right: bool) -> Flip {
    Flip {
        id: "item-7".to_owned(),
        task: None,
        prompt: prompt.to_owned(),
        target: " Paris".to_owned(),
        aliases: Vec::new(),
        base_prediction: " Lyon".to_owned(),
        edit_prediction: " Paris, the city".to_owned(),
        removed_prediction: None,
        base_right,
        logprob_change: 0.5,
        picture: None,
    }
}

fn trials() -> Vec<TrialRow> {
    vec![
        trial(26, "gate_proj", "0.01", 0.2),
        trial(27, "gate_proj", "0.9", 0.5),
        trial(27, "gate_proj", "0.01", 0.58),
        trial(26, "up_proj", "0.9", 0.51),
        TrialRow { items: 100, ..trial(29, "up_proj", "0.9", 0.6) },
        TrialRow { prediction: Some(0.03), ..TrialRow::untried("L3.up_proj@0.9") },
        TrialRow::untried("L4.up_proj@0.9"),
    ]
}

/// The page with these trials and flips.
fn page_of(results: &Results, trials: &[TrialRow], flips: &[Flip]) -> String {
    let answers = TestAnswers { flips: flips.to_vec(), both_right: 420, both_wrong: 470 };
    let findings = Findings { trials: Some(trials), answers: Some(&answers), lacks: &[] };
    render_html(results, &findings).expect("a page")
}

/// The rendered content, without styles and script.
fn content(page: &str) -> &str {
    page.split("main>").nth(1).expect("the page has content")
}

#[test]
fn the_grid_tells_tried_dropped_screened_and_untried_edits_apart() {
    let mut results = results(1000, 80, 30, 0.08);
    results.search.screen = Some(Screen { criterion: "gradient".to_owned(), predicts: Prediction::Accuracy });
    let page = page_of(&results, &trials(), &[]);
    for cell in [
        "<td class=\"full ap4 ln6 win\" tabindex=\"0\" title=\"layer 27, gate_proj, keep 0.01 (rank 5): 58.0 % right, +8.0 \
         points; log-loss 3.000 nats, +1.000; chosen\"></td>",
        "<td class=\"full an6 ln6\" tabindex=\"-1\" title=\"layer 26, gate_proj, keep 0.01",
        "<td class=\"partial ap5 ln6\" style=\"--share:25%\" tabindex=\"-1\" title=\"layer 29, up_proj, keep 0.9 (rank 5): 60.0 \
         % right, +10.0 points; log-loss 3.000 nats, +1.000; dropped after 100 of 400 items\">",
        "<td class=\"screened ap3 sp3\" tabindex=\"0\" title=\"layer 3, up_proj, keep 0.9: predicted +3.0 points; not tried\">",
        "<td class=\"untried\" tabindex=\"-1\" title=\"layer 4, up_proj, keep 0.9: not tried\">",
    ] {
        assert!(page.contains(cell), "{cell}");
    }
    // Every layer of the model has a row in both panels.
    assert!((0..30).all(|layer| page.matches(&format!("<tr><th scope=\"row\">{layer}</th>")).count() == 2));
    for view in ["accuracy", "loss", "screen"] {
        assert!(page.contains(&format!("name=\"view\" value=\"{view}\"")), "{view}");
    }
    // No line joins layers with others between them.
    let mut apart = trials();
    apart.push(trial(2, "gate_proj", "0.9", 0.55));
    let page = page_of(&results, &apart, &[]);
    let plot = page.split("The best edit of each layer").nth(1).expect("a plot");
    let pieces: Vec<usize> = plot
        .split("<polyline")
        .skip(1)
        .map(|piece| piece.split("/>").next().expect("an end").matches(',').count())
        .collect();
    assert_eq!(pieces, [2], "layers 26 and 27 of gate_proj are neighbours");
}

#[test]
fn every_matrix_of_a_composed_winner_is_outlined() {
    let mut results = results(1000, 80, 30, 0.08);
    results.best.edit = "L26.up_proj@0.9,L27.gate_proj@0.01".to_owned();
    results.search.steps = vec!["L27.gate_proj@0.01".to_owned(), results.best.edit.clone()];
    let mut trials = trials();
    trials.push(TrialRow {
        items: 400,
        accuracy: Some(0.6),
        accuracy_change: Some(0.1),
        log_loss: Some(1.0),
        log_loss_change: Some(-1.0),
        ..TrialRow::untried(&results.best.edit)
    });
    let page = page_of(&results, &trials, &[]);
    assert_eq!(content(&page).matches(" win\" tabindex").count(), 2);
    assert!(content(&page).contains("<code>L26.up_proj@0.9</code>, <code>L27.gate_proj@0.01</code>"));
    assert!(page.contains("Edits of several matrices") && page.contains("L26.up_proj@0.9,<wbr>L27.gate_proj@0.01"));
    for part in ["The path of the composition", ">+ L26.up_proj@0.9</td>", "step 2: +10.0 points", "+8.0 points"] {
        assert!(page.contains(part), "{part}");
    }
    let headline = page.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next()).expect("a headline");
    assert!(
        headline.starts_with("The gain is real: the edit raises accuracy") && !headline.contains('@'),
        "{headline}"
    );
    // A winner of many matrices is not written out in the head.
    results.best.edit = (0..9).map(|layer| format!("L{layer}.up_proj@0.5")).collect::<Vec<_>>().join(",");
    assert!(page_of(&results, &trials, &[]).contains("The edit changes 9 matrices."));
}

#[test]
fn what_was_changed_is_a_table_with_spectra() {
    let mut results = results(1000, 80, 30, 0.08);
    assert!(!page_of(&results, &[], &[]).contains("What was changed"), "results of earlier versions do not say it");
    results.changes = vec![MatrixChange {
        matrix: "L27.gate_proj".to_owned(),
        reduction: "0.01".to_owned(),
        rank: Some(5),
        max_rank: 576,
        energy: Some(0.1234),
        relative_error: 0.9363,
        effective_rank: 431.25,
        noise_edge: 3.0,
        above_noise: 40,
        spectrum: (1..=576).map(|i| (i, 100.0 / i as f64)).collect(),
    }];
    let page = page_of(&results, &[], &[]);
    for part in [
        "<th scope=\"row\">gate_proj</th><td data-label=\"layer\">27</td>",
        "<td class=\"n\" data-label=\"rank\"><b>5</b></td><td class=\"n\" data-label=\"of\">576</td>",
        "12.3 %",
        "431.2",
        "cut after 5",
        "largest value to expect of noise",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn what_a_folder_lacks_is_said() {
    let lacks = ["The edits that were tried are not shown: no file.".to_owned()];
    let findings = Findings { lacks: &lacks, ..Findings::default() };
    let page = render_html(&results(1000, 80, 30, 0.08), &findings).expect("a page");
    assert!(page.contains("<p class=\"lack\">The edits that were tried are not shown: no file.</p>"));
    for part in ["All edits of one matrix", "The best edit of each layer", "Answers that flipped"] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn command_time_and_machine_are_written_for_readers() {
    let mut results = results(1000, 80, 30, 0.08);
    results.manifest.host = Some(Host {
        command: "laser search model --task 'my facts.jsonl'".to_owned(),
        seconds: 252.4,
        processor: "A processor".to_owned(),
        cores: 16,
        memory: 64 << 30,
        system: "Linux 6.1".to_owned(),
    });
    results.manifest.date = Some("2026-11-30T22:05:07Z".to_owned());
    results.manifest.config.insert("score".to_owned(), serde_json::json!({"choice": {"by_length": true}}));
    let page = page_of(&results, &[], &[]);
    for part in [
        "laser search model --task &#x27;my facts.jsonl&#x27;",
        "4 min 12 s",
        "A processor, 16 threads, 64.0 GiB, Linux 6.1",
        "2026-11-30 22:05:07 UTC",
        "choice by length yes",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!content(&page).contains("{&quot;"), "no raw JSON");
}

#[test]
fn the_page_shows_the_proof() {
    let page = page_of(&results(1000, 80, 30, 0.08), &trials(), &[]);
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
    trials[0].edit = hostile.to_owned();
    let page = page_of(&results, &trials, &[Flip { edit_prediction: hostile.to_owned(), ..flip(hostile, false) }]);
    assert_eq!(page.matches("<script").count(), 2, "only the page's own script, and the trials as text");
    assert_eq!(page.matches("</script").count(), 2);
    assert!(page.contains("&lt;script&gt;"));
}

#[test]
fn the_page_loads_nothing() {
    let page = page_of(&results(1000, 80, 30, 0.08), &trials(), &[]);
    for reference in ["http:", "https:", "src=", " href=", "url(", "@import", "<link", "fetch(", "import("] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn the_first_levels_are_shown_as_pictures_and_the_others_as_text() {
    let picture = |i: usize| Flip { picture: Some(format!("<svg>{i}</svg>")), ..flip("# @$.#", false) };
    let flips: Vec<Flip> = (0..9).map(picture).collect();
    let page = page_of(&results(1000, 80, 30, 0.08), &[], &flips);
    assert!((0..6).all(|i| page.contains(&format!("><svg>{i}</svg></td>"))) && !page.contains("<svg>6</svg>"));
    assert_eq!(page.matches("># @$.#</td>").count(), 3);
}

#[test]
fn flips_are_divided_into_fixed_and_broken_with_whole_answers() {
    let flips: Vec<Flip> =
        (0..60).map(|i| flip(&format!("fixed {i};\n"), false)).chain([flip("broken;", true)]).collect();
    let page = page_of(&results(1000, 80, 30, 0.08), &[], &flips);
    assert!(page.contains("<b>Fixed: 60</b>") && page.contains("<b>Broken: 1</b>") && page.contains("broken;"));
    assert!(page.contains("fixed 59;<span class=\"end-of-line\" aria-hidden=\"true\">↵</span>\n"));
    for part in [
        "both models right</th><td class=\"n\" data-label=\"items\">420</td>",
        "both models wrong</th><td class=\"n\" data-label=\"items\">470</td>",
        "<th scope=\"row\">item-7</th>",
        "<td class=\"text\" data-label=\"edited\"> <mark>Paris</mark>, the city</td>",
        "<td class=\"n\" data-label=\"Δ\">+0.500</td>",
        "type=\"search\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("removed part alone"));
    let long = Flip { removed_prediction: Some(" the".to_owned()), ..flip(&"word ".repeat(400), false) };
    let page = page_of(&results(1000, 80, 30, 0.08), &[], &[long]);
    assert!(page.contains("<details class=\"long\"><summary>… (1,500 characters before) word"), "{page}");
    assert!(
        page.contains("What the removed components say")
            && page.contains("data-label=\"removed part alone\"> the</td>")
    );
    let none = page_of(&results(1000, 80, 30, 0.08), &[], &[]);
    assert!(!none.contains("type=\"search\"") && none.contains("<b>Fixed: 0</b>"));
}

#[test]
fn a_base_without_search_scores_is_an_error() {
    let mut results = results(1000, 80, 30, 0.08);
    results.base.remove(&Split::Search);
    let error = render_html(&results, &Findings::default()).expect_err("no base to compare with");
    let text = error.to_string();
    assert!(text.contains("`search`") && text.contains("Validation"), "{text}");
}

#[test]
fn the_page_is_the_same_every_time() {
    let page = || page_of(&results(1000, 80, 30, 0.08), &trials(), &[]);
    assert_eq!(page(), page());
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
        let page = page_of(&results(1000, 80, 30, search_gain), &[], &[]);
        assert!(page.contains(sentence), "{sentence}");
    }
    let mut results = results(1000, 80, 30, 0.08);
    results.test.ci95 = None;
    let page = page_of(&results, &[], &[]);
    assert!(page.contains("no interval says whether the difference of 3.0 points is chance."));
}

#[test]
fn the_page_says_which_p_decides() {
    let mut results = results(1000, 80, 30, 0.08);
    let page = page_of(&results, &[], &[]);
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
    assert!(page_of(&results, &[], &[]).contains("A guard that is broken"));
}
