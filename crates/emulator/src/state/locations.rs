//! The resources this service has: where they are routed and in which versions they exist. The routing, the
//! version check and the answer of `OPTIONS _apis`, from which Microsoft's libraries make every address, all
//! read this one table, so that none of them can know a resource that the others do not.
//!
//! The facts (ids, templates, versions) are those recorded on dev.azure.com in January 2025 (azure-devops.md
//! section 2); a test holds the table to the recording. Identities, accounts, profiles and entitlements live on
//! other hosts there and are not in it; their lines come from what Microsoft's libraries ask for, ranges are a guess.

use std::{cmp::Reverse, sync::OnceLock};

use serde_json::{Value, json};

use super::{Response, edition::Edition};

/// A version without its preview part.
pub(crate) type Number = (u32, u32);

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Location {
    area: &'static str,
    pub(crate) name: &'static str,
    id: &'static str,
    template: &'static str,
    /// The highest N of `-preview.N`.
    pub(crate) resource_version: u32,
    min: Number,
    max: Number,
    /// `None` for a resource that only exists in preview.
    released: Option<Number>,
    /// What follows `_apis` in the template.
    parts: Vec<Part>,
}

/// A segment of a template.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// A fixed word, in lower case.
    Word(String),
    /// `${type}`: a value behind a dollar sign.
    Dollar,
    /// A value; at the end of a template it may be left out.
    Value,
    /// One of a few words: compared without case, but no fixed one.
    Choice,
    /// `{*path}`: any number of values.
    Rest,
}

/// The versions in which one edition of the service has a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) min: Number,
    pub(crate) max: Number,
    pub(crate) released: Option<Number>,
    /// The highest N of `-preview.N`.
    pub(crate) newest: u32,
}

fn table() -> &'static [Location] {
    static TABLE: OnceLock<Vec<Location>> = OnceLock::new();
    TABLE.get_or_init(|| {
        include_str!("locations.txt")
            .lines()
            .map(|line| Location::parse(line).expect("the table is compiled in and read by a test"))
            .collect()
    })
}

fn number(text: &str) -> Option<Number> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

impl Location {
    /// `area|resource|resource version|min|max|released|id|template`.
    fn parse(line: &'static str) -> Option<Self> {
        let columns: Vec<&'static str> = line.split('|').collect();
        let [area, name, resource_version, min, max, released, id, template] = columns.try_into().ok()?;
        let (_, route) = template.split_once("_apis/")?;
        let parts = route
            .split('/')
            .map(|part| match part {
                "{area}" => Part::Word(area.to_ascii_lowercase()),
                "{resource}" => Part::Word(name.to_ascii_lowercase()),
                "${resource}" => Part::Word(format!("${}", name.to_ascii_lowercase())),
                "{structureGroup}" => Part::Choice,
                _ if part.starts_with("${") => Part::Dollar,
                _ if part.starts_with("{*") => Part::Rest,
                _ if part.starts_with('{') => Part::Value,
                word => Part::Word(word.to_ascii_lowercase()),
            })
            .collect();
        Some(Self {
            area,
            name,
            id,
            template,
            resource_version: resource_version.parse().ok()?,
            min: number(min)?,
            max: number(max)?,
            released: number(released).filter(|released| *released > (0, 0)),
            parts,
        })
    }

    /// It exists beside the organizations and not in them.
    fn without_organization(&self) -> bool {
        matches!(self.area, "Account" | "Profile")
    }

    /// The segments after `_apis` belong to this resource.
    fn matches(&self, path: &[String]) -> bool {
        let mut segments = path.iter();
        for (at, part) in self.parts.iter().enumerate() {
            let optional = self.parts[at..].iter().all(|p| matches!(p, Part::Value | Part::Rest));
            let Some(segment) = segments.next() else { return optional };
            let fits = match part {
                Part::Rest => return true,
                Part::Value | Part::Choice => true,
                Part::Dollar => segment.starts_with('$'),
                Part::Word(word) => segment.eq_ignore_ascii_case(word),
            };
            if !fits {
                return false;
            }
        }
        segments.next().is_none()
    }

    /// How closely the template describes what it matches: words count most, open ends least.
    fn precision(&self) -> (usize, usize, Reverse<usize>) {
        let count = |wanted: fn(&Part) -> bool| self.parts.iter().filter(|p| wanted(p)).count();
        (
            count(|p| matches!(p, Part::Word(_))),
            count(|p| *p == Part::Dollar),
            Reverse(count(|p| *p == Part::Rest)),
        )
    }

    /// The path with its fixed words in lower case; names and values keep their case.
    pub(crate) fn normalised(&self, path: &[String]) -> Vec<String> {
        path.iter()
            .enumerate()
            .map(|(at, segment)| match self.parts.get(at) {
                Some(Part::Word(word)) => word.clone(),
                Some(Part::Choice) => segment.to_ascii_lowercase(),
                _ => segment.clone(),
            })
            .collect()
    }

