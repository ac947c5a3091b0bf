//! Shapes of records and records of a shape, drawn at random, with the JSON that a reader must give for them.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// A field of a record, of a structure or of a list's elements.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) optional: bool,
    pub(crate) shape: Shape,
}

#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Leaf(Leaf),
    Struct(Vec<Field>),
    List(ListForm, Box<Field>),
}

/// How a file writes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListForm {
    /// A group marked as a list, around a repeated group, around the element; what the format asks for.
    Marked,
    /// The same with the older mark alone.
    OldMark,
    /// A group marked as a list, around the repeated element.
    TwoLevels,
    /// A repeated field without a group around it.
    Bare,
    /// A group marked as a map, around a repeated group of key and value.
    Map,
}

/// Types of columns, with the annotations that a reader must or need not heed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    Bool,
    Int32,
    /// A signed number of so many bits.
    Small(i8),
    /// An unsigned number of so many bits, stored in 32.
    Unsigned(i8),
    /// Unsigned, with the older mark alone.
    OldUnsigned32,
    Date,
    TimeMillis,
    Int64,
    Signed64,
    Unsigned64,
    OldUnsigned64,
    TimestampMicros,
    Float,
    Double,
    String,
    OldString,
    Json,
    Enum,
    /// Bytes without an annotation, as some writers store texts.
    Bytes,
}

pub(crate) const LEAVES: [Leaf; 22] = [
    Leaf::Bool,
    Leaf::Int32,
    Leaf::Small(8),
    Leaf::Small(16),
    Leaf::Unsigned(8),
    Leaf::Unsigned(16),
    Leaf::Unsigned(32),
    Leaf::OldUnsigned32,
    Leaf::Date,
    Leaf::TimeMillis,
    Leaf::Int64,
    Leaf::Signed64,
    Leaf::Unsigned64,
    Leaf::OldUnsigned64,
    Leaf::TimestampMicros,
    Leaf::Float,
    Leaf::Double,
    Leaf::String,
    Leaf::OldString,
    Leaf::Json,
    Leaf::Enum,
    Leaf::Bytes,
];

/// What a column stores.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored {
    Bool(bool),
    Int32(i32),
    Int64(i64),
    Float(f32),
    Double(f64),
    Bytes(String),
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    Null,
    Leaf(Stored),
    Struct(Vec<Data>),
    List(Vec<Data>),
}

/// Name of the field at an index of a structure or record.
pub(crate) fn name(index: usize) -> String {
    format!("f{index}")
}

/// Names of the fields of a list's element, which is a map's entry if the list is a map.
pub(crate) fn element_names(form: ListForm) -> fn(usize) -> String {
    match form {
        ListForm::Map => |index| ["key", "value"][index].to_owned(),
        _ => name,
    }
}

/// A field with at most `depth` lists or structures inside one another.
pub(crate) fn field(depth: u32) -> BoxedStrategy<Field> {
    let leaf = proptest::sample::select(LEAVES.to_vec()).prop_map(Shape::Leaf);
    if depth == 0 {
        return (any::<bool>(), leaf).prop_map(|(optional, shape)| Field { optional, shape }).boxed();
    }
    let structure = vec(field(depth - 1), 1..4).prop_map(Shape::Struct);
    let list = (proptest::sample::select(vec![ListForm::Marked, ListForm::OldMark]), field(depth - 1))
        .prop_map(|(form, element)| Shape::List(form, Box::new(element)));
    // The elements of these are the repeated field itself, which cannot be null.
    let old = (proptest::sample::select(vec![ListForm::TwoLevels, ListForm::Bare]), field(depth - 1)).prop_filter_map(
        "a list right inside a list has two names for one field",
        |(form, element)| match element.shape {
            Shape::List(..) => None,
            shape => Some(Shape::List(form, Box::new(Field { optional: false, shape }))),
        },
    );
    let map = (field(0), field(depth - 1)).prop_map(|(key, value)| {
        let entry = Shape::Struct(vec![Field { optional: false, ..key }, value]);
        Shape::List(ListForm::Map, Box::new(Field { optional: false, shape: entry }))
    });
    let shape = prop_oneof![4 => leaf, 2 => structure, 3 => list, 2 => old, 1 => map];
    (any::<bool>(), shape)
        .prop_map(|(optional, shape)| match shape {
            Shape::List(ListForm::Bare, _) => Field { optional: false, shape },
            shape => Field { optional, shape },
        })
        .boxed()
}

