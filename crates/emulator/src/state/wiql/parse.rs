//! The grammar of WIQL queries.

/// A parsed query.
#[derive(Debug, PartialEq)]
pub(crate) struct Query {
    pub(crate) select: Vec<String>,
    pub(crate) filter: Option<Condition>,
    /// Field and whether descending.
    pub(crate) order: Vec<(String, bool)>,
    pub(crate) as_of: Option<String>,
    /// Set for a query over links.
    pub(crate) mode: Option<Mode>,
}

/// What a query over links shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Sources with a link that fits.
    MustContain,
    /// All sources, with the links that fit.
    MayContain,
    /// Sources without a link that fits.
    DoesNotContain,
    /// A tree, starting at the sources or, the other way, at the targets.
    Recursive { children_first: bool },
}

#[derive(Debug, PartialEq)]
pub(crate) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare { field: String, test: Test, ever: bool },
}

#[derive(Debug, PartialEq)]
pub(crate) enum Test {
    Is(Relation, Operand),
    In(Vec<Operand>),
    Contains(Operand),
    ContainsWords(Operand),
    Under(Operand),
    /// The type is in a category.
    InGroup(String),
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Text(String),
    Number(f64),
    /// Lower-case name and an offset in days.
    Macro(String, i64),
    Field(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Field(String),
    Text(String),
    Number(f64),
    Macro(String),
    Sign(&'static str),
}

/// What is wrong with a query.
pub(crate) type Error = String;

const SIGNS: [&str; 13] = ["<>", "<=", ">=", "!=", "=", "<", ">", "(", ")", ",", "+", "-", "."];

fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let used = match first {
            '[' => {
                let end = rest.find(']').ok_or("Expecting end of field name. The error is caused by «[».")?;
                tokens.push(Token::Field(rest[1..end].trim().to_owned()));
                end + 1
            }
            '\'' | '"' => {
                let (value, used) = quoted(rest, first)?;
                tokens.push(Token::Text(value));
                used
            }
            '@' => {
                let end = rest[1..].find(|c: char| !c.is_alphanumeric()).map_or(rest.len(), |n| n + 1);
                tokens.push(Token::Macro(rest[1..end].to_lowercase()));
                end
            }
            c if c.is_ascii_digit() => {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                let number = rest[..end].parse().map_err(|_| unexpected(&rest[..end]))?;
                tokens.push(Token::Number(number));
                end
            }
            c if c.is_alphabetic() || c == '_' => {
                let end =
                    rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
            _ => {
                let sign = SIGNS
                    .iter()
                    .find(|s| rest.starts_with(**s))
                    .ok_or_else(|| unexpected(&first.to_string()))?;
                tokens.push(Token::Sign(sign));
                sign.len()
            }
        };
        rest = rest[used..].trim_start();
    }
    Ok(tokens)
}

fn quoted(text: &str, quote: char) -> Result<(String, usize), Error> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            value.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            value.push(quote);
            chars.next();
        } else {
            return Ok((value, at + 1));
        }
    }
    Err(format!("Expecting end of string. The error is caused by «{value}»."))
}

