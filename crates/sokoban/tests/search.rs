//! Backward search and solver, compared with a search that tries all moves from a start.

use std::collections::HashMap;

use laser_sokoban::rules::{is_solved, make_move};
use laser_sokoban::{BackwardSearch, Bounds, Demonstration, Fewest, Level, Move, Room, Solved, State, solve};
use proptest::prelude::*;

/// Least cost of a solution by trying everything, breadth first; `None` if there is none. `cost` of a step: 1 for a
/// push, and `walk`, 0 or 1, for another move.
fn by_trial(level: &Level, walk: usize) -> Option<usize> {
    let mut costs: HashMap<State, usize> = HashMap::from([(level.start.clone(), 0)]);
    let mut open = std::collections::VecDeque::from([level.start.clone()]);
    while let Some(state) = open.pop_front() {
        let cost = costs[&state];
        if is_solved(&level.room, &state) {
            return Some(cost);
        }
        for m in Move::ALL {
            let mut after = state.clone();
            let effect = make_move(&level.room, &mut after, m);
            let step = if effect.pushed { 1 } else { walk };
            if effect.moved && costs.get(&after).is_none_or(|known| cost + step < *known) {
                costs.insert(after.clone(), cost + step);
                // Steps without a cost come first, so that the queue stays in the order of costs.
                if step == 0 { open.push_front(after) } else { open.push_back(after) }
            }
        }
    }
    None
}

/// Plays a solution and checks that it ends with all boxes on goals.
fn check(level: &Level, solved: &Solved, fewest: Fewest) -> Option<usize> {
    match solved {
        Solved::Yes(solution) => {
            if !solution.moves.is_empty() {
                Demonstration::of_solution(&solution.moves).check(level).expect("solves the level");
            }
            let mut state = level.start.clone();
            let pushes = solution.moves.iter().filter(|m| make_move(&level.room, &mut state, **m).pushed).count();
            assert_eq!(pushes, solution.pushes);
            Some(if fewest == Fewest::Pushes { solution.pushes } else { solution.moves.len() })
        }
        Solved::Impossible => None,
        Solved::GaveUp => panic!("there are fewer nodes than allowed"),
    }
}

