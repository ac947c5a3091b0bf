//! Decision Transformers that play Sokoban: batched play against step-by-step play, evaluation, search.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::player_model::{small_board, write_player};
use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::evaluate::RunContext;
use laser::gradient::{Loss, sensitivities};
use laser::model::Model;
use laser::model::forward::Trajectory;
use laser::sokoban::{Ending, LevelSet, PLAYER_FILE, Played, Player, PlayerSettings};
use laser::statistics::Split;
use laser::{
    ErrorKind, EvaluateOptions, ScoredTasks, SearchOptions, Session, SessionOptions, TaskRequest, TaskSettings,
    Unobserved,
};
use laser_sokoban::rules::{boxes_off_goal, make_move};
use laser_sokoban::{
    Context, Demonstration, Episode, GeneratorSettings, Level, LevelRecord, Move, Part, RecordedLevel, Shares, State,
    Symmetry, generate,
};
use serde_json::json;

/// A folder with a model and levels of small rooms.
struct Case {
    folder: tempfile::TempDir,
    set: LevelSet,
}

impl Case {
    fn new(rooms: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write_player(&folder.path().join("model"), &small_board(), 4);
        let settings = GeneratorSettings {
            board: 6,
            boxes: 1,
            rooms,
            starts: 2,
            held_out_starts: 6,
            max_moves: 6,
            max_states: 4_000,
            shares: Shares { search: 0.5, test: 0.3 },
            seed: 1,
            ..GeneratorSettings::default()
        };
        let mut set = LevelSet::default();
        for (index, made) in generate(&settings, |_| true).expect("levels").0.into_iter().enumerate() {
            let record = LevelRecord {
                id: format!("level-{index}"),
                room: made.room,
                split: made.part,
                rows: made.level.rows(),
                optimal: Some(made.optimal as u32),
            };
            set.levels.push(RecordedLevel { record, level: made.level });
            set.episodes.push(Episode { level: index, demonstration: made.demonstration });
        }
        set.write(&folder.path().join("levels"), &json!({})).expect("writes");
        Self { folder, set }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn session(&self, threads: usize) -> Session {
        let options = SessionOptions { threads, cache_dir: self.path("cache"), ..SessionOptions::default() };
        Session::open_with(self.path("model").to_str().expect("UTF-8"), options).expect("opens")
    }

    fn tasks(&self, session: &Session) -> laser::Result<ScoredTasks> {
        let data = Some(self.path("levels").to_str().expect("UTF-8").to_owned());
        let request = TaskRequest { name: "sokoban".to_owned(), data, score: None };
        session.tasks(&TaskSettings { tasks: vec![request], ..TaskSettings::default() })
    }
}

fn run(threads: usize) -> RunContext<'static> {
    RunContext { threads, stage: "play", observer: &Unobserved }
}

/// What a model reads after some moves, by the definition: the last steps of the whole episode.
fn context_after(settings: &PlayerSettings, level: &Level, moves: &[Move]) -> Trajectory {
    let observation = settings.observation().expect("a board");
    let (mut state, mut all) = (level.start.clone(), Context::default());
    for time in 0..=moves.len() {
        let target = settings.target.expect("plays for a return") + boxes_off_goal(&level.room, &state) as f64;
        let return_to_go = (target / settings.return_scale) as f32;
        all.push_state(observation, &level.room, &state, Symmetry::IDENTITY, time as u32, return_to_go);
        if let Some(m) = moves.get(time) {
            all.set_action(*m);
            make_move(&level.room, &mut state, *m);
        }
    }
    let (n, width) = (all.len(), observation.width());
    let first = n.saturating_sub(settings.context);
    Trajectory {
        returns: all.returns[first..].to_vec(),
        states: all.states[first * width..].to_vec(),
        actions: all.actions[first * 4..].to_vec(),
        time_steps: all.time_steps[first..].to_vec(),
    }
}

