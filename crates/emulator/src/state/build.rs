//! From a seed to a state.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Ids, State,
    access::{Entra, Gate, Pat, introduce},
    boards,
    edition::Edition,
    hooks::HookKnobs,
    journal::Journal,
    model::{Column, Identity, Node, Organization, Principal, Project, Row, Team},
    picklists::Picklist,
};
use crate::seed::{
    BugsBehavior, ColumnSeed, OrganizationSeed, ProcessKind, ProjectSeed, Role, Seed, TeamSeed,
};

pub(crate) fn state(seed: &Seed, now: DateTime<Utc>) -> State {
    let mut ids = Ids { number: seed.number, used: 0 };
    let mut entra = Entra::new(seed);
    let mut organizations = BTreeMap::new();
    let mut known = KnownIds::new();
    for seed in &seed.organizations {
        let made = organization(seed, &mut ids, &mut known, now);
        entra.register(seed, made.tenant);
        organizations.insert(seed.name.to_lowercase(), made);
    }
    introduce_applications(&mut organizations);
    State {
        base_url: "https://dev.azure.com".into(),
        allow_local_hooks: false,
        ids,
        organizations,
        entra,
        graph: Default::default(),
        clock_offset_ms: 0,
        journal: Journal::default(),
        changes: 0,
    }
}

/// Identity ids by tenant and unique name: somebody has the same one in every organization of a tenant.
type KnownIds = BTreeMap<(Uuid, String), Uuid>;

/// Every organization of a tenant knows of all its applications, whether it added them or not.
fn introduce_applications(organizations: &mut BTreeMap<String, Organization>) {
    let all: Vec<(Uuid, Uuid, Identity)> = organizations
        .values()
        .flat_map(|org| {
            org.principals.iter().map(|p| (org.tenant, p.client_id, org.identity(p.identity).clone()))
        })
        .collect();
    for org in organizations.values_mut() {
        for (tenant, client_id, identity) in &all {
            if *tenant == org.tenant {
                introduce(org, *client_id, identity);
            }
        }
    }
}

fn organization(
    seed: &OrganizationSeed,
    ids: &mut Ids,
    known: &mut KnownIds,
    now: DateTime<Utc>,
) -> Organization {
    let mut org = Organization {
        id: ids.guid(),
        name: seed.name.clone(),
        tenant: seed.tenant.unwrap_or_else(|| ids.guid()),
        edition: seed.server.map_or(Edition::Services, Edition::Server),
        identities: Vec::new(),
        pats: BTreeMap::new(),
        gate: Gate::new(seed),
        principals: Vec::new(),
        projects: Vec::new(),
        items: BTreeMap::new(),
        feed: BTreeMap::new(),
        link_feed: Vec::new(),
        last_item: 0,
        last_comment: 0,
        last_node: 0,
        last_relation: 0,
        watermark: 0,
        attachments: BTreeMap::new(),
        subscriptions: BTreeMap::new(),
        notifications: Vec::new(),
        deliveries: BTreeMap::new(),
        last_delivery: 0,
        hook_knobs: HookKnobs::default(),
        operations: BTreeMap::new(),
        coming: Vec::new(),
        queries: BTreeMap::new(),
        picklists: Vec::new(),
        stopped: false,
    };
    let tenant = org.tenant;
    let mut id_of = |name: &str| *known.entry((tenant, name.to_lowercase())).or_insert_with(|| ids.guid());
    for user in &seed.users {
        let id = id_of(&user.email);
        org.identities.push(Identity {
            id,
            name: user.name.clone(),
            unique_name: user.email.clone(),
            role: user.role,
            human: user.human,
            may_create_tags: !user.no_new_tags,
            hidden_areas: Vec::new(),
            application: false,
            materialised: !user.never_signed_in,
        });
        org.pats.extend(user.pats.iter().map(|pat| (pat.clone(), Pat::full(id))));
        org.pats.extend(user.tokens.iter().map(|pat| (pat.token.clone(), Pat::seeded(pat, id, now))));
    }
    for principal in &seed.service_principals {
        let id = id_of(&principal.client_id.to_string());
        org.identities.push(Identity {
            id,
            name: principal.name.clone(),
            unique_name: principal.client_id.to_string(),
            role: principal.role,
            human: false,
            may_create_tags: true,
            hidden_areas: Vec::new(),
            application: true,
            materialised: principal.role != Role::None,
        });
        org.principals.push(Principal { client_id: principal.client_id, identity: id });
    }
    for project in &seed.projects {
        let project = self::project(project, &mut org, ids, now);
        org.projects.push(project);
    }
    org.picklists = seed.picklists.iter().map(|list| Picklist::seeded(list, ids)).collect();
    org
}