    /// The versions an edition has it in; `None` where the edition lacks it.
    pub(crate) fn versions(&self, edition: Edition) -> Option<Versions> {
        let latest = edition.latest();
        let cloud_only = self.area == "MemberEntitlementManagement";
        if self.min > latest || (cloud_only && edition.is_server()) {
            return None;
        }
        Some(Versions {
            min: self.min,
            max: self.max.min(latest),
            released: self.released.map(|released| released.min(edition.released())),
            newest: edition.resource_version(self.name).unwrap_or(self.resource_version),
        })
    }

    fn json(&self, versions: Versions) -> Value {
        let text = |(major, minor): Number| format!("{major}.{minor}");
        json!({
            "id": self.id,
            "area": self.area,
            "resourceName": self.name,
            "routeTemplate": self.template,
            "resourceVersion": versions.newest,
            "minVersion": text(versions.min),
            "maxVersion": text(versions.max),
            "releasedVersion": text(versions.released.unwrap_or((0, 0))),
        })
    }
}

/// The resource of an organization that the segments after `_apis` belong to. The profile is served beside the
/// organizations and, on the host for identities, in each of them too.
pub(crate) fn find(path: &[String]) -> Option<&'static Location> {
    table()
        .iter()
        .filter(|location| location.matches(path) && location.area != "Account")
        .max_by_key(|location| location.precision())
}

/// The resource beside all organizations that the segments after `_apis` belong to.
pub(crate) fn find_beside(path: &[String]) -> Option<&'static Location> {
    table().iter().find(|location| location.without_organization() && location.matches(path))
}

/// Where an address is asked for its resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// `{organization}/_apis`.
    Organization(Edition),
    /// `/_apis`: what belongs to no organization.
    Deployment,
}

/// The body of `OPTIONS _apis` or `OPTIONS _apis/{area}`. An area that is not there has an empty list.
pub(crate) fn list(level: Level, area: Option<&str>) -> Value {
    let (shown, edition): (fn(&Location) -> bool, _) = match level {
        Level::Organization(edition) => (|location| !location.without_organization(), edition),
        Level::Deployment => (|l| l.without_organization() || l.name == "ResourceAreas", Edition::Services),
    };
    let all: Vec<Value> = table()
        .iter()
        .filter(|location| shown(location))
        .filter(|location| area.is_none_or(|area| location.area.eq_ignore_ascii_case(area)))
        .filter_map(|location| Some(location.json(location.versions(edition)?)))
        .collect();
    json!({"count": all.len(), "value": all})
}

/// The answer to `OPTIONS`; the recorded one carries no api-version.
pub(crate) fn answer(level: Level, area: Option<&String>) -> Response {
    Response {
        status: 200,
        headers: vec![("Content-Type".into(), "application/json; charset=utf-8".into())],
        body: list(level, area.map(String::as_str)).to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<(&'static str, Vec<String>)> {
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        find(&path).map(|location| (location.template, location.normalised(&path)))
    }

    #[test]
    fn every_line_of_the_table_can_be_read_and_no_id_is_there_twice() {
        let mut ids: Vec<&str> = table().iter().map(|location| location.id).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!((ids.len(), all), (all, include_str!("locations.txt").lines().count()));
    }

    #[test]
    fn the_closest_template_wins_and_values_keep_their_case() {
        for (path, template, normalised) in [
            (
                "Wit/WorkItems/$User Story",
                "{project}/_apis/{area}/{resource}/${type}",
                "wit/workitems/$User Story",
            ),
            ("wit/WORKITEMS", "{project}/_apis/{area}/{resource}/{id}", "wit/workitems"),
            ("wit/$Batch", "_apis/{area}/${resource}", "wit/$batch"),
            (
                "projects/Teams/teams/Rows",
                "_apis/projects/{projectId}/{resource}/{*teamId}",
                "projects/Teams/teams/Rows",
            ),
            ("teams", "_apis/{resource}", "teams"),
            ("work/processes/Lists", "_apis/work/{area}/{resource}/{listId}", "work/processes/lists"),
            (
                "wit/classificationNodes/Areas/Fields/Tags",
                "{project}/_apis/{area}/{resource}/{structureGroup}/{*path}",
                "wit/classificationnodes/areas/Fields/Tags",
            ),
        ] {
            let (found, path) = found(path).expect("it is in the table");
            assert_eq!((found, path.join("/").as_str()), (template, normalised));
        }
        for path in ["accounts", "wit", "wit/nothing", "wit/workitems/1/nothing", "hooks/subscriptions/x/y"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn the_table_agrees_with_what_was_recorded_on_dev_azure_com() {
        let recorded = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/fixtures/azure-devops/specs/resource-locations-dev.azure.com.json"
        );
        let Ok(text) = std::fs::read(recorded) else {
            eprintln!("skipped: the recorded resource locations are not there");
            return;
        };
        let recorded: Value = serde_json::from_slice(&text).unwrap();
        let recorded = recorded["value"].as_array().unwrap();
        let ours = list(Level::Organization(Edition::Services), None);
        let mut compared = 0;
        for location in ours["value"].as_array().unwrap() {
            if location["area"] == "IMS" || location["area"] == "MemberEntitlementManagement" {
                continue; // on another host
            }
            let same = recorded.iter().find(|r| r["id"] == location["id"]);
            assert_eq!(Some(location), same);
            compared += 1;
        }
        assert!(compared > 60, "{compared} locations");
    }
}