/// Play of one level, one step at a time, by the definition.
fn play_alone(model: &Model, settings: &PlayerSettings, level: &Level) -> Played {
    let (mut state, mut states): (State, Vec<State>) = (level.start.clone(), vec![level.start.clone()]);
    let (mut moves, mut total_return) = (Vec::new(), 0.0);
    let ending = loop {
        let seen = model.trajectory(&context_after(settings, level, &moves)).expect("runs").actions;
        let values = seen.to_vec2::<f32>().expect("values").pop().expect("the last step");
        let best = (0..4).rev().max_by(|a, b| values[*a].total_cmp(&values[*b])).expect("four moves");
        let effect = make_move(&level.room, &mut state, Move::ALL[best]);
        moves.push(Move::ALL[best]);
        total_return += effect.reward;
        states.push(state.clone());
        let k = settings.context;
        let repeats = states.len() > k && states.windows(k).rev().skip(1).any(|w| *w == states[states.len() - k..]);
        if effect.solved {
            break Ending::Solved;
        } else if moves.len() == settings.max_moves {
            break Ending::OutOfMoves;
        } else if repeats {
            total_return -= 0.1 * (settings.max_moves - moves.len()) as f64;
            break Ending::Circle;
        }
    };
    Played { moves, total_return, ending }
}

#[test]
fn play_side_by_side_equals_play_alone() {
    let case = Case::new(20);
    let model = case.session(1).load().expect("loads");
    let player = Player::new(&model, small_board()).expect("fits");
    let levels: Vec<&Level> = case.set.levels.iter().map(|level| &level.level).collect();
    let played = player.play(&levels, run(1)).expect("plays");
    let mut endings = BTreeMap::new();
    for (level, played) in levels.iter().zip(&played) {
        let alone = play_alone(&model, &small_board(), level);
        assert_eq!((&played.moves, played.ending), (&alone.moves, alone.ending));
        assert!((played.total_return - alone.total_return).abs() < 1e-9);
        *endings.entry(format!("{:?}", played.ending)).or_insert(0) += 1;
    }
    assert!(endings.len() == 3 && endings.values().all(|n| *n > 2), "every ending occurs: {endings:?}");
    assert_eq!(player.play(&levels, run(3)).expect("plays"), played, "three threads");
    assert_eq!(player.play(&levels[5..6], run(1)).expect("plays")[0], played[5], "other neighbours");
}

#[test]
fn demonstrations_are_scored_step_by_step() {
    let case = Case::new(8);
    let model = case.session(1).load().expect("loads");
    let player = Player::new(&model, small_board()).expect("fits");
    let shown: Vec<(&Level, &Demonstration)> =
        case.set.episodes.iter().map(|e| (&case.set.levels[e.level].level, &e.demonstration)).collect();
    let scores = player.score(&shown, run(2)).expect("scores");
    for ((level, demonstration), score) in shown.iter().zip(scores) {
        let moves: Vec<Move> = demonstration.steps.iter().map(|step| step.action).collect();
        let (mut logprob, mut optimal, mut least) = (0.0, 0, f64::INFINITY);
        for (i, step) in demonstration.steps.iter().enumerate() {
            let seen = model.trajectory(&context_after(&small_board(), level, &moves[..i])).expect("runs").actions;
            let values = seen.to_vec2::<f32>().expect("values").pop().expect("the last step");
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            logprob += values[step.action.index()] - values.iter().map(|v| v.exp()).sum::<f64>().ln();
            let best = |of: bool| {
                let moves = Move::ALL.into_iter().filter(|m| step.optimal.contains(*m) == of);
                moves.map(|m| values[m.index()]).fold(f64::NEG_INFINITY, f64::max)
            };
            optimal += usize::from(best(true) > best(false));
            least = f64::min(least, best(true) - best(false));
        }
        assert!((score.logprob - logprob).abs() < 1e-5, "{score:?} {logprob}");
        assert_eq!((score.steps, score.optimal), (moves.len(), optimal));
        assert!(score.least_margin == least || (score.least_margin - least).abs() < 1e-5);
    }
}

#[test]
fn an_evaluation_counts_solved_levels_by_their_own_split() {
    let case = Case::new(20);
    let session = case.session(2);
    let tasks = case.tasks(&session).expect("opens");
    let model = session.load().expect("loads");
    let mut rate = BTreeMap::new();
    for split in [Split::All, Split::Search, Split::Validation, Split::Test] {
        let evaluation =
            session.evaluate(&tasks, &EvaluateOptions { split, ..EvaluateOptions::default() }).expect("runs");
        let summary = &evaluation.results.scores[&split];
        for sample in &evaluation.samples {
            let level = Level::parse(&sample.prompt.lines().collect::<Vec<_>>()).expect("a level");
            let played = play_alone(&model, &small_board(), &level);
            assert_eq!(sample.is_right(), played.solved());
            assert_eq!(sample.moves, Some(played.moves.len()));
            assert!((sample.total_return.expect("a return") - played.total_return).abs() < 1e-9);
        }
        let solved = evaluation.samples.iter().filter(|sample| sample.is_right()).count();
        assert!((summary.acc().expect("levels") - solved as f64 / summary.n as f64).abs() < 1e-12);
        assert!(summary.mean_return.is_some() && summary.mean_moves.is_some());
        rate.insert(split, evaluation.samples);
    }
    let of_part = |part: Part| case.set.of_part(part).len();
    assert_eq!(rate[&Split::Test].len(), of_part(Part::Test));
    assert_eq!(rate[&Split::Search].len() + rate[&Split::Validation].len(), of_part(Part::Search));
    assert_eq!(rate[&Split::All].len(), of_part(Part::Search) + of_part(Part::Test), "no level of the training part");
    let groups = |split: Split| rate[&split].iter().map(|s| s.group.clone()).collect::<std::collections::BTreeSet<_>>();
    assert!(groups(Split::Search).is_disjoint(&groups(Split::Validation)));
}

