//! Comments: both ways, by id. What people write on the board comes here with its edits and deletions; what people write
//! here goes there, marked with a token of its own; nothing is shown or sent twice.
//!
//! A comment is told by its number on the board. Before that is known, ours is told by its token, and an explanation of
//! ours (the comment that travels in the revision of a move) by the ticket's token and our identity.

use crate::block;
use crate::board::Comment;

/// Where a comment was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// By a person, in Lockstep.
    Here,
    /// By a person, on the board.
    Board,
    /// By Lockstep, with a change that it explains.
    Explanation,
}

/// A comment that is known here.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// Where it was written.
    pub side: Side,
    /// Its number on the board, once it is known.
    pub board_id: Option<i64>,
    /// Words that stood there when it was last read; `None` before that.
    pub words: Option<&'a str>,
    /// Version that was last read there.
    pub version: i64,
    /// Its token, if it was written here.
    pub token: &'a str,
    /// What we sent or are about to send, in words: standing there, these are no edit of a person.
    pub ours: Vec<String>,
    /// It is known to be gone from the board.
    pub is_gone: bool,
}

/// What a reading of the board's comments says. Numbers are places in the list of the known.
#[derive(Clone, Debug, PartialEq)]
pub enum Read<'a> {
    /// A person wrote it on the board.
    New(&'a Comment),
    /// Lockstep's own explanation of a change.
    Explanation(&'a Comment),
    /// One of ours stands there as we sent it: its number is known now, or our edit arrived.
    Arrived(usize, &'a Comment),
    /// A person changed it on the board, whoever wrote it.
    Edited(usize, &'a Comment),
    /// It was deleted on the board.
    Gone(usize),
}

/// Compares what is known with what stands on the board. `own_id` is our identity there, `ticket_token` marks our
/// explanations.
pub fn read<'a>(
    known: &[Known<'_>],
    board: &'a [Comment],
    own_id: Option<&str>,
    ticket_token: &str,
) -> Vec<Read<'a>> {
    let mut says = Vec::new();
    for comment in board {
        let words = block::normalised(&comment.text);
        let by_us = own_id.is_some_and(|own| own == comment.author.id);
        let place = known.iter().position(|known| known.board_id == Some(comment.id)).or_else(|| {
            let is_it = |known: &Known<'_>| {
                known.side == Side::Here && known.board_id.is_none() && carries(&words, known.token)
            };
            // Whoever quotes one of ours writes a comment of their own.
            if by_us { known.iter().position(is_it) } else { None }
        });
        match place {
            None if by_us && carries(&words, ticket_token) => says.push(Read::Explanation(comment)),
            None => says.push(Read::New(comment)),
            Some(place) => {
                let known = &known[place];
                let is_ours = known.ours.contains(&words);
                match (known.board_id, known.words) {
                    (Some(_), Some(stood)) if stood == words && known.version == comment.version => {}
                    (Some(_), Some(stood)) if stood == words || is_ours => {
                        says.push(Read::Arrived(place, comment));
                    }
                    (Some(_), _) => says.push(Read::Edited(place, comment)),
                    (None, _) => says.push(Read::Arrived(place, comment)),
                }
            }
        }
    }
    for (place, known) in known.iter().enumerate() {
        let gone = |id| !board.iter().any(|comment| comment.id == id);
        if !known.is_gone && known.board_id.is_some_and(gone) {
            says.push(Read::Gone(place));
        }
    }
    says
}

fn carries(words: &str, token: &str) -> bool {
    !token.is_empty() && words.contains(&format!("({token})"))
}

/// What to carry to the board for a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Write it there.
    Add,
    /// Bring its text up to date.
    Edit,
    /// Delete it there.
    Delete,
}

/// How a comment stands to the board.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Where it was written.
    pub side: Side,
    /// It is for people here only.
    pub is_private: bool,
    /// It was deleted here.
    pub is_deleted: bool,
    /// It has a number on the board.
    pub is_there: bool,
    /// The text was changed since it was last carried over.
    pub is_stale: bool,
    /// A person changed or deleted it on the board, or it was deleted there by us: nothing more is carried over.
    pub is_over: bool,
}

