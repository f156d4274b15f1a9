//! Addresses, built from segments: a name with a slash, a space or a question mark stays one segment.

use url::Url;

/// Which kind of version a resource needs (azure-devops.md section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Every released resource we use.
    Released,
    /// Comments exist only as a preview.
    Comments,
    /// `connectionData` exists only as a preview.
    ConnectionData,
}

/// Which service is spoken to: the hosted one and servers from 2022.1 on, or Server 2022.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    Current,
    Server2022,
}

impl Version {
    fn as_str(self, generation: Generation) -> &'static str {
        match (generation, self) {
            (Generation::Current, Self::Released) => "7.1",
            (Generation::Current, Self::Comments) => "7.1-preview.4",
            (Generation::Current, Self::ConnectionData) => "7.1-preview.1",
            (Generation::Server2022, Self::Released) => "7.0",
            (Generation::Server2022, Self::Comments) => "7.0-preview.3",
            (Generation::Server2022, Self::ConnectionData) => "7.0-preview.1",
        }
    }
}

/// An address under the organization, with its query.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    url: Url,
    version: Version,
    fault: Option<String>,
    /// Query that only the current generation knows.
    current_only: Vec<(&'static str, &'static str)>,
    /// Why Server 2022 cannot do this, if it cannot.
    needs_current: Option<&'static str>,
}

impl Route {
    /// `{base}/{segments…}`. Segments are raw text: they are encoded here.
    pub(crate) fn new(base: &Url, segments: &[&str], version: Version) -> Self {
        let mut url = base.clone();
        url.set_query(None);
        let mut fault = None;
        // The parser drops dot segments, which would turn one address into another.
        if let Some(bad) = segments.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
            fault = Some(format!("'{bad}' is not a name"));
        }
        match url.path_segments_mut() {
            Ok(mut path) => {
                path.pop_if_empty().extend(segments);
            }
            Err(()) => fault = Some(format!("{base} is not the address of a server")),
        }
        Self { url, version, fault, current_only: Vec::new(), needs_current: None }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// A query parameter that Server 2022 does not know and does not need.
    pub(crate) fn with_current(mut self, name: &'static str, value: &'static str) -> Self {
        self.current_only.push((name, value));
        self
    }

    /// Server 2022 cannot do this: there it is refused here, because it would do something else.
    pub(crate) fn needs_current(mut self, why: &'static str) -> Self {
        self.needs_current = Some(why);
        self
    }

    /// The finished address with its `api-version`, or why the given names make none.
    pub(crate) fn finish(mut self, generation: Generation) -> Result<Url, String> {
        match (generation, self.needs_current) {
            (Generation::Server2022, Some(why)) => return Err(why.to_owned()),
            (Generation::Server2022, None) => {}
            (Generation::Current, _) => {
                for (name, value) in &self.current_only {
                    self.url.query_pairs_mut().append_pair(name, value);
                }
            }
        }
        self.url.query_pairs_mut().append_pair("api-version", self.version.as_str(generation));
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(segments: &[&str]) -> Result<String, String> {
        let base = Url::parse("https://dev.azure.com/my%20org").unwrap();
        Route::new(&base, segments, Version::Released)
            .finish(Generation::Current)
            .map(|url| url.path().to_owned())
    }

    #[test]
    fn names_are_encoded_as_one_segment_and_the_dollar_stays() {
        assert_eq!(
            path(&["My Project/100%?#", "_apis", "wit", "workitems", "$User Story"]).unwrap(),
            "/my%20org/My%20Project%2F100%25%3F%23/_apis/wit/workitems/$User%20Story"
        );
    }

    #[test]
    fn a_name_that_would_climb_out_of_the_address_is_refused() {
        assert!(path(&["..", "_apis"]).is_err());
        assert!(path(&["", "_apis"]).is_err());
    }
}
