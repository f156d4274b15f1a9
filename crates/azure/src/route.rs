//! Addresses, built from segments: a name with a slash, a space or a question mark stays one segment.

use url::Url;

/// Version of every released resource we use (azure-devops.md section 2).
pub(crate) const RELEASED: &str = "7.1";
/// Comments exist only as a preview.
pub(crate) const COMMENTS: &str = "7.1-preview.4";
/// `connectionData` exists only as a preview.
pub(crate) const CONNECTION_DATA: &str = "7.1-preview.1";

/// An address under the organization, with its query.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    url: Url,
    fault: Option<String>,
}

impl Route {
    /// `{base}/{segments…}?api-version=…`. Segments are raw text: they are encoded here.
    pub(crate) fn new(base: &Url, segments: &[&str], version: &str) -> Self {
        let mut url = base.clone();
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
        url.query_pairs_mut().clear().append_pair("api-version", version);
        Self { url, fault }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// The finished address, or why the given names make none.
    pub(crate) fn finish(self) -> Result<Url, String> {
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
        Route::new(&base, segments, RELEASED).finish().map(|url| url.path().to_owned())
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
