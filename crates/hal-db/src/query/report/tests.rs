//! Reports against the golden screens of `shared/qm`.

use super::*;
use crate::query::parse;
use crate::{Database, DynArray, Env};

/// The SALES file of the golden screens, its items of type D.
fn sales() -> Database {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("SALES")?;
        for (name, fields) in [
            ("@ID", "D^0^^Sale No^8L^S"),
            ("DATE", "D^1^D2/^Date^8R^S"),
            ("REGION", "D^2^^Region^8L^S"),
            ("CUST", "D^3^^Cust^5R^S"),
            ("ITEM", "D^4^^Item^5L^M^LINE"),
            ("QTY", "D^5^^Qty^4R^M^LINE"),
            ("PRICE", "D^6^MD2^'R'Unit]Price^9R^M^LINE"),
            ("NOTES", "D^7^^Notes^12T^S"),
            ("@", "PH^DATE REGION CUST ITEM QTY PRICE"),
        ] {
            txn.write("DICT SALES", name, &marked(fields))?;
        }
        for (id, fields) in [
            ("100", "9649^North^1^A1]B2]C3^3]10]1^150]2599]100000^deliver to the back door please"),
            ("101", "9650^South^2^A1^7^150^"),
            ("9", "9700^North^14^B2]A1^2]5^2599]145^x"),
            ("A7", "^East^99^^^^"),
            ("A10", "9000^South^2^C3\\C4]D5^1\\2]4^100\\200]300^subvalued"),
        ] {
            txn.write("SALES", id, &marked(fields))?;
        }
        Ok(())
    })
    .unwrap();
    db
}

fn marked(text: &str) -> DynArray {
    DynArray::from_text(&text.replace('^', "\u{FE}").replace(']', "\u{FD}").replace('\\', "\u{FC}"))
}

#[test]
fn golden_screens_are_reproduced() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/qm/sales-golden.txt");
    let Ok(golden) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not here");
        return;
    };
    let db = sales();
    let snapshot = db.snapshot().unwrap();
    // Sentences that need only what is served: no I-types, breaks, explosion, CSV.
    for sentence in [
        "SORT SALES REGION CUST TOTAL QTY NO.PAGE",
        "SORT SALES WITH EVERY QTY > 1 ITEM QTY NO.PAGE",
        "SORT SALES WITH DATE > \"1 JUN 94\" DATE NO.PAGE",
        "SORT SALES WITH NO DATE REGION NO.PAGE",
        "SORT SALES WITH REGION \"North\" \"South\" REGION NO.PAGE",
        "SORT SALES REGION ITEM VERT NO.PAGE",
        "SORT SALES REGION COUNT.SUP HDR.SUP COL.SUP NO.PAGE",
        "SORT SALES WITH QTY = 3 5 QTY NO.PAGE",
        "SORT SALES WITH QTY # 3 QTY NO.PAGE",
        "SORT SALES WITHOUT ITEM REGION NO.PAGE",
        "SORT SALES WITH @ID > 50 NO.PAGE",
        "SORT SALES LIKE \"A...\" NO.PAGE",
    ] {
        let start =
            golden.find(&format!(">>> {sentence}\n")).unwrap_or_else(|| panic!("{sentence} is not there"));
        let screen = &golden[start + sentence.len() + 5..];
        let screen = &screen[..screen.find(">>> ").unwrap_or(screen.len())];
        let plan = parse(sentence, &snapshot).unwrap_or_else(|error| panic!("{sentence}: {error}"));
        let rows = snapshot.run(&plan, &Env::default()).unwrap();
        assert_eq!(report(&rows, 80).trim_end(), screen.trim_end(), "{sentence}");
    }
}
