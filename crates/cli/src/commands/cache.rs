//! `laser cache`: what is kept on this disk.

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Result;
use indicatif::BinaryBytes;
use laser::cache::{self, CacheEntry, CacheKind};
use serde_json::json;

use crate::args::{Cache, CacheCommand, Global, KindName};
use crate::{output, plan};

pub(super) fn run(args: &Cache, global: &Global) -> Result<ExitCode> {
    let folder = plan::cache_dir(global);
    match &args.command {
        CacheCommand::List => list(&cache::entries(&folder)?, &shared()?, global)?,
        CacheCommand::Size => size(&cache::entries(&folder)?, &shared()?, global)?,
        CacheCommand::Clear { kinds } => {
            let kinds: Vec<CacheKind> = kinds.iter().flat_map(|kind| kind.kinds()).copied().collect();
            let removed = cache::clear(&folder, &kinds)?;
            let bytes = total(&removed);
            if global.json {
                output::json(&json!({"folder": folder, "removed": removed.len(), "bytes": bytes}))?;
            } else {
                let (n, size) = (removed.len(), BinaryBytes(bytes));
                output::result(&format!("removed {n} entries, {size}, from {}", folder.display()))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Entries of Hugging Face's own cache.
fn shared() -> Result<Vec<CacheEntry>> {
    Ok(plan::environment::hub_cache().map(|folder| cache::repositories(&folder)).transpose()?.unwrap_or_default())
}

fn total(entries: &[CacheEntry]) -> u64 {
    entries.iter().map(|entry| entry.bytes).sum()
}

/// The entries, one a line; decompositions and hashes, whose names say nothing, together.
fn list(own: &[CacheEntry], shared: &[CacheEntry], global: &Global) -> Result<()> {
    if global.json {
        return output::json(&json!({"entries": own, "hugging_face": shared}));
    }
    let mut rows = vec![["entry", "size", "last used"].map(str::to_owned).to_vec()];
    let together = [(CacheKind::Decomposition, "decompositions"), (CacheKind::Hash, "hashes of files")];
    for (kind, name) in together {
        let entries: Vec<_> = own.iter().filter(|entry| entry.kind == kind).cloned().collect();
        if !entries.is_empty() {
            let used = entries.iter().filter_map(|entry| entry.used).max();
            let name = format!("{} {name}", entries.len());
            rows.push(vec![name, BinaryBytes(total(&entries)).to_string(), date(used)]);
        }
    }
    let others = own.iter().filter(|entry| together.iter().all(|(kind, _)| entry.kind != *kind));
    let row = |entry: &CacheEntry, of: &str| {
        vec![format!("{}{of}", entry.name), BinaryBytes(entry.bytes).to_string(), date(entry.used)]
    };
    rows.extend(others.map(|entry| row(entry, "")));
    rows.extend(shared.iter().map(|entry| row(entry, " (in Hugging Face's cache)")));
    if rows.len() == 1 {
        return output::result("nothing is kept");
    }
    output::result(&output::table(&rows))
}

/// The bytes of each kind, and their bound.
fn size(own: &[CacheEntry], shared: &[CacheEntry], global: &Global) -> Result<()> {
    let of = |name: KindName| {
        own.iter().filter(|entry| name.kinds().contains(&entry.kind)).map(|entry| entry.bytes).sum::<u64>()
    };
    let [decompositions, hashes, models] = [KindName::Decompositions, KindName::Hashes, KindName::Models].map(of);
    let folder = plan::cache_dir(global);
    let bound = plan::cache_bound(global);
    if global.json {
        return output::json(&json!({
            "folder": folder,
            "decompositions": decompositions,
            "bound_of_decompositions": bound,
            "hashes": hashes,
            "models": models,
            "hugging_face": total(shared),
        }));
    }
    let bound = bound.map_or_else(|| "none are kept".to_owned(), |bound| format!("at most {}", BinaryBytes(bound)));
    let rows = [
        vec!["decompositions".to_owned(), BinaryBytes(decompositions).to_string(), bound],
        vec!["hashes of files".to_owned(), BinaryBytes(hashes).to_string(), String::new()],
        vec!["models".to_owned(), BinaryBytes(models).to_string(), String::new()],
        vec!["all in ".to_owned() + &folder.display().to_string(), BinaryBytes(total(own)).to_string(), String::new()],
        vec!["Hugging Face's own cache".to_owned(), BinaryBytes(total(shared)).to_string(), String::new()],
    ];
    output::result(&output::table(&rows))
}

/// The day of a time, in UTC.
fn date(time: Option<SystemTime>) -> String {
    let time = time.and_then(|time| jiff::Timestamp::try_from(time).ok());
    time.map_or_else(String::new, |time| jiff::tz::Offset::UTC.to_datetime(time).date().to_string())
}
