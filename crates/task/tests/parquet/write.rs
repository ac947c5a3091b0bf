//! Writes records with the `parquet` crate: takes their fields and values, gives the bytes of a file.
//!
//! The crate's low level takes columns with their levels, so records are taken apart here, by the format's rules and not
//! with anything of the reader's.

use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{GroupTypeBuilder, Type, TypePtr};

use super::shape::{Data, Field, Leaf, ListForm, Shape, Stored, element_names, name};

/// The bytes of a file with groups of records.
pub(crate) fn file(fields: &[Field], groups: &[Vec<Vec<Data>>], properties: WriterProperties) -> Vec<u8> {
    let types = fields.iter().enumerate().map(|(i, field)| field_type(&name(i), field)).collect();
    let schema = Type::group_type_builder("schema").with_fields(types).build().expect("a schema");
    let mut writer =
        SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).expect("a file in memory");
    for group in groups {
        let mut columns: Vec<Column> = Vec::new();
        fields.iter().for_each(|field| add_columns(field, Levels::default(), &mut columns));
        for record in group {
            let mut rest = columns.as_mut_slice();
            for (field, data) in fields.iter().zip(record) {
                let (own, others) = rest.split_at_mut(n_leaves(field));
                take_apart(field, data, Levels::default(), 0, own);
                rest = others;
            }
        }
        let mut row_group = writer.next_row_group().expect("a group");
        let mut columns = columns.iter();
        while let Some(mut column_writer) = row_group.next_column().expect("a column") {
            let column = columns.next().expect("as many columns as the schema has");
            let definitions = (column.highest.definition > 0).then_some(column.definitions.as_slice());
            let repetitions = (column.highest.repetition > 0).then_some(column.repetitions.as_slice());
            macro_rules! write {
                ($type:ty, $variant:path, $value:expr) => {{
                    let value = |stored: &Stored| match stored {
                        $variant(value) => $value(value),
                        other => unreachable!("{other:?} is not of the column's type"),
                    };
                    let values: Vec<_> = column.values.iter().map(value).collect();
                    column_writer.typed::<$type>().write_batch(&values, definitions, repetitions).expect("values");
                }};
            }
            match physical(column.leaf) {
                Physical::BOOLEAN => write!(BoolType, Stored::Bool, |x: &bool| *x),
                Physical::INT32 => write!(Int32Type, Stored::Int32, |x: &i32| *x),
                Physical::INT64 => write!(Int64Type, Stored::Int64, |x: &i64| *x),
                Physical::FLOAT => write!(FloatType, Stored::Float, |x: &f32| *x),
                Physical::DOUBLE => write!(DoubleType, Stored::Double, |x: &f64| *x),
                _ => write!(ByteArrayType, Stored::Bytes, |x: &String| ByteArray::from(x.as_str())),
            }
            column_writer.close().expect("a column");
        }
        row_group.close().expect("a group");
    }
    writer.into_inner().expect("a file")
}

/// A column of a row group.
struct Column {
    leaf: Leaf,
    highest: Levels,
    values: Vec<Stored>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

/// Number of optional and repeated fields, and of repeated ones, from the record to a place.
#[derive(Clone, Copy, Default)]
struct Levels {
    definition: i16,
    repetition: i16,
}

impl Levels {
    fn inside(self, field: &Field) -> Self {
        Self { definition: self.definition + i16::from(field.optional), ..self }
    }

    fn element(self) -> Self {
        Self { definition: self.definition + 1, repetition: self.repetition + 1 }
    }
}

fn n_leaves(field: &Field) -> usize {
    match &field.shape {
        Shape::Leaf(_) => 1,
        Shape::Struct(fields) => fields.iter().map(n_leaves).sum(),
        Shape::List(_, element) => n_leaves(element),
    }
}

/// Adds the empty columns below a field.
fn add_columns(field: &Field, levels: Levels, columns: &mut Vec<Column>) {
    let levels = levels.inside(field);
    match &field.shape {
        Shape::Leaf(leaf) => columns.push(Column {
            leaf: *leaf,
            highest: levels,
            values: Vec::new(),
            definitions: Vec::new(),
            repetitions: Vec::new(),
        }),
        Shape::Struct(fields) => fields.iter().for_each(|field| add_columns(field, levels, columns)),
        Shape::List(_, element) => add_columns(element, levels.element(), columns),
    }
}

/// Appends a value to the columns below its field. `repetition`: the level at which the value continues a list.
fn take_apart(field: &Field, data: &Data, outside: Levels, repetition: i16, columns: &mut [Column]) {
    let levels = outside.inside(field);
    let absent = |definition: i16, columns: &mut [Column]| {
        for column in columns {
            column.definitions.push(definition);
            column.repetitions.push(repetition);
        }
    };
    match (&field.shape, data) {
        (_, Data::Null) => absent(outside.definition, columns),
        (Shape::Leaf(_), Data::Leaf(stored)) => {
            absent(levels.definition, columns);
            columns[0].values.push(stored.clone());
        }
        (Shape::Struct(fields), Data::Struct(data)) => {
            let mut rest = columns;
            for (field, data) in fields.iter().zip(data) {
                let (own, others) = rest.split_at_mut(n_leaves(field));
                take_apart(field, data, levels, repetition, own);
                rest = others;
            }
        }
        (Shape::List(..), Data::List(list)) if list.is_empty() => absent(levels.definition, columns),
        (Shape::List(_, element), Data::List(list)) => {
            let inside = levels.element();
            for (i, data) in list.iter().enumerate() {
                let repetition = if i == 0 { repetition } else { inside.repetition };
                take_apart(element, data, inside, repetition, columns);
            }
        }
        _ => unreachable!("data is drawn for its field"),
    }
}

fn repetition(field: &Field) -> Repetition {
    if field.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED }
}