/// A small closed room of `rows` inner rows and columns, with things at random places.
fn small_levels() -> impl Strategy<Value = Level> {
    (2..5_usize, 3..6_usize, 1..4_usize).prop_flat_map(|(rows, columns, boxes)| {
        let squares: Vec<usize> = (0..rows * columns).collect();
        let places = Just(squares).prop_shuffle();
        (places, 0..4_usize, any::<bool>()).prop_filter_map("a playable level", move |(places, walls, on_goals)| {
            let inner = |place: usize| (place / columns + 1) * (columns + 2) + place % columns + 1;
            let mut letters = vec!['#'; (rows + 2) * (columns + 2)];
            places.iter().for_each(|place| letters[inner(*place)] = ' ');
            let mut places = places.into_iter().map(inner);
            for _ in 0..walls {
                letters[places.next()?] = '#';
            }
            for _ in 0..boxes {
                letters[places.next()?] = '.';
            }
            letters[places.next()?] = '@';
            for i in 0..boxes {
                if on_goals && i == 0 {
                    let goal = letters.iter().position(|letter| *letter == '.')?;
                    letters[goal] = '*';
                } else {
                    letters[places.next()?] = '$';
                }
            }
            let rows: Vec<String> = letters.chunks(columns + 2).map(|row| row.iter().collect()).collect();
            Level::parse(&rows).ok()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_solver_finds_as_few_moves_and_pushes_as_trying_everything(level in small_levels()) {
        for (fewest, walk) in [(Fewest::Pushes, 0), (Fewest::Moves, 1)] {
            let solved = solve(&level, fewest, 1_000_000).expect("a small room");
            prop_assert_eq!(check(&level, &solved, fewest), by_trial(&level, walk), "{:?}\n{}", fewest, level.rows().join("\n"));
        }
    }

    #[test]
    fn backward_distances_are_those_of_trying_everything(level in small_levels()) {
        let mut search = BackwardSearch::default();
        let complete = search.run(&level.room, Bounds { states: 10_000_000, moves: 250 }).expect("a small room");
        prop_assert!(complete);
        let distance = search.distance(&level.start);
        prop_assert_eq!(distance, by_trial(&level, 1), "{}", level.rows().join("\n"));
        let optimal = search.optimal_moves(&level.start);
        for m in Move::ALL {
            let mut after = level.start.clone();
            make_move(&level.room, &mut after, m);
            let left = by_trial(&Level { start: after, ..level.clone() }, 1);
            let expected = distance.is_some_and(|d| d > 0 && left == Some(d - 1));
            prop_assert_eq!(optimal.contains(m), expected, "{:?}\n{}", m, level.rows().join("\n"));
        }
    }
}

/// All states of a room's boxes and player.
fn all_states(room: &Room, boxes: usize) -> Vec<State> {
    let floor: Vec<u16> = (0..room.squares() as u16).filter(|square| !room.is_wall(*square)).collect();
    let mut placed = vec![Vec::new()];
    for _ in 0..boxes {
        let next = |chosen: &Vec<u16>| {
            let after = floor.iter().copied().filter(|s| chosen.last().is_none_or(|last| s > last));
            after.map(|s| chosen.iter().copied().chain([s]).collect()).collect::<Vec<Vec<u16>>>()
        };
        placed = placed.iter().flat_map(next).collect();
    }
    let with_player = |boxes: &Vec<u16>| {
        let free = floor.iter().copied().filter(|s| !boxes.contains(s));
        free.map(|player| State { player, boxes: boxes.clone() }).collect::<Vec<_>>()
    };
    placed.iter().flat_map(with_player).collect()
}

#[test]
fn every_state_of_a_room_has_its_distance_or_none() {
    let level =
        Level::parse(&["########", "#@    .#", "# $ $  #", "#   #  #", "#.     #", "########"]).expect("a level");
    let mut search = BackwardSearch::default();
    assert!(search.run(&level.room, Bounds { states: 1_000_000, moves: 250 }).expect("a room"));
    let (mut solvable, mut dead) = (0, 0);
    for state in all_states(&level.room, 2) {
        let expected = by_trial(&Level { start: state.clone(), ..level.clone() }, 1);
        assert_eq!(search.distance(&state), expected, "{state:?}");
        if expected.is_some() { solvable += 1 } else { dead += 1 }
    }
    assert_eq!(solvable, search.states());
    assert!(solvable > 100 && dead > 100, "{solvable} and {dead}");
    let by_distance: usize = (0..=search.largest_distance()).map(|d| search.count(d)).sum();
    assert_eq!(by_distance, search.states());
    for distance in 0..=search.largest_distance() {
        for index in 0..search.count(distance) {
            assert_eq!(search.distance(&search.state(distance, index)), Some(distance));
        }
    }
}

#[test]
fn bounds_end_a_backward_search() {
    let level =
        Level::parse(&["########", "#@    .#", "# $ $  #", "#   #  #", "#.     #", "########"]).expect("a level");
    let mut search = BackwardSearch::default();
    assert!(search.run(&level.room, Bounds { states: 1_000_000, moves: 5 }).expect("a room"));
    assert_eq!(search.largest_distance(), 5);
    let near = search.states();
    assert!(search.run(&level.room, Bounds { states: near, moves: 5 }).expect("a room"), "exactly as many are allowed");
    assert!(!search.run(&level.room, Bounds { states: near - 1, moves: 5 }).expect("a room"));
    let walls = Level::parse(&["####", "#@ #", "#$.#", "####"]).expect("a level").room;
    let empty = Room::new(4, 4, (0..16).map(|square| walls.is_wall(square)).collect(), vec![false; 16]);
    let error = search.run(&empty, Bounds { states: 1, moves: 1 }).expect_err("no goals").to_string();
    assert_eq!(error, "expected at least one box (`$` or `*`), found none");
}

#[test]
fn a_level_without_a_solution_and_one_with_too_many_nodes_are_told_apart() {
    let corner = Level::parse(&["######", "#$   #", "# @ .#", "#    #", "######"]).expect("a level");
    assert_eq!(solve(&corner, Fewest::Pushes, 1_000).expect("runs"), Solved::Impossible);
    let level = Level::parse(&["########", "#@     #", "# $ $  #", "#   .. #", "########"]).expect("a level");
    assert_eq!(solve(&level, Fewest::Moves, 2).expect("runs"), Solved::GaveUp);
    let solved = Level::parse(&["#####", "#@* #", "#####"]).expect("a level");
    assert!(matches!(solve(&solved, Fewest::Moves, 0).expect("runs"), Solved::Yes(s) if s.moves.is_empty()));
}

#[test]
fn states_beyond_64_bits_are_refused() {
    let row = format!("#@{}{}#", "$".repeat(12), ".".repeat(12));
    let edge = "#".repeat(row.len());
    let level = Level::parse(&[edge.as_str(), &row, &edge]).expect("a level");
    let error = solve(&level, Fewest::Pushes, 10).expect_err("is too large").to_string();
    assert_eq!(error, "expected player and boxes that fit 64 bits, found 12 boxes on 25 squares of floor");
}
