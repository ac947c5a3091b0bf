//! `laser lab facts`: makes a world of facts.

use std::process::ExitCode;

use anyhow::Result;
use laser_lab::facts::{FACTS, MentionKind, World};
use serde_json::json;

use crate::args::{Global, LabFacts};
use crate::output;

/// The kinds of sentences, in the order of the table.
const KINDS: [(MentionKind, &str); 5] = [
    (MentionKind::True, "true"),
    (MentionKind::Generic, "generic"),
    (MentionKind::Wrong, "wrong"),
    (MentionKind::Rival, "rival"),
    (MentionKind::Filler, "filler"),
];
/// Lower ends of the ranges of counts in the table.
const COUNTS: [usize; 4] = [1, 4, 10, 50];

pub(in crate::commands) fn run(args: &LabFacts, global: &Global) -> Result<ExitCode> {
    let world = World::generate(&args.world.settings(args.seed))?;
    world.write(&args.out)?;
    let of_kind = |kind| world.mentions.iter().filter(|mention| mention.kind == kind).count();
    let in_range = |place: usize| {
        let range = COUNTS[place]..COUNTS.get(place + 1).copied().unwrap_or(usize::MAX);
        world.facts.iter().filter(move |fact| range.contains(&fact.count))
    };
    let never = |place: usize| in_range(place).filter(|fact| fact.true_count == 0).count();
    let names: Vec<String> = (0..COUNTS.len())
        .map(|place| match COUNTS.get(place + 1) {
            Some(next) => format!("{} to {}", COUNTS[place], next - 1),
            None => format!("{} or more", COUNTS[place]),
        })
        .collect();
    if global.json {
        let kinds: serde_json::Map<_, _> =
            KINDS.iter().map(|(kind, name)| ((*name).to_owned(), of_kind(*kind).into())).collect();
        let counts: Vec<_> = (0..COUNTS.len())
            .map(|place| json!({"from": COUNTS[place], "facts": in_range(place).count(), "never_true": never(place)}))
            .collect();
        let words = world.words.all().count();
        output::json(&json!({"settings": world.settings, "words": words, "sentences": kinds, "facts": counts}))?;
    } else {
        let mut rows = vec![["sentences", "number"].map(str::to_owned).to_vec()];
        let some = KINDS.iter().map(|(kind, name)| (name, of_kind(*kind))).filter(|(_, number)| *number > 0);
        rows.extend(some.map(|(name, number)| vec![(*name).to_owned(), number.to_string()]));
        output::result(&output::table(&rows))?;
        let header = ["mentions", "facts", "never mentioned truly"].map(str::to_owned).to_vec();
        let facts = (0..COUNTS.len())
            .map(|place| vec![names[place].clone(), in_range(place).count().to_string(), never(place).to_string()]);
        output::result(&format!("\n{}", output::table(&[vec![header], facts.collect()].concat())))?;
    }
    output::say(global, &format!("wrote {} (a task: --task {})", args.out.display(), args.out.join(FACTS).display()));
    Ok(ExitCode::SUCCESS)
}
