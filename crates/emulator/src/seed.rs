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
    /// At the authorize endpoint a person named by `login_hint` is signed in without a page.
    pub automatic_sign_in: bool,
    /// Seconds for which a refresh token works on after it was used. Absent: as long as any, as Entra does it.
    pub refresh_grace_seconds: Option<i64>,
    /// The secret of App Service's identity endpoint (`IDENTITY_HEADER`); empty switches the endpoint off.
    pub identity_header: String,
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
    /// A rate limit; none when absent.
    pub limits: Option<RateLimits>,
    /// Fields with values of the organization's own.
    pub picklists: Vec<PicklistSeed>,
    /// There are public projects: anonymous callers may ask for `connectionData`.
    pub public: bool,
}

/// A field whose values an organization chose. Every type of every project has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PicklistSeed {
    /// Reference name of the field, such as `Custom.Exposure`; unique in the organization.
    pub field: String,
    /// Shown name of the field.
    pub name: String,
    /// What its values are.
    pub kind: PicklistKind,
    /// The values, in the order they are offered; numbers as text, as the service lists them.
    pub items: Vec<String>,
    /// Other values are taken, too.
    pub suggested: bool,
}

/// What the values of a picklist are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PicklistKind {
    /// Text of one line.
    #[default]
    String,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Double,
}

/// Limits per identity (azure-devops.md section 12). The default is the service's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RateLimits {
    /// The budget in TSTU; more than 0.
    pub tstu: f64,
    /// The sliding window in seconds.
    pub window_seconds: i64,
    /// How many times the budget may be spent before calls are refused with 429; more than 1. In between,
    /// answers are held back.
    pub block_at: f64,
    /// The longest time an answer is held back, in milliseconds.
    pub longest_delay_ms: u32,
    /// How many requests of one credential may run at once; any number when absent. Counted by the HTTP front.
    pub concurrency: Option<u32>,
}

impl Default for RateLimits {
    /// The service's own: 200 TSTU in five minutes, held back up to 30 s; where refusing begins is a guess.
    fn default() -> Self {
        Self { tstu: 200.0, window_seconds: 300, block_at: 1.5, longest_delay_ms: 30_000, concurrency: None }
    }
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
    /// Not a member. A person is refused with TF400813; an application was never added to the organization,
    /// and is refused with TF401444.
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
    /// Personal access tokens of the user with full scope, as they are sent.
    pub pats: Vec<String>,
    /// Personal access tokens with scopes or an end.
    pub tokens: Vec<PatSeed>,
    /// Has never signed in to the organization: TF401444.
    pub never_signed_in: bool,
    /// Offered in the "Acting as" list of the board page.
    pub human: bool,
    /// Lacks the permission to create tag definitions (403 TF401289).
    pub no_new_tags: bool,
}

/// A personal access token.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PatSeed {
    /// As it is sent.
    pub token: String,
    /// Scopes such as `vso.work_write`; none is full scope.
    pub scopes: Vec<String>,
    /// Seconds after the start at which it expires; never when absent.
    pub expires_in_seconds: Option<i64>,
    /// Its owner has not signed in for 90 days.
    pub inactive: bool,
}

/// An application of the organization's Entra tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ServicePrincipalSeed {
    /// Shown name.
    pub name: String,
    /// Application (client) id.
    pub client_id: uuid::Uuid,
    /// Client secret; empty when it has none.
    pub client_secret: String,
    /// What it may do; `None` is an application that was never added to the organization.
    pub role: Role,
    /// Where people may be sent back to after signing in. The port of an `http://localhost` address is ignored.
    pub redirect_uris: Vec<String>,
    /// A public client: has no secret and must use PKCE.
    pub public_client: bool,
    /// Whose tokens are taken in place of a secret.
    pub federated_credentials: Vec<FederatedCredentialSeed>,
    /// Whether it may act for people.
    pub consent: Consent,
    /// A managed identity of the machine the emulator stands for.
    pub managed_identity: Option<ManagedIdentity>,
}

/// A federated identity credential: tokens of another issuer that are believed. All three must match exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FederatedCredentialSeed {
    /// The `iss` claim.
    pub issuer: String,
    /// The `sub` claim.
    pub subject: String,
    /// The `aud` claim.
    #[serde(default = "exchange_audience")]
    pub audience: String,
}

fn exchange_audience() -> String {
    "api://AzureADTokenExchange".into()
}

/// Whether an application may act for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Consent {
    /// Everybody agreed.
    #[default]
    Granted,
    /// People are asked; AADSTS65001 where nobody can be.
    Missing,
    /// Only an administrator can agree, and has not: AADSTS90094.
    AdministratorMissing,
}

/// How a managed identity belongs to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ManagedIdentity {
    /// The machine's own: used when none is named.
    SystemAssigned,
    /// Assigned to it: named by client id where there are several.
    UserAssigned,
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
                        ..UserSeed::default()
                    },
                    UserSeed::person("Ada Marsh", "ada.marsh@contoso.example").with_role(Role::Administrator),
                    UserSeed::person("Ben Okafor", "ben.okafor@contoso.example"),
                ],
                service_principals: vec![ServicePrincipalSeed {
                    name: "Lockstep Application".into(),
                    client_id: uuid::Uuid::from_u128(0x1111_1111_1111_4111_8111_1111_1111_1111),
                    client_secret: "demo-client-secret".into(),
                    role: Role::Administrator,
                    ..ServicePrincipalSeed::default()
                }],
                projects: vec![
                    ProjectSeed::new("Webshop", ProcessKind::Agile)
                        .with_team(team("Payments", "ada.marsh@contoso.example"))
                        .with_team(team("Storefront", "ben.okafor@contoso.example")),
                ],
                ..OrganizationSeed::default()
            }],
            ..Self::default()
        }
    }
}
