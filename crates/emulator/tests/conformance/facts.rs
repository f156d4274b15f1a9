//! What has to be there before a recording can be replayed: people, projects with their process, teams, areas and
//! iterations, as the recording speaks of them. What the recording makes itself is left to it.

use std::collections::BTreeMap;

use emulator::seed::{
    BugsBehavior, OrganizationSeed, PicklistKind, PicklistSeed, ProcessKind, ProjectSeed, Role, Seed,
    TeamSeed, UserSeed,
};
use serde_json::Value;

use crate::{
    names::is_guid,
    recording::{Exchange, Recording},
};

/// A project that has to be there.
#[derive(Debug, Default)]
pub struct Project {
    pub name: String,
    pub guid: Option<String>,
    pub description: Option<String>,
    pub visibility: Option<String>,
    process: Option<ProcessKind>,
    pub default_team: Option<String>,
    /// Somebody has opened a board: items on it have its fields.
    has_open_board: bool,
    pub teams: Vec<Team>,
    areas: Vec<String>,
    pub iterations: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Team {
    pub name: String,
    pub guid: Option<String>,
    pub description: Option<String>,
    members: Vec<String>,
}

#[derive(Default)]
pub struct Facts {
    pub organization: String,
    /// E-mail address to shown name.
    pub people: BTreeMap<String, String>,
    pub projects: Vec<Project>,
    /// Picklists by their guids.
    pub picklists: Vec<(String, PicklistSeed)>,
    /// The project that a query names.
    pub queried: Option<String>,
    /// There are more projects than the recording names, after them or before.
    more: bool,
    before: bool,
    /// Names that the recording gives to what it makes.
    made: Vec<String>,
}

/// The token of a person, and one of somebody who is known but no member.
pub fn token(email: &str) -> String {
    format!("token of {}", email.to_lowercase())
}
pub const OUTSIDER: &str = "outsider@example.com";

impl Facts {
    pub fn of(recording: &Recording) -> Self {
        let mut facts = Self::default();
        for exchange in &recording.exchanges {
            if facts.organization.is_empty() {
                facts.organization.clone_from(&exchange.address.organization);
            }
            if let Some((_, email)) = exchange.caller() {
                facts.person(email, None);
            }
            facts.note_made(exchange);
        }
        facts.picklists = recording.exchanges.iter().filter_map(picklist).collect();
        for exchange in &recording.exchanges {
            facts.note_guids(&exchange.response_body);
        }
        for exchange in &recording.exchanges {
            facts.look_at(exchange);
        }
        if facts.people.is_empty() {
            facts.person("user0@example.com", None);
        }
        if facts.organization.is_empty() {
            facts.organization = "fabrikam".into();
        }
        if facts.projects.is_empty() {
            facts.project("Fabrikam-Fiber-Git");
        }
        facts
    }

    fn person(&mut self, email: &str, name: Option<&str>) {
        if !email.contains('@') {
            return;
        }
        let number: String = email.chars().take_while(|c| *c != '@').filter(char::is_ascii_digit).collect();
        let known = self.people.entry(email.to_owned()).or_insert_with(|| format!("User {number}"));
        if let Some(name) = name {
            name.clone_into(known);
        }
    }

    fn note_made(&mut self, exchange: &Exchange) {
        let words = exchange.address.words();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let makes = matches!(
            words.as_slice(),
            ["projects"] | ["projects", _, "teams"] | ["wit", "classificationnodes", ..]
        );
        let name = exchange.request_body["name"].as_str();
        if let Some(name) = name.filter(|_| exchange.method == "POST" && makes) {
            self.made.push(name.to_owned());
        }
        // A renamed thing is one the recording makes, too.
        if let Some(name) = name.filter(|_| exchange.method == "PATCH") {
            self.made.push(name.to_owned());
        }
    }

