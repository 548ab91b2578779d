//! Where an array was last changed, so that values added one by one do not each search from its beginning.

use std::ops::Range;

use super::{count_byte, nth};

/// One level of the place that was changed last: its element and where that lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Level {
    position: usize,
    start: usize,
    end: usize,
}

/// The place that was changed last: a field, a value in it, a subvalue in that, as far as known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hint {
    levels: [Level; 3],
    depth: usize,
}

impl Hint {
    /// What is known of `depth`, if the levels above are those of `trail`.
    fn level(&self, depth: usize, trail: &Hint) -> Option<Level> {
        let same = |at: usize| self.levels[at].position == trail.levels[at].position;
        (depth < self.depth && trail.depth == depth && (0..depth).all(same)).then(|| self.levels[depth])
    }

    /// The range of element `position` (1..) of `within`, searched from what is known of the same level.
    pub(super) fn find(
        &self,
        trail: &Hint,
        depth: usize,
        bytes: &[u8],
        within: Range<usize>,
        mark: u8,
        position: usize,
    ) -> Option<Range<usize>> {
        match self.level(depth, trail) {
            Some(known) if known.position == position => Some(known.start..known.end),
            Some(known) if known.position < position => {
                nth(bytes, known.start..within.end, mark, position - known.position + 1)
            }
            _ => nth(bytes, within, mark, position),
        }
    }

    /// Number of elements of `within`, counted from what is known of the same level.
    pub(super) fn count(
        &self,
        trail: &Hint,
        depth: usize,
        bytes: &[u8],
        within: Range<usize>,
        mark: u8,
    ) -> usize {
        match self.level(depth, trail) {
            Some(known) => known.position + count_byte(&bytes[known.end..within.end], mark),
            None => count_byte(&bytes[within], mark) + 1,
        }
    }

    /// Goes down one level; `None` for a position that is not known, below which nothing is noted.
    pub(super) fn enter(&mut self, depth: usize, position: Option<usize>, place: &Range<usize>) {
        if let Some(position) = position
            && self.depth == depth
        {
            self.levels[depth] = Level { position, start: place.start, end: place.end };
            self.depth += 1;
        }
    }

    /// Bytes were added within every level noted.
    pub(super) fn grow(&mut self, bytes: usize) {
        for level in &mut self.levels[..self.depth] {
            level.end += bytes;
        }
    }

    /// The last level noted, or what it lay in, was replaced: `removed` bytes gave way to `added`.
    pub(super) fn replaced(&mut self, removed: usize, added: usize) {
        for level in &mut self.levels[..self.depth] {
            level.end = level.end - removed + added;
        }
    }
}
