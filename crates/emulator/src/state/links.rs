//! Relations: work item links with their opposite side, hyperlinks, attachments and artifact links.
//!
//! A work item link changes no revision on either side (azure-devops.md section 7.2, revision rules); it shows
//! in the update logs and the link feed.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    call::{Call, decode, time},
    errors::ApiError,
    model::{Organization, Project, Relation, RelationTarget},
};

/// A kind of relation.
pub(crate) struct LinkType {
    pub(crate) reference_name: &'static str,
    pub(crate) name: &'static str,
    /// The kind the other side shows; empty for resource links.
    opposite: &'static str,
    topology: Topology,
    /// Points to another organization.
    remote: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Topology {
    Network,
    Dependency,
    /// The reverse side has one target at most.
    Tree,
}

const fn link(
    reference_name: &'static str,
    name: &'static str,
    opposite: &'static str,
    topology: Topology,
) -> LinkType {
    LinkType { reference_name, name, opposite, topology, remote: false }
}

/// A kind that points to another organization: listed, and never made here.
const fn remote(
    reference_name: &'static str,
    name: &'static str,
    opposite: &'static str,
    topology: Topology,
) -> LinkType {
    LinkType { reference_name, name, opposite, topology, remote: true }
}

/// All kinds, work item links first.
pub(crate) const TYPES: [LinkType; 21] = [
    link(
        "Microsoft.VSTS.Common.Affects-Forward",
        "Affects",
        "Microsoft.VSTS.Common.Affects-Reverse",
        Topology::Dependency,
    ),
    link(
        "Microsoft.VSTS.Common.Affects-Reverse",
        "Affected By",
        "Microsoft.VSTS.Common.Affects-Forward",
        Topology::Dependency,
    ),
    link(
        "Microsoft.VSTS.Common.TestedBy-Forward",
        "Tested By",
        "Microsoft.VSTS.Common.TestedBy-Reverse",
        Topology::Dependency,
    ),
    link(
        "Microsoft.VSTS.Common.TestedBy-Reverse",
        "Tests",
        "Microsoft.VSTS.Common.TestedBy-Forward",
        Topology::Dependency,
    ),
    link(
        "Microsoft.VSTS.TestCase.SharedParameterReferencedBy-Forward",
        "Referenced By",
        "Microsoft.VSTS.TestCase.SharedParameterReferencedBy-Reverse",
        Topology::Dependency,
    ),
    link(
        "Microsoft.VSTS.TestCase.SharedParameterReferencedBy-Reverse",
        "References",
        "Microsoft.VSTS.TestCase.SharedParameterReferencedBy-Forward",
        Topology::Dependency,
    ),
    link(
        "Microsoft.VSTS.TestCase.SharedStepReferencedBy-Forward",
        "Test Case",
        "Microsoft.VSTS.TestCase.SharedStepReferencedBy-Reverse",
        Topology::Dependency,
    ),
    link(
        "Microsoft.VSTS.TestCase.SharedStepReferencedBy-Reverse",
        "Shared Steps",
        "Microsoft.VSTS.TestCase.SharedStepReferencedBy-Forward",
        Topology::Dependency,
    ),
    remote(
        "System.LinkTypes.Remote.Dependency-Forward",
        "Produces For",
        "System.LinkTypes.Remote.Dependency-Reverse",
        Topology::Dependency,
    ),
    remote(
        "System.LinkTypes.Remote.Dependency-Reverse",
        "Consumes From",
        "System.LinkTypes.Remote.Dependency-Forward",
        Topology::Dependency,
    ),
    remote(
        "System.LinkTypes.Remote.Related",
        "Remote Related",
        "System.LinkTypes.Remote.Related",
        Topology::Network,
    ),
    link(
        "System.LinkTypes.Duplicate-Forward",
        "Duplicate",
        "System.LinkTypes.Duplicate-Reverse",
        Topology::Tree,
    ),
    link(
        "System.LinkTypes.Duplicate-Reverse",
        "Duplicate Of",
        "System.LinkTypes.Duplicate-Forward",
        Topology::Tree,
    ),
    link(
        "System.LinkTypes.Dependency-Forward",
        "Successor",
        "System.LinkTypes.Dependency-Reverse",
        Topology::Dependency,
    ),
    link(
        "System.LinkTypes.Dependency-Reverse",
        "Predecessor",
        "System.LinkTypes.Dependency-Forward",
        Topology::Dependency,
    ),
    link("System.LinkTypes.Hierarchy-Forward", "Child", "System.LinkTypes.Hierarchy-Reverse", Topology::Tree),
    link(
        "System.LinkTypes.Hierarchy-Reverse",
        "Parent",
        "System.LinkTypes.Hierarchy-Forward",
        Topology::Tree,
    ),
    link("System.LinkTypes.Related", "Related", "System.LinkTypes.Related", Topology::Network),
    link("AttachedFile", "Attached File", "", Topology::Network),
    link("Hyperlink", "Hyperlink", "", Topology::Network),
    link("ArtifactLink", "Artifact Link", "", Topology::Network),
];

/// At most this many relations per item.
const MAX_RELATIONS: usize = 1_000;
/// At most this many attachments per item.
const MAX_ATTACHMENTS: usize = 100;

impl LinkType {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|t| t.reference_name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn is_work_item_link(&self) -> bool {
        !self.opposite.is_empty()
    }

