//! The schema: takes the footer's flat list of elements, gives a tree of structures, lists and leaves.
//!
//! Each node knows its *definition level* (how many optional and repeated nodes lead to it, itself among them) and
//! each list its *repetition level* (how many lists lead to it): a column stores both beside every value, and they say
//! where a null or an empty list stands, and which list a value goes on with.

use super::thrift::Thrift;

/// Nodes inside each other.
const DEEPEST: usize = 32;

/// What the records are made of.
pub(super) struct Schema {
    /// The fields of a record.
    pub(super) fields: Vec<Node>,
    /// The columns, in file order.
    pub(super) leaves: Vec<Leaf>,
}

/// A field or an element.
pub(super) struct Node {
    pub(super) name: String,
    /// Present where a value's definition level is this or more; 0 for what is always there.
    pub(super) definition: u16,
    /// Its first column; it has all up to its last.
    pub(super) leaves: std::ops::Range<usize>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Leaf,
    Struct(Vec<Node>),
    /// The element, and the list's repetition level; elements are there from the definition level on.
    List {
        element: Box<Node>,
        repetition: u16,
        definition: u16,
    },
}

/// A column.
pub(super) struct Leaf {
    /// Names from the record down, joined by dots.
    pub(super) path: String,
    pub(super) physical: Physical,
    /// The largest levels.
    pub(super) definition: u16,
    pub(super) repetition: u16,
}

/// What the values of a column are stored as.
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
    /// Refused, if the column is not empty.
    Other(&'static str),
}

impl Schema {
    /// From the elements in depth-first order, the first of which is the record.
    pub(super) fn of(elements: &[Thrift<'_>]) -> Result<Self, String> {
        let mut building = Building { elements: elements.iter(), leaves: Vec::new(), path: Vec::new() };
        let record = building.elements.next().ok_or("expected a schema, found an empty one")?;
        let fields = building.children(record, Levels::default())?;
        if building.leaves.is_empty() {
            return Err("expected columns in the schema, found none".to_owned());
        }
        Ok(Self { fields, leaves: building.leaves })
    }
}

/// Levels on the way down.
#[derive(Clone, Copy, Default)]
struct Levels {
    definition: u16,
    repetition: u16,
}

struct Building<'t, 'a> {
    elements: std::slice::Iter<'t, Thrift<'a>>,
    leaves: Vec<Leaf>,
    path: Vec<String>,
}

impl Building<'_, '_> {
    fn children(&mut self, parent: &Thrift<'_>, levels: Levels) -> Result<Vec<Node>, String> {
        let n = parent.int(5).unwrap_or(0);
        (0..n).map(|_| self.node(levels)).collect()
    }

    /// The next element with all below it.
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
        // A repeated node is a list of itself; around it stands, at most, the node annotated as a list.
        let element = Box::new(Node { name: name.clone(), definition: 0, leaves: leaves.clone(), kind });
        let kind = Kind::List { element, repetition: levels.repetition, definition };
        Ok(Node { name, definition: 0, leaves, kind })
    }
}

/// Whether an element is annotated as a list or map, in the older or the newer way.
fn is_list(element: &Thrift<'_>) -> bool {
    let logical = element.get(10).is_some_and(|logical| logical.get(2).or(logical.get(3)).is_some());
    logical || matches!(element.int(6), Some(1..=3))
}

/// The list inside a node annotated as one: `list (LIST) { repeated group list { element } }`, or without the group
/// in between, which older writers leave out.
fn unwrapped(mut children: Vec<Node>, outer: &str) -> Kind {
    if !matches!(children.as_slice(), [Node { kind: Kind::List { .. }, .. }]) {
        return Kind::Struct(children);
    }
    let inner = children.pop().expect("there is one because the pattern says so");
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
