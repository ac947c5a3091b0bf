//! Columns of a CSV file, whose values are texts, as pandas types them for the harness: whole numbers, numbers, truth
//! values, else texts; and what counts as nothing.

use serde_json::Value;

use crate::dataset::Record;

/// What pandas takes for nothing.
const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// The type of a column.
#[derive(Debug, Clone, Copy)]
enum Type {
    Truth,
    Whole,
    Number,
    Text,
}

impl Type {
    /// A text as a value of the type; none where it is no such value.
    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Truth => match text {
                "True" | "TRUE" | "true" => Some(true.into()),
                "False" | "FALSE" | "false" => Some(false.into()),
                _ => None,
            },
            Self::Whole => text.parse::<i64>().ok().map(Value::from),
            Self::Number => text.parse::<f64>().ok().filter(|x| x.is_finite()).map(Value::from),
            Self::Text => Some(text.into()),
        }
    }
}

/// Types the columns of a file.
pub(super) fn infer(rows: &mut [Record]) {
    let names: Vec<String> = rows.first().map_or_else(Vec::new, |row| row.fields.keys().cloned().collect());
    for name in names {
        let texts: Vec<&str> = rows.iter().filter_map(|row| row.fields.get(&name)?.as_str()).collect();
        let missing = texts.iter().any(|text| MISSING.contains(text));
        let fits = |of: &Type| texts.iter().all(|text| MISSING.contains(text) || of.read(text).is_some());
        // Whole numbers with gaps are numbers, and truth values with gaps are objects that read the same.
        let types: &[Type] =
            if missing { &[Type::Number, Type::Truth] } else { &[Type::Truth, Type::Whole, Type::Number] };
        let of = types.iter().copied().find(fits).unwrap_or(Type::Text);
        for row in rows.iter_mut() {
            if let Some(value) = row.fields.get_mut(&name)
                && let Some(text) = value.as_str()
            {
                *value = if MISSING.contains(&text) { Value::Null } else { of.read(text).unwrap_or_default() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Place;
    use serde_json::json;

    fn column(texts: &[&str]) -> Vec<Value> {
        let row = |text: &&str| {
            let fields = [("x".to_owned(), Value::from(*text))].into_iter().collect();
            Record::new(&std::path::Path::new("x.csv").into(), Place::Line(2), fields)
        };
        let mut rows: Vec<Record> = texts.iter().map(row).collect();
        infer(&mut rows);
        rows.into_iter().map(|row| row.fields["x"].clone()).collect()
    }

    /// Right-hand sides by `datasets` 5.2.0.
    #[test]
    fn columns_have_one_type() {
        assert_eq!(column(&["1", "-2", "003"]), [json!(1), json!(-2), json!(3)]);
        assert_eq!(column(&["1", "2.5"]), [json!(1.0), json!(2.5)]);
        assert_eq!(column(&["1", "", "NA"]), [json!(1.0), json!(null), json!(null)]);
        assert_eq!(column(&["True", "false"]), [json!(true), json!(false)]);
        assert_eq!(column(&["1", "x", "None", "nothing"]), [json!("1"), json!("x"), json!(null), json!("nothing")]);
        assert_eq!(column(&["", ""]), [json!(null), json!(null)]);
    }
}
