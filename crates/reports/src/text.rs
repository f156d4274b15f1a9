//! Texts of scanners made fit to keep: bounded, on one line where one line is meant, and searched for known ids.

/// Longest title in characters (`model::Observation::title`).
const MAX_TITLE: usize = 500;
/// Longest message, description or remediation in characters.
const MAX_TEXT: usize = 20_000;
/// Longest snippet in characters (`model::Location::snippet`).
const MAX_SNIPPET: usize = 4_000;
/// Most references kept (`model::Vulnerability::references`).
const MAX_REFERENCES: usize = 20;

/// Most ids (advisories, CWEs) taken from one result: a real one has a few hundred at most.
pub(crate) const MAX_IDS: usize = 1_000;

/// The first `max` characters; what is cut is shown by an ellipsis.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => {
            let end = text.char_indices().nth(max.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
            format!("{}…", &text[..end])
        }
    }
}

/// A long text; `None` if it is blank.
pub(crate) fn body(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| shorten(text, MAX_TEXT))
}

/// Lines of code, with their indentation; `None` if there is nothing but white space.
pub(crate) fn snippet(text: &str) -> Option<String> {
    let text = text.trim_end();
    (!text.trim_start().is_empty()).then(|| shorten(text, MAX_SNIPPET))
}

/// A short value (name, version, id) on one line; `None` if it is blank.
pub(crate) fn short(text: &str) -> Option<String> {
    let line = one_line(text);
    (!line.is_empty()).then(|| shorten(&line, MAX_TITLE))
}

/// White space and control characters become single spaces.
pub(crate) fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A path of a file with `/`, without `.` steps and double slashes. What is absolute stays so.
pub(crate) fn path(text: &str) -> String {
    let line = one_line(text).replace('\\', "/");
    if line.contains("://") {
        return shorten(&line, 4_000);
    }
    let rooted = line.starts_with('/');
    let parts: Vec<&str> = line.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let joined = shorten(&parts.join("/"), 4_000);
    if rooted { format!("/{joined}") } else { joined }
}

/// First line of a text, if it has one that is not blank.
pub(crate) fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}

/// The first sentence of a description, short enough to be part of a title.
pub(crate) fn headline(text: &str) -> Option<String> {
    const MAX_HEADLINE: usize = 160;
    let line = one_line(first_line(text)?);
    let sentence = line.split_once(". ").map_or(line.as_str(), |(sentence, _)| sentence);
    let sentence = sentence.trim_start_matches('#').trim().trim_end_matches(['.', ':']);
    (!sentence.is_empty()).then(|| shorten(sentence, MAX_HEADLINE))
}

/// A title from its first non-blank part, with the place behind it. `fallback` is never blank.
pub(crate) fn title(parts: &[Option<&str>], fallback: &str, place: Option<&str>) -> String {
    let name = parts.iter().flatten().copied().filter_map(first_line).next().unwrap_or(fallback);
    let name = one_line(name);
    match place.map(one_line).filter(|place| !place.is_empty() && !name.contains(place.as_str())) {
        None => shorten(&name, MAX_TITLE),
        Some(place) => {
            let place = shorten(&place, MAX_TITLE / 2);
            let room = MAX_TITLE.saturating_sub(place.chars().count() + 4);
            format!("{} in {place}", shorten(name.trim_end_matches('.'), room))
        }
    }
}

/// Web pages among `links`, without doubles, at most as many as are kept.
pub(crate) fn references<'a>(links: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for link in links {
        let link = link.trim();
        let is_page = ["http://", "https://"]
            .iter()
            .any(|scheme| link.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
        if is_page && link.len() <= 2_000 && !kept.iter().any(|have| have == link) {
            kept.push(link.to_owned());
            if kept.len() == MAX_REFERENCES {
                break;
            }
        }
    }
    kept
}

/// CWE numbers named in a text: `CWE-79`, `external/cwe/cwe-079`, `CWE79: …`.
pub(crate) fn cwes_in(text: &str) -> Vec<u32> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, _) in lower.match_indices("cwe") {
        let before = lower[..at].chars().next_back();
        if before.is_some_and(|c| c.is_ascii_alphanumeric()) {
            continue;
        }
        let rest = lower[at + 3..].trim_start_matches(['-', '_', ':', ' ']);
        if let Some(number) = leading_number(rest)
            && !found.contains(&number)
        {
            found.push(number);
        }
    }
    found
}

/// A CWE given as bare number or as text.
pub(crate) fn cwe(text: &str) -> Option<u32> {
    cwes_in(text).first().copied().or_else(|| {
        let text = text.trim();
        (text.bytes().all(|byte| byte.is_ascii_digit())).then(|| leading_number(text)).flatten()
    })
}

fn leading_number(text: &str) -> Option<u32> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    text[..digits].parse().ok().filter(|number| *number > 0)
}

/// CVE and GHSA ids named in a text, in their canonical spelling.
pub(crate) fn advisories_in(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        let parts: Vec<&str> = word.split('-').collect();
        let id = match parts.as_slice() {
            [cve, year, number, ..]
                if cve.eq_ignore_ascii_case("CVE")
                    && year.len() == 4
                    && number.len() >= 4
                    && year.bytes().chain(number.bytes()).all(|byte| byte.is_ascii_digit()) =>
            {
                format!("CVE-{year}-{number}")
            }
            [ghsa, a, b, c, ..]
                if ghsa.eq_ignore_ascii_case("GHSA") && [a, b, c].iter().all(|part| part.len() == 4) =>
            {
                format!("GHSA-{a}-{b}-{c}").to_ascii_lowercase().replacen("ghsa", "GHSA", 1)
            }
            _ => continue,
        };
        if !found.contains(&id) {
            found.push(id);
        }
        if found.len() == MAX_IDS {
            break;
        }
    }
    found
}

/// Appends without doubles, up to [`MAX_IDS`] in all: a longer list is nobody's, and looking through it takes time.
pub(crate) fn add_new<T: PartialEq>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    for item in more {
        if list.len() >= MAX_IDS {
            return;
        }
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

/// A point in time as RFC 3339 writes it; years before 1970 (Go's zero time among them) mean "unknown".
pub(crate) fn time(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    let time = chrono::DateTime::parse_from_rfc3339(text.trim()).ok()?.to_utc();
    (time.timestamp() >= 0).then_some(time)
}
