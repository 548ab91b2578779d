//! Select lists of a session: eleven numbered lists of ids, and set operations on them (section 13). A value, no file.

use super::exec::{Selected, list_number};
use super::plan::{From, QueryPlan};
use crate::dynarray::{DynArray, FM, Record};

/// The file that holds saved lists.
pub(crate) const SAVED_LISTS: &str = "$SAVEDLISTS";
/// Numbers of select lists are 0 to this.
const NUMBER_MAX: usize = 10;

/// The select lists of one session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SelectLists {
    lists: [Option<Vec<Vec<u8>>>; NUMBER_MAX + 1],
}

/// Why a command on lists cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The list is not active.
    #[error("Select list {0} is not active")]
    NotActive(usize),
    /// There is no list of this number.
    #[error("select lists have the numbers 0 to 10, not {0}")]
    NoSuchNumber(usize),
    /// There is no such operation.
    #[error("{0} is not UNION, INTERSECTION or DIFFERENCE")]
    NoSuchOperation(String),
}

impl SelectLists {
    /// No list is active.
    #[must_use]
    pub fn new() -> SelectLists {
        SelectLists::default()
    }

    /// The ids of a list, if it is active.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&[Vec<u8>]> {
        self.lists.get(number)?.as_deref()
    }

    /// Fills a list; an empty one is not active.
    ///
    /// # Errors
    /// [`ListError::NoSuchNumber`].
    pub fn set(&mut self, number: usize, ids: Vec<Vec<u8>>) -> Result<usize, ListError> {
        let list = self.lists.get_mut(number).ok_or(ListError::NoSuchNumber(number))?;
        let count = ids.len();
        *list = (count > 0).then_some(ids);
        Ok(count)
    }

    /// Keeps what a SELECT found in the list it was meant for; gives how many.
    ///
    /// # Errors
    /// [`ListError::NoSuchNumber`].
    pub fn keep(&mut self, selected: Selected) -> Result<usize, ListError> {
        self.set(selected.to, selected.items)
    }

    /// Takes the list that restricts a query; it is not active afterwards. `None` when none does.
    ///
    /// # Errors
    /// [`ListError::NotActive`] for a list that the query names.
    pub fn take_for(&mut self, plan: &QueryPlan) -> Result<Option<Vec<Vec<u8>>>, ListError> {
        let Some(number) = list_number(plan) else { return Ok(None) };
        let list = self.lists.get_mut(number).ok_or(ListError::NoSuchNumber(number))?.take();
        match (&list, plan.from) {
            (None, From::List(number)) => Err(ListError::NotActive(number)),
            _ => Ok(list),
        }
    }

    /// Forgets a list.
    pub fn clear(&mut self, number: usize) {
        if let Some(list) = self.lists.get_mut(number) {
            *list = None;
        }
    }

    /// Forgets all lists.
    pub fn clear_all(&mut self) {
        *self = SelectLists::default();
    }

    /// A list as a record of the saved lists, one id a field; the list is cleared unless `keep`.
    ///
    /// # Errors
    /// [`ListError::NotActive`].
    pub fn save(&mut self, number: usize, keep: bool) -> Result<(Record, usize), ListError> {
        let list = self.get(number).ok_or(ListError::NotActive(number))?;
        let saved = (DynArray::from_fields(list), list.len());
        if !keep {
            self.clear(number);
        }
        Ok(saved)
    }

    /// Fills a list from saved ones, one behind the other; gives how many ids.
    ///
    /// # Errors
    /// [`ListError::NoSuchNumber`].
    pub fn load(&mut self, number: usize, saved: &[Record]) -> Result<usize, ListError> {
        let lines = saved.iter().filter(|record| !record.is_empty());
        let ids = lines.flat_map(|record| record.as_bytes().split(|&b| b == FM)).map(<[u8]>::to_vec);
        self.set(number, ids.collect())
    }

    /// MERGE.LIST: `first OPERATION second TO to`; gives how many ids. A list that is not active counts as empty.
    ///
    /// The order is that of the first list, with what a union adds behind; each id once.
    ///
    /// # Errors
    /// [`ListError::NoSuchOperation`], [`ListError::NoSuchNumber`].
    pub fn merge(
        &mut self,
        first: usize,
        operation: &str,
        second: usize,
        to: usize,
    ) -> Result<usize, ListError> {
        let a = self.get(first).unwrap_or_default();
        let b = self.get(second).unwrap_or_default();
        let in_b: std::collections::HashSet<&Vec<u8>> = b.iter().collect();
        let chosen: Vec<&Vec<u8>> = match operation.to_ascii_uppercase().as_str() {
            "UNION" => a.iter().chain(b).collect(),
            "INTERSECTION" | "INTERSECT" => a.iter().filter(|id| in_b.contains(id)).collect(),
            "DIFFERENCE" | "DIFF" => a.iter().filter(|id| !in_b.contains(id)).collect(),
            _ => return Err(ListError::NoSuchOperation(operation.to_owned())),
        };
        let mut seen = std::collections::HashSet::new();
        let ids: Vec<Vec<u8>> = chosen.into_iter().filter(|id| seen.insert(*id)).cloned().collect();
        self.clear(first);
        self.clear(second);
        self.set(to, ids)
    }
}
