//! Gives the cells of CSV columns types, as pandas does for the harness: whole numbers, numbers, truth values or texts,
//! and null for cells that pandas reads as missing.

use serde_json::Value;

use crate::dataset::Record;

/// Cell texts that pandas reads as missing (its default `na_values`).
const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// The type of a column.
#[derive(Debug, Clone, Copy)]
enum ColumnType {
    Bool,
    Integer,
    Number,
    Text,
}

impl ColumnType {
    /// A cell's text as a value of this type; `None` if it is not one.
    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Bool => match text {
                "True" | "TRUE" | "true" => Some(true.into()),
                "False" | "FALSE" | "false" => Some(false.into()),
                _ => None,
            },
            Self::Integer => text.parse::<i64>().ok().map(Value::from),
            Self::Number => text.parse::<f64>().ok().filter(|x| x.is_finite()).map(Value::from),
            Self::Text => Some(text.into()),
        }
    }
}

/// Converts the texts of each column to the first type that fits all of its cells. `rows`: the rows of one file.
pub(crate) fn infer(rows: &mut [Record]) {
    let names: Vec<String> = rows.first().map_or_else(Vec::new, |row| row.fields.keys().cloned().collect());
    for name in names {
        let texts: Vec<&str> = rows.iter().filter_map(|row| row.fields.get(&name)?.as_str()).collect();
        let missing = texts.iter().any(|text| MISSING.contains(text));
        let fits = |column: &ColumnType| texts.iter().all(|text| MISSING.contains(text) || column.read(text).is_some());
        // pandas has no missing integer: whole numbers with gaps become floats. Truth values with gaps become objects,
        // which render like truth values.
        let types: &[ColumnType] = if missing {
            &[ColumnType::Number, ColumnType::Bool]
        } else {
            &[ColumnType::Bool, ColumnType::Integer, ColumnType::Number]
        };
        let column = types.iter().copied().find(fits).unwrap_or(ColumnType::Text);
        for row in rows.iter_mut() {
            if let Some(value) = row.fields.get_mut(&name)
                && let Some(text) = value.as_str()
            {
                *value = if MISSING.contains(&text) { Value::Null } else { column.read(text).unwrap_or_default() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::RecordLocation;
    use serde_json::json;

    fn column(texts: &[&str]) -> Vec<Value> {
        let row = |text: &&str| {
            let fields = [("x".to_owned(), Value::from(*text))].into_iter().collect();
            Record::new(&std::path::Path::new("x.csv").into(), RecordLocation::Line(2), fields)
        };
        let mut rows: Vec<Record> = texts.iter().map(row).collect();
        infer(&mut rows);
        rows.into_iter().map(|row| row.fields["x"].clone()).collect()
    }

    /// Expected values from `datasets` 5.2.0.
    #[test]
    fn a_column_takes_the_first_type_that_fits_all_cells() {
        assert_eq!(column(&["1", "-2", "003"]), [json!(1), json!(-2), json!(3)]);
        assert_eq!(column(&["1", "2.5"]), [json!(1.0), json!(2.5)]);
        assert_eq!(column(&["1", "", "NA"]), [json!(1.0), json!(null), json!(null)]);
        assert_eq!(column(&["True", "false"]), [json!(true), json!(false)]);
        assert_eq!(column(&["1", "x", "None", "nothing"]), [json!("1"), json!("x"), json!(null), json!("nothing")]);
        assert_eq!(column(&["", ""]), [json!(null), json!(null)]);
    }
}
