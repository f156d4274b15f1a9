//! The denominator: every route that sections 4, 6, 7 and 9 of azure-devops.md name, and beside them the routes
//! that only the recordings show. What belongs to neither is listed as outside, with the reason.

/// A route and where it is described.
pub struct Route {
    pub method: &'static str,
    /// What follows `_apis/`; `{x}` is one segment, `{x*}` any number, also none.
    pub template: &'static str,
    /// The group under which it is counted; starts with the section.
    pub family: &'static str,
    /// The section names it. The others were found in recordings only.
    pub named: bool,
}

const fn named(method: &'static str, template: &'static str, family: &'static str) -> Route {
    Route { method, template, family, named: true }
}

const fn recorded(method: &'static str, template: &'static str, family: &'static str) -> Route {
    Route { method, template, family, named: false }
}

const WHO: &str = "4.2 who am I";
const PROJECTS: &str = "6 projects";
const TEAMS: &str = "6 teams";
const SETTINGS: &str = "6 team settings";
const TYPES: &str = "6 types and fields";
const NODES: &str = "6 areas and iterations";
const TAGS: &str = "6 tags";
const BOARDS: &str = "6.1 boards";
const PROCESSES: &str = "6.2 processes";
const ITEMS: &str = "7.2 create and update";
const READING: &str = "7.4 reading";
const WIQL: &str = "7.4 queries";
const FEED: &str = "7.4 feed";
const BIN: &str = "7.5 delete and restore";
const BATCH: &str = "7.6 batch";
const COMMENTS: &str = "7.7 comments";
const ATTACHMENTS: &str = "7.8 attachments";
const HOOKS: &str = "9.1 subscriptions";
const HISTORY: &str = "9.4 delivery history";

/// Refusals before any route is looked at (section 4.3) are a family of their own.
pub const REFUSED: &str = "4.3 refused calls";

