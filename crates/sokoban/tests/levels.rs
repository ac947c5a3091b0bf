//! Generated levels, their two files, and the training windows made of them.

use std::path::Path;

use laser_sokoban::episodes::{episodes_bytes, parse_episodes};
use laser_sokoban::level_records::{levels_text, parse_records};
use laser_sokoban::rules::make_move;
use laser_sokoban::{
    Encoding, Episode, Fewest, GeneratedLevel, GeneratorSettings, LevelRecord, Noise, NoiseKind, Observation, Part,
    RecordedLevel, RoomId, Shares, Solved, Symmetry, WindowSettings, Windows, generate, solve,
};

fn settings() -> GeneratorSettings {
    GeneratorSettings {
        board: 7,
        boxes: 2,
        rooms: 40,
        starts: 6,
        held_out_starts: 3,
        max_moves: 25,
        max_states: 4_000,
        shares: Shares { search: 0.3, test: 0.2 },
        seed: 3,
        ..GeneratorSettings::default()
    }
}

fn made(settings: &GeneratorSettings) -> Vec<GeneratedLevel> {
    generate(settings, |_| true).expect("levels").0
}

/// The two files of some levels, as they are read back.
fn files(levels: &[GeneratedLevel]) -> (String, Vec<u8>, Vec<RecordedLevel>) {
    let record = |(i, level): (usize, &GeneratedLevel)| LevelRecord {
        id: format!("{}-{i}", level.room),
        room: level.room,
        split: level.part,
        rows: level.level.rows(),
        optimal: Some(level.optimal as u32),
    };
    let records: Vec<LevelRecord> = levels.iter().enumerate().map(record).collect();
    let text = levels_text(&records);
    let episode =
        |(level, made): (usize, &GeneratedLevel)| Episode { level, demonstration: made.demonstration.clone() };
    let episodes: Vec<Episode> = levels.iter().enumerate().map(episode).collect();
    let read = parse_records(Path::new("levels.jsonl"), &text).expect("reads");
    let bytes = episodes_bytes(&text, &episodes);
    assert_eq!(parse_episodes(Path::new("episodes.bin"), &bytes, &text, &read).expect("reads"), episodes);
    (text, bytes, read)
}

#[test]
fn generated_levels_have_their_optimal_length_and_their_part() {
    let levels = made(&settings());
    let mut parts = std::collections::BTreeMap::new();
    for level in &levels {
        assert_eq!(RoomId::of(&level.level.room), level.room);
        let Solved::Yes(solution) = solve(&level.level, Fewest::Moves, 1_000_000).expect("runs") else {
            panic!("every level can be solved")
        };
        assert_eq!(solution.moves.len(), level.optimal);
        assert_eq!(level.demonstration.steps.len(), level.optimal);
        level.demonstration.check(&level.level).expect("solves the level");
        parts.entry(level.room).or_insert((level.part, 0)).1 += 1;
        assert_eq!(parts[&level.room].0, level.part);
    }
    assert_eq!(parts.len(), 40);
    for part in Part::ALL {
        let starts = if part == Part::Train { 6 } else { 3 };
        let of_part: Vec<_> = parts.values().filter(|(p, _)| *p == part).collect();
        assert!(!of_part.is_empty() && of_part.iter().all(|(_, n)| *n == starts), "{part:?}: {of_part:?}");
    }
    let longest = levels.iter().map(|level| level.optimal).max();
    assert!(longest <= Some(25) && longest > Some(12), "{longest:?}");
}

#[test]
fn levels_depend_on_the_seed_and_not_on_the_threads() {
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("a pool");
    let first = alone.install(|| made(&settings()));
    assert!(first == three.install(|| made(&settings())));
    assert!(first != made(&GeneratorSettings { seed: 4, ..settings() }));
}