    /// What is made is also named by its guid.
    fn note_guids(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                let text = |name: &str| members.get(name).and_then(Value::as_str);
                if let (Some(name), Some(guid)) = (text("name"), text("id").filter(|id| is_guid(id)))
                    && self.made.iter().any(|m| m == name)
                {
                    self.made.push(guid.to_owned());
                }
                members.values().for_each(|v| self.note_guids(v));
            }
            Value::Array(list) => list.iter().for_each(|v| self.note_guids(v)),
            _ => {}
        }
    }

    fn project(&mut self, name: &str) -> Option<&mut Project> {
        if name.is_empty() || self.made.iter().any(|m| m == name) {
            return None;
        }
        let at = self.projects.iter().position(|p| {
            p.name.eq_ignore_ascii_case(name)
                || p.guid.as_deref().is_some_and(|g| g.eq_ignore_ascii_case(name))
        });
        let at = at.unwrap_or_else(|| {
            let guid = is_guid(name).then(|| name.to_owned());
            let name = if is_guid(name) { format!("Project {}", &name[..8]) } else { name.to_owned() };
            self.projects.push(Project { name, guid, ..Project::default() });
            self.projects.len() - 1
        });
        Some(&mut self.projects[at])
    }

    fn look_at(&mut self, exchange: &Exchange) {
        let missing =
            exchange.response_body["typeKey"].as_str().is_some_and(|k| k.starts_with("ProjectDoesNotExist"));
        if missing {
            self.made.extend(exchange.address.scope.first().cloned());
        }
        // Bodies first: they tell the names of what the address may name by guid.
        self.walk(&exchange.response_body);
        self.walk(&exchange.request_body);
        let address = &exchange.address;
        let words = address.words();
        let scope = address.scope.first().cloned();
        let in_path =
            (words.first().is_some_and(|w| w == "projects")).then(|| address.path.get(1).cloned()).flatten();
        // A second page needs a first.
        if exchange.address.query("$skip") == Some("1") && exchange.method == "GET" {
            self.before = true;
        }
        // A page that says there is more needs more.
        if words == ["projects"] && exchange.header("x-ms-continuationtoken").is_some() {
            self.more = true;
        }
        if let Some(wiql) = exchange.request_body["query"].as_str() {
            let named =
                wiql.split_once("[System.TeamProject] = '").and_then(|(_, rest)| rest.split_once('\''));
            if let Some((name, _)) = named {
                self.project(name);
                self.queried = Some(name.to_owned());
            }
        }
        let Some(name) = scope.or(in_path).filter(|_| !missing) else { return };
        let shown =
            exchange.response_body["name"].as_str().filter(|_| words.len() == 2 && words[0] == "projects");
        if is_guid(&name) {
            let known = shown.map(str::to_owned).or_else(|| self.name_of(&exchange.response_body));
            if let Some(project) = known.and_then(|known| self.project(&known)) {
                project.guid = Some(name.clone());
            }
        }
        let team = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["projects", _, "teams", _, ..] => address.path.get(3).cloned(),
            _ => address.scope.get(1).cloned(),
        };
        let board = address.path.iter().any(|s| s.eq_ignore_ascii_case("Backlog items"));
        let made = self.made.clone();
        let body = &exchange.response_body;
        let Some(project) = self.project(&name) else { return };
        if board {
            project.process = Some(ProcessKind::Scrum);
        }
        let mut default = project.default_team.clone();
        let mut note_team = |name: &str, guid: Option<&str>, description: Option<&str>| {
            if !made.iter().any(|m| m == name) {
                project.team(name, guid, description);
            }
        };
        if words.first().is_some_and(|w| w == "projects") && words.get(2).is_some_and(|w| w == "teams") {
            match body["value"].as_array() {
                Some(list) if words.len() == 3 => {
                    for team in list {
                        let Some(name) = team["name"].as_str() else { continue };
                        if team["description"] == "The default project team." {
                            default = Some(name.to_owned());
                        }
                        note_team(name, team["id"].as_str(), team["description"].as_str());
                    }
                }
                Some(list) => {
                    let team = team.unwrap_or_default();
                    note_team(&team, None, None);
                    let mail = |m: &Value| {
                        m["identity"]["uniqueName"].as_str().or(m["uniqueName"].as_str()).map(str::to_owned)
                    };
                    let members: Vec<String> = list.iter().filter_map(mail).collect();
                    if let Some(team) = project.teams.iter_mut().find(|t| t.is(&team)) {
                        team.members = members;
                    }
                }
                None => {
                    if let (Some(sent), Some(name)) = (team, body["name"].as_str()) {
                        note_team(
                            name,
                            is_guid(&sent).then_some(sent.as_str()),
                            body["description"].as_str(),
                        );
                    }
                }
            }
        } else if let Some(team) = team {
            note_team(&team, None, None);
        }
        project.default_team = default;
        let iterations = words.get(2).is_some_and(|w| w == "iterations")
            && words.get(1).is_some_and(|w| w == "teamsettings");
        if iterations {
            let all = body["value"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
            for path in all.iter().filter_map(|i| i["path"].as_str()) {
                let below = path.split_once('\\').map_or("", |(_, rest)| rest);
                let is_made = below.split('\\').any(|part| made.iter().any(|m| m == part));
                if !below.is_empty() && !is_made && !project.iterations.iter().any(|i| i == below) {
                    project.iterations.push(below.to_owned());
                }
            }
        }
        for value in body["values"].as_array().into_iter().flatten() {
            if let Some((_, below)) = value["value"].as_str().and_then(|v| v.split_once('\\')) {
                project.areas.push(below.to_owned());
            }
        }
    }

    /// The project that a body belongs to, as far as it says.
    fn name_of(&self, body: &Value) -> Option<String> {
        match body {
            Value::Object(members) => {
                if let Some(name) = members.get("System.TeamProject").or(members.get("projectName")) {
                    return name.as_str().map(str::to_owned);
                }
                if let (Some(_), Some(path)) = (members.get("structureType"), members.get("path")) {
                    return path.as_str()?.split('\\').nth(1).map(str::to_owned);
                }
                members.values().find_map(|v| self.name_of(v))
            }
            Value::Array(list) => list.iter().find_map(|v| self.name_of(v)),
            _ => None,
        }
    }

    /// Everything that any body says about people, projects and nodes.
    fn walk(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                let text = |name: &str| members.get(name).and_then(Value::as_str);
                if let (Some(name), Some(unique)) = (text("displayName"), text("uniqueName")) {
                    self.person(unique, Some(name));
                }
                if let (Some(name), Some(guid), Some(_)) = (text("name"), text("id"), text("state"))
                    && text("url").is_some_and(|url| url.contains("/_apis/projects/"))
                {
                    self.note_project(value, name, guid);
                }
                if let (Some(path), Some(structure)) = (text("path"), text("structureType")) {
                    self.note_node(path, structure);
                }
                let project = members.get("fields").and_then(|f| f["System.TeamProject"].as_str());
                let link = members.get("_links").and_then(|l| l["workItemType"]["href"].as_str());
                let named = text("url").filter(|url| url.split('/').any(is_guid)).or(link);
                if let (Some(name), Some(url)) = (project, named) {
                    let guid = url.split('/').zip(url.split('/').skip(1)).find(|(_, next)| *next == "_apis");
                    if let (Some((guid, _)), Some(project)) =
                        (guid.filter(|(g, _)| is_guid(g)), self.project(name))
                    {
                        project.guid = Some(guid.to_owned());
                    }
                }
                for (field, areas) in [("System.AreaPath", true), ("System.IterationPath", false)] {
                    let moved = members
                        .get(field)
                        .and_then(|c| c["newValue"].as_str())
                        .and_then(|p| p.split_once('\\'));
                    if let Some((owner, below)) = moved
                        && let Some(project) = self.project(owner)
                    {
                        let list = if areas { &mut project.areas } else { &mut project.iterations };
                        list.push(below.to_owned());
                    }
                }
                if let Some(name) = text("System.TeamProject") {
                    let board = members.keys().any(|k| k == "System.BoardColumn" || k.starts_with("WEF_"));
                    if let Some(project) = self.project(name).filter(|_| board) {
                        project.has_open_board = true;
                    }
                    let (area, iteration) = (text("System.AreaPath"), text("System.IterationPath"));
                    self.note_item(name, text("System.WorkItemType"), text("System.Reason"), area, iteration);
                }
                members.values().for_each(|v| self.walk(v));
            }
            Value::Array(list) => list.iter().for_each(|v| self.walk(v)),
            Value::String(text) if text.strip_prefix("User ").is_some_and(|n| n.parse::<u32>().is_ok()) => {
                let mail = format!("{}@example.com", text.to_lowercase().replace(' ', ""));
                self.person(&mail, Some(text));
            }
            Value::String(text) => {
                if let Some((name, mail)) = text.strip_suffix('>').and_then(|t| t.split_once(" <"))
                    && mail.contains('@')
                    && name.len() < 60
                    && !name.contains('\n')
                {
                    self.person(mail, Some(name));
                }
            }
            _ => {}
        }
    }

    fn note_project(&mut self, value: &Value, name: &str, guid: &str) {
        let Some(project) = self.project(name) else { return };
        project.guid = Some(guid.to_owned());
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        project.description = text("description").or(project.description.take());
        project.visibility = text("visibility").or(project.visibility.take());
        project.default_team =
            value["defaultTeam"]["name"].as_str().map(str::to_owned).or(project.default_team.take());
        project.process = match value["capabilities"]["processTemplate"]["templateName"].as_str() {
            Some(name) if name.contains("Scrum") => Some(ProcessKind::Scrum),
            Some("Basic") => Some(ProcessKind::Basic),
            Some(name) if name.contains("CMMI") => Some(ProcessKind::Cmmi),
            Some(name) if name.contains("Agile") => Some(ProcessKind::Agile),
            _ => project.process,
        };
    }

    fn note_node(&mut self, path: &str, structure: &str) {
        let mut parts = path.split('\\').filter(|p| !p.is_empty());
        let Some(owner) = parts.next() else { return };
        let below: Vec<&str> = parts.skip(1).collect();
        if below.is_empty() || below.iter().any(|part| self.made.iter().any(|m| m == part)) {
            self.project(owner);
            return;
        }
        let below = below.join("\\");
        let Some(project) = self.project(owner) else { return };
        let list = if structure == "area" { &mut project.areas } else { &mut project.iterations };
        if !list.contains(&below) {
            list.push(below);
        }
    }

    fn note_item(
        &mut self,
        project: &str,
        kind: Option<&str>,
        reason: Option<&str>,
        area: Option<&str>,
        iteration: Option<&str>,
    ) {
        let below =
            |path: Option<&str>| path.and_then(|p| p.split_once('\\')).map(|(_, rest)| rest.to_owned());
        let Some(project) = self.project(project) else { return };
        project.process = match (kind, reason) {
            (Some("Product Backlog Item" | "Impediment"), _) => Some(ProcessKind::Scrum),
            (Some("User Story"), _) => Some(ProcessKind::Agile),
            (Some("Issue"), Some("Completed" | "Started" | "Added to backlog")) => Some(ProcessKind::Basic),
            (_, Some("Added to backlog" | "Completed")) => project.process.or(Some(ProcessKind::Basic)),
            (_, Some("New task" | "New defect reported")) => project.process.or(Some(ProcessKind::Scrum)),
            _ => project.process,
        };
        project.areas.extend(below(area));
        project.iterations.extend(below(iteration));
    }

    pub fn seed(&self) -> Seed {
        let mut users: Vec<UserSeed> = self
            .people
            .iter()
            .map(|(mail, name)| {
                UserSeed::person(name, mail).with_role(Role::Administrator).with_pat(&token(mail))
            })
            .collect();
        users.push(UserSeed::person("Outsider", OUTSIDER).with_role(Role::None).with_pat(&token(OUTSIDER)));
        let mut projects: Vec<ProjectSeed> = self
            .projects
            .iter()
            .filter(|p| !is_guid(&p.name) || p.guid.is_some())
            .map(Project::seed)
            .collect();
        if self.before {
            for project in &mut projects {
                project.teams.insert(0, TeamSeed { name: "A first team".into(), ..TeamSeed::default() });
            }
            projects.insert(0, ProjectSeed::new("A first project", ProcessKind::Agile));
        }
        if self.more {
            projects.push(ProjectSeed::new("One more project", ProcessKind::Agile));
        }
        Seed {
            number: 7,
            organizations: vec![OrganizationSeed {
                name: self.organization.clone(),
                users,
                projects,
                picklists: self.picklists.iter().map(|(_, list)| list.clone()).collect(),
                ..OrganizationSeed::default()
            }],
            ..Seed::default()
        }
    }
}

