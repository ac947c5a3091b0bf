//! The solver: A* over pushes, with the fewest pushes or the fewest moves of the player.
//!
//! A node is a state in which the player may push next. Pushes are the edges; between them the player walks. With fewest
//! pushes the walks cost nothing, and the player's place counts only up to the squares that can be walked to. The
//! estimate of what is left is the cheapest assignment of boxes to goals by pushes without other boxes.

use crate::error::Result;
use crate::floor::{Boxes, Cell, Floor, NONE};
use crate::level::Level;
use crate::moves::Move;
use crate::push_distances::PushDistances;
use crate::room::Square;
use crate::state_table::StateTable;

/// What a solution has the fewest of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fewest {
    /// Pushes: quick.
    Pushes,
    /// Moves, walks included: about ten times as many nodes.
    Moves,
}

/// A solution of a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// The moves, walks included.
    pub moves: Vec<Move>,
    /// Number of pushes among them.
    pub pushes: usize,
    /// Number of nodes that the search opened.
    pub nodes: usize,
}

/// Result of a search for a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Solved {
    /// A solution with the fewest pushes or moves.
    Yes(Solution),
    /// There is no solution.
    Impossible,
    /// No solution is among the first `nodes` nodes.
    GaveUp,
}

/// A push that led to a node.
#[derive(Debug, Clone, Copy)]
struct Node {
    code: u64,
    /// Cost so far.
    cost: u32,
    /// Index of the node before, and the cell from which the player pushed from there; of the start, itself.
    parent: u32,
    from: Cell,
    direction: Move,
}

/// Solves a level, opening at most `most_nodes` nodes.
///
/// # Errors
/// More boxes and floor than a state code has room for.
pub fn solve(level: &Level, fewest: Fewest, most_nodes: usize) -> Result<Solved> {
    let reachable = level.room.reachable(level.start.player);
    let floor = Floor::new(&level.room, |square: Square| reachable[square as usize])?;
    Ok(Search::new(&floor, fewest).run(level, most_nodes))
}

struct Search<'a> {
    floor: &'a Floor,
    pushes: PushDistances,
    fewest: Fewest,
    nodes: Vec<Node>,
    /// Best node of each code.
    best: StateTable,
    /// Open nodes by the estimated cost of the whole solution.
    buckets: Vec<Vec<u32>>,
    walk: Walk,
}

impl<'a> Search<'a> {
    fn new(floor: &'a Floor, fewest: Fewest) -> Self {
        let (pushes, walk) = (PushDistances::new(floor), Walk::new(floor.len()));
        Self { floor, pushes, fewest, nodes: Vec::new(), best: StateTable::new(), buckets: Vec::new(), walk }
    }

    fn run(mut self, level: &Level, most_nodes: usize) -> Solved {
        let start = self.floor.code_of(&level.start).expect("a level's boxes and player are on its floor");
        let boxes = self.floor.boxes(start);
        if boxes.as_slice() == self.floor.goals() {
            return Solved::Yes(Solution { moves: Vec::new(), pushes: 0, nodes: 0 });
        }
        let start = self.normal(start, &boxes);
        self.open(Node { code: start, cost: 0, parent: 0, from: NONE, direction: Move::Up }, &boxes);
        let (mut bucket, mut opened) = (0, 0);
        while bucket < self.buckets.len() {
            let Some(index) = self.buckets[bucket].pop() else {
                bucket += 1;
                continue;
            };
            let node = self.nodes[index as usize];
            if self.best.get(node.code) != Some(index) {
                continue; // a cheaper way was found since
            }
            let boxes = self.floor.boxes(node.code);
            if boxes.as_slice() == self.floor.goals() {
                return Solved::Yes(self.solution(level, index, opened));
            }
            if opened == most_nodes {
                return Solved::GaveUp;
            }
            opened += 1;
            self.expand(index, node, &boxes);
        }
        Solved::Impossible
    }

    /// The code by which states are told apart.
    fn normal(&mut self, code: u64, boxes: &Boxes) -> u64 {
        if self.fewest == Fewest::Moves {
            return code;
        }
        self.walk.from(self.floor, self.floor.player(code), boxes);
        self.floor.with_player(code, self.walk.smallest())
    }

