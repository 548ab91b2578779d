//! The objects of a JSON result as XML: an element for each key, one for each member of an array, text as it stands.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// JSON with its keys in their order.
enum Node {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// A record's object as an element `record`, on one line.
pub(super) fn record(object: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    match serde_json::from_slice(object) {
        Ok(node) => element("record", &node, &mut text),
        // Deeper than the reader goes, which no record is.
        Err(_) => text.push_str("<record/>"),
    }
    text.into_bytes()
}

fn element(name: &str, node: &Node, out: &mut String) {
    match node {
        Node::Nothing => {}
        Node::List(nodes) => nodes.iter().for_each(|node| element(name, node, out)),
        Node::Text(text) => out.push_str(&format!("<{name}>{}</{name}>", escaped(text))),
        // A value that does not fit its type.
        Node::Map(fields) if matches!(fields.as_slice(), [(key, _)] if key == "raw" && name != "record") => {
            element(name, &fields[0].1, out);
        }
        Node::Map(fields) => {
            out.push_str(&format!("<{name}>"));
            for (key, node) in fields {
                // Names of elements do not begin with a digit.
                let digit = key.starts_with(|c: char| c.is_ascii_digit());
                element(&format!("{}{key}", if digit { "_" } else { "" }), node, out);
            }
            out.push_str(&format!("</{name}>"));
        }
    }
}

/// Text that stands for itself. Control characters have no place in XML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || c == '\u{FFFE}' || c == '\u{FFFF}' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }
}