pub const ROUTES: &[Route] = &[
    named("GET", "connectionData", WHO),
    named("GET", "profile/profiles/{id}", WHO),
    named("GET", "accounts", WHO),
    named("GET", "projects", PROJECTS),
    named("GET", "projects/{project}", PROJECTS),
    named("POST", "projects", PROJECTS),
    named("DELETE", "projects/{project}", PROJECTS),
    named("GET", "operations/{id}", PROJECTS),
    recorded("PATCH", "projects/{project}", PROJECTS),
    recorded("GET", "projects/{project}/properties", PROJECTS),
    recorded("PATCH", "projects/{project}/properties", PROJECTS),
    recorded("GET", "projectCollections", PROJECTS),
    recorded("GET", "projectCollections/{id}", PROJECTS),
    named("GET", "projects/{project}/teams", TEAMS),
    named("GET", "projects/{project}/teams/{team}/members", TEAMS),
    recorded("GET", "projects/{project}/teams/{team}", TEAMS),
    recorded("POST", "projects/{project}/teams", TEAMS),
    recorded("PATCH", "projects/{project}/teams/{team}", TEAMS),
    recorded("DELETE", "projects/{project}/teams/{team}", TEAMS),
    named("GET", "work/teamsettings", SETTINGS),
    named("GET", "work/teamsettings/teamfieldvalues", SETTINGS),
    named("GET", "work/backlogconfiguration", SETTINGS),
    recorded("PATCH", "work/teamsettings", SETTINGS),
    recorded("PATCH", "work/teamsettings/teamfieldvalues", SETTINGS),
    recorded("GET", "work/backlogs", SETTINGS),
    recorded("GET", "work/teamsettings/iterations", SETTINGS),
    recorded("POST", "work/teamsettings/iterations", SETTINGS),
    recorded("GET", "work/teamsettings/iterations/{id}", SETTINGS),
    recorded("DELETE", "work/teamsettings/iterations/{id}", SETTINGS),
    recorded("GET", "work/teamsettings/iterations/{id}/workitems", SETTINGS),
    named("GET", "wit/workitemtypes", TYPES),
    named("GET", "wit/workitemtypes/{type}/states", TYPES),
    named("GET", "wit/workitemtypes/{type}/fields", TYPES),
    named("GET", "wit/fields", TYPES),
    named("GET", "work/processes/lists/{id}", TYPES),
    named("GET", "wit/workitemtypecategories", TYPES),
    named("GET", "wit/workitemrelationtypes", TYPES),
    recorded("GET", "wit/workitemtypes/{type}", TYPES),
    recorded("GET", "wit/workitemtypes/{type}/fields/{field}", TYPES),
    recorded("GET", "wit/workitemrelationtypes/{name}", TYPES),
    recorded("GET", "wit/artifactlinktypes", TYPES),
    named("GET", "wit/classificationnodes/{group}", NODES),
    recorded("GET", "wit/classificationnodes", NODES),
    recorded("GET", "wit/classificationnodes/{group}/{path*}", NODES),
    recorded("POST", "wit/classificationnodes/{group}/{path*}", NODES),
    recorded("PATCH", "wit/classificationnodes/{group}/{path*}", NODES),
    recorded("DELETE", "wit/classificationnodes/{group}/{path*}", NODES),
    named("GET", "wit/tags", TAGS),
    recorded("GET", "wit/tags/{tag}", TAGS),
    recorded("PATCH", "wit/tags/{tag}", TAGS),
    named("GET", "work/boards", BOARDS),
    named("GET", "work/boards/{board}", BOARDS),
    named("PUT", "work/boards/{board}/columns", BOARDS),
    named("PUT", "work/boards/{board}/rows", BOARDS),
    recorded("GET", "work/boards/{board}/columns", BOARDS),
    recorded("GET", "work/boards/{board}/rows", BOARDS),
    recorded("GET", "work/boardcolumns", BOARDS),
    recorded("GET", "work/boardrows", BOARDS),
    named("GET", "process/processes", PROCESSES),
    recorded("GET", "process/processes/{id}", PROCESSES),
    recorded("GET", "work/processes", PROCESSES),
    recorded("GET", "work/processes/{id}", PROCESSES),
    named("POST", "wit/workitems/${type}", ITEMS),
    named("PATCH", "wit/workitems/{id}", ITEMS),
    recorded("PATCH", "wit/workitems/${type}", ITEMS),
    recorded("GET", "wit/workitems/${type}", ITEMS),
    named("GET", "wit/workitems", READING),
    named("POST", "wit/workitemsbatch", READING),
    named("GET", "wit/workitems/{id}/updates", READING),
    named("GET", "wit/workitems/{id}/revisions", READING),
    recorded("GET", "wit/workitems/{id}", READING),
    recorded("GET", "wit/workitems/{id}/updates/{n}", READING),
    recorded("GET", "wit/workitems/{id}/revisions/{n}", READING),
    named("POST", "wit/wiql", WIQL),
    recorded("GET", "wit/wiql/{query}", WIQL),
    recorded("GET", "wit/wiql", WIQL),
    named("GET", "wit/reporting/workitemrevisions", FEED),
    named("POST", "wit/reporting/workitemrevisions", FEED),
    named("GET", "wit/reporting/workitemlinks", FEED),
    named("GET", "wit/reporting/workitemrevisions/discussions", FEED),
    named("DELETE", "wit/workitems/{id}", BIN),
    named("GET", "wit/recyclebin", BIN),
    named("GET", "wit/recyclebin/{id}", BIN),
    named("PATCH", "wit/recyclebin/{id}", BIN),
    named("DELETE", "wit/recyclebin/{id}", BIN),
    named("POST", "wit/workitemsdelete", BIN),
    named("POST", "wit/$batch", BATCH),
    named("PATCH", "wit/$batch", BATCH),
    named("GET", "wit/workitems/{id}/comments", COMMENTS),
    named("POST", "wit/workitems/{id}/comments", COMMENTS),
    named("PATCH", "wit/workitems/{id}/comments/{n}", COMMENTS),
    named("DELETE", "wit/workitems/{id}/comments/{n}", COMMENTS),
    named("GET", "wit/workitems/{id}/comments/{n}/versions", COMMENTS),
    recorded("GET", "wit/workitems/{id}/comments/{n}", COMMENTS),
    named("POST", "wit/attachments", ATTACHMENTS),
    named("PUT", "wit/attachments/{id}", ATTACHMENTS),
    named("GET", "wit/attachments/{id}", ATTACHMENTS),
    named("POST", "hooks/subscriptions", HOOKS),
    named("GET", "hooks/subscriptions", HOOKS),
    named("GET", "hooks/subscriptions/{id}", HOOKS),
    named("PUT", "hooks/subscriptions/{id}", HOOKS),
    named("DELETE", "hooks/subscriptions/{id}", HOOKS),
    named("POST", "hooks/subscriptionsquery", HOOKS),
    named("POST", "hooks/publishers/tfs/inputValuesQuery", HOOKS),
    named("GET", "hooks/publishers/tfs", HOOKS),
    recorded("GET", "hooks/publishers/{publisher}/eventtypes", HOOKS),
    recorded("GET", "hooks/publishers/{publisher}/eventtypes/{event}", HOOKS),
    recorded("GET", "hooks/consumers", HOOKS),
    recorded("GET", "hooks/consumers/{consumer}", HOOKS),
    recorded("GET", "hooks/consumers/{consumer}/actions", HOOKS),
    named("GET", "hooks/subscriptions/{id}/notifications", HISTORY),
    named("POST", "hooks/notificationsquery", HISTORY),
    named("POST", "hooks/testnotifications", HISTORY),
];

