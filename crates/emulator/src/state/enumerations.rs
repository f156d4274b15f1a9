//! Numbers that stand for words in a query: the service's model binder takes either, and Microsoft's Node
//! library sends numbers throughout. The numbers are those of its type definitions.

/// One enumeration: the resource and parameter (without the dollar sign) that take it, and its words.
type Enumeration = (&'static [&'static str], &'static str, &'static [(i64, &'static str)]);

const EXPAND: &[(i64, &str)] = &[(0, "none"), (1, "relations"), (2, "fields"), (3, "links"), (4, "all")];
const OMIT: &[(i64, &str)] = &[(1, "fail"), (2, "omit")];

const ENUMERATIONS: &[Enumeration] = &[
    (&["workItems", "workItemTypeTemplate", "revisions"], "expand", EXPAND),
    (&["workItems", "classificationNodes"], "errorPolicy", OMIT),
    (&["workItemRevisions"], "expand", &[(0, "none"), (1, "fields")]),
    (
        &["workItemTypesField"],
        "expand",
        &[(0, "none"), (1, "allowedValues"), (2, "dependentFields"), (3, "all")],
    ),
    (&["fields"], "expand", &[(0, "none"), (1, "extensionFields"), (2, "includeDeleted")]),
    (&["queries"], "expand", &[(0, "none"), (1, "wiql"), (2, "clauses"), (3, "all"), (4, "minimal")]),
    (
        &["comments"],
        "expand",
        &[(0, "none"), (1, "reactions"), (8, "renderedText"), (16, "renderedTextOnly"), (-17, "all")],
    ),
    (&["comments"], "order", &[(1, "asc"), (2, "desc")]),
    (&["comments"], "format", &[(0, "markdown"), (1, "html")]),
];

/// The word that a number sent for a parameter of a resource stands for.
pub(crate) fn word(resource: &str, parameter: &str, sent: &str) -> Option<&'static str> {
    let number: i64 = sent.parse().ok()?;
    let parameter = parameter.trim_start_matches('$');
    let (_, _, words) = ENUMERATIONS
        .iter()
        .find(|(resources, name, _)| resources.contains(&resource) && name.eq_ignore_ascii_case(parameter))?;
    words.iter().find(|(value, _)| *value == number).map(|(_, word)| *word)
}
