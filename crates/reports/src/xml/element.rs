//! One element of XML with everything in it.

/// An element held in memory: a result, or a piece of header data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Name without the prefix of its namespace.
    pub(crate) name: String,
    /// Attributes by their names without prefix, in the order of the file.
    pub(crate) attributes: Vec<(String, String)>,
    /// All text directly inside, CDATA too.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The attribute, unless it is blank.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let value = self.attributes.iter().find(|(own, _)| own == name)?.1.trim();
        (!value.is_empty()).then_some(value)
    }

    /// Its own text without the space around it, unless there is none.
    pub(crate) fn words(&self) -> Option<&str> {
        let text = self.text.trim();
        (!text.is_empty()).then_some(text)
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Children of one name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Elements at a path of names (`references/reference`).
    pub(crate) fn under<'a>(&'a self, path: &str) -> Vec<&'a Element> {
        path.split('/').fold(vec![self], |found, name| {
            found.into_iter().flat_map(|one| one.children.iter().filter(|child| child.name == name)).collect()
        })
    }

    /// Text of the first child of this name that has any. `path` may name a grandchild: `nvt/name`.
    pub(crate) fn text_of<'a>(&'a self, path: &str) -> Option<&'a str> {
        self.under(path).into_iter().find_map(Element::words)
    }
}