/// The next thing to carry to the board. Only comments that people wrote here leave, and private ones never do.
pub fn next_deed(standing: Standing) -> Option<Deed> {
    if standing.is_private || standing.is_over || standing.side != Side::Here {
        return None;
    }
    match (standing.is_there, standing.is_deleted) {
        (false, false) => Some(Deed::Add),
        (false, true) => None,
        (true, true) => Some(Deed::Delete),
        (true, false) => standing.is_stale.then_some(Deed::Edit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Person;
    use crate::content;
    use chrono::DateTime;

    const OWN: &str = "own-id";
    const TICKET: &str = "LS-0123456789ABCDEF";
    const TOKEN: &str = "LC-0123456789ABCDEF";

    fn on_board(id: i64, author: &str, text: &str) -> Comment {
        let at = DateTime::UNIX_EPOCH;
        let author = Person { id: author.into(), ..Person::default() };
        Comment {
            id,
            version: 1,
            text: text.into(),
            is_markdown: false,
            editor: author.clone(),
            author,
            created_at: at,
            modified_at: at,
        }
    }

    fn ours(board_id: Option<i64>, text: &str) -> Known<'static> {
        let words = block::normalised(&content::spoken(text, "Ada", TOKEN));
        Known {
            side: Side::Here,
            board_id,
            words: None,
            version: 0,
            token: TOKEN,
            ours: vec![words],
            is_gone: false,
        }
    }

    #[test]
    fn ours_coming_back_is_known_by_its_token_and_not_taken_for_a_new_one() {
        let board = [on_board(7, OWN, &content::spoken("Hello <b>", "Ada", TOKEN))];
        assert_eq!(
            read(&[ours(None, "Hello <b>")], &board, Some(OWN), TICKET),
            [Read::Arrived(0, &board[0])]
        );
    }

    #[test]
    fn who_quotes_our_comment_writes_one_of_their_own() {
        let board = [on_board(8, "bob", &content::spoken("Hello", "Ada", TOKEN))];
        assert_eq!(read(&[ours(None, "Hello")], &board, Some(OWN), TICKET), [Read::New(&board[0])]);
    }

    #[test]
    fn an_explanation_of_ours_is_told_from_words_of_people() {
        let board =
            [on_board(1, OWN, &format!("<p>Why. ({TICKET})</p>")), on_board(2, OWN, "by the same account")];
        assert_eq!(
            read(&[], &board, Some(OWN), TICKET),
            [Read::Explanation(&board[0]), Read::New(&board[1])]
        );
    }

    #[test]
    fn an_edit_of_ours_by_a_person_is_an_edit_and_our_own_edit_is_not() {
        let words = block::normalised(&content::spoken("old", "Ada", TOKEN));
        let known = Known { words: Some(&words), version: 1, ..ours(Some(7), "new") };
        let mut theirs = on_board(7, OWN, "changed by hand");
        theirs.version = 2;
        let mut mine = on_board(7, OWN, &content::spoken("new", "Ada", TOKEN));
        mine.version = 2;
        let (theirs, mine) = ([theirs], [mine]);
        let known = [known];
        assert_eq!(read(&known, &theirs, Some(OWN), TICKET), [Read::Edited(0, &theirs[0])]);
        assert_eq!(read(&known, &mine, Some(OWN), TICKET), [Read::Arrived(0, &mine[0])]);
        assert_eq!(read(&known, &[], Some(OWN), TICKET), [Read::Gone(0)]);
    }

    #[test]
    fn a_private_note_and_a_comment_of_the_board_are_never_carried_over_whatever_else_is_true() {
        for bits in 0..16_u8 {
            let bit = |n: u8| bits & (1 << n) != 0;
            let standing = Standing {
                side: Side::Here,
                is_private: true,
                is_deleted: bit(0),
                is_there: bit(1),
                is_stale: bit(2),
                is_over: bit(3),
            };
            assert_eq!(next_deed(standing), None);
            for side in [Side::Board, Side::Explanation] {
                assert_eq!(next_deed(Standing { side, is_private: false, ..standing }), None);
            }
        }
    }
}