#[test]
fn a_search_tries_edits_by_play_and_proves_the_winner_on_the_test_part() {
    let case = Case::new(40);
    let session = case.session(2);
    let tasks = case.tasks(&session).expect("opens");
    for strategy in ["exhaustive", "gradient+race+greedy"] {
        let options = SearchOptions {
            reductions: vec!["0.2".parse().expect("a reduction"), "0.6".parse().expect("a reduction")],
            strategy: Some(strategy.parse().expect("a plan")),
            run: Some(case.path(&format!("run-{strategy}"))),
            ..SearchOptions::default()
        };
        let found = session.search(&tasks, &options).expect("searches");
        let test = &found.results.base[&Split::Test];
        assert_eq!(test.n, case.set.of_part(Part::Test).len());
        assert!(test.mean_return.is_some());
        // The figures of the winner are those of an evaluation of the same edit.
        let evaluated = session
            .evaluate(&tasks, &EvaluateOptions { edit: found.edit().clone(), split: Split::Test, ..Default::default() })
            .expect("runs");
        assert_eq!(evaluated.results.scores[&Split::Test].acc(), found.results.best.splits[&Split::Test].acc());
        let out = case.path(&format!("written-{strategy}"));
        found.write_run(&out).expect("writes");
        assert!(std::fs::read_to_string(out.join("report.html")).expect("a report").contains("sokoban"));

        // Every trial, played again by hand.
        if strategy == "exhaustive" {
            let model = session.load().expect("loads");
            let edit = Edit::parse("L1.up_proj@0.2", session.config()).expect("an edit");
            let (edited, _) = Truncation::new(SvdMethod::Exact, None, 1).apply(&model, &edit).expect("applies");
            let solved = |model: &Model, ids: &[usize]| {
                let player = Player::new(model, small_board()).expect("fits");
                let levels: Vec<&Level> = ids.iter().map(|i| &case.set.levels[*i].level).collect();
                player.play(&levels, run(1)).expect("plays").iter().filter(|played| played.solved()).count()
            };
            let test = case.set.of_part(Part::Test);
            let by_hand = solved(&edited, &test);
            let again = session
                .evaluate(&tasks, &EvaluateOptions { edit, split: Split::Test, ..Default::default() })
                .expect("runs");
            let acc = again.results.scores[&Split::Test].acc().expect("levels");
            assert!((acc - by_hand as f64 / test.len() as f64).abs() < 1e-12);
        }
        // A second run finds all trials in the store.
        let resumed = session.search(&tasks, &SearchOptions { resume: true, ..options }).expect("resumes");
        assert_eq!(resumed.results.best.edit, found.results.best.edit);
        assert_eq!(resumed.results.search, found.results.search);
    }
}