#[test]
fn noise_is_in_the_training_part_alone() {
    let noise = Noise { rate: 0.2, kind: NoiseKind::SubOptimal };
    let levels = made(&GeneratorSettings { noise, ..settings() });
    for part in Part::ALL {
        let steps = levels.iter().filter(|level| level.part == part).flat_map(|level| &level.demonstration.steps);
        let wrong = steps.clone().filter(|step| !step.optimal.contains(step.action)).count();
        assert!(steps.clone().all(|step| step.is_noise != step.optimal.contains(step.action)));
        let rate = wrong as f64 / steps.count() as f64;
        assert!(if part == Part::Train { (0.15..0.25).contains(&rate) } else { rate == 0.0 }, "{part:?}: {rate}");
    }
    files(&levels);
}

#[test]
fn settings_that_cannot_be_met_are_named() {
    let error = |settings: GeneratorSettings| generate(&settings, |_| true).expect_err("is refused").to_string();
    assert_eq!(error(GeneratorSettings { board: 4, ..settings() }), "board: expected 5 to 64, found 4");
    assert_eq!(error(GeneratorSettings { boxes: 0, ..settings() }), "boxes: expected 1 to 16, found 0");
    assert!(error(GeneratorSettings { max_states: 1, ..settings() }).starts_with("rooms: found 0 of 40 rooms"));
    let noise = Noise { rate: 0.9, kind: NoiseKind::Random };
    assert_eq!(error(GeneratorSettings { noise, ..settings() }), "noise: expected a rate from 0 to 0.5, found 0.9");
    assert_eq!(generate(&settings(), |_| false).expect_err("stops").to_string(), "interrupted");
}

#[test]
fn damaged_demonstrations_are_refused() {
    let levels = made(&GeneratorSettings { rooms: 5, ..settings() });
    let (text, bytes, read) = files(&levels);
    let error = |bytes: &[u8], text: &str| {
        parse_episodes(Path::new("e.bin"), bytes, text, &read).expect_err("is refused").to_string()
    };
    assert!(error(b"PK", &text).contains("byte 0: expected a file of demonstrations"));
    assert!(error(&bytes[..20], &text).contains("byte 20: expected a header and a checksum"));
    assert!(error(&bytes[..bytes.len() - 1], &text).contains("the checksum does not fit"));
    for at in (8..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        assert!(error(&changed, &text).contains("the checksum does not fit"), "byte {at}");
    }
    assert!(
        error(&bytes, &format!("{text}\n")).contains("byte 8: expected demonstrations of the levels.jsonl beside it")
    );
    // A file whose checksum fits, but whose demonstrations are those of other levels.
    let mut wrong = levels.clone();
    wrong.reverse();
    let episode =
        |(level, made): (usize, &GeneratedLevel)| Episode { level, demonstration: made.demonstration.clone() };
    let bytes = episodes_bytes(&text, &wrong.iter().enumerate().map(episode).collect::<Vec<_>>());
    assert!(error(&bytes, &text).starts_with("e.bin: byte 44: level "), "{}", error(&bytes, &text));
    let beyond = [Episode { level: read.len(), demonstration: levels[0].demonstration.clone() }];
    assert!(error(&episodes_bytes(&text, &beyond), &text).contains("byte 44: expected a level from 0 to"));
}

fn windows_settings() -> WindowSettings {
    let observation = Observation::new(Encoding::Egocentric, 7).expect("a board");
    WindowSettings { observation, context: 4, return_scale: 10.0, return_jitter: Some(0.0), symmetries: true, seed: 5 }
}

