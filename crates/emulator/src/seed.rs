//! What an emulated service starts with: organizations, people, credentials, projects, teams and boards.
//!
//! Plain data that can be written in Rust or read from JSON. Names are the keys here; ids are made when the
//! state is built, always the same ones for the same seed.

use serde::{Deserialize, Serialize};

pub use crate::processes::ProcessKind;

/// Everything to start with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Seed {
    /// Chooses every GUID of the run; two runs with the same number and the same requests are equal.
    pub number: u64,
    /// The organizations; names are unique without regard to case.
    pub organizations: Vec<OrganizationSeed>,
}

/// One organization (a collection, in Server words).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OrganizationSeed {
    /// Canonical spelling; routes ignore case.
    pub name: String,
    /// The Entra tenant of its service principals; made up when absent.
    pub tenant: Option<uuid::Uuid>,
    /// Makes it a collection of an Azure DevOps Server of this release; absent is Azure DevOps Services.
    pub server: Option<ServerVersion>,
    /// People and service accounts.
    pub users: Vec<UserSeed>,
    /// Entra applications that were added to the organization.
    pub service_principals: Vec<ServicePrincipalSeed>,
    /// The projects.
    pub projects: Vec<ProjectSeed>,
}

/// A release of Azure DevOps Server (azure-devops.md section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerVersion {
    /// 2022, with REST 7.0.
    #[serde(rename = "2022")]
    V2022,
    /// 2022.1, with REST 7.1.
    #[serde(rename = "2022.1")]
    V2022_1,
}

/// What an identity may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Project Collection Administrator: everything, including bypassing rules, destroying and service hooks.
    Administrator,
    /// Reads and writes work items and creates tags.
    #[default]
    Contributor,
    /// Reads only.
    Reader,
    /// Known to the directory, but not a member: 401 TF400813.
    None,
}

/// A user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UserSeed {
    /// Shown name.
    pub name: String,
    /// Unique name; identity fields accept it.
    pub email: String,
    /// What the user may do.
    pub role: Role,
    /// Personal access tokens of the user, as they are sent.
    pub pats: Vec<String>,
    /// Offered in the "Acting as" list of the board page.
    pub human: bool,
    /// Lacks the permission to create tag definitions (403 TF401289).
    pub no_new_tags: bool,
}

/// An Entra application with a client secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServicePrincipalSeed {
    /// Shown name.
    pub name: String,
    /// Application (client) id.
    pub client_id: uuid::Uuid,
    /// Client secret.
    pub client_secret: String,
    /// What it may do; `None` is an application that was never added to the organization.
    #[serde(default)]
    pub role: Role,
}

/// A project.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectSeed {
    /// Name, unique in the organization.
    pub name: String,
    /// Its process.
    pub process: ProcessKind,
    /// Area paths below the root, `Parent\Child`; parents are made as needed.
    #[serde(default)]
    pub areas: Vec<String>,
    /// Iteration paths below the root.
    #[serde(default)]
    pub iterations: Vec<String>,
    /// Teams beside the default team (`<project> Team`), which always exists.
    #[serde(default)]
    pub teams: Vec<TeamSeed>,
    /// Name of the default team when it is one of `teams`.
    #[serde(default)]
    pub default_team: Option<String>,
}

/// Where a team keeps its bugs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BugsBehavior {
    /// On no board.
    #[default]
    Off,
    /// On the requirement board, beside stories.
    AsRequirements,
    /// On the task board.
    AsTasks,
}

/// A team.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TeamSeed {
    /// Name, unique in the project.
    pub name: String,
    /// Area paths below the project root; the first one is the default. Empty text is the root itself. No
    /// area at all is a new team whose boards stay empty.
    pub areas: Vec<String>,
    /// Sub-areas belong to the team too.
    pub include_sub_areas: bool,
    /// Where bugs go.
    pub bugs: BugsBehavior,
    /// Columns of the requirement board; empty keeps the process's own (one per state).
    pub columns: Vec<ColumnSeed>,
    /// Lanes of the requirement board beside the default one.
    pub lanes: Vec<String>,
    /// E-mail addresses of the members.
    pub members: Vec<String>,
}

