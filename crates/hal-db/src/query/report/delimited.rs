//! Values with a delimiter between: CSV after RFC 4180, and others without quotes.
//!
//! A record of several values takes several lines; single values stand on the first one.

use super::page::Page;
use super::{Job, shown};
use crate::dynarray::VM;
use crate::error::Result;
use crate::itype::Num;
use crate::query::columns::{Builder, Conversion, Rec};
use crate::query::exec::Summary;
use crate::query::rows::Content;

pub(super) fn write(
    job: &Job<'_, '_>,
    builder: &mut Builder<'_>,
    page: &mut Page<'_>,
    delimiter: &[u8],
    mode: u8,
) -> Result<Summary> {
    let options = job.plan.options;
    let columns = shown(job.plan)
        .map(|display| {
            let content = Content::compile(&display.item, job.prepared, builder)?;
            Ok((content, builder.conversion(&display.item)?, display.item.multi))
        })
        .collect::<Result<Vec<(Content, Conversion, bool)>>>()?;
    let heading = |text: &str| {
        ["'RX'", "'R'", "'X'"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text).to_owned()
    };
    let headings: Vec<Vec<u8>> =
        shown(job.plan).map(|display| heading(&display.item.heading.join(" ")).into_bytes()).collect();
    let mut begun = false;
    let mut line = Vec::new();
    job.prepared.each(true, &mut |entry| {
        if !begun && !options.col_sup {
            join(headings.iter().map(Vec::as_slice), delimiter, mode, &mut line);
            page.bare(&line)?;
        }
        begun = true;
        let rec = Rec { id: entry.id, record: entry.record, context: job.context };
        let cells: Vec<Vec<Vec<u8>>> = columns
            .iter()
            .map(|(content, conversion, multi)| {
                let content = content.get(&rec, entry);
                if *multi {
                    content
                        .split(|&b| b == VM)
                        .map(|value| conversion.apply(value, &rec).into_owned())
                        .collect()
                } else {
                    vec![conversion.apply(&content, &rec).into_owned()]
                }
            })
            .collect();
        for row in 0..cells.iter().map(Vec::len).max().unwrap_or(1) {
            let values = cells.iter().map(|cell| cell.get(row).map_or(&[][..], Vec::as_slice));
            join(values, delimiter, mode, &mut line);
            page.bare(&line)?;
        }
        Ok(())
    })
}

fn join<'v>(values: impl Iterator<Item = &'v [u8]>, delimiter: &[u8], mode: u8, line: &mut Vec<u8>) {
    line.clear();
    for (index, value) in values.enumerate() {
        if index > 0 {
            line.extend_from_slice(delimiter);
        }
        let special = || {
            value.iter().any(|b| matches!(b, b'"' | b'\n' | b'\r'))
                || memchr::memmem::find(value, delimiter).is_some()
        };
        let quoted = match mode {
            0 => false,
            1 => special(),
            2 => special() || Num::parse(value).is_none(),
            _ => true,
        };
        if !quoted {
            line.extend_from_slice(value);
            continue;
        }
        line.push(b'"');
        for &byte in value {
            if byte == b'"' {
                line.push(b'"');
            }
            line.push(byte);
        }
        line.push(b'"');
    }
}
