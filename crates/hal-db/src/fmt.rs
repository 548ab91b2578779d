//! stub
/// A parsed format.
#[derive(Debug, Clone)]
pub struct Format {
    right: bool,
}
impl Format {
    /// Parses a format.
    pub fn parse(spec: &str) -> Option<Format> {
        Some(Format { right: spec.contains('R') })
    }
    /// Right justified.
    pub fn is_right(&self) -> bool {
        self.right
    }
}
