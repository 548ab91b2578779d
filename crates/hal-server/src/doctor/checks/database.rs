//! The records are whole.

use super::Verdict;
use crate::doctor::facts::{Facts, Server};
use crate::doctor::finding::Finding;

pub(super) fn check(server: &Server, _: &Facts) -> Option<Verdict> {
    let database = server.database.as_ref()?;
    let data = &server.settings.data;
    if let Some(error) = &database.error {
        return Verdict::ill(
            Finding::error("db.unreadable", format!("the database in {data} cannot be read: {error}"))
                .why("no question about records can be answered")
                .fix(format!("cp -a {data} {data}.copy (before anything else)"))
                .fix(format!("hal db verify --data {data}"))
                .fix(format!("hal db restore BACKUP --replace --data {data}")),
        );
    }
    if database.faults > 0 {
        return Verdict::ill(
            Finding::error(
                "db.damaged",
                format!("{} things are wrong with the database in {data}", database.faults),
            )
            .why("answers may be incomplete, and it may get worse")
            .fix(format!("hal db verify --data {data} (names them)"))
            .fix(format!("hal db restore BACKUP --replace --data {data}")),
        );
    }
    if database.unfinished {
        return Verdict::well("large: hal db verify looks at all of it");
    }
    Verdict::well(format!("{} records in {} files, all sound", database.records, database.files))
}