/// A column of the requirement board.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ColumnSeed {
    /// Column name.
    pub name: String,
    /// The state every type on the board has in this column.
    pub state: String,
    /// Split into Doing and Done.
    pub split: bool,
    /// Work-in-progress limit, 0 for none.
    pub limit: u32,
}

impl ColumnSeed {
    /// A plain column.
    pub fn new(name: &str, state: &str) -> Self {
        Self { name: name.into(), state: state.into(), ..Self::default() }
    }

    /// The same column, split into Doing and Done.
    pub fn split(self) -> Self {
        Self { split: true, ..self }
    }
}

impl UserSeed {
    /// A person who may write.
    pub fn person(name: &str, email: &str) -> Self {
        Self { name: name.into(), email: email.into(), human: true, ..Self::default() }
    }

    /// The same user with a token.
    pub fn with_pat(mut self, pat: &str) -> Self {
        self.pats.push(pat.into());
        self
    }

    /// The same user with another role.
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }
}

impl ProjectSeed {
    /// A project with its default team on the root area, bugs among the requirements where the process has
    /// bugs.
    pub fn new(name: &str, process: ProcessKind) -> Self {
        Self {
            name: name.into(),
            process,
            areas: Vec::new(),
            iterations: vec!["Iteration 1".into(), "Iteration 2".into()],
            teams: Vec::new(),
            default_team: None,
        }
    }

    /// The same project with one more team.
    pub fn with_team(mut self, team: TeamSeed) -> Self {
        self.areas.extend(team.areas.iter().filter(|area| !area.is_empty()).cloned());
        self.teams.push(team);
        self
    }
}

/// The token of the demo's service account: 84 characters like a current PAT, and worth nothing elsewhere.
pub const DEMO_PAT: &str =
    "demo-pat-for-the-emulator-only-000000000000000000000000000000000000000000000AZDO0000";

impl Seed {
    /// The demo: organization `contoso`, Agile project `Webshop`, teams `Payments` and `Storefront` with
    /// their own areas and a customised Stories board, a service account with [`DEMO_PAT`] and two people.
    pub fn demo() -> Self {
        let team = |name: &str, member: &str| TeamSeed {
            name: name.into(),
            areas: vec![name.into()],
            include_sub_areas: true,
            bugs: BugsBehavior::AsRequirements,
            columns: vec![
                ColumnSeed::new("New", "New"),
                ColumnSeed::new("Active", "Active"),
                ColumnSeed::new("In Review", "Active").split(),
                ColumnSeed::new("Resolved", "Resolved"),
                ColumnSeed::new("Closed", "Closed"),
            ],
            lanes: vec!["Expedite".into()],
            members: vec![member.into(), "service@contoso.example".into()],
        };
        Self {
            number: 1,
            organizations: vec![OrganizationSeed {
                name: "contoso".into(),
                tenant: None,
                server: None,
                users: vec![
                    UserSeed {
                        name: "Lockstep Service".into(),
                        email: "service@contoso.example".into(),
                        role: Role::Administrator,
                        pats: vec![DEMO_PAT.into()],
                        human: false,
                        no_new_tags: false,
                    },
                    UserSeed::person("Ada Marsh", "ada.marsh@contoso.example").with_role(Role::Administrator),
                    UserSeed::person("Ben Okafor", "ben.okafor@contoso.example"),
                ],
                service_principals: vec![ServicePrincipalSeed {
                    name: "Lockstep Application".into(),
                    client_id: uuid::Uuid::from_u128(0x1111_1111_1111_4111_8111_1111_1111_1111),
                    client_secret: "demo-client-secret".into(),
                    role: Role::Administrator,
                }],
                projects: vec![
                    ProjectSeed::new("Webshop", ProcessKind::Agile)
                        .with_team(team("Payments", "ada.marsh@contoso.example"))
                        .with_team(team("Storefront", "ben.okafor@contoso.example")),
                ],
            }],
        }
    }
}