pub(crate) fn project(
    seed: &ProjectSeed,
    org: &mut Organization,
    ids: &mut Ids,
    now: DateTime<Utc>,
) -> Project {
    let mut areas = node(&seed.name, org, ids);
    for path in &seed.areas {
        grow(&mut areas, path, org, ids);
    }
    let mut iterations = node(&seed.name, org, ids);
    for path in &seed.iterations {
        grow(&mut iterations, path, org, ids);
    }
    let mut teams = Vec::new();
    let default_name = seed.default_team.clone().unwrap_or_else(|| format!("{} Team", seed.name));
    if !seed.teams.iter().any(|t| t.name == default_name) {
        let has_bugs = seed.process != ProcessKind::Basic;
        let default = TeamSeed {
            name: default_name.clone(),
            areas: vec![String::new()],
            bugs: if has_bugs { BugsBehavior::AsRequirements } else { BugsBehavior::Off },
            members: seed.teams.iter().flat_map(|t| t.members.clone()).collect(),
            ..TeamSeed::default()
        };
        teams.push(team(&default, seed, org, ids));
    }
    for t in &seed.teams {
        teams.push(team(t, seed, org, ids));
    }
    let all: Vec<Uuid> = iterations.children.iter().map(|node| node.identifier).collect();
    for team in &mut teams {
        team.iterations.clone_from(&all);
        if team.name == default_name {
            team.description = "The default project team.".into();
        }
    }
    let default_team = teams.iter().find(|t| t.name == default_name).map(|t| t.id).unwrap_or_default();
    Project {
        id: ids.guid(),
        name: seed.name.clone(),
        process: seed.process,
        created: now,
        areas,
        iterations,
        teams,
        default_team,
        tags: Vec::new(),
        description: None,
        visibility: "private".into(),
        changed: None,
        properties: BTreeMap::new(),
    }
}

pub(crate) fn node(name: &str, org: &mut Organization, ids: &mut Ids) -> Node {
    org.last_node += 1;
    Node {
        id: org.last_node,
        identifier: ids.guid(),
        name: name.into(),
        children: Vec::new(),
        attributes: None,
    }
}

fn grow(root: &mut Node, path: &str, org: &mut Organization, ids: &mut Ids) {
    let mut at = root;
    for segment in path.split('\\').filter(|s| !s.is_empty()) {
        let found = at.children.iter().position(|c| c.name.eq_ignore_ascii_case(segment));
        let index = found.unwrap_or_else(|| {
            at.children.push(node(segment, org, ids));
            at.children.len() - 1
        });
        at = &mut at.children[index];
    }
}

pub(crate) fn team(seed: &TeamSeed, project: &ProjectSeed, org: &Organization, ids: &mut Ids) -> Team {
    let areas = seed
        .areas
        .iter()
        .map(|area| {
            let path =
                if area.is_empty() { project.name.clone() } else { format!("{}\\{area}", project.name) };
            (path, seed.include_sub_areas)
        })
        .collect();
    let members = seed
        .members
        .iter()
        .filter_map(|mail| org.identities.iter().find(|i| i.unique_name.eq_ignore_ascii_case(mail)))
        .filter(|i| i.role != Role::None)
        .map(|i| i.id)
        .fold(Vec::new(), |mut all, id: Uuid| {
            if !all.contains(&id) {
                all.push(id);
            }
            all
        });
    let mut boards = boards::initial(project.process, seed.bugs, ids);
    if let Some(board) = boards.iter_mut().find(|b| b.category == boards::REQUIREMENTS) {
        if !seed.columns.is_empty() {
            board.columns = columns(&seed.columns, project.process, seed.bugs, ids);
        }
        for lane in &seed.lanes {
            board.rows.push(Row { id: ids.guid(), name: Some(lane.clone()), color: None });
        }
    }
    Team {
        id: ids.guid(),
        name: seed.name.clone(),
        description: String::new(),
        areas,
        bugs: seed.bugs,
        boards,
        members,
        backlog_iteration: Some(project.name.clone()),
        default_iteration: Some(project.name.clone()),
        iterations: Vec::new(),
        working_days: None,
        visibilities: BTreeMap::new(),
    }
}

fn columns(seeds: &[ColumnSeed], process: ProcessKind, bugs: BugsBehavior, ids: &mut Ids) -> Vec<Column> {
    let types = boards::types_on(process.definition(), boards::REQUIREMENTS, bugs);
    let last = seeds.len() - 1;
    seeds
        .iter()
        .enumerate()
        .map(|(at, seed)| Column {
            id: ids.guid(),
            name: seed.name.clone(),
            item_limit: seed.limit,
            split: seed.split,
            description: String::new(),
            column_type: boards::column_type(at, last),
            mappings: types.iter().map(|t| (t.name.clone(), seed.state.clone())).collect(),
        })
        .collect()
}