/// Beginnings of paths that are no part of what the emulator is, and why.
pub const OUTSIDE: &[(&str, &str)] = &[
    ("git/", "repositories"),
    ("wiki/", "wikis"),
    ("distributedtask/", "pipelines"),
    ("settings/", "settings of the web pages"),
    ("graph/", "the directory; groups and memberships"),
    ("userentitlements", "licences"),
    ("securitynamespaces", "permissions are asked with permissionevaluationbatch only"),
    ("accesscontrollists", "permissions are asked with permissionevaluationbatch only"),
    ("tagging/", "tags of the versions before 3.1; replaced by wit/tags"),
    ("work/processes/", "editing of inherited processes"),
    ("work/boards/{board}/cardsettings", "how cards look"),
    ("work/boards/{board}/cardrulesettings", "how cards look"),
    ("work/boards/{board}/boardusersettings", "how a board refreshes"),
    ("work/teamsettings/iterations/{id}/capacities", "capacity planning"),
    ("work/teamsettings/iterations/{id}/teamdaysoff", "capacity planning"),
    ("wit/templates", "work item templates of teams"),
    ("wit/fields", "making and locking fields"),
    ("projects/{project}/teams", "the address of the example lacks the team"),
    ("wit/workitems/{id}/history", "replaced by comments with version 4"),
    ("wit/queries", "the tree of stored queries"),
    ("resourceareas/", "the recorded body is the list and not the answer to this request"),
    ("…", "the address was not recorded"),
];

impl Route {
    pub fn matches(&self, method: &str, words: &[String]) -> bool {
        self.method == method && fits(self.template, words, false)
    }
}

/// The reason why a path is outside, if it is.
pub fn outside(words: &[String]) -> Option<&'static str> {
    OUTSIDE.iter().find(|(start, _)| fits(start, words, true)).map(|(_, reason)| *reason)
}

fn fits(template: &str, words: &[String], start_only: bool) -> bool {
    let mut words = words.iter();
    for part in template.split('/').filter(|p| !p.is_empty()) {
        if part.ends_with("*}") {
            return true;
        }
        let Some(word) = words.next() else { return false };
        let fits = match part {
            "${type}" => word.starts_with('$'),
            _ if part.starts_with('{') => !word.starts_with('$') || part == "{type}",
            _ => part.eq_ignore_ascii_case(word),
        };
        if !fits {
            return false;
        }
    }
    start_only || words.next().is_none()
}
