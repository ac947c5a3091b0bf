//! `results.json` and `trials.csv` are as `docs/results.md` and its JSON Schema say.

use serde_json::Value;

use crate::bench::Bench;
use crate::items;

const PLANTED: &str = "L1.gate_proj@0.1";

/// The published schema.
fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the schema")).expect("JSON")
}

#[test]
fn results_of_all_kinds_of_searches_fit_the_schema() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 120);
    bench.write("text.txt", &"The quick brown fox jumps over the lazy dog. ".repeat(40));
    let task = "search model --task planted.jsonl --score top1";
    for (i, arguments) in [
        "--strategy gradient+race+greedy",
        "--strategy exhaustive --matrices fc_in --rho 0.1,0.05 --protocol paper",
        "--strategy spectral+race --matrices fc_in --candidates 3 --no-side-effects",
        "--matrices fc_in --rho band(0.1..0.4),0.5 --strategy race",
    ]
    .into_iter()
    .enumerate()
    {
        let results = bench.data(&format!("{task} {arguments} --out run{i}"));
        assert_eq!(results, bench.json(&format!("run{i}/results.json")));
        check(&results, &schema(), &schema(), "results.json");
        let host = &results["manifest"]["host"];
        assert!(
            host["command"].as_str().is_some_and(|command| command.contains("laser search model --task")),
            "{host}"
        );
        assert!(results["manifest"]["date"].as_str().is_some_and(|date| date.ends_with('Z')));
    }
}

#[test]
fn the_schema_refuses_what_it_should() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 60);
    let results = bench.data(
        "search model --task planted.jsonl --score top1 --matrices fc_in --rho 0.1 --strategy exhaustive --out run",
    );
    for (pointer, wrong) in [
        ("/verdict", Value::from("maybe")),
        ("/test/mcnemar_p", Value::from(1.5)),
        ("/base/test/n", Value::from("many")),
        ("/manifest/model/sha256", Value::from("abc")),
    ] {
        let mut changed = results.clone();
        *changed.pointer_mut(pointer).expect(pointer) = wrong;
        let refused = std::panic::catch_unwind(|| check(&changed, &schema(), &schema(), "results.json"));
        assert!(refused.is_err(), "{pointer}");
    }
}

#[test]
fn trials_csv_has_a_line_for_every_edit_of_the_space() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 120);
    let search = "search model --task planted.jsonl --score top1 --matrices fc_in,fc_out --rho 0.5,0.1,0.05";
    let results = bench.data(&format!("{search} --strategy gradient+race --candidates 4 --out run"));
    let text = bench.read("run/trials.csv");
    let lines: Vec<&str> = text.lines().collect();
    let header = "edit,layer,matrix,reduction,rank,prediction,items,accuracy,accuracy_change,log_loss,log_loss_change";
    assert_eq!((lines[0], lines.len()), (header, 1 + 18));
    let all = results["base"]["search"]["n"].as_u64().expect("a number").to_string();
    let fields: Vec<Vec<&str>> = lines[1..].iter().map(|line| line.split(',').collect()).collect();
    assert!(fields.iter().all(|line| !line[5].is_empty()), "the screen predicted every edit");
    assert_eq!(fields.iter().filter(|line| line[6] != "0").count(), 4, "{text}");
    let planted = fields.iter().find(|line| line[0] == PLANTED).expect("its line");
    assert_eq!((planted[6], planted[7]), (&*all, "1.0"));
}

/// Checks a value by a schema, of which only the keywords below are known; `root` has the definitions. A key that the schema
/// does not describe is a fault too: the documentation would lack it.
#[track_caller]
fn check(value: &Value, schema: &Value, root: &Value, place: &str) {
    for keyword in schema.as_object().expect("a schema is an object").keys() {
        let known = [
            "$schema",
            "$ref",
            "$defs",
            "title",
            "description",
            "type",
            "enum",
            "pattern",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "minItems",
            "maxItems",
            "minimum",
            "maximum",
            "anyOf",
        ];
        assert!(known.contains(&keyword.as_str()), "{place}: the check does not know `{keyword}`");
    }
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.strip_prefix('#').expect("a definition of this file");
        return check(value, root.pointer(pointer).expect(name), root, place);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = |choice: &&Value| match (choice["type"].as_str(), value) {
            (Some("null"), value) => value.is_null(),
            (_, value) => !value.is_null(),
        };
        let choice = choices.iter().find(fits).unwrap_or_else(|| panic!("{place}: fits none of the choices: {value}"));
        return check(value, choice, root, place);
    }
    let of_type = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{place}: no type `{other}`"),
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        other => panic!("{place}: the schema has no type: {other}"),
    };
    assert!(types.iter().any(|name| of_type(name)), "{place}: expected {types:?}, found {value}");
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{place}: {value} is not among {allowed:?}");
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        // The only pattern of the schema.
        assert_eq!(pattern, "^[0-9a-f]{64}$");
        assert!(
            text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit() && !c.is_uppercase()),
            "{place}: {text}"
        );
    }
    if let Some(number) = value.as_f64() {
        assert!(schema["minimum"].as_f64().is_none_or(|least| number >= least), "{place}: {number} is too small");
        assert!(schema["maximum"].as_f64().is_none_or(|most| number <= most), "{place}: {number} is too large");
    }
    if let Some(values) = value.as_array() {
        let n = values.len() as u64;
        assert!(schema["minItems"].as_u64().is_none_or(|least| n >= least), "{place}: {n} values are too few");
        assert!(schema["maxItems"].as_u64().is_none_or(|most| n <= most), "{place}: {n} values are too many");
        values.iter().enumerate().for_each(|(i, value)| check(value, &schema["items"], root, &format!("{place}[{i}]")));
    }
    let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(fields.contains_key(name), "{place}: `{name}` is missing");
    }
    for (name, value) in fields {
        let property = properties.get(name).unwrap_or_else(|| panic!("{place}: the schema does not describe `{name}`"));
        check(value, property, root, &format!("{place}.{name}"));
    }
}
