//! The fields of the household's files, as hal-db's schema gives them. Knows types, no values.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use hal_db::schema::{SchemaField, household};

/// How the cell of a table becomes the stored field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    /// Whole cents.
    Money,
    Date,
    /// A day with its time.
    Stamp,
    TimeOfDay,
    Values,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// From 1, as in the record.
    pub(super) number: usize,
    pub(super) kind: Kind,
    /// Only the tests ask: what the schema demands and allows.
    #[cfg(test)]
    pub(super) required: bool,
    #[cfg(test)]
    pub(super) description: String,
}

impl Field {
    fn of(field: SchemaField) -> Field {
        let item = field.item;
        let kind = match item.conversion.as_str() {
            _ if item.multi => Kind::Values,
            _ if item.stamp => Kind::Stamp,
            code if code.starts_with('D') => Kind::Date,
            code if code.starts_with("MT") => Kind::TimeOfDay,
            code if code.starts_with("MD") => Kind::Money,
            _ if item.right => Kind::Number,
            _ => Kind::Text,
        };
        Field {
            name: item.name,
            number: item.field,
            kind,
            #[cfg(test)]
            required: field.required,
            #[cfg(test)]
            description: field.description,
        }
    }
}

static FIELDS: LazyLock<BTreeMap<&str, Vec<Field>>> = LazyLock::new(|| {
    let files = household().expect("the schema embedded in hal-db is well formed, as its tests show");
    let fields = |fields: Vec<SchemaField>| {
        // Field 0 is the record id, which is kept outside of the record.
        fields.into_iter().filter(|field| field.item.field > 0).map(Field::of).collect()
    };
    files.into_iter().map(|file| (file.name, fields(file.fields))).collect()
});

/// The files of a household, by name.
#[cfg(test)]
pub(super) fn files() -> impl Iterator<Item = &'static str> {
    FIELDS.keys().copied()
}

/// The fields of a file; panics when the schema has no such file, which is a mistake of this folder.
pub(super) fn fields(file: &str) -> &'static [Field] {
    FIELDS.get(file).unwrap_or_else(|| panic!("the schema has no file {file}"))
}