    /// An item has one parent, and is the duplicate of one other.
    fn has_one_target(&self) -> bool {
        self.topology == Topology::Tree && self.reference_name.ends_with("-Reverse")
    }
}

pub(crate) fn type_json(call: &Call, kind: &LinkType) -> Value {
    let attributes = if kind.is_work_item_link() {
        let mut attributes = json!({
            "usage": "workItemLink",
            "editable": kind.reference_name.starts_with("Microsoft."),
            "enabled": true,
            "acyclic": kind.topology != Topology::Network,
            "directional": kind.topology != Topology::Network,
            "singleTarget": kind.topology != Topology::Tree,
            "topology": match kind.topology {
                Topology::Network => "network",
                Topology::Dependency => "dependency",
                Topology::Tree => "tree",
            },
            "remote": kind.remote,
        });
        if kind.topology != Topology::Network {
            attributes["isForward"] = kind.reference_name.ends_with("-Forward").into();
            attributes["oppositeEndReferenceName"] = kind.opposite.into();
        }
        attributes
    } else {
        json!({"usage": "resourceLink", "editable": false, "enabled": true})
    };
    json!({
        "attributes": attributes,
        "referenceName": kind.reference_name,
        "name": kind.name,
        "url": call.org_url(&format!("_apis/wit/workItemRelationTypes/{}", kind.reference_name)),
    })
}

/// What a patch does to the relations of one item.
#[derive(Clone, Debug)]
pub(crate) enum RelationChange {
    Add(Relation),
    Remove(Relation),
    /// Before and after.
    Edit(Relation, Relation),
}

impl RelationChange {
    pub(crate) fn relation(&self) -> &Relation {
        match self {
            Self::Add(r) | Self::Remove(r) | Self::Edit(_, r) => r,
        }
    }

    /// Resource links make a revision; work item links do not.
    pub(crate) fn revises(&self) -> bool {
        !matches!(self.relation().target, RelationTarget::Item(_))
    }

    /// The same change as the linked item sees it.
    pub(crate) fn mirrored(&self, source: i64) -> Option<(i64, Self)> {
        let RelationTarget::Item(other) = self.relation().target else { return None };
        let flip = |relation: &Relation| Relation {
            rel: LinkType::named(&relation.rel).map_or_else(String::new, |t| t.opposite.to_owned()),
            target: RelationTarget::Item(source),
            ..relation.clone()
        };
        let change = match self {
            Self::Add(r) => Self::Add(flip(r)),
            Self::Remove(r) => Self::Remove(flip(r)),
            Self::Edit(before, after) => Self::Edit(flip(before), flip(after)),
        };
        Some((other, change))
    }

