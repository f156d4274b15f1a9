//! Pages of lists: the size a caller may ask for, and the opaque cursor that says where the next page begins.

use api::Page;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{Answer, Failure};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// Where a page of one list starts and how long it may be.
pub(crate) struct Paging<K> {
    list: &'static str,
    /// The last row of the page before.
    pub(crate) after: Option<K>,
    limit: u32,
}

impl<K: Serialize + DeserializeOwned> Paging<K> {
    /// Reads what the caller asked for. `list` names the list, so that a cursor of another one is refused.
    pub(crate) fn of(list: &'static str, cursor: Option<&str>, limit: Option<u32>) -> Answer<Self> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Failure::invalid(
                &format!("`limit` is {limit}."),
                &format!("Ask for 1 to {MAX_LIMIT} entries."),
            ));
        }
        let after = match cursor {
            None | Some("") => None,
            Some(cursor) => Some(decode(list, cursor).ok_or_else(|| {
                Failure::invalid(
                    "`cursor` is not one that this list gave out.",
                    "Leave it out to begin with the first page, or give back `next_cursor` unchanged.",
                )
            })?),
        };
        Ok(Self { list, after, limit })
    }

    /// How many rows to read: one more than is shown tells whether there is a next page.
    pub(crate) fn rows(&self) -> u32 {
        self.limit + 1
    }

    /// The page made of those rows.
    pub(crate) fn page<R, T>(
        &self,
        mut rows: Vec<R>,
        key: impl Fn(&R) -> K,
        show: impl Fn(R) -> Answer<T>,
    ) -> Answer<Page<T>> {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > shown;
        rows.truncate(shown);
        let next_cursor = if more { rows.last().map(|row| encode(self.list, &key(row))) } else { None };
        let items = rows.into_iter().map(show).collect::<Answer<Vec<T>>>()?;
        Ok(Page { items, next_cursor })
    }
}

fn encode(list: &str, key: &impl Serialize) -> String {
    // Keys are ids, words and numbers: serialising them cannot fail.
    let text = serde_json::to_string(&(list, key)).expect("keys have plain values");
    URL_SAFE_NO_PAD.encode(text)
}

fn decode<K: DeserializeOwned>(list: &str, cursor: &str) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (of, key): (String, K) = serde_json::from_slice(&bytes).ok()?;
    (of == list).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_key_and_only_in_its_own_list() {
        let cursor = encode("assets", &"shop".to_owned());
        assert_eq!(decode::<String>("assets", &cursor).as_deref(), Some("shop"));
        assert_eq!(decode::<String>("scans", &cursor), None);
        assert_eq!(decode::<String>("assets", "not a cursor"), None);
    }

    #[test]
    fn the_page_that_shows_the_last_row_has_no_next_cursor() {
        let paging = Paging::<u32>::of("numbers", None, Some(2)).unwrap();
        let page = |rows: Vec<u32>| paging.page(rows, |row| *row, Ok).unwrap();
        assert!(page(vec![1, 2, 3]).next_cursor.is_some());
        assert_eq!(page(vec![1, 2, 3]).items, [1, 2]);
        assert_eq!(page(vec![1, 2]).next_cursor, None);
    }

    #[test]
    fn a_page_has_one_to_two_hundred_entries() {
        assert!(Paging::<u32>::of("numbers", None, Some(0)).is_err());
        assert!(Paging::<u32>::of("numbers", None, Some(201)).is_err());
        assert!(Paging::<u32>::of("numbers", None, Some(200)).is_ok());
    }
}
