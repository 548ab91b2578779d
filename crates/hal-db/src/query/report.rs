//! stub
use super::Rows;
/// Lays out rows as text for a terminal of `width` columns.
pub fn report(_rows: &Rows, _width: usize) -> String {
    String::new()
}