/// A value of a field.
pub(crate) fn data(field: &Field) -> BoxedStrategy<Data> {
    let there = match &field.shape {
        Shape::Leaf(leaf) => stored(*leaf).prop_map(Data::Leaf).boxed(),
        Shape::Struct(fields) => fields.iter().map(data).collect::<Vec<_>>().prop_map(Data::Struct).boxed(),
        Shape::List(_, element) => vec(data(element), 0..4).prop_map(Data::List).boxed(),
    };
    if field.optional { prop_oneof![1 => Just(Data::Null), 3 => there].boxed() } else { there }
}

/// A stored value; few different ones, so that dictionaries repeat them, and now and then any.
fn stored(leaf: Leaf) -> BoxedStrategy<Stored> {
    let int = |low: i64, high: i64| prop_oneof![3 => Just(low), 3 => Just(high), 3 => Just(1), 2 => low..=high];
    let int32 = |low: i32, high: i32| int(low.into(), high.into()).prop_map(|n| Stored::Int32(n as i32)).boxed();
    let int64 = || int(i64::MIN, i64::MAX).prop_map(Stored::Int64).boxed();
    match leaf {
        Leaf::Bool => any::<bool>().prop_map(Stored::Bool).boxed(),
        Leaf::Small(8) => int32(-128, 127),
        Leaf::Small(_) => int32(-32_768, 32_767),
        Leaf::Unsigned(8) => int32(0, 255),
        Leaf::Unsigned(16) => int32(0, 65_535),
        Leaf::Int32 | Leaf::Unsigned(_) | Leaf::OldUnsigned32 | Leaf::Date | Leaf::TimeMillis => {
            int32(i32::MIN, i32::MAX)
        }
        Leaf::Int64 | Leaf::Signed64 | Leaf::Unsigned64 | Leaf::OldUnsigned64 | Leaf::TimestampMicros => int64(),
        Leaf::Float => prop_oneof![
            2 => Just(0.1_f32), 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 2 => any::<f32>()
        ]
        .prop_map(Stored::Float)
        .boxed(),
        Leaf::Double => prop_oneof![
            2 => Just(0.1_f64), 1 => Just(f64::NAN), 1 => Just(f64::NEG_INFINITY), 1 => Just(-0.0), 2 => any::<f64>()
        ]
        .prop_map(Stored::Double)
        .boxed(),
        Leaf::String | Leaf::OldString | Leaf::Json | Leaf::Enum | Leaf::Bytes => prop_oneof![
            3 => proptest::sample::select(vec!["", "a", "Paris", "na\u{ef}ve \u{2615}", "\u{2028}"]).prop_map(str::to_owned),
            1 => any::<String>(),
            1 => (0_usize..300).prop_map(|n| "long ".repeat(n)),
        ]
        .prop_map(Stored::Bytes)
        .boxed(),
    }
}

/// The object that a reader must give for the values of some fields.
pub(crate) fn object(fields: &[Field], names: fn(usize) -> String, data: &[Data]) -> Map<String, Value> {
    let entry = |(i, (field, data)): (usize, (&Field, &Data))| (names(i), json(field, data));
    fields.iter().zip(data).enumerate().map(entry).collect()
}

fn json(field: &Field, data: &Data) -> Value {
    match (&field.shape, data) {
        (_, Data::Null) => Value::Null,
        (Shape::Leaf(leaf), Data::Leaf(stored)) => number_or_text(*leaf, stored),
        (Shape::Struct(fields), Data::Struct(data)) => object(fields, name, data).into(),
        (Shape::List(form, element), Data::List(list)) => list
            .iter()
            .map(|data| match (&element.shape, data) {
                (Shape::Struct(fields), Data::Struct(data)) => object(fields, element_names(*form), data).into(),
                _ => json(element, data),
            })
            .collect(),
        _ => unreachable!("data is drawn for its field"),
    }
}

fn number_or_text(leaf: Leaf, stored: &Stored) -> Value {
    let float = |x: f64| Number::from_f64(x).map_or(Value::Null, Value::Number);
    match (leaf, stored) {
        (Leaf::Unsigned(_) | Leaf::OldUnsigned32, Stored::Int32(n)) => n.cast_unsigned().into(),
        (Leaf::Unsigned64 | Leaf::OldUnsigned64, Stored::Int64(n)) => n.cast_unsigned().into(),
        (_, Stored::Bool(bit)) => (*bit).into(),
        (_, Stored::Int32(n)) => (*n).into(),
        (_, Stored::Int64(n)) => (*n).into(),
        (_, Stored::Float(x)) => float(f64::from(*x)),
        (_, Stored::Double(x)) => float(*x),
        (_, Stored::Bytes(text)) => text.as_str().into(),
    }
}
