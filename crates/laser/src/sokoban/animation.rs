//! An animated picture of a level: the play of one or several players side by side, as SVG that moves without a script.

use std::fmt::Write;

use laser_sokoban::rules::make_move;
use laser_sokoban::{Level, Move, Square, State};

use super::play::Played;

/// A player's name and its play.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Name of the player, such as its edit.
    pub name: &'a str,
    /// Its play of the level.
    pub played: &'a Played,
}

/// Side of a square, in pixels.
const SIDE: usize = 24;
/// Space between two scenes, and around them.
const GAP: usize = 16;
/// Height of the line above a scene.
const TITLE: usize = 22;
/// Seconds of one move.
const MOVE_SECONDS: f64 = 0.35;
/// Moves that the end stays on the screen.
const PAUSE: usize = 4;

/// Draws the play of a level by several players, each on a board of its own; all start together, and the picture begins
/// again when the longest has ended.
pub fn animate(level: &Level, scenes: &[Scene<'_>]) -> String {
    let (rows, columns) = (level.room.rows(), level.room.columns());
    let frames = scenes.iter().map(|scene| scene.played.moves.len()).max().unwrap_or(0) + 1 + PAUSE;
    let width = scenes.len() * (columns * SIDE + GAP) + GAP;
    let height = rows * SIDE + TITLE + 2 * GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (i, scene) in scenes.iter().enumerate() {
        let left = GAP + i * (columns * SIDE + GAP);
        let _ = writeln!(svg, "<g transform=\"translate({left} {})\">", GAP + TITLE);
        let title = format!("{}: {}", scene.name, outcome(scene.played));
        let _ = writeln!(svg, "<text y=\"-8\" fill=\"#222\">{}</text>", escaped(&title));
        draw_room(&mut svg, level);
        draw_play(&mut svg, level, &scene.played.moves, frames);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// The end of a play in words.
fn outcome(played: &Played) -> String {
    let n = played.moves.len();
    let moves = if n == 1 { "move" } else { "moves" };
    if played.solved() { format!("solved in {n} {moves}") } else { format!("not solved, {n} {moves}") }
}

/// Text that may stand in SVG.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Walls, floor and goals, which do not move.
fn draw_room(svg: &mut String, level: &Level) {
    let room = &level.room;
    let corner = |square: Square| {
        let (row, column) = room.place(square);
        (column * SIDE, row * SIDE)
    };
    let squares = || 0..room.squares() as Square;
    let (width, height) = (room.columns() * SIDE, room.rows() * SIDE);
    let _ = writeln!(svg, "<rect width=\"{width}\" height=\"{height}\" fill=\"#eceff1\"/>");
    let wall = |square| {
        let (x, y) = corner(square);
        format!("M{x} {y}h{SIDE}v{SIDE}h-{SIDE}z")
    };
    let walls: String = squares().filter(|square| room.is_wall(*square)).map(wall).collect();
    let _ = writeln!(svg, "<path d=\"{walls}\" fill=\"#5b6470\"/>");
    for (x, y) in room.goals().map(corner) {
        let (x, y, r) = (x + SIDE / 2, y + SIDE / 2, SIDE / 5);
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" fill=\"#c2410c\"/>");
    }
}

/// Boxes and player, each with its places over time.
fn draw_play(svg: &mut String, level: &Level, moves: &[Move], frames: usize) {
    let (boxes, players) = tracks(level, moves);
    let seconds = frames as f64 * MOVE_SECONDS;
    for track in boxes {
        let body = format!(
            "<rect x=\"3\" y=\"3\" width=\"{0}\" height=\"{0}\" rx=\"3\" fill=\"#b7791f\" stroke=\"#7b4f0f\"/>",
            SIDE - 6
        );
        draw_track(svg, level, &track, &body, frames, seconds);
    }
    let (centre, radius) = (SIDE / 2, SIDE / 2 - 4);
    let body = format!("<circle cx=\"{centre}\" cy=\"{centre}\" r=\"{radius}\" fill=\"#1d4ed8\"/>");
    draw_track(svg, level, &players, &body, frames, seconds);
}

/// A thing that stands on one square after the other, and stays on the last.
fn draw_track(svg: &mut String, level: &Level, track: &[Square], body: &str, frames: usize, seconds: f64) {
    let place = |square: &Square| {
        let (row, column) = level.room.place(*square);
        format!("{} {}", column * SIDE, row * SIDE)
    };
    // Only the moments at which the thing comes to another square.
    let (mut times, mut places) = (vec!["0".to_owned()], vec![place(&track[0])]);
    for (frame, pair) in track.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]) {
        times.push(format!("{:.4}", (frame + 1) as f64 / frames as f64));
        places.push(place(&pair[1]));
    }
    let start = &places[0];
    let _ = write!(svg, "<g transform=\"translate({start})\">{body}");
    if places.len() > 1 {
        let _ = write!(
            svg,
            "<animateTransform attributeName=\"transform\" type=\"translate\" calcMode=\"discrete\" \
             repeatCount=\"indefinite\" dur=\"{seconds:.2}s\" keyTimes=\"{}\" values=\"{}\"/>",
            times.join(";"),
            places.join(";")
        );
    }
    svg.push_str("</g>\n");
}

/// The squares of each box and of the player, at the start and after every move.
fn tracks(level: &Level, moves: &[Move]) -> (Vec<Vec<Square>>, Vec<Square>) {
    let mut state: State = level.start.clone();
    let mut boxes: Vec<Vec<Square>> = state.boxes.iter().map(|square| vec![*square]).collect();
    let mut players = vec![state.player];
    for m in moves {
        let before = state.clone();
        make_move(&level.room, &mut state, *m);
        players.push(state.player);
        let gone = before.boxes.iter().find(|square| !state.boxes.contains(square));
        let come = state.boxes.iter().find(|square| !before.boxes.contains(square));
        for track in &mut boxes {
            let last = track[track.len() - 1];
            track.push(if Some(&last) == gone { *come.expect("a pushed box is somewhere") } else { last });
        }
    }
    (boxes, players)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sokoban::Ending;

    #[test]
    fn boxes_keep_their_names_while_they_are_pushed() {
        let level = Level::parse(&["#######", "#@$ $.#", "#    .#", "#######"]).expect("a level");
        let (boxes, players) = tracks(&level, &[Move::Right, Move::Up, Move::Right, Move::Left]);
        assert_eq!(boxes, [vec![9, 10, 10, 10, 10], vec![11; 5]], "the second push is blocked by a box");
        assert_eq!(players, [8, 9, 9, 9, 8]);
    }

    #[test]
    fn a_picture_has_a_board_for_each_player_and_no_script() {
        let level = Level::parse(&["######", "#@$ .#", "######"]).expect("a level");
        let right = Played { moves: vec![Move::Right; 2], total_return: 10.8, ending: Ending::Solved };
        let left = Played { moves: vec![Move::Left], total_return: -0.1, ending: Ending::OutOfMoves };
        let scenes = [Scene { name: "a < b", played: &right }, Scene { name: "base", played: &left }];
        let svg = animate(&level, &scenes);
        assert!(svg.contains("a &lt; b: solved in 2 moves") && svg.contains("base: not solved, 1 move<"), "{svg}");
        assert_eq!(
            svg.matches("animateTransform").count(),
            2,
            "box and player of the first; nothing moves in the second"
        );
        assert!(svg.contains("keyTimes=\"0;0.1429;0.2857\" values=\"24 24;48 24;72 24\""), "{svg}");
        assert!(!svg.contains("script"));
        assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count());
    }
}
