//! Texts of files by pyarrow, page by page, against all of their records; damage in one group, and damage everywhere.

use serde_json::Value;

use super::*;
use crate::dataset::Records;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/parquet").join(name)
}

/// Values with the numbers of their records.
type Values = Vec<(u64, Option<String>)>;

/// All texts of a file, and the errors of groups.
fn texts(path: &Path, column: &str) -> Result<(Values, Vec<String>)> {
    let mut file = ParquetTexts::open(path, column)?;
    let (mut texts, mut errors) = (Vec::new(), Vec::new());
    for group in 0..file.groups() {
        let read = file.read_group(group, &mut |record, text| {
            match text {
                ParquetText::Text(text) => texts.push((record, Some(text.to_owned()))),
                ParquetText::Null => texts.push((record, None)),
                ParquetText::NotUtf8 => errors.push(format!("record {record}")),
            }
            ControlFlow::Continue(())
        });
        errors.extend(read.err().map(|error| error.to_string()));
    }
    Ok((texts, errors))
}

#[test]
fn texts_are_those_of_the_records() {
    for (name, column) in [
        ("flat-plain.parquet", "text"),
        ("flat-groups.parquet", "text"),
        ("flat-pages-v2.parquet", "text"),
        ("nested.parquet", "id"),
        ("nested-zstd-v2.parquet", "id"),
    ] {
        let records = Records::read(&golden(name)).expect(name).records;
        let expected: Values = (0..)
            .zip(&records)
            .map(|(number, record)| (number, record.fields[column].as_str().map(str::to_owned)))
            .collect();
        assert!(expected.iter().any(|(_, text)| text.is_some()), "{name}");
        assert_eq!(texts(&golden(name), column).expect(name), (expected, Vec::new()), "{name}");
    }
    assert!(ParquetTexts::open(&golden("flat-groups.parquet"), "text").expect("opens").groups() > 1);
}

#[test]
fn reading_ends_where_the_visitor_breaks() {
    let mut file = ParquetTexts::open(&golden("flat-plain.parquet"), "text").expect("opens");
    let mut seen = 0;
    let ended = file.read_group(0, &mut |_, _| {
        seen += 1;
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((ended.expect("reads"), seen), (ControlFlow::Break(()), 3));
}

#[test]
fn columns_that_cannot_be_read_are_named() {
    let refused = |name: &str, column: &str| ParquetTexts::open(&golden(name), column).err().expect(column).to_string();
    let error = refused("flat-plain.parquet", "body");
    assert!(error.contains("flat-plain.parquet: footer: expected a column `body`, found index, text, "), "{error}");
    assert!(refused("flat-plain.parquet", "score").contains("found values of another kind"));
    let lists = refused("nested.parquet", "none");
    let list = lists.split(", ").find(|name| name.contains("sentences")).expect("a list of texts").to_owned();
    assert!(refused("nested.parquet", &list).contains("expected a text in each record"), "{list}");
    let folder = tempfile::tempdir().expect("a folder");
    for bytes in [&b""[..], b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"PAR1\0\0\0\0PAR2"] {
        let path = folder.path().join("x.parquet");
        std::fs::write(&path, bytes).expect("writes");
        let error = ParquetTexts::open(&path, "text").err().expect("damaged").to_string();
        assert!(error.contains("x.parquet: footer: expected"), "{error}");
    }
}

#[test]
fn damage_in_one_group_leaves_the_others() {
    let sound = std::fs::read(golden("flat-groups.parquet")).expect("a golden");
    let (all, _) = texts(&golden("flat-groups.parquet"), "text").expect("sound");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.parquet");
    let (chunk, _) = &ParquetTexts::open(&golden("flat-groups.parquet"), "text").expect("opens").groups[0];
    let mut bytes = sound.clone();
    bytes[chunk.start..chunk.start + 8].fill(0xff);
    std::fs::write(&path, &bytes).expect("writes");
    let (left, errors) = texts(&path, "text").expect("the footer is sound");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("x.parquet: row group 0, column `text`: expected"), "{errors:?}");
    assert!(!left.is_empty() && all.ends_with(&left), "the other groups, with the numbers of their records");
}

#[test]
fn damaged_bytes_never_panic_and_pages_agree_with_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.parquet");
    let (mut agreed, mut refused) = (0, 0);
    for name in ["flat-groups.parquet", "nested-zstd-v2.parquet"] {
        let column = if name.starts_with("flat") { "text" } else { "id" };
        let sound = std::fs::read(golden(name)).expect("a golden");
        for at in (0..sound.len()).step_by(3) {
            let mut bytes = sound.clone();
            bytes[at] ^= [0x01, 0xff, 0x40][at % 3];
            std::fs::write(&path, &bytes).expect("writes");
            let found = texts(&path, column);
            match (found, Records::read(&path)) {
                // The whole file was read: one column of it can be read too, and is the same.
                (Ok((texts, errors)), Ok(records)) if errors.is_empty() => {
                    let text =
                        |fields: &serde_json::Map<String, Value>| fields.get(column)?.as_str().map(str::to_owned);
                    let whole: Vec<Option<String>> =
                        records.records.iter().map(|record| text(&record.fields)).collect();
                    assert_eq!(texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), whole, "{name}: byte {at}");
                    agreed += 1;
                }
                (found, whole) => {
                    // A flipped byte may also be part of the column's name or type.
                    let other = found.as_ref().err().is_some_and(|error| {
                        ["expected a column", "expected a text in each record"]
                            .iter()
                            .any(|e| error.to_string().contains(e))
                    });
                    assert!(whole.is_err() || other, "{name}: byte {at}: {:?}", found.map(|(_, errors)| errors));
                    refused += 1;
                }
            }
        }
    }
    assert!(agreed > 50 && refused > 50, "{agreed} {refused}");
}
