//! The schema: takes the footer's flat list of elements, gives a tree of structures, lists and leaves.
//!
//! A node's *definition level* is the number of optional and repeated nodes on the path to it, itself included; a
//! list's *repetition level* is the number of lists on that path. A column stores both levels beside every entry: the
//! definition level shows whether the entry is a value, a null or an empty list, and the repetition level shows which
//! list it continues.

use super::thrift::Thrift;

/// Maximum nesting depth of a schema, so that recursion cannot overflow the stack.
const DEEPEST: usize = 32;

/// Fields and columns of a file.
pub(super) struct Schema {
    /// The fields of a record.
    pub(super) fields: Vec<Node>,
    /// The columns, in the order of the file.
    pub(super) leaves: Vec<Leaf>,
}

/// A field of a structure, or the element of a list.
pub(super) struct Node {
    pub(super) name: String,
    /// Definition level from which on the node is present, not null; 0 for a required node.
    pub(super) definition: u16,
    /// Indices of the columns below the node.
    pub(super) leaves: std::ops::Range<usize>,
    pub(super) kind: Kind,
}

/// Structure of a node.
pub(super) enum Kind {
    /// A column.
    Leaf,
    /// Named fields.
    Struct(Vec<Node>),
    /// A list, with its repetition level, and the definition level from which on it has elements.
    List { element: Box<Node>, repetition: u16, definition: u16 },
}

/// A column.
pub(super) struct Leaf {
    /// Names on the path from the record to the column, joined by dots.
    pub(super) path: String,
    pub(super) physical: Physical,
    /// Highest definition level, that of a value.
    pub(super) definition: u16,
    /// Highest repetition level: the number of lists on the path.
    pub(super) repetition: u16,
}

/// Storage type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Physical {
    Bool,
    Int32 {
        signed: bool,
    },
    Int64 {
        signed: bool,
    },
    Float,
    Double,
    Text,
    /// Unsupported type, by name; an error if the column has values.
    Other(&'static str),
}

impl Schema {
    /// Builds the tree from the elements in depth-first order; the first is the record.
    pub(super) fn of(elements: &[Thrift<'_>]) -> Result<Self, String> {
        let mut builder = Builder { elements: elements.iter(), leaves: Vec::new(), path: Vec::new() };
        let record = builder.elements.next().ok_or("expected a schema, found an empty one")?;
        let fields = builder.children(record, Levels::default())?;
        if builder.leaves.is_empty() {
            return Err("expected columns in the schema, found none".to_owned());
        }
        Ok(Self { fields, leaves: builder.leaves })
    }
}

/// Levels of the current node during the descent.
#[derive(Clone, Copy, Default)]
struct Levels {
    definition: u16,
    repetition: u16,
}

/// State of the descent: elements still to read, columns found, and names on the path.
struct Builder<'t, 'a> {
    elements: std::slice::Iter<'t, Thrift<'a>>,
    leaves: Vec<Leaf>,
    path: Vec<String>,
}

impl Builder<'_, '_> {
    /// Reads the children of an element.
    fn children(&mut self, parent: &Thrift<'_>, levels: Levels) -> Result<Vec<Node>, String> {
        let n = parent.int(5).unwrap_or(0);
        (0..n).map(|_| self.node(levels)).collect()
    }

    /// Reads the next element with everything below it.
    fn node(&mut self, mut levels: Levels) -> Result<Node, String> {
        let element = self.elements.next().ok_or("expected more elements in the schema, found its end")?;
        let name = match element.get(4) {
            Some(Thrift::Bytes(name)) => String::from_utf8_lossy(name).into_owned(),
            _ => return Err("expected a name in the schema, found none".to_owned()),
        };
        if self.path.len() == DEEPEST {
            return Err(format!("expected at most {DEEPEST} fields inside each other, found more"));
        }
        let repeated = element.int(3) == Some(2);
        // Repetition type: 0 required, 1 optional, 2 repeated.
        levels.definition += u16::from(matches!(element.int(3), Some(1 | 2)));
        levels.repetition += u16::from(repeated);
        let (first, definition) = (self.leaves.len(), levels.definition);
        self.path.push(name.clone());
        let kind = if element.int(5).is_some_and(|n| n > 0) {
            let children = self.children(element, levels)?;
            if is_list(element) { unwrapped(children, &name) } else { Kind::Struct(children) }
        } else {
            let Levels { definition, repetition } = levels;
            self.leaves.push(Leaf { path: self.path.join("."), physical: physical(element), definition, repetition });
            Kind::Leaf
        };
        self.path.pop();
        let leaves = first..self.leaves.len();
        if leaves.is_empty() {
            return Err(format!("expected values in `{name}`, found a structure without fields"));
        }
        if !repeated {
            return Ok(Node { name, definition, leaves, kind });
        }
        // A repeated node is a list of itself; `unwrapped` removes the annotated node that may enclose it.
        let element = Box::new(Node { name: name.clone(), definition: 0, leaves: leaves.clone(), kind });
        let kind = Kind::List { element, repetition: levels.repetition, definition };
        Ok(Node { name, definition: 0, leaves, kind })
    }
}

/// Whether an element is annotated as a list or map, by its logical type or the older converted type.
fn is_list(element: &Thrift<'_>) -> bool {
    let logical = element.get(10).is_some_and(|logical| logical.get(2).or(logical.get(3)).is_some());
    logical || matches!(element.int(6), Some(1..=3))
}

/// Takes the list out of a node annotated as one: `outer (LIST) { repeated group list { element } }`, or without the
/// group in between, which older writers omit. The names of such groups, `array` and `outer_tuple`, are those of the
/// format's backward-compatibility rules.
fn unwrapped(mut children: Vec<Node>, outer: &str) -> Kind {
    if !matches!(children.as_slice(), [Node { kind: Kind::List { .. }, .. }]) {
        return Kind::Struct(children);
    }
    let inner = children.pop().expect("there is one child, because the pattern matched");
    let is_element = inner.name == "array" || inner.name == format!("{outer}_tuple");
    match inner.kind {
        Kind::List { mut element, repetition, definition } => {
            if let (Kind::Struct(fields), false) = (&mut element.kind, is_element)
                && fields.len() == 1
            {
                element = Box::new(fields.remove(0));
            }
            Kind::List { element, repetition, definition }
        }
        other => other,
    }
}

/// Storage type of a column's element.
fn physical(element: &Thrift<'_>) -> Physical {
    let logical = |kind: i64| element.get(10).and_then(|logical| logical.get(kind));
    let signed = match logical(10) {
        Some(integer) => integer.get(2) != Some(&Thrift::Bool(false)),
        None => !matches!(element.int(6), Some(11..=14)),
    };
    if logical(5).is_some() || element.int(6) == Some(5) {
        return Physical::Other("decimal numbers");
    }
    match element.int(1) {
        Some(0) => Physical::Bool,
        Some(1) => Physical::Int32 { signed },
        Some(2) => Physical::Int64 { signed },
        Some(3) => Physical::Other("96-bit times"),
        Some(4) => Physical::Float,
        Some(5) => Physical::Double,
        Some(6) => Physical::Text,
        Some(7) => Physical::Other("byte arrays of a fixed length"),
        _ => Physical::Other("values of an unknown type"),
    }
}
