//! Results as JSON, one object a line, typed by the dictionary (section 30). Lines end with a newline, nothing else is said.

use super::page::Page;
use super::{Job, shown, xml};
use crate::conv::{self, Status};
use crate::dict::DataItem;
use crate::dynarray::{DynArray, SM, VM, values};
use crate::error::Result;
use crate::itype::Num;
use crate::query::columns::{Builder, Rec};
use crate::query::exec::Summary;
use crate::query::plan::Output;
use crate::query::rows::Content;

/// What a conversion says of the values of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Date,
    Time,
    Epoch,
    /// Decimals of an MD conversion.
    Decimal,
    Boolean,
    Number,
    Text,
}

struct Key {
    name: String,
    association: Option<String>,
    content: Content,
    kind: Type,
    conversion: String,
    multi: bool,
    /// Numbers are text: for XML, which has no others.
    quoted: bool,
}

pub(super) fn write(job: &Job<'_, '_>, builder: &mut Builder<'_>, page: &mut Page<'_>) -> Result<Summary> {
    let keys = shown(job.plan)
        .map(|display| {
            Ok(Key {
                name: name(&display.item),
                association: display.item.association.as_deref().filter(|_| display.item.multi).map(snake),
                content: Content::compile(&display.item, job.prepared, builder)?,
                kind: kind(&display.item),
                conversion: display.item.conversion.clone(),
                multi: display.item.multi,
                quoted: job.plan.output == Output::Xml,
            })
        })
        .collect::<Result<Vec<Key>>>()?;
    job.prepared.each(true, &mut |entry| {
        let rec = Rec { id: entry.id, record: entry.record, context: job.context };
        let contents: Vec<_> = keys.iter().map(|key| key.content.get(&rec, entry)).collect();
        let mut object = Object::new();
        for (at, (key, content)) in keys.iter().zip(&contents).enumerate() {
            let Some(association) = &key.association else {
                if content.is_empty() && key.kind == Type::Text && !key.multi {
                    continue;
                }
                object.key(&key.name);
                if key.multi {
                    array(key, content, &mut object.text)
                } else {
                    scalar(key, content, &mut object.text)
                }
                continue;
            };
            // The first item of an association writes all of it.
            let together = |other: &Key| other.association.as_ref() == Some(association);
            if keys[..at].iter().any(together) {
                continue;
            }
            let members: Vec<(&Key, Vec<&[u8]>)> = keys
                .iter()
                .zip(&contents)
                .filter(|(other, _)| together(other))
                .map(|(other, content)| (other, values(content).collect()))
                .collect();
            object.key(association);
            object.text.push(b'[');
            for row in 0..members.iter().map(|(_, values)| values.len()).max().unwrap_or(0) {
                if row > 0 {
                    object.text.push(b',');
                }
                let mut inner = Object::new();
                for (key, values) in &members {
                    let value = values.get(row).copied().unwrap_or_default();
                    if value.is_empty() && key.kind == Type::Text {
                        continue;
                    }
                    inner.key(&key.name);
                    nested(key, value, &mut inner.text);
                }
                object.text.extend(inner.end());
            }
            object.text.push(b']');
        }
        let object = object.end();
        if job.plan.output == Output::Xml { page.bare(&xml::record(&object)) } else { page.bare(&object) }
    })
}

/// An object being written.
struct Object {
    text: Vec<u8>,
}

impl Object {
    fn new() -> Object {
        Object { text: vec![b'{'] }
    }

    fn key(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        string(name.as_bytes(), &mut self.text);
        self.text.push(b':');
    }

    fn end(mut self) -> Vec<u8> {
        self.text.push(b'}');
        self.text
    }
}

/// The name in JSON: the item's own, or its id in lower snake case.
fn name(item: &DataItem) -> String {
    item.json_name
        .clone()
        .unwrap_or_else(|| if item.name == "@ID" { "id".to_owned() } else { snake(&item.name) })
}

fn snake(name: &str) -> String {
    let letter = |c: char| if c.is_alphanumeric() { c } else { '_' };
    name.to_lowercase().chars().map(letter).collect::<String>().trim_matches('_').to_owned()
}