/// The type of a field in the file's schema.
fn field_type(name: &str, field: &Field) -> TypePtr {
    type_of(name, field, repetition(field), super::shape::name)
}

fn group(name: &str, repetition: Repetition, fields: Vec<TypePtr>) -> GroupTypeBuilder<'_> {
    Type::group_type_builder(name).with_repetition(repetition).with_fields(fields)
}

/// The type of a field; `names`: names of the fields of a structure.
fn type_of(name: &str, field: &Field, repetition: Repetition, names: fn(usize) -> String) -> TypePtr {
    let built = match &field.shape {
        Shape::Leaf(leaf) => leaf_type(name, *leaf, repetition),
        Shape::Struct(fields) => {
            let fields = fields.iter().enumerate().map(|(i, field)| field_type(&names(i), field)).collect();
            group(name, repetition, fields).build()
        }
        Shape::List(ListForm::Bare, element) => return type_of(name, element, Repetition::REPEATED, names),
        Shape::List(form, element) => {
            let repeated = match form {
                ListForm::Marked | ListForm::OldMark => {
                    let element = field_type("element", element);
                    Arc::new(group("list", Repetition::REPEATED, vec![element]).build().expect("a list"))
                }
                // By this name, readers know that the repeated field is the element itself.
                ListForm::TwoLevels | ListForm::Bare => type_of("array", element, Repetition::REPEATED, names),
                ListForm::Map => type_of("key_value", element, Repetition::REPEATED, element_names(*form)),
            };
            let outer = group(name, repetition, vec![repeated]);
            match form {
                ListForm::Map => outer.with_logical_type(Some(LogicalType::Map)),
                ListForm::OldMark => outer.with_converted_type(ConvertedType::LIST),
                _ => outer.with_logical_type(Some(LogicalType::List)),
            }
            .build()
        }
    };
    Arc::new(built.expect("a type"))
}

fn leaf_type(name: &str, leaf: Leaf, repetition: Repetition) -> parquet::errors::Result<Type> {
    let plain = Type::primitive_type_builder(name, physical(leaf)).with_repetition(repetition);
    let logical = match leaf {
        Leaf::Bool | Leaf::Int32 | Leaf::Int64 | Leaf::Float | Leaf::Double | Leaf::Bytes => return plain.build(),
        Leaf::OldUnsigned32 => return plain.with_converted_type(ConvertedType::UINT_32).build(),
        Leaf::OldUnsigned64 => return plain.with_converted_type(ConvertedType::UINT_64).build(),
        Leaf::OldString => return plain.with_converted_type(ConvertedType::UTF8).build(),
        Leaf::Small(bits) => LogicalType::integer(bits, true),
        Leaf::Unsigned(bits) => LogicalType::integer(bits, false),
        Leaf::Signed64 => LogicalType::integer(64, true),
        Leaf::Unsigned64 => LogicalType::integer(64, false),
        Leaf::Date => LogicalType::Date,
        Leaf::TimeMillis => LogicalType::time(true, TimeUnit::MILLIS),
        Leaf::TimestampMicros => LogicalType::timestamp(false, TimeUnit::MICROS),
        Leaf::String => LogicalType::String,
        Leaf::Json => LogicalType::Json,
        Leaf::Enum => LogicalType::Enum,
    };
    plain.with_logical_type(Some(logical)).build()
}

fn physical(leaf: Leaf) -> Physical {
    match leaf {
        Leaf::Bool => Physical::BOOLEAN,
        Leaf::Int32 | Leaf::Small(_) | Leaf::Unsigned(_) | Leaf::OldUnsigned32 | Leaf::Date | Leaf::TimeMillis => {
            Physical::INT32
        }
        Leaf::Int64 | Leaf::Signed64 | Leaf::Unsigned64 | Leaf::OldUnsigned64 | Leaf::TimestampMicros => {
            Physical::INT64
        }
        Leaf::Float => Physical::FLOAT,
        Leaf::Double => Physical::DOUBLE,
        Leaf::String | Leaf::OldString | Leaf::Json | Leaf::Enum | Leaf::Bytes => Physical::BYTE_ARRAY,
    }
}