    fn open(&mut self, node: Node, boxes: &Boxes) {
        let Some(left) = self.pushes.least_pushes(boxes) else { return };
        let index = u32::try_from(self.nodes.len()).expect("fewer nodes than the largest number allows");
        if !self.best.insert(node.code, index) {
            let known = self.best.get(node.code).expect("has an entry");
            if self.nodes[known as usize].cost <= node.cost {
                return;
            }
            self.best.replace(node.code, index);
        }
        let bucket = (node.cost + left) as usize;
        if self.buckets.len() <= bucket {
            self.buckets.resize_with(bucket + 1, Vec::new);
        }
        self.buckets[bucket].push(index);
        self.nodes.push(node);
    }

    /// Opens the nodes after each push that is possible.
    fn expand(&mut self, index: u32, node: Node, boxes: &Boxes) {
        self.walk.from(self.floor, self.floor.player(node.code), boxes);
        let mut found: Vec<(Cell, Cell, Cell, Move, u32)> = Vec::new();
        for cell in boxes.as_slice().iter().copied() {
            for direction in Move::ALL {
                let (from, to) = (self.floor.next(cell, direction.opposite()), self.floor.next(cell, direction));
                if from == NONE || to == NONE || boxes.contains(to) || self.pushes.is_dead(to) {
                    continue;
                }
                if let Some(steps) = self.walk.distance(from) {
                    found.push((cell, from, to, direction, steps));
                }
            }
        }
        for (cell, from, to, direction, steps) in found {
            let after = boxes.with_moved(cell, to);
            let cost = match self.fewest {
                Fewest::Pushes => node.cost + 1,
                Fewest::Moves => node.cost + steps + 1,
            };
            let code = self.normal(self.floor.code(cell, &after), &after);
            self.open(Node { code, cost, parent: index, from, direction }, &after);
        }
    }

    /// The moves that lead to a node.
    fn solution(mut self, level: &Level, index: u32, nodes: usize) -> Solution {
        let mut pushes = Vec::new();
        let mut at = index as usize;
        while self.nodes[at].from != NONE {
            pushes.push((self.nodes[at].from, self.nodes[at].direction));
            at = self.nodes[at].parent as usize;
        }
        let mut code = self.floor.code_of(&level.start).expect("a level's boxes and player are on its floor");
        let mut moves = Vec::new();
        for (from, direction) in pushes.iter().rev().copied() {
            let boxes = self.floor.boxes(code);
            self.walk.from(self.floor, self.floor.player(code), &boxes);
            moves.extend(self.walk.path(self.floor, from));
            moves.push(direction);
            let cell = self.floor.next(from, direction);
            code = self.floor.code(cell, &boxes.with_moved(cell, self.floor.next(cell, direction)));
        }
        Solution { moves, pushes: pushes.len(), nodes }
    }
}

/// Distances that the player walks without pushing.
struct Walk {
    /// Distance of each cell, or `u32::MAX`.
    distances: Vec<u32>,
    order: Vec<Cell>,
}

impl Walk {
    fn new(cells: usize) -> Self {
        Self { distances: vec![u32::MAX; cells], order: Vec::with_capacity(cells) }
    }

    fn from(&mut self, floor: &Floor, player: Cell, boxes: &Boxes) {
        self.distances.fill(u32::MAX);
        self.order.clear();
        self.order.push(player);
        self.distances[player as usize] = 0;
        let mut first = 0;
        while let Some(cell) = self.order.get(first).copied() {
            first += 1;
            for next in Move::ALL.map(|m| floor.next(cell, m)) {
                if next != NONE && self.distances[next as usize] == u32::MAX && !boxes.contains(next) {
                    self.distances[next as usize] = self.distances[cell as usize] + 1;
                    self.order.push(next);
                }
            }
        }
    }

    fn smallest(&self) -> Cell {
        self.order.iter().copied().min().expect("the player's own cell")
    }

    fn distance(&self, cell: Cell) -> Option<u32> {
        Some(self.distances[cell as usize]).filter(|distance| *distance != u32::MAX)
    }

    /// A shortest path to a cell.
    fn path(&self, floor: &Floor, cell: Cell) -> Vec<Move> {
        let (mut at, mut moves) = (cell, Vec::new());
        while self.distances[at as usize] > 0 {
            let nearer = |m: &Move| {
                let before = floor.next(at, m.opposite());
                before != NONE && self.distances[before as usize] < self.distances[at as usize]
            };
            let m = Move::ALL.into_iter().find(nearer).expect("a cell at a distance has a nearer neighbour");
            moves.push(m);
            at = floor.next(at, m.opposite());
        }
        moves.reverse();
        moves
    }
}