    /// Applies the change to a list. Work item links come first, older before newer, but those of one request in
    /// the reverse order of their addition. The recordings have every order; clients must not count on any.
    pub(crate) fn apply(&self, relations: &mut Vec<Relation>) {
        let same = |a: &Relation, b: &Relation| a.rel == b.rel && a.target == b.target;
        match self {
            Self::Add(r) if matches!(r.target, RelationTarget::Item(_)) => {
                let later = |other: &Relation| {
                    !matches!(other.target, RelationTarget::Item(_)) || other.added >= r.added
                };
                let at = relations.iter().position(later).unwrap_or(relations.len());
                relations.insert(at, r.clone());
            }
            Self::Add(r) => relations.push(r.clone()),
            Self::Remove(r) => relations.retain(|other| !same(other, r)),
            Self::Edit(before, after) => {
                for relation in relations.iter_mut().filter(|r| same(r, before)) {
                    *relation = after.clone();
                }
            }
        }
    }
}

/// Reads the value of `add /relations/-`. `temporary` maps the negative numbers of a `$batch`.
pub(crate) fn parse(
    org: &mut Organization,
    call: &Call,
    value: &Value,
    temporary: &dyn Fn(i64) -> Option<i64>,
) -> Result<Relation, ApiError> {
    let rel = value["rel"].as_str().unwrap_or_default();
    let url = value["url"].as_str().unwrap_or_default();
    let kind = LinkType::named(rel).filter(|kind| !kind.remote).ok_or_else(|| {
        ApiError::bad_relation(format!("Unrecognized link type {rel} specified for a work item link."))
    })?;
    let last = decode(
        url.split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default(),
    );
    let target = if kind.is_work_item_link() {
        let number: i64 = last
            .parse()
            .map_err(|_| ApiError::bad_relation(format!("The link url {url} is not a work item.")))?;
        let id = if number < 0 { temporary(number).unwrap_or(number) } else { number };
        if org.items.get(&id).is_none_or(|item| item.deleted.is_some()) {
            return Err(ApiError::no_work_item(id));
        }
        RelationTarget::Item(id)
    } else if kind.reference_name == "AttachedFile" {
        let id = Uuid::parse_str(&last).ok().filter(|id| org.attachments.contains_key(id));
        RelationTarget::Attachment(id.ok_or_else(|| ApiError::no_attachment(&last))?)
    } else {
        if url.trim().is_empty() {
            return Err(ApiError::bad_relation("The url of the link is empty.".into()));
        }
        RelationTarget::Url(url.to_owned())
    };
    let attributes = &value["attributes"];
    let text = |name: &str| attributes[name].as_str().map(str::to_owned);
    let (mut name, mut size) = (text("name"), None);
    if let RelationTarget::Attachment(id) = &target {
        let file = &org.attachments[id];
        size = Some(file.content.len() as u64);
        name = name.or_else(|| Some(file.name.clone()));
    }
    if kind.reference_name == "ArtifactLink" && (!url.starts_with("vstfs:///") || name.is_none()) {
        return Err(ApiError::bad_relation(format!(
            "The artifact link {url} needs a vstfs address and a name."
        )));
    }
    let number = if kind.is_work_item_link() {
        0
    } else {
        org.last_relation += 1;
        org.last_relation
    };
    Ok(Relation {
        rel: kind.reference_name.to_owned(),
        target,
        comment: text("comment"),
        name: name.filter(|_| !kind.is_work_item_link()),
        number,
        added: call.now,
        size,
    })
}

/// Checks a relation against what the item (0 for a new one) has and the rules of its kind.
pub(crate) fn check(
    org: &Organization,
    item: i64,
    existing: &[Relation],
    new: &Relation,
) -> Result<(), ApiError> {
    if existing.iter().any(|r| r.rel == new.rel && r.target == new.target) {
        return Err(ApiError::relation_exists());
    }
    if existing.len() >= MAX_RELATIONS {
        return Err(ApiError::too_many_links());
    }
    if new.rel == "AttachedFile"
        && existing.iter().filter(|r| r.rel == "AttachedFile").count() >= MAX_ATTACHMENTS
    {
        return Err(ApiError::too_many_links());
    }
    let RelationTarget::Item(target) = new.target else { return Ok(()) };
    if target == item {
        return Err(ApiError::circular_link(item, target));
    }
    let Some(kind) = LinkType::named(&new.rel) else { return Ok(()) };
    if kind.has_one_target() && existing.iter().any(|r| r.rel == new.rel) {
        return Err(ApiError::second_parent(target, item));
    }
    let opposite = LinkType::named(kind.opposite);
    if opposite.is_some_and(LinkType::has_one_target)
        && org.items.get(&target).is_some_and(|t| t.relations.iter().any(|r| r.rel == kind.opposite))
    {
        return Err(ApiError::second_parent(item, target));
    }
    if kind.topology != Topology::Network && reaches(org, target, item, &new.rel) {
        return Err(ApiError::circular_link(item, target));
    }
    Ok(())
}

fn reaches(org: &Organization, from: i64, to: i64, rel: &str) -> bool {
    let mut seen = std::collections::BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        let Some(item) = org.items.get(&at) else { continue };
        for relation in item.relations.iter().filter(|r| r.rel == rel) {
            if let RelationTarget::Item(next) = relation.target
                && seen.insert(next)
            {
                open.push(next);
            }
        }
    }
    false
}

/// A relation as answers show it; addresses are rewritten to the project's GUID.
pub(crate) fn relation_json(
    org: &Organization,
    call: &Call,
    project: &Project,
    relation: &Relation,
) -> Value {
    let kind = LinkType::named(&relation.rel);
    let mut attributes = serde_json::Map::new();
    let url = match &relation.target {
        RelationTarget::Item(id) => {
            attributes.insert("isLocked".into(), false.into());
            attributes.insert("name".into(), kind.map(|k| k.name).into());
            let owner = org.items.get(id).map_or(project.id, |item| item.project);
            call.project_url(owner, &format!("_apis/wit/workItems/{id}"))
        }
        RelationTarget::Attachment(id) => {
            call.project_url(project.id, &format!("_apis/wit/attachments/{id}"))
        }
        RelationTarget::Url(url) => url.clone(),
    };
    if relation.number > 0 {
        attributes.insert("authorizedDate".into(), time(relation.added).into());
        attributes.insert("id".into(), relation.number.into());
        attributes.insert("resourceCreatedDate".into(), time(relation.added).into());
        attributes.insert("resourceModifiedDate".into(), time(relation.added).into());
        attributes.insert("revisedDate".into(), "9999-01-01T00:00:00Z".into());
        if let Some(size) = relation.size {
            attributes.insert("resourceSize".into(), size.into());
        }
        if let Some(name) = &relation.name {
            attributes.insert("name".into(), name.clone().into());
        }
    }
    if let Some(comment) = &relation.comment {
        attributes.insert("comment".into(), comment.clone().into());
    }
    json!({"rel": relation.rel, "url": url, "attributes": attributes})
}