fn kind(item: &DataItem) -> Type {
    let code = item.conversion.trim_start().to_ascii_uppercase();
    match code.as_bytes() {
        [b'D', ..] => Type::Date,
        [b'M', b'T', ..] => Type::Time,
        [b'E', ..] => Type::Epoch,
        [b'M', b'D' | b'L' | b'R', ..] => Type::Decimal,
        [b'B'] => Type::Boolean,
        [] if item.right => Type::Number,
        _ => Type::Text,
    }
}

fn array(key: &Key, content: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, value) in values(content).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        nested(key, value, out);
    }
    out.push(b']');
}

/// A value, or an array of its subvalues.
fn nested(key: &Key, value: &[u8], out: &mut Vec<u8>) {
    if memchr::memchr(SM, value).is_none() {
        return scalar(key, value, out);
    }
    out.push(b'[');
    for (index, part) in value.split(|&b| b == SM).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        scalar(key, part, out);
    }
    out.push(b']');
}

fn scalar(key: &Key, value: &[u8], out: &mut Vec<u8>) {
    if key.kind == Type::Text || value.iter().any(|&b| b == VM || b == SM) {
        return match (value.is_empty(), key.kind) {
            (true, kind) if kind != Type::Text => out.extend(b"null"),
            _ => string(value, out),
        };
    }
    if value.is_empty() {
        return out.extend(b"null");
    }
    match typed(key, value) {
        Some(text) if key.quoted && !text.starts_with(b"\"") => string(&text, out),
        Some(text) => out.extend(text),
        None => {
            // What does not fit its type keeps its bytes, and says so (30.4).
            out.extend(b"{\"raw\":");
            string(value, out);
            out.push(b'}');
        }
    }
}

fn typed(key: &Key, value: &[u8]) -> Option<Vec<u8>> {
    let quoted = |code: &str| match conv::oconv(value, code) {
        (text, Status::Ok) => {
            let mut out = Vec::new();
            string(&text, &mut out);
            Some(out)
        }
        _ => None,
    };
    match key.kind {
        Type::Date => {
            let day = crate::dynarray::integer(value)?;
            Some(format!("\"{}\"", crate::date::iso(day)).into_bytes())
        }
        Type::Time => quoted("MTS"),
        Type::Epoch => {
            let seconds = crate::dynarray::integer(value)?;
            let day = crate::date::iso(seconds.div_euclid(86_400) + 732);
            let second = seconds.rem_euclid(86_400);
            let (hours, minutes) = (second / 3600, second / 60 % 60);
            Some(format!("\"{day}T{hours:02}:{minutes:02}:{:02}Z\"", second % 60).into_bytes())
        }
        Type::Boolean => match value {
            b"1" => Some(b"true".to_vec()),
            b"0" => Some(b"false".to_vec()),
            _ => None,
        },
        Type::Decimal => {
            // The code without what is for the eye: commas, currency, signs, widths.
            let digits: String = key
                .conversion
                .trim_start()
                .chars()
                .skip(2)
                .take_while(char::is_ascii_digit)
                .take(2)
                .collect();
            let (text, status) =
                conv::oconv(value, &format!("MD{}", if digits.is_empty() { "0" } else { &digits }));
            let number = Num::parse(&text).filter(|_| status == Status::Ok)?;
            Some(plain_number(&text, number))
        }
        Type::Number => Num::parse(value).map(|number| plain_number(value, number)),
        Type::Text => None,
    }
}

/// A number as JSON has it; one of more digits than a double holds is a string.
fn plain_number(text: &[u8], _number: Num) -> Vec<u8> {
    let text = text.trim_ascii();
    let (sign, digits) = match text {
        [b'-', rest @ ..] => ("-", rest),
        [b'+', rest @ ..] => ("", rest),
        rest => ("", rest),
    };
    let digits = String::from_utf8_lossy(digits);
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let whole = whole.trim_start_matches('0');
    let significant = whole.len() + fraction.len();
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    let quote = if significant > 15 { "\"" } else { "" };
    format!("{quote}{sign}{whole}{point}{fraction}{quote}").into_bytes()
}

/// Text in quotes; marks become U+00FB to U+00FF, bytes that are not UTF-8 U+FFFD.
fn string(bytes: &[u8], out: &mut Vec<u8>) {
    let text = DynArray::from_bytes(bytes).to_text();
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            c if u32::from(c) < 0x20 => out.extend(format!("\\u{:04x}", u32::from(c)).into_bytes()),
            c => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}
