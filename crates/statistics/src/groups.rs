//! Groups of items: takes group keys, gives consecutive group ids and per-group sums.

use std::collections::HashMap;
use std::hash::Hash;

/// Group id of each item, `[items]`: 0, 1, … in order of the first appearance of each key. `keys` has one key per item.
///
/// # Panics
/// If there are more than 2³² groups.
pub fn group_ids<K: Eq + Hash>(keys: impl IntoIterator<Item = K>) -> Vec<u32> {
    let mut seen = HashMap::new();
    keys.into_iter()
        .map(|key| {
            let next = u32::try_from(seen.len()).expect("groups because items fit in memory");
            *seen.entry(key).or_insert(next)
        })
        .collect()
}

/// Sum of `values` and number of items of each group, `[groups]`, in order of the first appearance of each group.
///
/// `values` and `groups` (group id of each item; any numbers, gaps allowed) are `[items]`, in the same order of items.
/// Sums are in the unit of `values`.
///
/// # Panics
/// If the slices differ in length.
pub fn group_sums(values: &[f64], groups: &[u32]) -> Vec<(f64, usize)> {
    assert_eq!(values.len(), groups.len(), "one group id per item");
    let mut sums: Vec<(f64, usize)> = Vec::new();
    for (&value, group) in values.iter().zip(group_ids(groups)) {
        let group = group as usize;
        // Ids are numbered by first appearance, so a new group always follows the ones already in the list.
        if group == sums.len() {
            sums.push((0.0, 0));
        }
        sums[group].0 += value;
        sums[group].1 += 1;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_first_appearance() {
        assert_eq!(group_ids(["b", "a", "b", "c", "a"]), [0, 1, 0, 2, 1]);
    }

    #[test]
    fn sums_accept_sparse_ids() {
        let sums = group_sums(&[1.0, 2.0, 4.0, 8.0], &[900, 7, 900, 7]);
        assert_eq!(sums, [(5.0, 2), (10.0, 2)]);
    }
}
