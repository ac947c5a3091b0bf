//! Disks that are full at a random write: the run is refused with a message, leaves nothing that looks whole, and can be
//! repeated or resumed once there is room.
#![allow(clippy::print_stderr)] // skipped tests are reported

use std::path::Path;
use std::process::Command;

use rand::Rng;

use crate::bench::{Bench, Ran};
use crate::items;
use crate::moments::{dice, kills};
use crate::search::{FILES, SEARCH};
use crate::snapshot::{differences, snapshot};

/// Runs the binary so that no file may become larger than `limit` bytes (to half a kilobyte).
fn limited(bench: &Bench, arguments: &str, limit: usize) -> Ran {
    // Without the signal, a write beyond the limit fails as it does on a full disk.
    bench.run_after(&format!("trap '' XFSZ; ulimit -f {}", limit / 512), arguments)
}

/// Checks that a run either did its work or was refused in order.
#[track_caller]
fn in_order(ran: &Ran) -> bool {
    let code = ran.status.code();
    assert!(matches!(code, Some(0..=2)) && !ran.stderr.contains("panicked"), "{ran:?}");
    let refused = code == Some(2);
    assert_eq!(refused, ran.stderr.contains("error: "), "{ran:?}");
    !refused
}

#[test]
fn a_search_on_a_full_disk_goes_on_when_there_is_room() {
    let bench = Bench::new();
    items::open(&bench, 120);
    let search = format!("{SEARCH} --strategy race");
    bench.done(&format!("{search} --out whole"));
    let mut dice = dice(6);
    let mut refused = 0;
    for i in 0..kills() {
        std::fs::create_dir(bench.path(&format!("full-{i}"))).expect("creates");
        let command = format!("{search} --cache-dir cache-{i} --out full-{i} --resume");
        refused += usize::from(!in_order(&limited(&bench, &command, dice.random_range(0..200_000))));
        bench.done(&command);
        for file in FILES {
            let (whole, found) = (bench.settled(&format!("whole/{file}")), bench.settled(&format!("full-{i}/{file}")));
            assert!(whole == found, "full-{i}: {file} differs");
        }
    }
    assert!(refused > 0, "every limit was large enough");
}

#[test]
fn models_and_evaluations_on_a_full_disk_are_whole_or_absent() {
    let bench = Bench::with_gguf();
    items::open(&bench, 40);
    let mut dice = dice(7);
    for (work, whole) in [
        ("apply model --edit L*.gate_proj@0.1", "whole"),
        ("apply model.gguf --edit L*.gate_proj@0.1", "whole.gguf"),
        ("apply model --edit L*.gate_proj@0.1 --format delta", "whole.safetensors"),
        ("eval model --task open.jsonl --score top1 --edit L1.gate_proj@0.1", "whole-eval"),
    ] {
        bench.done(&format!("{work} --out {whole}"));
        let expected = snapshot(&bench.path(whole)).expect("written");
        let largest = expected.values().map(Vec::len).max().expect("files");
        let mut refused = 0;
        for i in 0..kills().div_ceil(2) {
            let out = format!("full-{i}-{whole}");
            let ran = limited(&bench, &format!("{work} --out {out}"), dice.random_range(0..largest));
            refused += usize::from(!in_order(&ran));
            let found = snapshot(&bench.path(&out)).unwrap_or_default();
            let marked = found.contains_key("/results.json") || !whole.ends_with("eval");
            assert!(found.is_empty() || found == expected || !marked, "{out}: {:?}", differences(&found, &expected));
            if found != expected {
                bench.done(&format!("{work} --out {out}"));
                assert!(snapshot(&bench.path(&out)).as_ref() == Some(&expected), "{out} differs");
            }
        }
        assert!(refused > 0, "{work}: every limit was large enough");
    }
}

/// A file system in memory of `size` bytes, unmounted when dropped; `None` if this process may not mount one.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path, size: usize) -> Option<Self> {
        std::fs::create_dir_all(at).expect("creates");
        let size = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_small_disk_loses_nothing() {
    let bench = Bench::new();
    items::open(&bench, 120);
    let search = format!("{SEARCH} --strategy race");
    bench.done(&format!("{search} --out whole"));
    let mut dice = dice(8);
    for i in 0..kills() {
        let disk = bench.path("disk");
        let size = dice.random_range(16_000..400_000);
        let Some(mounted) = SmallDisk::mount(&disk, size) else {
            eprintln!("skipped: this process may not mount a file system");
            return;
        };
        let command = format!("{search} --cache-dir disk/cache --out disk/run --resume");
        // A disk may be too small for a folder.
        let _ = std::fs::create_dir(disk.join("run"));
        let ran = bench.run(&command);
        let done = in_order(&ran);
        // The rest of the run on a disk with room: what the full one holds must be sound.
        let moved = bench.path(&format!("run-{i}"));
        std::fs::create_dir(&moved).expect("creates");
        for entry in std::fs::read_dir(disk.join("run")).into_iter().flatten() {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), moved.join(entry.file_name())).expect("copies");
        }
        drop(mounted);
        bench.done(&format!("{search} --out run-{i} --resume"));
        for file in FILES {
            let (whole, found) = (bench.settled(&format!("whole/{file}")), bench.settled(&format!("run-{i}/{file}")));
            assert!(whole == found, "run-{i}: {file} differs (finished on {size} bytes: {done})");
        }
    }
}
