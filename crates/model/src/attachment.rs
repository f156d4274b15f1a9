//! Files that people attach to a ticket as evidence, and when they reach the work item.

/// Longest name of a file, in characters.
pub const NAME_LIMIT: usize = 120;
/// Longest file, in bytes. A hosted board takes more (azure-devops.md section 7.8), a board of one's own may take less.
pub const SIZE_LIMIT: usize = 10 * 1024 * 1024;
/// Most files of one ticket; a work item takes 100 (azure-devops.md section 7.10).
pub const MOST: usize = 20;

/// What to do next for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Give the board its bytes: nobody sees them there yet.
    Upload,
    /// Attach what was uploaded to the work item.
    Attach,
    /// Take it away from the work item.
    Detach,
}

/// How a file stands to the board.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// It is for people here only.
    pub is_private: bool,
    /// It was deleted here.
    pub is_deleted: bool,
    /// The board has its bytes.
    pub is_uploaded: bool,
    /// It was seen attached to the work item.
    pub is_attached: bool,
    /// It may have been attached before the work item went, and nobody could see it.
    pub in_doubt: bool,
    /// It was taken away from the work item, by us or by a person: nothing more is done with it.
    pub is_over: bool,
}

/// The next thing to do, if there is one. Private files never leave, and what a person took away stays away.
pub fn next_deed(standing: Standing) -> Option<Deed> {
    if standing.is_private || standing.is_over {
        return None;
    }
    match standing {
        Standing { is_deleted: true, is_attached: true, .. }
        | Standing { is_deleted: true, in_doubt: true, .. } => Some(Deed::Detach),
        Standing { is_deleted: true, .. } | Standing { is_attached: true, .. } => None,
        Standing { is_uploaded: true, .. } => Some(Deed::Attach),
        _ => Some(Deed::Upload),
    }
}

/// The name under which a file is kept: without folders and characters that do something. `None` if nothing is left.
pub fn file_name(given: &str) -> Option<String> {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '%') { '_' } else { c }
        })
        .collect();
    let name = name.trim().trim_matches('.').trim();
    if name.is_empty() {
        return None;
    }
    // The end says what kind of file it is.
    let surplus = name.chars().count().saturating_sub(NAME_LIMIT);
    Some(name.chars().skip(surplus).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Standing = Standing {
        is_private: false,
        is_deleted: false,
        is_uploaded: false,
        is_attached: false,
        in_doubt: false,
        is_over: false,
    };

    #[test]
    fn a_file_is_uploaded_then_attached_and_then_left_alone() {
        assert_eq!(next_deed(NEW), Some(Deed::Upload));
        assert_eq!(next_deed(Standing { is_uploaded: true, ..NEW }), Some(Deed::Attach));
        assert_eq!(next_deed(Standing { is_uploaded: true, is_attached: true, ..NEW }), None);
    }

    #[test]
    fn a_private_file_never_leaves_and_what_was_taken_away_stays_away() {
        for bits in 0..8_u8 {
            let of = |bit: u8| bits & bit != 0;
            let any = Standing { is_deleted: of(1), is_uploaded: of(2), is_attached: of(4), ..NEW };
            assert_eq!(next_deed(Standing { is_private: true, ..any }), None);
            assert_eq!(next_deed(Standing { is_over: true, ..any }), None);
        }
    }

    #[test]
    fn a_deleted_file_is_taken_away_only_if_it_had_arrived_or_may_have() {
        let deleted = Standing { is_deleted: true, ..NEW };
        assert_eq!(next_deed(deleted), None);
        assert_eq!(next_deed(Standing { is_uploaded: true, ..deleted }), None);
        let arrived = Standing { is_uploaded: true, is_attached: true, ..deleted };
        assert_eq!(next_deed(arrived), Some(Deed::Detach));
        let in_doubt = Standing { is_uploaded: true, in_doubt: true, ..deleted };
        assert_eq!(next_deed(in_doubt), Some(Deed::Detach));
    }

    #[test]
    fn names_lose_folders_and_characters_that_do_something() {
        assert_eq!(file_name("..\\..\\etc/pass<wd>.txt").as_deref(), Some("pass_wd_.txt"));
        assert_eq!(file_name("a\r\nb.png").as_deref(), Some("a__b.png"));
        assert_eq!(file_name("shots/").as_deref(), None);
        assert_eq!(file_name(" .. ").as_deref(), None);
        let long = format!("{}.png", "x".repeat(500));
        assert!(
            file_name(&long).is_some_and(|name| name.chars().count() == NAME_LIMIT && name.ends_with(".png"))
        );
    }
}
