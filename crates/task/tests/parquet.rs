//! The Parquet reader against the `parquet` crate: what that writes, ours reads, over all types, nestings, encodings,
//! compressions and page versions that ours claims; what it does not claim is refused by name.

mod shape;
mod write;

use std::ops::ControlFlow;

use laser_task::dataset::{ParquetText, ParquetTexts, Records};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

use shape::{Data, Field, LEAVES, Leaf, Shape, data, field, name, object};

/// What our reader gives for the bytes of a file.
fn read(bytes: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.parquet");
    std::fs::write(&path, bytes).expect("writes");
    let records = Records::read(&path).map_err(|e| e.to_string())?;
    Ok(records.records.into_iter().map(|record| record.fields).collect())
}

/// What our reader of single columns gives for the texts of a column.
fn texts(bytes: &[u8], column: &str) -> Result<Vec<Value>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.parquet");
    std::fs::write(&path, bytes).expect("writes");
    let mut file = ParquetTexts::open(&path, column).map_err(|e| e.to_string())?;
    let mut texts = Vec::new();
    for group in 0..file.groups() {
        let read = file.read_group(group, &mut |record, text| {
            assert_eq!(record, texts.len() as u64, "records are counted through the file");
            texts.push(match text {
                ParquetText::Text(text) => Value::from(text),
                ParquetText::Null => Value::Null,
                ParquetText::NotUtf8 => panic!("only texts were written"),
            });
            ControlFlow::Continue(())
        });
        assert!(read.map_err(|e| e.to_string())?.is_continue());
    }
    Ok(texts)
}

/// The ways of writing a file that our reader claims.
fn properties() -> impl Strategy<Value = WriterProperties> {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(3).expect("a level"));
    let compression = proptest::sample::select(vec![Compression::UNCOMPRESSED, Compression::SNAPPY, zstd]);
    let version = proptest::sample::select(vec![WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0]);
    // A small dictionary is given up in the middle of a column; small pages are many.
    let dictionary = proptest::sample::select(vec![None, Some(1), Some(40), Some(1 << 20)]);
    let page = proptest::sample::select(vec![(1, 1), (64, 3), (1 << 20, 1024)]);
    let rows = proptest::sample::select(vec![1_usize, 7, 20_000]);
    (compression, version, dictionary, page, rows).prop_map(
        |(compression, version, dictionary, (size, batch), rows)| {
            WriterProperties::builder()
                .set_compression(compression)
                .set_writer_version(version)
                .set_dictionary_enabled(dictionary.is_some())
                .set_dictionary_page_size_limit(dictionary.unwrap_or(1))
                .set_data_page_size_limit(size)
                .set_write_batch_size(batch)
                .set_data_page_row_count_limit(rows)
                // The crate's own choice for pages of version 2 is an encoding that ours does not claim.
                .set_encoding(Encoding::PLAIN)
                .build()
        },
    )
}

/// Fields, and groups of records with values for them.
fn file() -> impl Strategy<Value = (Vec<Field>, Vec<Vec<Vec<Data>>>)> {
    vec(field(3), 1..4).prop_flat_map(|fields| {
        let record = fields.iter().map(data).collect::<Vec<_>>();
        (Just(fields), vec(vec(record, 0..12), 1..4))
    })
}

fn expected(fields: &[Field], groups: &[Vec<Vec<Data>>]) -> Vec<Map<String, Value>> {
    groups.iter().flatten().map(|record| object(fields, name, record)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_file_is_read_as_it_was_written((fields, groups) in file(), properties in properties()) {
        let bytes = write::file(&fields, &groups, properties);
        prop_assert_eq!(read(&bytes), Ok(expected(&fields, &groups)));
    }
}

/// One column of a type, with some values and nulls in two groups.
fn column(leaf: Leaf, optional: bool) -> impl Strategy<Value = (Vec<Field>, Vec<Vec<Vec<Data>>>)> {
    let fields = vec![Field { optional, shape: Shape::Leaf(leaf) }];
    let record = fields.iter().map(data).collect::<Vec<_>>();
    (Just(fields), vec(vec(record, 1..40), 2))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_type_is_read_in_every_way_of_writing(
        columns in LEAVES.iter().flat_map(|leaf| [column(*leaf, false), column(*leaf, true)]).collect::<Vec<_>>(),
        properties in vec(properties(), 4),
    ) {
        for (fields, groups) in columns {
            for properties in &properties {
                let bytes = write::file(&fields, &groups, properties.clone());
                let expected = expected(&fields, &groups);
                if matches!(fields[0].shape, Shape::Leaf(Leaf::String)) {
                    let column: Vec<Value> = expected.iter().map(|record| record[&name(0)].clone()).collect();
                    prop_assert_eq!(texts(&bytes, &name(0)), Ok(column));
                }
                prop_assert_eq!(read(&bytes), Ok(expected), "{:?}", fields);
            }
        }
    }

    #[test]
    fn truth_values_may_be_stored_in_runs((fields, groups) in column(Leaf::Bool, true)) {
        let builder = WriterProperties::builder().set_dictionary_enabled(false).set_encoding(Encoding::RLE);
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let bytes = write::file(&fields, &groups, builder.clone().set_writer_version(version).build());
            prop_assert_eq!(read(&bytes), Ok(expected(&fields, &groups)));
        }
    }
}

#[test]
fn encodings_that_are_not_claimed_are_refused_by_name() {
    let of = |leaf: Leaf, encoding: Encoding, stored: shape::Stored| {
        let fields = [Field { optional: true, shape: Shape::Leaf(leaf) }];
        let groups = [vec![vec![Data::Leaf(stored)], vec![Data::Null]]];
        let properties = WriterProperties::builder().set_dictionary_enabled(false).set_encoding(encoding).build();
        read(&write::file(&fields, &groups, properties)).expect_err("refused")
    };
    for (leaf, encoding, stored, named) in [
        (Leaf::Int32, Encoding::DELTA_BINARY_PACKED, shape::Stored::Int32(1), "DELTA_BINARY_PACKED"),
        (Leaf::Int64, Encoding::BYTE_STREAM_SPLIT, shape::Stored::Int64(1), "BYTE_STREAM_SPLIT"),
        (Leaf::String, Encoding::DELTA_LENGTH_BYTE_ARRAY, shape::Stored::Bytes("a".into()), "DELTA_LENGTH_BYTE_ARRAY"),
        (Leaf::String, Encoding::DELTA_BYTE_ARRAY, shape::Stored::Bytes("a".into()), "DELTA_BYTE_ARRAY"),
    ] {
        let error = of(leaf, encoding, stored);
        assert!(error.contains("x.parquet: column `f0`") && error.contains(named), "{error}");
    }
}
