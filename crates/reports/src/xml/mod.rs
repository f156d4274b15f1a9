//! Reading XML formats as a stream: a visitor says which elements it wants whole, which it looks into, and which not.
//!
//! Nothing is ever fetched and no entity is expanded but the five of XML itself and numbers: a document that declares
//! entities is refused before its first element, one that only names its DTD is read. A prefix of a namespace does not
//! matter.

mod decode;
mod element;

use quick_xml::Reader;
use quick_xml::errors::IllFormedError;
use quick_xml::events::{BytesStart, Event};

use crate::ReadSeek;
use crate::error::{Error, ErrorKind, Place};
use crate::limits::Limits;
use crate::text::shorten;
use decode::{Decoder, Encoding, Source, of_head};
pub(crate) use element::Element;

/// Most attributes of one element.
const MAX_ATTRIBUTES: usize = 256;
/// What an element costs in memory beside its texts.
const ELEMENT_COST: u64 = 128;

/// What to do with an element that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Look at its children one by one.
    Enter,
    /// Take it whole: a result.
    Take,
    /// Take it whole and keep it: header data, which counts against another limit.
    Keep,
    /// Its content does not matter.
    Skip,
}

/// What a format looks at.
pub(crate) trait Visitor {
    /// An element begins. `path` are the names from the root down to it (`Report/ReportHost`); `element` has its
    /// attributes only.
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind>;

    /// An element that was wanted whole.
    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind>;

    /// An element that was looked into ends.
    fn end(&mut self, _path: &str) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Reads the file from its start to its end.
///
/// # Errors
///
/// What is not well-formed, over the limits, or refused by the visitor, with its place.
pub(crate) fn walk(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    visitor: &mut dyn Visitor,
) -> Result<(), Error> {
    let source = Source::new(input, limits)?;
    let mut reader = Reader::from_reader(source);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().allow_dangling_amp = true;
    let mut walk = Walk {
        limits,
        visitor,
        path: String::new(),
        depth: 0,
        held: Vec::new(),
        skipped: 0,
        cost: 0,
        kept: 0,
        keeps: false,
        start: Place::default(),
        seen_root: false,
    };
    let mut buffer = Vec::new();
    loop {
        reader.get_mut().begin_piece();
        let before = reader.get_ref().place();
        let step = match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) => break,
            Ok(event) => walk.event(event, &before),
            Err(error) => {
                let source = reader.get_mut();
                let place = Place { path: walk.path.clone(), ..source.place() };
                return Err(match source.failure.take() {
                    Some(kind) => Error::at(kind, place),
                    None => Error::at(not_well_formed(error, source.ended() || rest_is_empty(source)), place),
                });
            }
        };
        if let Err(kind) = step {
            let place = if walk.held.is_empty() { reader.get_ref().place() } else { walk.start.clone() };
            return Err(Error::at(kind, Place { path: walk.path.clone(), ..place }));
        }
        let bytes = reader.get_ref().piece_bytes();
        if bytes > limits.max_result_bytes {
            let kind = ErrorKind::LimitExceeded {
                what: "size of one tag or text in bytes",
                bound: limits.max_result_bytes,
            };
            return Err(Error::at(kind, Place { path: walk.path.clone(), ..before }));
        }
        buffer.clear();
        // One huge text must not cost its memory for the rest of the file.
        buffer.shrink_to(1 << 20);
    }
    let place = Place { path: walk.path.clone(), ..reader.get_ref().place() };
    if walk.depth > 0 {
        let inside = format!("the element '{}'", walk.path.rsplit('/').next().unwrap_or_default());
        return Err(Error::at(ErrorKind::Truncated { inside }, place));
    }
    if !walk.seen_root {
        return Err(Error::at(syntax("there is no element"), place));
    }
    Ok(())
}

fn rest_is_empty(source: &mut Source<'_>) -> bool {
    use std::io::BufRead;
    source.fill_buf().is_ok_and(<[u8]>::is_empty)
}

fn syntax(reason: impl std::fmt::Display) -> ErrorKind {
    ErrorKind::Syntax { reason: format!("not well-formed XML: {reason}") }
}

