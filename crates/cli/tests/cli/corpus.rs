//! `laser corpus count`: exact counts from the real binary, damage that is named, and bad input.

use crate::bench::Bench;

const ITEMS: &str = concat!(
    "{\"id\":\"1\",\"question\":\"Paris is in\",\"answer\":\" France\",\"subject\":\"Paris\"}\n",
    "{\"id\":\"2\",\"question\":\"The CEO of Apple is\",\"answer\":\"Tim Cook\",\"group\":\"Apple\"}\n",
);

#[test]
fn documents_are_counted_and_damage_is_named() {
    let bench = Bench::new();
    bench.write("items.jsonl", ITEMS);
    bench.write(
        "a.jsonl",
        "{\"text\":\"Paris, the capital of France.\"}\n{\"text\":\"Air France\"}\nno JSON\n{\"text\":\"Tim Cook of Apple\"}\n",
    );
    bench.write("b.txt", "Paris lies far away from here, in sunny France.");
    let ran = bench.done("corpus count items.jsonl --corpus a.jsonl b.txt --out freq.jsonl");
    assert!(ran.stderr.contains("a.jsonl") && ran.stderr.contains('3'), "the line without JSON: {ran:?}");
    assert!(ran.stdout.contains("2 of 2 subjects mentioned") && ran.stdout.contains("1 of them damaged"), "{ran:?}");
    let lines = bench.samples("freq.jsonl");
    let numbers = |line: usize| {
        ["documents", "subject_documents", "answer_documents", "nearest_words"].map(|key| lines[line][key].as_u64())
    };
    assert_eq!(numbers(0), [Some(2), Some(2), Some(3), Some(4)]);
    assert_eq!(numbers(1), [Some(1), Some(1), Some(1), Some(2)]);
    assert_eq!(bench.json("freq.manifest.json")["rules"]["case"], "exact");
    assert!(!bench.path("freq.journal").exists(), "a finished count leaves nothing to continue");

    bench.done("corpus count items.jsonl --corpus a.jsonl b.txt --window 5 --case fold --out near.jsonl");
    assert_eq!(bench.samples("near.jsonl")[0]["documents"], 1);
    bench.write("aliases.jsonl", "{\"name\":\"Paris\",\"aliases\":[\"Air\"]}\n");
    bench.done("corpus count items.jsonl --corpus a.jsonl b.txt --aliases aliases.jsonl --out aliased.jsonl");
    assert_eq!(bench.samples("aliased.jsonl")[0]["documents"], 3);
}

#[test]
fn bad_input_is_named() {
    let bench = Bench::new();
    bench.write("items.jsonl", ITEMS);
    bench.write("a.csv", "text\nParis\n");
    bench.write("a.txt", "Paris");
    bench.refused("corpus count items.jsonl --corpus a.csv", &["--corpus: a.csv: expected .jsonl"]);
    bench.refused("corpus count items.jsonl --corpus none.jsonl", &["--corpus: none.jsonl"]);
    bench.refused("corpus count items.jsonl --corpus a.txt a.txt", &["--corpus: a.txt", "twice"]);
    bench.refused("corpus count items.jsonl --corpus a.txt --out /proc/x/freq.jsonl", &["--out", "/proc"]);
    bench.refused("corpus count nothing.jsonl --corpus a.txt", &["nothing.jsonl"]);
    bench.write("aliases.jsonl", "{\"name\":3}\n");
    bench.refused("corpus count items.jsonl --corpus a.txt --aliases aliases.jsonl", &["aliases.jsonl:1"]);
    assert!(!bench.path("freq.jsonl").exists());
}

#[test]
fn texts_of_parquet_are_counted_as_those_of_json() {
    let bench = Bench::new();
    let golden = |name: &str| format!("{}/../../goldens/parquet/{name}", env!("CARGO_MANIFEST_DIR"));
    // Written by pyarrow, with all records as JSON lines beside it.
    for name in ["flat-groups.parquet", "flat-plain.parquet", "flat-pages-v2.parquet"] {
        std::fs::copy(golden(name), bench.path(name)).expect("copies");
    }
    std::fs::copy(golden("flat-groups.jsonl"), bench.path("same.jsonl")).expect("copies");
    let item = |i: usize| format!("{{\"question\":\"q{i}\",\"answer\":\"so on\",\"subject\":\"row {i}\"}}\n");
    bench.write("rows.jsonl", &(0..12).map(item).collect::<String>());
    bench.done("corpus count rows.jsonl --corpus same.jsonl --out json.jsonl");
    let ran = bench.done("corpus count rows.jsonl --corpus flat-groups.parquet --out parquet.jsonl");
    assert_eq!(bench.read("parquet.jsonl"), bench.read("json.jsonl"));
    assert!(bench.samples("json.jsonl").iter().any(|line| line["documents"].as_u64() > Some(0)), "{ran:?}");
    let both = bench.done("corpus count rows.jsonl --corpus flat-plain.parquet flat-pages-v2.parquet --out both.jsonl");
    assert!(both.stdout.contains("in 2 files, 0 of them damaged"), "{both:?}");

    let ran =
        bench.done("corpus count rows.jsonl --corpus flat-plain.parquet same.jsonl --field body --out body.jsonl");
    assert!(ran.stderr.contains("flat-plain.parquet: footer: expected a column `body`, found index, text"), "{ran:?}");
    std::fs::write(bench.path("cut.parquet"), &std::fs::read(bench.path("flat-plain.parquet")).expect("reads")[..90])
        .expect("writes");
    let ran = bench.done("corpus count rows.jsonl --corpus cut.parquet same.jsonl --out cut.jsonl");
    assert!(ran.stderr.contains("cut.parquet: footer: expected a Parquet file"), "{ran:?}");
    assert_eq!(bench.read("cut.jsonl"), bench.read("json.jsonl"), "the rest was counted");
    bench.refused("corpus count rows.jsonl --corpus none.parquet", &["--corpus: none.parquet: "]);
}