#[test]
fn the_gradient_of_the_demonstrations_is_that_of_finite_differences() {
    let case = Case::new(12);
    let session = case.session(2);
    let tasks = case.tasks(&session).expect("opens");
    let model = session.load().expect("loads");
    let (task, score) = tasks.iter().next().expect("a task");
    let evaluator =
        laser::evaluate::Evaluator::of_levels(task, score, small_board(), session.config()).expect("an evaluator");
    let items: Vec<usize> = (0..10).collect();
    let ids: Vec<_> = laser::edit::parse_selector("all", session.config()).expect("matrices");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let found = sensitivities(&model, &evaluator, &items, &ids, &truncation, Loss::LogLoss, run(2)).expect("runs");
    let losses = |model: &Model| -> Vec<f64> {
        let outcomes = evaluator.evaluate(model, &items, run(1)).expect("runs");
        outcomes.iter().map(|outcome| -outcome.logprob).collect()
    };
    let (base, mut compared) = (losses(&model), 0);
    for id in ids {
        let sensitivity = &found[&id];
        for (j, loss) in sensitivity.losses().iter().enumerate() {
            assert!((loss - base[j]).abs() < 1e-4, "{id} item {j}: {loss} {}", base[j]);
        }
        // Scaling the whole matrix by 1 + h changes every loss by h times the sum of all effects.
        let h = 1e-2_f32;
        let scaled = |factor: f32| {
            let w = model.matrix(id).expect("a matrix");
            let (rows, cols) = (w.rows(), w.cols());
            let values = w.into_data().into_iter().map(|v| v * factor).collect();
            let w = laser::linalg::Matrix::new(rows, cols, values).expect("finite");
            let tensor = candle_core::Tensor::from_vec(w.into_data(), (rows, cols), &candle_core::Device::Cpu);
            let weight = laser::kernels::weight::Weight::Tensor(tensor.expect("a tensor"));
            model.with_replacements(vec![(id, laser::model::Replacement::Dense(weight))])
        };
        if session.config().pieces(id).is_none_or(|pieces| pieces.len() != 1 || pieces[0].id != id) {
            continue; // made of several stored matrices
        }
        let (up, down) = (losses(&scaled(1.0 + h)), losses(&scaled(1.0 - h)));
        // Kinks and f32 blur single items; together they agree.
        let (mut error, mut size) = (0.0, 0.0);
        for j in 0..items.len() {
            let by_difference = (up[j] - down[j]) / (2.0 * f64::from(h));
            let by_gradient: f64 = sensitivity.effects(j).iter().map(|v| f64::from(*v)).sum();
            error += (by_difference - by_gradient).abs();
            size += by_difference.abs();
        }
        assert!(error < 0.05 * size + 0.01, "{id}: {error} of {size}");
        compared += 1;
    }
    assert_eq!(compared, 12, "six stored matrices a layer");
}

#[test]
fn folders_and_models_that_do_not_fit_are_named() {
    let case = Case::new(6);
    let session = case.session(1);
    let open = |data: &Path| {
        let data = Some(data.to_str().expect("UTF-8").to_owned());
        let request = TaskRequest { name: "sokoban".to_owned(), data, score: None };
        session.tasks(&TaskSettings { tasks: vec![request], ..TaskSettings::default() }).map(drop)
    };
    let error = open(&case.path("cache")).expect_err("no levels");
    assert!(error.to_string().contains("levels.jsonl"), "{error}");
    let request = TaskRequest::named("sokoban");
    let settings = TaskSettings { tasks: vec![request.clone()], ..TaskSettings::default() };
    let error = session.tasks(&settings).expect_err("no data");
    assert_eq!(error.kind(), ErrorKind::Setting);
    assert!(error.to_string().contains("laser lab sokoban levels"), "{error}");
    let several = TaskSettings { tasks: vec![request, TaskRequest::named("world-facts")], ..TaskSettings::default() };
    assert!(session.tasks(&several).expect_err("two tasks").to_string().contains("expected sokoban alone"));

    // A board smaller than the rooms, a key that is unknown, a model of another size, none.
    let path = case.path("model").join(PLAYER_FILE);
    let text = std::fs::read_to_string(&path).expect("the settings");
    for (before, after, expected) in [
        ("\"board\": 6", "\"board\": 5", "`state_dim`: expected 75 by sokoban.json, found 147"),
        ("\"context\": 3", "\"context\": 0", "expected a context and max_moves of at least 1, found 0 and 6"),
        ("\"max_moves\": 6", "\"max_moves\": 99", "`max_ep_len`: expected at least 99 by sokoban.json, found 10"),
        ("\"context\"", "\"contexts\"", "unknown field `contexts`"),
    ] {
        assert!(text.contains(before), "{text}");
        std::fs::write(&path, text.replace(before, after)).expect("writes");
        let tasks = case.tasks(&session);
        let error = match &tasks {
            Err(error) => error.to_string(),
            Ok(tasks) => session.evaluate(tasks, &EvaluateOptions::default()).expect_err(expected).to_string(),
        };
        assert!(error.contains(expected), "{before}: {error}");
    }
    std::fs::remove_file(&path).expect("removes");
    let error = case.tasks(&session).expect_err("no settings").to_string();
    assert!(error.contains("expected a model that plays Sokoban, found no sokoban.json"), "{error}");
}