fn not_well_formed(error: quick_xml::Error, at_end: bool) -> ErrorKind {
    use quick_xml::Error as Xml;
    match error {
        Xml::Io(error) => ErrorKind::Io(std::io::Error::new(error.kind(), error)),
        Xml::Syntax(_) if at_end => ErrorKind::Truncated { inside: "a tag".to_owned() },
        Xml::IllFormed(IllFormedError::UnclosedReference) if at_end => {
            ErrorKind::Truncated { inside: "a text".to_owned() }
        }
        Xml::IllFormed(IllFormedError::MissingEndTag(name)) => {
            ErrorKind::Truncated { inside: format!("the element '{}'", shorten(&name, 80)) }
        }
        other => syntax(shorten(&other.to_string(), 300)),
    }
}

struct Walk<'a> {
    limits: &'a Limits,
    visitor: &'a mut dyn Visitor,
    path: String,
    depth: usize,
    /// The element that is taken whole, and its open descendants.
    held: Vec<Element>,
    /// Open elements inside of one that is skipped, with it.
    skipped: usize,
    /// Memory of the element that is taken.
    cost: u64,
    /// Memory of everything that was kept.
    kept: u64,
    keeps: bool,
    /// Where the element that is taken begins.
    start: Place,
    seen_root: bool,
}

impl Walk<'_> {
    fn event(&mut self, event: Event<'_>, before: &Place) -> Result<(), ErrorKind> {
        match event {
            Event::Start(tag) => self.begin(&tag, before),
            Event::End(_) => self.end(),
            Event::Text(text) => {
                let text = text.xml10_content();
                if self.depth == 0 && !text.trim().is_empty() {
                    return Err(syntax("text outside of the root element"));
                }
                self.text(&text)
            }
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(name) => {
                let resolved = reference(&name)?;
                self.text(resolved.encode_utf8(&mut [0; 4]))
            }
            Event::DocType(text) => doctype(&text),
            // Entities cannot come from anywhere else.
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn begin(&mut self, tag: &BytesStart<'_>, before: &Place) -> Result<(), ErrorKind> {
        if self.depth == 0 && self.seen_root {
            return Err(syntax("a second root element"));
        }
        self.seen_root = true;
        self.depth += 1;
        if self.depth > self.limits.max_depth {
            let bound = self.limits.max_depth as u64;
            return Err(ErrorKind::LimitExceeded { what: "nesting of the XML in levels", bound });
        }
        let name = tag.local_name();
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(&shorten(name.as_ref(), 80).replace('/', "_"));
        if self.skipped > 0 {
            self.skipped += 1;
            return Ok(());
        }
        let element = self.element(tag)?;
        if !self.held.is_empty() {
            self.held.push(element);
            return self.charge(ELEMENT_COST);
        }
        match self.visitor.begin(&self.path, &element)? {
            Step::Enter => {}
            Step::Skip => self.skipped = 1,
            step => {
                self.keeps = step == Step::Keep;
                self.cost = 0;
                self.start = before.clone();
                self.held.push(element);
                self.charge(ELEMENT_COST)?;
            }
        }
        Ok(())
    }

    fn element(&mut self, tag: &BytesStart<'_>) -> Result<Element, ErrorKind> {
        let mut element = Element { name: tag.local_name().as_ref().to_owned(), ..Element::default() };
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| syntax(shorten(&error.to_string(), 300)))?;
            if element.attributes.len() == MAX_ATTRIBUTES {
                let bound = MAX_ATTRIBUTES as u64;
                return Err(ErrorKind::LimitExceeded { what: "number of attributes of one element", bound });
            }
            let name = attribute.key.local_name().as_ref().to_owned();
            let value = unescape(&attribute.value, self.limits.max_string)?;
            self.cost += (name.len() + value.len()) as u64 + ELEMENT_COST / 2;
            element.attributes.push((name, value));
        }
        Ok(element)
    }

    fn text(&mut self, text: &str) -> Result<(), ErrorKind> {
        let Some(element) = self.held.last_mut() else { return Ok(()) };
        let room = self.limits.max_string.saturating_sub(element.text.len());
        let taken = text.floor_char_boundary(room.min(text.len()));
        element.text.push_str(&text[..taken]);
        self.charge(taken as u64)
    }

    fn charge(&mut self, bytes: u64) -> Result<(), ErrorKind> {
        self.cost += bytes;
        let (cost, bound, what) = if self.keeps {
            (
                self.kept + self.cost,
                self.limits.max_header_bytes,
                "size of everything that is not a result in bytes",
            )
        } else {
            (self.cost, self.limits.max_result_bytes, "size of one result in bytes")
        };
        if cost > bound { Err(ErrorKind::LimitExceeded { what, bound }) } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), ErrorKind> {
        if self.skipped > 0 {
            self.skipped -= 1;
        } else if let Some(element) = self.held.pop() {
            match self.held.last_mut() {
                Some(parent) => parent.children.push(element),
                None => {
                    if self.keeps {
                        self.kept += self.cost;
                    }
                    let told = self.visitor.take(&self.path, element);
                    if told.is_err() {
                        // The error is of the element as a whole: its place is where it begins.
                        self.held.push(Element::default());
                    }
                    told?;
                }
            }
        } else {
            self.visitor.end(&self.path)?;
        }
        self.depth -= 1;
        self.path.truncate(self.path.rfind('/').unwrap_or(0));
        Ok(())
    }
}

