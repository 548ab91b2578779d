//! Masks: characters of a value put into a pattern such as `###-#######`.

/// One element of a mask.
enum Place {
    /// Takes a character of the value; the fill stands where there is none.
    Slot(char),
    Literal(char),
}

/// Most characters that a mask may give.
const PLACES_MAX: usize = 1000;

/// Puts `text` into `mask`: `#`, `*` and `%` take a character each (`#3` three), others are copied, `\` quotes.
///
/// Filled from the left, cutting the tail; or from the right, cutting the head. Missing characters become `fill` for
/// `#`, `*` for `*`, `0` for `%`.
pub(crate) fn apply(text: &str, mask: &str, right: bool, fill: char) -> String {
    let places = places(mask, fill);
    let slots = places.iter().filter(|place| matches!(place, Place::Slot(_))).count();
    let length = text.chars().count();
    let (skip, missing_first) =
        if right { (length.saturating_sub(slots), slots.saturating_sub(length)) } else { (0, 0) };
    let mut data = text.chars().skip(skip);
    let mut seen = 0;
    let mut out = String::with_capacity(places.len());
    for place in places {
        match place {
            Place::Literal(c) => out.push(c),
            Place::Slot(empty) => {
                seen += 1;
                let taken = if seen > missing_first { data.next() } else { None };
                out.push(taken.unwrap_or(empty));
            }
        }
    }
    out
}

fn places(mask: &str, fill: char) -> Vec<Place> {
    let mut places = Vec::new();
    let mut chars = mask.chars().peekable();
    while let Some(c) = chars.next() {
        if places.len() >= PLACES_MAX {
            break;
        }
        let empty = match c {
            '#' => fill,
            '*' => '*',
            '%' => '0',
            '\\' => {
                places.extend(chars.next().map(Place::Literal));
                continue;
            }
            _ => {
                places.push(Place::Literal(c));
                continue;
            }
        };
        let mut digits = String::new();
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let count: usize = if digits.is_empty() { 1 } else { digits.parse().unwrap_or(PLACES_MAX) };
        places.extend((0..count.min(PLACES_MAX)).map(|_| Place::Slot(empty)));
    }
    places
}
