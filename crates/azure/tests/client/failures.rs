//! The page `docs/azure-devops.md` says of each failure how the emulator produces it, what it means to the client and
//! what people read. Here every row of that table is done as it says, over real HTTP, and the client's error is compared
//! with the page: neither can change without the other.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use azure::{
    AddressPolicy, Client, ClientConfig, Clock, Credential, Error, HookEvent, HttpTransport, Item, ItemShape,
    Write,
};
use chrono::{DateTime, Duration, Utc};
use emulator::seed::{DEMO_PAT, ProcessKind, ProjectSeed, Role, Seed, UserSeed};
use emulator::{Options, Running};
use model::WorkItemId;
use model::board::{Change, Draft, Hyperlink};
use serde_json::{Value, json};
use url::Url;

use crate::support::ManualClock;

const PAGE: &str = include_str!("../../../../docs/azure-devops.md");
const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/azure-devops.md");

const BEN: &str = "token-of-ben-who-may-not-create-tags";
const RITA: &str = "token-of-rita-who-may-only-read";
const STRANGER: &str = "token-of-somebody-who-is-no-member";

const SECRET: &str = "demo-client-secret";
const TENANT: uuid::Uuid = uuid::Uuid::from_u128(0x7e4a_0000_0000_4000_8000_0000_0000_0001);

/// A row of the page.
#[derive(Debug)]
struct Row {
    failure: String,
    produced: String,
    kind: String,
    reads: String,
    advice: String,
}