/// The list that an answer shows; of its field only the values are known.
fn picklist(exchange: &Exchange) -> Option<(String, PicklistSeed)> {
    let words = exchange.address.words();
    let ["work", "processes", "lists", guid] = words.iter().map(String::as_str).collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let list = &exchange.response_body;
    let items = list["items"].as_array().filter(|_| exchange.method == "GET")?;
    let seed = PicklistSeed {
        field: format!("Custom.{}", guid.replace('-', "")),
        name: guid.to_owned(),
        kind: match list["type"].as_str()? {
            "Integer" => PicklistKind::Integer,
            "Double" => PicklistKind::Double,
            _ => PicklistKind::String,
        },
        items: items.iter().filter_map(|i| i.as_str().map(str::to_owned)).collect(),
        suggested: list["isSuggested"] == true,
    };
    Some((guid.to_owned(), seed))
}

impl Team {
    pub fn is(&self, name: &str) -> bool {
        self.name == name || self.guid.as_deref().is_some_and(|g| g.eq_ignore_ascii_case(name))
    }
}

impl Project {
    fn team(&mut self, name: &str, guid: Option<&str>, description: Option<&str>) {
        let guid = guid.or(Some(name).filter(|n| is_guid(n))).map(str::to_owned);
        let known =
            self.teams.iter_mut().find(|t| t.is(name) || guid.as_deref().is_some_and(|guid| t.is(guid)));
        match known {
            Some(team) => {
                team.guid = guid.or(team.guid.take());
                team.description = description.map(str::to_owned).or(team.description.take());
                if is_guid(&team.name) {
                    name.clone_into(&mut team.name);
                }
            }
            None => self.teams.push(Team {
                name: name.to_owned(),
                guid,
                description: description.map(str::to_owned),
                members: Vec::new(),
            }),
        }
    }

