//! How many pushes bring a box from each square to a goal if no other box is in the way.

use crate::assignment::{IMPOSSIBLE, cheapest};
use crate::floor::{Boxes, Floor, MAX_BOXES, NONE};
use crate::moves::Move;

/// Pushes from every cell to every goal.
#[derive(Debug)]
pub(crate) struct PushDistances {
    /// `[cells · goals]`, row-major; [`IMPOSSIBLE`] where no pushes lead to the goal.
    distances: Vec<u32>,
    goals: usize,
}

impl PushDistances {
    /// Computes the distances by pulls from each goal.
    pub(crate) fn new(floor: &Floor) -> Self {
        let goals = floor.goals().len();
        let mut distances = vec![IMPOSSIBLE; floor.len() * goals];
        for (column, goal) in floor.goals().iter().enumerate() {
            let mut open = vec![*goal];
            distances[*goal as usize * goals + column] = 0;
            let mut first = 0;
            while let Some(cell) = open.get(first).copied() {
                first += 1;
                for m in Move::ALL {
                    // A pull by m: the box comes to `to`, and the player steps back from there.
                    let to = floor.next(cell, m);
                    if to == NONE || floor.next(to, m) == NONE {
                        continue;
                    }
                    let next = distances[cell as usize * goals + column] + 1;
                    let known = &mut distances[to as usize * goals + column];
                    if *known == IMPOSSIBLE {
                        *known = next;
                        open.push(to);
                    }
                }
            }
        }
        Self { distances, goals }
    }

    /// Whether a box on the cell can be pushed to no goal.
    pub(crate) fn is_dead(&self, cell: u16) -> bool {
        self.of(cell).iter().all(|distance| *distance == IMPOSSIBLE)
    }

    fn of(&self, cell: u16) -> &[u32] {
        &self.distances[cell as usize * self.goals..(cell as usize + 1) * self.goals]
    }

    /// Least number of pushes that bring all boxes to goals, each to another one, if they did not stand in each other's
    /// way; `None` if there is none. No solution has fewer pushes.
    pub(crate) fn least_pushes(&self, boxes: &Boxes) -> Option<u32> {
        let mut costs = [0; MAX_BOXES * MAX_BOXES];
        let n = self.goals;
        for (row, cell) in boxes.as_slice().iter().enumerate() {
            costs[row * n..(row + 1) * n].copy_from_slice(self.of(*cell));
        }
        cheapest(&costs[..n * n], n)
    }
}