/// The cells of the table under a heading, without its two head lines.
fn table(heading: &str) -> Vec<Vec<String>> {
    let section = PAGE.split(&format!("\n## {heading}\n")).nth(1).expect("the page has the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn rows() -> Vec<Row> {
    let cells = table("Each failure");
    cells
        .into_iter()
        .map(|cells| {
            let [failure, _, produced, kind, reads, advice] = <[String; 6]>::try_from(cells).unwrap();
            Row { failure, produced, kind, reads, advice }
        })
        .collect()
}

/// Text between backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

struct World {
    running: Running,
    clock: Arc<ManualClock>,
    client: Client,
    shape: ItemShape,
}

impl World {
    async fn start() -> Self {
        let mut seed = Seed::demo();
        let organization = &mut seed.organizations[0];
        organization.tenant = Some(TENANT);
        organization.projects.push(ProjectSeed::new("Formal", ProcessKind::Cmmi));
        let ben = &mut organization.users[2];
        ben.pats.push(BEN.into());
        ben.no_new_tags = true;
        let with = |name: &str, mail: &str, role, pat: &str| {
            UserSeed::person(name, mail).with_role(role).with_pat(pat)
        };
        organization.users.push(with("Rita Vale", "rita.vale@contoso.example", Role::Reader, RITA));
        organization.users.push(with("Sam Outside", "sam@fabrikam.example", Role::None, STRANGER));
        let running = emulator::start(Options { seed, ..Options::default() }).await.unwrap();
        let clock = ManualClock::at_noon();
        let client = connect(&running, &clock, "contoso", DEMO_PAT);
        let shape = client.item_shape("Webshop", "Payments", Some("Stories"), "Bug").await.unwrap();
        Self { running, clock, client, shape }
    }

    fn as_(&self, pat: &str) -> Client {
        connect(&self.running, &self.clock, "contoso", pat)
    }

    /// The application of the demo.
    fn application(&self, secret: &str) -> Client {
        let credential = Credential::ClientSecret {
            tenant: TENANT.to_string(),
            client_id: "11111111-1111-4111-8111-111111111111".into(),
            client_secret: secret.into(),
            authority: None,
        };
        connect_with(&self.running, &self.clock, "contoso", credential)
    }

    /// Carries out the control calls that a row names.
    async fn prepare(&self, produced: &str) -> Result<(), String> {
        for call in code_spans(produced).filter(|span| span.contains(" /_emulator/")) {
            let mut parts = call.splitn(3, ' ');
            let (method, path, body) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let body: Value = serde_json::from_str(body).unwrap();
            let url = format!("{}{path}", self.running.base_url.trim_end_matches('/'));
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = http.request(method.parse().unwrap(), url).json(&body).send().await.unwrap();
            if !answer.status().is_success() {
                return Err(format!("{call}: {}", answer.text().await.unwrap()));
            }
        }
        Ok(())
    }

    fn soon(&self) -> DateTime<Utc> {
        self.clock.now() + Duration::seconds(30)
    }

    async fn item(&self) -> Item {
        self.client.create("Webshop", &self.shape, &draft(), self.soon()).await.unwrap()
    }

    async fn change(&self, client: &Client, item: &Item, change: &Change) -> Error {
        client.update(item.id(), item.revision(), &self.shape, change, self.soon()).await.unwrap_err()
    }

    async fn refused_draft(&self, client: &Client, draft: Draft) -> Error {
        client.create("Webshop", &self.shape, &draft, self.soon()).await.unwrap_err()
    }

    async fn with_field(&self, name: &str, value: &str) -> Error {
        let mut draft = draft();
        draft.fields.insert(name.into(), value.into());
        self.refused_draft(&self.client, draft).await
    }

    /// Brings the failure about and gives what the client makes of it.
    async fn fail(&self, row: &Row) -> Result<Error, String> {
        let item = self.item().await;
        let retitle = Change { title: Some("Another title".into()), ..Change::default() };
        let state = |name: &str| Change { state: Some(name.into()), ..Change::default() };
        let (client, soon) = (&self.client, self.soon());
        self.prepare(&row.produced).await?;
        // What was read for the row before is not to hide a failure.
        client.forget_definitions();
        Ok(match row.failure.as_str() {
            // Sign-in: any call will do.
            "Token wrong, expired or revoked" => self.as_("wrong").project("Webshop").await.unwrap_err(),
            "No member of the organization, or a scope is missing" => {
                self.as_(STRANGER).project("Webshop").await.unwrap_err()
            }
            "Client secret wrong" => self.application("wrong").project("Webshop").await.unwrap_err(),
            "Client secret expired" | "Administrator consent missing" => {
                self.application(SECRET).project("Webshop").await.unwrap_err()
            }
            "Sign-in page in place of an answer"
            | "Redirect to the sign-in page"
            | "Never signed in, or service principal not added"
            | "Conditional access"
            | "Continuous access evaluation"
            | "Organization stopped"
            | "Gateway trouble while reading"
            | "Throttled" => client.project("Webshop").await.unwrap_err(),
            "Unknown organization" => {
                connect(&self.running, &self.clock, "fabrikam", DEMO_PAT).check().await.unwrap_err()
            }
            "Gateway trouble while writing" | "No answer to a write" => {
                self.change(client, &item, &retitle).await
            }
            "No answer to a read" => client.project("Webshop").await.unwrap_err(),

            // Missing things.
            "Work item that is not there" => {
                client.update(WorkItemId(999), 1, &self.shape, &retitle, soon).await.unwrap_err()
            }
            "Work item in the recycle bin" => {
                client.delete("Webshop", item.id(), soon).await.unwrap();
                self.change(client, &item, &retitle).await
            }
            "Project by name" => client.project("Nowhere").await.unwrap_err(),
            "Project by id" => client.project("00000000-0000-4000-8000-00000000dead").await.unwrap_err(),
            "Work item type" => {
                let draft = Draft { work_item_type: "Unicorn".into(), ..draft() };
                self.refused_draft(client, draft).await
            }
            "Team" => client.boards("Webshop", "Nobody").await.unwrap_err(),
            "Board" => client.item_shape("Webshop", "Payments", Some("Nothing"), "Bug").await.unwrap_err(),
            "Address without a controller" => {
                client.update(WorkItemId(0), 1, &self.shape, &retitle, soon).await.unwrap_err()
            }

            // Permissions.
            "Area may not be written" => self.change(&self.as_(RITA), &item, &retitle).await,
            "Tag may not be created" => {
                let tags = Change { tags: Some(vec!["brand-new".into()]), ..Change::default() };
                self.change(&self.as_(BEN), &item, &tags).await
            }
            "Subscriptions may not be edited" => {
                let project = client.project("Webshop").await.unwrap();
                let receiver = "https://lockstep.example/hooks/1".parse().unwrap();
                self.as_(BEN).subscribe(&project.id, HookEvent::Updated, &receiver, None).await.unwrap_err()
            }

            // Rules and validation.
            "State that does not exist" => self.change(client, &item, &state("Nowhere")).await,
            "Transition that the process does not have" => {
                let shape = ItemShape::plain("Formal", "Bug");
                let bug = client.create("Formal", &shape, &draft(), soon).await.unwrap();
                client.update(bug.id(), bug.revision(), &shape, &state("Resolved"), soon).await.unwrap_err()
            }
            "Required field empty" => {
                let shape = ItemShape::plain("Formal", "Bug");
                let bug = client.create("Formal", &shape, &draft(), soon).await.unwrap();
                let change = Change { assignee: Some(String::new()), ..state("Active") };
                client.update(bug.id(), bug.revision(), &shape, &change, soon).await.unwrap_err()
            }
            "Value that is not in its list" => {
                self.with_field("Microsoft.VSTS.Common.Severity", "Huge").await
            }
            "Column that the board does not have" => {
                let change = Change { column: Some("Nowhere".into()), ..Change::default() };
                self.change(client, &item, &change).await
            }
            "Field that only the service writes" => self.with_field("System.BoardColumn", "Active").await,
            "Text that is too long" => {
                self.refused_draft(client, Draft { title: "x".repeat(256), ..draft() }).await
            }
            "Person whom nobody knows" => {
                self.with_field("System.AssignedTo", "nobody@contoso.example").await
            }
            "Area or iteration that does not exist" => {
                self.refused_draft(client, Draft { area: Some("Webshop\\Nowhere".into()), ..draft() }).await
            }
            "Field that does not exist" => self.with_field("Custom.Nothing", "1").await,
            "Revision is not the one that was read" => {
                let other = self.client.clone();
                other.update(item.id(), item.revision(), &self.shape, &state("Active"), soon).await.unwrap();
                self.change(client, &item, &retitle).await
            }
            "Same link twice" => {
                let change = Change { add_hyperlink: Some(link(1)), ..Change::default() };
                let with_link =
                    client.update(item.id(), item.revision(), &self.shape, &change, soon).await.unwrap();
                self.change(client, &with_link, &change).await
            }
            "More links than an item may have" => {
                let many = Draft { hyperlinks: (0..1000).map(link).collect(), ..draft() };
                let full = client.create("Webshop", &self.shape, &many, soon).await.unwrap();
                let change = Change { add_hyperlink: Some(link(1000)), ..Change::default() };
                self.change(client, &full, &change).await
            }
            "Changed at the same moment" => self.change(client, &item, &retitle).await,
            "Query with too many results" | "Query too slow" | "Too many queries" => {
                client.created_since(&azure::Author::Me, self.clock.now()).await.unwrap_err()
            }
            "One write of many is refused" => {
                let bad = state("Nowhere");
                let other = self.item().await;
                let write = |item: &Item, change| Write::Update {
                    id: item.id(),
                    revision: item.revision(),
                    shape: &self.shape,
                    change,
                };
                let writes = [write(&item, &retitle), write(&other, &bad)];
                let results = client.write_batch(&writes, soon).await.unwrap();
                results.into_iter().find_map(Result::err).unwrap()
            }
            other => panic!("the page has a row that nobody tries: {other}"),
        })
    }
}

fn connect(running: &Running, clock: &Arc<ManualClock>, organization: &str, pat: &str) -> Client {
    connect_with(running, clock, organization, Credential::PersonalAccessToken(pat.into()))
}

fn connect_with(
    running: &Running,
    clock: &Arc<ManualClock>,
    organization: &str,
    credential: Credential,
) -> Client {
    let url: Url = running.base_url.parse().unwrap();
    let policy = AddressPolicy::public_only().allowing(&url);
    let transport = HttpTransport::new(policy, Arc::clone(clock) as _).unwrap();
    let config = ClientConfig {
        instance: url.clone(),
        authority: url,
        ..ClientConfig::hosted(organization, credential)
    };
    Client::new(config, Arc::new(transport), Arc::clone(clock) as _)
}

fn draft() -> Draft {
    Draft { title: "A".into(), ..Draft::default() }
}

fn link(number: usize) -> Hyperlink {
    Hyperlink { url: format!("https://lockstep.example/t/{number}"), comment: String::new() }
}

/// The error's kind as the page writes it: the variant, and what it tells apart.
fn kind(error: &Error) -> String {
    match error {
        Error::Throttled { .. } => "Throttled".into(),
        Error::SignIn { why, .. } => {
            let name = format!("{why:?}");
            format!("SignIn: {}", name.split('(').next().unwrap_or_default())
        }
        Error::Forbidden { why, .. } => format!("Forbidden: {why:?}"),
        Error::NotFound { what, .. } => format!("NotFound: {what:?}"),
        Error::RevisionMoved { .. } => "RevisionMoved".into(),
        Error::Rejected { why, .. } => format!("Rejected: {why:?}"),
        Error::Unavailable { why, .. } => format!("Unavailable: {why:?}"),
        Error::UnknownOutcome { .. } => "UnknownOutcome".into(),
        other => format!("{other:?}"),
    }
}

/// Without the words of the HTTP library, which are not ours, and the id that the emulator made for the project.
fn steady(text: &str) -> String {
    if let Some((before, _)) = text.split_once("no answer came back (") {
        return format!("{before}no answer came back (…)");
    }
    match text.split_once("of project ") {
        Some((before, after)) if after.get(..36).is_some_and(|id| uuid::Uuid::parse_str(id).is_ok()) => {
            format!("{before}of project …{}", &after[36..])
        }
        _ => text.to_owned(),
    }
}

#[tokio::test]
async fn every_failure_is_produced_understood_and_told_as_the_page_says() {
    let rows = rows();
    let mut wrong = Vec::new();
    for row in &rows {
        let world = World::start().await;
        let error = match world.fail(row).await {
            Ok(error) => error,
            Err(why) => {
                wrong.push(why);
                continue;
            }
        };
        let found = (kind(&error), steady(&error.message()), error.next_step());
        if (&found.0, &found.1, &found.2) != (&row.kind.replace('`', ""), &row.reads, &row.advice) {
            wrong.push(format!("| {} | … | `{}` | {} | {} |", row.failure, found.0, found.1, found.2));
        }
    }
    assert!(wrong.is_empty(), "the page should say:\n{}", wrong.join("\n"));
    println!("{} failures produced, understood and told as the page says", rows.len());
}

/// Rows of azure-devops.md that have no code to find them by, and how the page calls them.
const WITHOUT_CODE: [(&str, &str); 16] = [
    ("No credential, browser-like", "Redirect to the sign-in page"),
    ("Expired or bad bearer", "Sign-in page in place of an answer"),
    ("Bad or expired PAT", "Token wrong, expired or revoked"),
    ("Continuous access evaluation", "Continuous access evaluation"),
    ("Gateway trouble", "Gateway trouble while reading"),
    ("Unknown organization", "Unknown organization"),
    ("Team, board, iteration not found", "Team"),
    ("Route without controller", "Address without a controller"),
    ("Service-hook permission", "Subscriptions may not be edited"),
    ("Invalid state on create or transition", "State that does not exist"),
    ("Unknown identity in an identity field", "Person whom nobody knows"),
    ("Duplicate relation", "Same link twice"),
    ("multilineFieldsFormat", "Format of a field that has none"),
    ("Conditional access", "Conditional access"),
    ("Third-party application access", "No member of the organization, or a scope is missing"),
    ("Throttled", "Throttled"),
];

/// What azure-devops.md lists and the page lacks.
#[test]
fn the_page_leaves_no_known_failure_out() {
    let names: Vec<String> = rows().into_iter().map(|row| row.failure).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "each once");
    if !Path::new(REFERENCE).exists() {
        println!("skipped: {REFERENCE} is not there");
        return;
    }
    let reference = std::fs::read_to_string(REFERENCE).unwrap();
    let from = reference.find("### 4.3 ").unwrap();
    let until = reference.find("## 6. ").unwrap();
    let listed: Vec<&str> = reference[from..until]
        .lines()
        .filter(|line| {
            line.starts_with("| ") && !line.starts_with("| Situation") && !line.starts_with("| Missing")
        })
        .filter(|line| !line.starts_with("| Case"))
        .collect();
    assert!(listed.len() > 40, "{}", listed.len());
    for line in listed {
        let codes: Vec<&str> = line
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| {
                let digits = word.strip_prefix("TF").or_else(|| word.strip_prefix("VS")).unwrap_or_default();
                digits.len() >= 5 && digits.bytes().all(|b| b.is_ascii_digit())
            })
            .collect();
        let is_named = if codes.is_empty() {
            let entry =
                WITHOUT_CODE.iter().find(|(begin, _)| line.trim_start_matches("| ").starts_with(begin));
            let (_, name) = entry.unwrap_or_else(|| panic!("nobody knows this row: {line}"));
            PAGE.contains(&format!("| {name} |"))
        } else {
            codes.iter().any(|code| PAGE.contains(code))
        };
        assert!(is_named, "the page says nothing of: {line}");
    }
}

/// A fault or a control call that the page writes must be one that can be sent as it stands.
#[test]
fn every_control_call_on_the_page_is_valid_json() {
    for row in rows() {
        for call in code_spans(&row.produced).filter(|span| span.contains(" /_emulator/")) {
            let body = call.splitn(3, ' ').nth(2).unwrap();
            let value: Result<Value, _> = serde_json::from_str(body);
            assert!(value.is_ok_and(|value| value != json!({})), "{call}");
        }
    }
}