    fn seed(&self) -> ProjectSeed {
        let process = self.process.unwrap_or(if self.name.to_lowercase().starts_with("fabrikam") {
            ProcessKind::Scrum
        } else {
            ProcessKind::Agile
        });
        let areas = if self.has_open_board { vec![String::new()] } else { Vec::new() };
        let default = self.default_team.clone().unwrap_or_else(|| format!("{} Team", self.name));
        let bugs = match process {
            ProcessKind::Basic => BugsBehavior::Off,
            ProcessKind::Scrum => BugsBehavior::AsRequirements,
            ProcessKind::Agile | ProcessKind::Cmmi => BugsBehavior::AsTasks,
        };
        let mut teams: Vec<TeamSeed> = self
            .teams
            .iter()
            .map(|t| TeamSeed {
                name: t.name.clone(),
                areas: if t.name == default { areas.clone() } else { Vec::new() },
                bugs: if t.name == default { bugs } else { BugsBehavior::Off },
                members: t.members.clone(),
                ..TeamSeed::default()
            })
            .collect();
        if !teams.iter().any(|t| t.name == default) {
            teams.push(TeamSeed { name: default.clone(), areas, bugs, ..TeamSeed::default() });
        }
        ProjectSeed {
            name: self.name.clone(),
            process,
            areas: self.areas.clone(),
            iterations: self.iterations.clone(),
            teams,
            default_team: Some(default),
        }
    }
}