/// A document type without entities is harmless: nothing is fetched.
fn doctype(text: &str) -> Result<(), ErrorKind> {
    if text.to_ascii_uppercase().contains("<!ENTITY") {
        return Err(ErrorKind::invalid(
            "the document type declares entities, which are not expanded; no scanner writes them, so remove the \
             declaration if the file is trusted",
        ));
    }
    Ok(())
}

/// The character that `&name;` stands for. What XML does not allow becomes the replacement character.
fn reference(name: &str) -> Result<char, ErrorKind> {
    let number = match name.as_bytes() {
        [b'#', b'x' | b'X', digits @ ..] => std::str::from_utf8(digits).ok().map(|digits| (digits, 16)),
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok().map(|digits| (digits, 10)),
        _ => None,
    };
    if let Some((digits, radix)) = number {
        let all_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        if !all_digits {
            return Err(syntax(format_args!("'&{};' is no number of a character", shorten(name, 40))));
        }
        let character = u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        return Ok(character.filter(|character| *character != '\0').unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    match name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(syntax(format_args!("the entity '&{};' is not one of XML itself", shorten(name, 40)))),
    }
}

/// An attribute's value: entities resolved, line breaks as spaces, at most `max` bytes.
fn unescape(raw: &str, max: usize) -> Result<String, ErrorKind> {
    let mut value = String::with_capacity(raw.len().min(max));
    let mut rest = raw;
    while !rest.is_empty() && value.len() < max {
        let plain = rest.find('&').unwrap_or(rest.len());
        value.extend(rest[..plain].chars().map(|c| if matches!(c, '\n' | '\t' | '\r') { ' ' } else { c }));
        rest = &rest[plain..];
        if let Some(after) = rest.strip_prefix('&') {
            match after.split_once(';') {
                Some((name, after)) if !name.is_empty() && name.len() <= 40 && !name.contains(['&', ' ']) => {
                    value.push(reference(name)?);
                    rest = after;
                }
                _ => {
                    value.push('&');
                    rest = after;
                }
            }
        }
    }
    value.truncate(value.floor_char_boundary(max));
    Ok(value)
}

/// The beginning of a file as text, if it is XML in an encoding that is read; for recognition only.
pub(crate) fn head_text(head: &[u8]) -> Option<String> {
    // An encoding that is not read is told by its name when the file is read.
    let (encoding, mark) = of_head(head).unwrap_or((Encoding::Utf8, 0));
    let mut text = Vec::new();
    // What is not UTF-8 is told with its place when the file is read.
    if Decoder::new(encoding).decode(&head[mark..], &mut text).is_err() {
        text = head[mark..].to_vec();
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    text.trim_start().starts_with('<').then_some(text)
}

/// The elements that begin in `text`, in order, with their path and attributes, until it breaks off.
pub(crate) fn outline(text: &str, most: usize) -> Vec<(String, Element)> {
    struct Collect(Vec<(String, Element)>, usize);
    impl Visitor for Collect {
        fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
            if self.0.len() == self.1 {
                return Err(ErrorKind::NoRun);
            }
            self.0.push((path.to_owned(), element.clone()));
            Ok(Step::Enter)
        }
        fn take(&mut self, _: &str, _: Element) -> Result<(), ErrorKind> {
            Ok(())
        }
    }
    let mut collect = Collect(Vec::new(), most);
    // That the beginning of a file is cut off is no news.
    let _cut_off = walk(&mut std::io::Cursor::new(text.as_bytes()), &Limits::default(), &mut collect);
    collect.0
}