fn unexpected(what: &str) -> Error {
    format!(
        "TF51006: The query statement is missing a clause or has an unexpected one. The error is caused by «{what}»."
    )
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

/// How deep conditions may nest.
const MAX_DEPTH: usize = 64;

pub(crate) fn query(text: &str) -> Result<Query, Error> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    parser.expect_word("select")?;
    let mut select = vec![parser.field()?];
    while parser.take_sign(",") {
        select.push(parser.field()?);
    }
    parser.expect_word("from")?;
    let about_links = parser.take_word("workitemlinks");
    if !about_links {
        parser.expect_word("workitems")?;
    }
    let filter = if parser.take_word("where") { Some(parser.condition(0)?) } else { None };
    let mut order = Vec::new();
    if parser.take_word("order") {
        parser.expect_word("by")?;
        loop {
            let field = parser.field()?;
            let descending = parser.take_word("desc");
            if !descending {
                parser.take_word("asc");
            }
            order.push((field, descending));
            if !parser.take_sign(",") {
                break;
            }
        }
    }
    let as_of = if parser.take_word("asof") {
        match parser.next() {
            Some(Token::Text(text)) => Some(text),
            other => return Err(parser.wrong(other)),
        }
    } else {
        None
    };
    let mut mode = about_links.then_some(Mode::MustContain);
    if about_links && parser.take_word("mode") {
        mode = Some(parser.mode()?);
    }
    match parser.next() {
        None => Ok(Query { select, filter, order, as_of, mode }),
        other => Err(parser.wrong(other)),
    }
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn wrong(&self, token: Option<Token>) -> Error {
        match token {
            None => {
                "TF51006: The query statement is missing a clause. The error is caused by «end of query»."
                    .into()
            }
            Some(Token::Word(w) | Token::Field(w) | Token::Text(w) | Token::Macro(w)) => unexpected(&w),
            Some(Token::Number(n)) => unexpected(&n.to_string()),
            Some(Token::Sign(s)) => unexpected(s),
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Error> {
        if self.take_word(word) {
            return Ok(());
        }
        let next = self.next();
        Err(self.wrong(next))
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(found);
        found
    }

    /// `(Recursive, ReturnMatchingChildren)`; the brackets may be missing.
    fn mode(&mut self) -> Result<Mode, Error> {
        let bracket = self.take_sign("(");
        let mut mode = None;
        let mut children_first = false;
        loop {
            match self.next() {
                Some(Token::Word(word)) => match word.to_ascii_lowercase().as_str() {
                    "mustcontain" => mode = Some(Mode::MustContain),
                    "maycontain" => mode = Some(Mode::MayContain),
                    "doesnotcontain" => mode = Some(Mode::DoesNotContain),
                    "recursive" => mode = Some(Mode::Recursive { children_first: false }),
                    "returnmatchingchildren" => children_first = true,
                    "returnmatchingparents" => children_first = false,
                    _ => return Err(unexpected(&word)),
                },
                other => return Err(self.wrong(other)),
            }
            if !self.take_sign(",") {
                break;
            }
        }
        if bracket && !self.take_sign(")") {
            let next = self.next();
            return Err(self.wrong(next));
        }
        Ok(match mode {
            Some(Mode::Recursive { .. }) => Mode::Recursive { children_first },
            other => other.unwrap_or(Mode::MustContain),
        })
    }

    /// `[Field]`, and in queries over links `Source.[Field]` or `[Target].[Field]`.
    fn field(&mut self) -> Result<String, Error> {
        let side = |name: &str| {
            ["Source.", "Target."]
                .into_iter()
                .find(|side| side.trim_end_matches('.').eq_ignore_ascii_case(name.trim_end_matches('.')))
        };
        match self.next() {
            Some(Token::Word(name)) if name.ends_with('.') && side(&name).is_some() => {
                Ok(format!("{}{}", side(&name).unwrap_or_default(), self.field()?))
            }
            Some(Token::Field(name) | Token::Word(name)) if side(&name).is_some() && self.take_sign(".") => {
                Ok(format!("{}{}", side(&name).unwrap_or_default(), self.field()?))
            }
            Some(Token::Field(name) | Token::Word(name)) => Ok(name),
            other => Err(self.wrong(other)),
        }
    }

    fn condition(&mut self, depth: usize) -> Result<Condition, Error> {
        if depth > MAX_DEPTH {
            return Err("TF51016: The query has too many nested clauses.".into());
        }
        let mut left = self.conjunction(depth)?;
        while self.take_word("or") {
            left = Condition::Or(Box::new(left), Box::new(self.conjunction(depth)?));
        }
        Ok(left)
    }

    fn conjunction(&mut self, depth: usize) -> Result<Condition, Error> {
        let mut left = self.single(depth)?;
        while self.take_word("and") {
            left = Condition::And(Box::new(left), Box::new(self.single(depth)?));
        }
        Ok(left)
    }

    fn single(&mut self, depth: usize) -> Result<Condition, Error> {
        if self.take_word("not") {
            if depth > MAX_DEPTH {
                return Err("TF51016: The query has too many nested clauses.".into());
            }
            return Ok(Condition::Not(Box::new(self.single(depth + 1)?)));
        }
        if self.take_sign("(") {
            let inner = self.condition(depth + 1)?;
            if !self.take_sign(")") {
                let next = self.next();
                return Err(self.wrong(next));
            }
            return Ok(inner);
        }
        let mut ever = self.take_word("ever");
        let field = self.field()?;
        let negated = self.take_word("not");
        ever |= self.take_word("was") && self.take_word("ever") || self.take_word("ever");
        let test = self.test(ever)?;
        let compare = Condition::Compare { field, test, ever };
        Ok(if negated { Condition::Not(Box::new(compare)) } else { compare })
    }

    fn test(&mut self, ever: bool) -> Result<Test, Error> {
        if self.take_word("in") {
            if self.take_word("group") {
                return match self.next() {
                    Some(Token::Text(category)) => Ok(Test::InGroup(category)),
                    other => Err(self.wrong(other)),
                };
            }
            if !self.take_sign("(") {
                let next = self.next();
                return Err(self.wrong(next));
            }
            let mut list = vec![self.operand()?];
            while self.take_sign(",") {
                list.push(self.operand()?);
            }
            if !self.take_sign(")") {
                let next = self.next();
                return Err(self.wrong(next));
            }
            return Ok(Test::In(list));
        }
        if self.take_word("contains") {
            let words = self.take_word("words");
            let operand = self.operand()?;
            return Ok(if words { Test::ContainsWords(operand) } else { Test::Contains(operand) });
        }
        if self.take_word("under") {
            return Ok(Test::Under(self.operand()?));
        }
        if self.take_word("is") {
            let not = self.take_word("not");
            self.expect_word("empty")?;
            return Ok(if not {
                Test::Is(Relation::NotEqual, Operand::Text(String::new()))
            } else {
                Test::Empty
            });
        }
        let relation = match self.next() {
            Some(Token::Sign("=")) => Relation::Equal,
            Some(Token::Sign("<>" | "!=")) => Relation::NotEqual,
            Some(Token::Sign("<")) => Relation::Less,
            Some(Token::Sign("<=")) => Relation::LessOrEqual,
            Some(Token::Sign(">")) => Relation::Greater,
            Some(Token::Sign(">=")) => Relation::GreaterOrEqual,
            // `EVER 'x'` without a sign means equality.
            Some(Token::Text(text)) if ever => return Ok(Test::Is(Relation::Equal, Operand::Text(text))),
            other => return Err(self.wrong(other)),
        };
        Ok(Test::Is(relation, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, Error> {
        let negative = self.take_sign("-");
        match self.next() {
            Some(Token::Number(n)) => Ok(Operand::Number(if negative { -n } else { n })),
            Some(Token::Text(text)) if !negative => Ok(Operand::Text(text)),
            Some(Token::Field(name)) if !negative => Ok(Operand::Field(name)),
            Some(Token::Word(word))
                if !negative && ["true", "false"].contains(&word.to_lowercase().as_str()) =>
            {
                Ok(Operand::Text(word))
            }
            Some(Token::Macro(name)) if !negative => {
                let sign = if self.take_sign("-") {
                    -1
                } else if self.take_sign("+") {
                    1
                } else {
                    return Ok(Operand::Macro(name, 0));
                };
                match self.next() {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "a number of days; too large ones saturate"
                    )]
                    Some(Token::Number(n)) => Ok(Operand::Macro(name, sign * n as i64)),
                    other => Err(self.wrong(other)),
                }
            }
            other => Err(self.wrong(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_binds_tighter_than_or() {
        let parsed = query("select [System.Id] from workitems where [a] = 1 or [b] = 2 and [c] = 3").unwrap();
        assert!(
            matches!(parsed.filter, Some(Condition::Or(_, right)) if matches!(*right, Condition::And(..)))
        );
    }

    #[test]
    fn a_doubled_quote_is_a_quote() {
        let parsed = query("SELECT [System.Id] FROM WorkItems WHERE [System.Title] = 'it''s'").unwrap();
        let Some(Condition::Compare { test: Test::Is(_, Operand::Text(text)), .. }) = parsed.filter else {
            panic!()
        };
        assert_eq!(text, "it's");
    }

    #[test]
    fn offsets_of_macros_keep_their_sign() {
        let parsed =
            query("SELECT [System.Id] FROM WorkItems WHERE [System.CreatedDate] >= @today - 7").unwrap();
        let Some(Condition::Compare { test: Test::Is(_, operand), .. }) = parsed.filter else { panic!() };
        assert_eq!(operand, Operand::Macro("today".into(), -7));
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_crash() {
        let text = format!("SELECT [System.Id] FROM WorkItems WHERE {}[a] = 1", "(".repeat(10_000));
        assert!(query(&text).is_err());
    }

    #[test]
    fn what_is_left_over_is_an_error() {
        assert!(query("SELECT [System.Id] FROM WorkItems nonsense").is_err());
        assert!(query("SELECT [System.Id]").is_err());
    }
}