#[test]
fn windows_are_parts_of_demonstrations_and_their_images() {
    let levels = made(&GeneratorSettings { rooms: 10, ..settings() });
    let (text, bytes, read) = files(&levels);
    let episodes = parse_episodes(Path::new("e"), &bytes, &text, &read).expect("reads");
    let windows = Windows::new(&read, &episodes, Part::Train, windows_settings()).expect("windows");
    let of_train = levels.iter().filter(|level| level.part == Part::Train);
    assert_eq!(windows.len(), of_train.clone().map(|level| level.optimal).sum::<usize>());
    let width = windows_settings().observation.width();

    // All states of all demonstrations under all symmetries, with what belongs to them.
    let mut expected = std::collections::HashMap::new();
    for level in of_train {
        for symmetry in Symmetry::all() {
            let mut state = level.level.start.clone();
            let mut left = level.demonstration.steps.len();
            for (time, step) in level.demonstration.steps.iter().enumerate() {
                let mut seen = vec![0.0; width];
                windows_settings().observation.write(&level.level.room, &state, symmetry, &mut seen);
                let off = laser_sokoban::rules::boxes_off_goal(&level.level.room, &state);
                let return_to_go = (10.0 + off as f64 - 0.1 * left as f64) / 10.0;
                let key = seen.iter().map(|v| *v as u8).collect::<Vec<_>>();
                let value = (symmetry.apply(step.action), symmetry.apply_set(step.optimal), return_to_go as f32, time);
                expected.entry(key).or_insert_with(Vec::new).push(value);
                make_move(&level.level.room, &mut state, step.action);
                left -= 1;
            }
        }
    }
    let batch = windows.batch(0, 200);
    assert_eq!((batch.lengths.len(), batch.lengths.iter().sum::<usize>()), (200, batch.steps.len()));
    assert_eq!(batch.steps.states.len(), batch.steps.len() * width);
    let mut first = 0;
    for length in &batch.lengths {
        let times = &batch.steps.time_steps[first..first + length];
        assert!(*length == 4 || (*length < 4 && times[0] == 0), "{times:?}");
        assert!(times.windows(2).all(|pair| pair[1] == pair[0] + 1));
        first += length;
    }
    for step in 0..batch.steps.len() {
        let seen = &batch.steps.states[step * width..(step + 1) * width];
        let found = &expected[&seen.iter().map(|v| *v as u8).collect::<Vec<_>>()];
        let (target, optimal, time) = (batch.targets[step], batch.optimal[step], batch.steps.time_steps[step] as usize);
        let same = |(m, moves, return_to_go, at): &(_, _, f32, usize)| {
            (*m, *moves, *at) == (target, optimal, time) && (return_to_go - batch.steps.returns[step]).abs() < 1e-5
        };
        assert!(found.iter().any(same), "step {step}: {target:?} {time}");
        let action = &batch.steps.actions[4 * step..4 * step + 4];
        assert!(action.iter().enumerate().all(|(i, v)| *v == f32::from(u8::from(i == target.index()))));
    }
}

#[test]
fn batches_depend_on_seed_and_number_and_returns_on_the_jitter() {
    let levels = made(&GeneratorSettings { rooms: 10, ..settings() });
    let (text, bytes, read) = files(&levels);
    let episodes = parse_episodes(Path::new("e"), &bytes, &text, &read).expect("reads");
    let with = |settings| Windows::new(&read, &episodes, Part::Train, settings).expect("windows");
    let exact = with(windows_settings());
    assert_eq!(exact.batch(3, 50), exact.batch(3, 50));
    assert_ne!(exact.batch(3, 50), exact.batch(4, 50));
    assert_ne!(exact.batch(3, 50), with(WindowSettings { seed: 6, ..windows_settings() }).batch(3, 50));
    let noisy = with(WindowSettings { return_jitter: Some(1.0), ..windows_settings() });
    let (before, after) = (exact.batch(0, 500), noisy.batch(0, 500));
    assert_eq!((&before.steps.states, &before.targets), (&after.steps.states, &after.targets));
    let (mut first, mut noise) = (0, Vec::new());
    for length in &before.lengths {
        let difference = |i: usize| 10.0 * (after.steps.returns[first + i] - before.steps.returns[first + i]);
        assert!((0..*length).all(|i| (difference(i) - difference(0)).abs() < 1e-4), "one number a window");
        noise.push(f64::from(difference(0)));
        first += length;
    }
    let variance = noise.iter().map(|v| v * v).sum::<f64>() / noise.len() as f64;
    assert!((0.8..1.2).contains(&variance), "{variance}");
    let none = with(WindowSettings { return_jitter: None, ..windows_settings() });
    assert!(none.batch(0, 50).steps.returns.iter().all(|v| *v == 0.0));
    let small = WindowSettings {
        observation: Observation::new(Encoding::Egocentric, 6).expect("a board"),
        ..windows_settings()
    };
    let error = Windows::new(&read, &episodes, Part::Train, small).expect_err("is too small").to_string();
    assert!(error.contains("expected at most 6 rows and 6 columns, found 7 and 7"), "{error}");
}
