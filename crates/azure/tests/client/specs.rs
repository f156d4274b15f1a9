//! Every request that the client can make is one that Microsoft's OpenAPI documents allow: on the hosted service, on
//! Server 2022 and on Server 2022.1. What the documents lack is listed below, one route at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure::{
    ATTACHMENT_PIECE, Author, BasicAuth, Client, ClientConfig, CommentText, Credential, HookEvent, ItemQuery,
    Link, LinkKind, LinkTarget, Relocation, Request, Response, Subscription, SubscriptionStatus, Transport,
    TransportError, Write,
};
use emulator::seed::{DEMO_PAT, ProcessKind, ProjectSeed, Seed};
use http::StatusCode;
use model::board::{Change, Draft, Hyperlink};
use serde_json::Value;

use crate::against_emulator::World;
use crate::in_process::InProcess;
use crate::support::{json as answer_json, noon};
use crate::swagger::{Asked, Document, Scope};

/// Where the client is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Hosted,
    Server2022,
    Server2022Update1,
}

impl Service {
    /// The documents. Of security and identities there are none for servers: those of the hosted service, which have
    /// the same version, have to do for 2022.1.
    fn documents(self) -> &'static [&'static str] {
        match self {
            Self::Hosted => &[
                "account-7.1-accounts.json",
                "core-7.1-core.json",
                "hooks-7.1-serviceHooks.json",
                "ims-7.1-identities.json",
                "profile-7.1-profile.json",
                "security-7.1-security.json",
                "wit-7.1-workItemTracking.json",
                "work-7.1-work.json",
            ],
            Self::Server2022 => &[
                "core-server7.0-core-onprem.json",
                "hooks-server7.0-serviceHooks-onprem.json",
                "wit-server7.0-workItemTracking-onprem.json",
                "work-server7.0-work-onprem.json",
            ],
            Self::Server2022Update1 => &[
                "core-server7.1-core-onprem.json",
                "hooks-server7.1-serviceHooks-onprem.json",
                "ims-7.1-identities.json",
                "security-7.1-security.json",
                "wit-server7.1-workItemTracking-onprem.json",
                "work-server7.1-work-onprem.json",
            ],
        }
    }

    fn instance(self) -> url::Url {
        let address = match self {
            Self::Hosted => "https://dev.azure.com",
            Self::Server2022 | Self::Server2022Update1 => "https://devops.example/tfs",
        };
        address.parse().unwrap()
    }
}

/// Routes that the documents have only below a project. Recordings, and azure-devops.md sections 1 and 7, show them
/// for the whole organization; query and body still have to be those of the document.
const ORGANIZATION_WIDE: [(&str, &str); 7] = [
    ("POST", "wit/workitemsbatch"),
    ("POST", "wit/wiql"),
    ("GET", "wit/reporting/workitemrevisions"),
    ("GET", "wit/reporting/workitemlinks"),
    ("PATCH", "wit/workitems/{id}"),
    ("GET", "wit/workitems/{id}/updates"),
    ("GET", "wit/workitems/{id}/revisions"),
];

/// Requests that no document of the service has, with the reason why they are right all the same.
const NOT_IN_THE_DOCUMENTS: [(&str, &str, &str); 5] = [
    (
        "POST",
        "wit/$batch",
        "the documents lack it; recorded (section 7.6). Each request in it is judged by itself",
    ),
    ("GET", "connectionData", "the documents lack the area Location; recorded (section 4.2)"),
    (
        "GET",
        "wit/classificationnodes/areas",
        "the documents have nodes only with a path below the root; recorded (section 6)",
    ),
    (
        "POST",
        "security/permissionevaluationbatch",
        "Server 2022 only: the documents have no security for servers",
    ),
    ("GET", "identities", "Server 2022 only: the documents have no identities for servers"),
];

/// Host of what belongs to no organization.
const PROFILES: &str = "app.vssps.visualstudio.com";

/// Remembers every request and lets the emulator answer it. Server 2022 refuses versions that came after it.
struct Recorder {
    service: Service,
    emulator: Arc<InProcess>,
    asked: Mutex<Vec<Asked>>,
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, mut request: Request) -> Result<Response, TransportError> {
        let version =
            request.url.query_pairs().find(|(name, _)| name == "api-version").unwrap().1.into_owned();
        if self.service == Service::Server2022 && version.starts_with("7.1") {
            return answer_json(
                400,
                serde_json::json!({"typeKey": "VssVersionOutOfRangeException", "message": "The version is too high."}),
            );
        }
        let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        self.asked.lock().unwrap().push(Asked {
            method: request.method.to_string(),
            url: request.url.clone(),
            content_type: header("content-type"),
            content_range: header("content-range"),
            body: request.body.to_vec(),
        });
        if request.url.host_str() == Some(PROFILES) {
            // Personal access tokens are refused there, as the emulator knows.
            let me = "5f5bd8f5-8c67-4cbf-9c57-c5b4c1e6d0aa";
            return answer_json(200, serde_json::json!({"id": me, "count": 0, "value": []}));
        }
        // The emulator has one address for everything.
        let path = request.url.path().trim_start_matches("/tfs").to_owned();
        request.url.set_path(&path);
        let answer = self.emulator.send(request).await?;
        if answer.status == StatusCode::NOT_FOUND && answer.body.starts_with(b"The controller") {
            panic!("the emulator has no {path}");
        }
        Ok(answer)
    }
}

/// A walk over the client's methods.
struct Walk {
    recorder: Arc<Recorder>,
    walked: BTreeSet<&'static str>,
}

impl Walk {
    fn count(&self) -> usize {
        self.recorder.asked.lock().unwrap().len()
    }

    /// A method that sent nothing was not walked: its answer was kept, or its arguments made no request.
    fn note(&mut self, method: &'static str, before: usize) {
        assert!(self.count() > before, "{method} sent nothing");
        self.walked.insert(method);
    }
}

macro_rules! walk {
    ($walk:ident, $client:ident . $method:ident ( $($argument:expr),* $(,)? )) => {{
        let before = $walk.count();
        let result = $client.$method($($argument),*).await;
        $walk.note(stringify!($method), before);
        result
    }};
}

/// Calls every public method of the client in every form that makes another request.
async fn every_call(service: Service) -> Walk {
    let mut seed = Seed::demo();
    seed.organizations[0].projects.push(ProjectSeed::new("Tools", ProcessKind::Agile));
    let world = World::of(seed).await;
    let recorder =
        Arc::new(Recorder { service, emulator: Arc::clone(&world.transport), asked: Mutex::default() });
    let config = ClientConfig {
        instance: service.instance(),
        ..ClientConfig::hosted("contoso", Credential::PersonalAccessToken(DEMO_PAT.into()))
    };
    let client = Client::new(config, Arc::clone(&recorder) as _, Arc::clone(&world.clock) as _);
    let mut walk = Walk { recorder, walked: BTreeSet::new() };
    let soon = world.soon();

    walk!(walk, client.check()).unwrap();
    walk!(walk, client.verify(Some("Webshop")));
    client.forget_definitions();
    walk!(walk, client.item_shape("Webshop", "Payments", Some("Stories"), "Bug")).unwrap();
    client.forget_definitions();
    walk!(walk, client.projects()).unwrap();
    if service == Service::Hosted {
        walk!(walk, client.organizations()).unwrap();
    }
    let project = walk!(walk, client.project("Webshop")).unwrap();
    walk!(walk, client.teams("Webshop")).unwrap();
    walk!(walk, client.team_areas("Webshop", "Payments")).unwrap();
    walk!(walk, client.work_item_types("Webshop")).unwrap();
    walk!(walk, client.boards("Webshop", "Payments")).unwrap();
    walk!(walk, client.fields("Webshop", "User Story")).unwrap();
    walk!(walk, client.areas("Webshop")).unwrap();
    client.forget_definitions();
    walk!(walk, client.iterations("Webshop")).unwrap();
    walk!(walk, client.current_iteration("Webshop", "Payments")).unwrap();
    walk!(walk, client.tags("Webshop")).unwrap();
    let members = walk!(walk, client.team_members("Webshop", "Payments")).unwrap();
    walk!(walk, client.directory_entries(&[&members[0].id, &members[1].id])).unwrap();

    let is_markdown = service != Service::Server2022;
    let draft = Draft {
        title: "Everything".into(),
        description: "text".into(),
        description_is_markdown: is_markdown,
        priority: Some(1),
        severity: Some("2 - High".into()),
        tags: vec!["security".into()],
        hyperlinks: vec![Hyperlink { url: "https://lockstep.example/k".into(), comment: "key".into() }],
        fields: [("Microsoft.VSTS.TCM.SystemInfo".to_owned(), "x".to_owned())].into(),
        ..Draft::default()
    };
    let shape = &world.shape;
    let create = Write::Create { project: "Webshop", shape, draft: &draft };
    let made = walk!(walk, client.create("Webshop", shape, &draft, soon)).unwrap();
    let change = Change {
        column: Some("In Review".into()),
        column_done: Some(true),
        lane: Some("Expedite".into()),
        title: Some("All".into()),
        priority: Some(2),
        severity: Some("1 - Critical".into()),
        description: Some("more text".into()),
        description_is_markdown: is_markdown,
        tags: Some(vec!["sast".into()]),
        add_hyperlink: Some(Hyperlink { url: "https://lockstep.example/l".into(), comment: "l".into() }),
        comment: Some("<p>why</p>".into()),
        ..Change::default()
    };
    let update = Write::Update { id: made.id(), revision: made.revision(), shape, change: &change };
    walk!(walk, client.validate(&create)).unwrap();
    walk!(walk, client.validate(&update)).unwrap();
    let made = walk!(walk, client.update(made.id(), made.revision(), shape, &change, soon)).unwrap();
    let again = Change { state: Some("Resolved".into()), ..Change::default() };
    let second = Write::Update { id: made.id(), revision: made.revision(), shape, change: &again };
    let results = walk!(walk, client.write_batch(&[create, second], soon)).unwrap();
    let other = results[0].as_ref().unwrap().id();
    walk!(walk, client.read(&[made.id(), other])).unwrap();
    walk!(walk, client.created_since(&Author::Me, noon())).unwrap();
    walk!(walk, client.tagged_since("lockstep", noon(), 200)).unwrap();
    let all = ItemQuery::Text("SELECT [System.Id] FROM WorkItems".into());
    walk!(walk, client.query(&all, 200)).unwrap();
    walk!(walk, client.updates(made.id(), 1)).unwrap();
    walk!(walk, client.revisions_after(made.id(), 1, 2)).unwrap();

    let page = walk!(walk, client.changes(None, Some(noon()))).unwrap();
    walk!(walk, client.changes(page.cursor.as_deref(), None)).unwrap();
    walk!(walk, client.changes_in("Webshop", None, Some(noon()))).unwrap();
    walk!(walk, client.creations(noon())).unwrap();
    walk!(walk, client.first_revisions(noon(), &[made.id()])).unwrap();
    walk!(walk, client.sees_area("Webshop", "Webshop")).unwrap();
    let related = LinkTarget::WorkItem { kind: LinkKind::Related, id: other };
    let link = Link { target: related.clone(), comment: "c".into(), name: String::new(), size: None };
    walk!(walk, client.link(made.id(), &link, soon)).unwrap();
    let page = walk!(walk, client.link_changes(None, None, Some(noon()))).unwrap();
    walk!(walk, client.link_changes(Some("Webshop"), page.cursor.as_deref(), None)).unwrap();
    walk!(walk, client.unlink(made.id(), &related, soon)).unwrap();

    let file = walk!(walk, client.upload("Webshop", "a b.txt", 3, &b"abc"[..], soon)).unwrap();
    walk!(walk, client.link(made.id(), &file.link("evidence"), soon)).unwrap();
    let large = vec![0; ATTACHMENT_PIECE + 1];
    walk!(walk, client.upload("Webshop", "large", large.len() as u64, &large[..], soon)).unwrap();
    walk!(walk, client.download("Webshop", &file.id)).unwrap();

    let html = CommentText::Html("<p>x</p>");
    let comment = walk!(walk, client.add_comment("Webshop", made.id(), html, soon)).unwrap();
    walk!(walk, client.edit_comment("Webshop", made.id(), comment.id, html, soon)).unwrap();
    if is_markdown {
        let text = CommentText::Markdown("**x**");
        walk!(walk, client.add_comment("Webshop", made.id(), text, soon)).unwrap();
        walk!(walk, client.edit_comment("Webshop", made.id(), comment.id, text, soon)).unwrap();
    }
    walk!(walk, client.comments("Webshop", made.id())).unwrap();
    walk!(walk, client.delete_comment("Webshop", made.id(), comment.id, soon)).unwrap();

    let there = Relocation {
        project: "Tools".into(),
        area: "Tools".into(),
        iteration: "Tools".into(),
        work_item_type: Some("Task".into()),
        state: Some("New".into()),
    };
    let revision = client.read(&[other]).await.unwrap()[0].revision();
    walk!(walk, client.relocate(other, revision, &there, soon)).unwrap();

    walk!(walk, client.delete("Webshop", made.id(), soon)).unwrap();
    assert_eq!(walk!(walk, client.recycled("Webshop")).unwrap(), [made.id()]);
    walk!(walk, client.read_recycled("Webshop", made.id())).unwrap().unwrap();
    walk!(walk, client.restore("Webshop", made.id(), soon)).unwrap();

    let url = "https://lockstep.example/hooks/abc".parse().unwrap();
    let auth = BasicAuth { username: "lockstep".into(), password: "p".into() };
    let own = walk!(walk, client.subscribe(&project.id, HookEvent::Updated, &url, Some(&auth))).unwrap();
    walk!(walk, client.subscriptions()).unwrap();
    walk!(walk, client.deliveries(&own.id, 10)).unwrap();
    walk!(walk, client.test_subscription(&project.id, HookEvent::Created, &url, None)).unwrap();
    let broken = Subscription { status: SubscriptionStatus::DisabledBySystem, ..own };
    let renewed = walk!(walk, client.renew_subscription(&broken, Some(&auth))).unwrap();
    walk!(walk, client.unsubscribe(&renewed.id)).unwrap();
    walk
}

/// Names of all `pub async fn` of the client, from the sources: a new one has to be walked too.
fn public_methods() -> BTreeSet<String> {
    fn collect(folder: &std::path::Path, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for block in text.split("\nimpl Client {\n").skip(1) {
                    let block = block.split("\n}\n").next().unwrap();
                    for rest in block.split("    pub async fn ").skip(1) {
                        into.insert(rest.split(['(', '<']).next().unwrap().to_owned());
                    }
                }
            }
        }
    }
    let mut names = BTreeSet::new();
    collect(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
    names
}

/// The decoded path from the organization on.
fn segments(url: &url::Url) -> Vec<String> {
    let decoded = url
        .path_segments()
        .unwrap()
        .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8().unwrap().into_owned());
    decoded.skip_while(|segment| segment == "tfs").collect()
}

/// The route below `_apis` with numbers as `{id}`.
fn route(segments: &[String]) -> String {
    let below = segments.iter().skip_while(|segment| *segment != "_apis").skip(1);
    let words =
        below.map(|segment| if segment.parse::<i64>().is_ok() { "{id}".to_owned() } else { segment.clone() });
    words.collect::<Vec<_>>().join("/")
}

/// The requests in a batch, as if they had been sent by themselves.
fn unpack(asked: &Asked) -> Vec<Asked> {
    let entries: Vec<Value> = serde_json::from_slice(&asked.body).unwrap();
    let single = entries.into_iter().map(|entry| {
        let uri = entry["uri"].as_str().unwrap();
        let base = asked.url.as_str().split("/_apis/").next().unwrap();
        let is_new = uri.contains("/$");
        let mut body = entry["body"].as_array().unwrap().clone();
        if is_new {
            assert_eq!(body.remove(0)["path"], "/id", "each new item has a number of its own in the batch");
        }
        Asked {
            // In a batch a creation is a PATCH too (recorded).
            method: if is_new { "POST".to_owned() } else { entry["method"].as_str().unwrap().to_owned() },
            url: format!("{base}{uri}").parse().unwrap(),
            content_type: entry["headers"]["Content-Type"].as_str().map(str::to_owned),
            content_range: None,
            body: Value::Array(body).to_string().into_bytes(),
        }
    });
    single.collect()
}

#[derive(Default)]
struct Score {
    by_document: BTreeMap<String, (usize, BTreeSet<String>)>,
    organization_wide: BTreeMap<String, usize>,
    not_in_documents: BTreeMap<String, usize>,
    faults: Vec<String>,
}

impl Score {
    fn judge(&mut self, documents: &[Document], asked: &Asked) {
        let segments = segments(&asked.url);
        let shown = format!("{} {}", asked.method, asked.url);
        let route = route(&segments);
        let is = |(method, known): (&str, &str)| method == asked.method && known.eq_ignore_ascii_case(&route);
        let scopes: &[Scope] = if ORGANIZATION_WIDE.into_iter().any(is) && segments[1] == "_apis" {
            &[Scope::AsWritten, Scope::Organization]
        } else {
            &[Scope::AsWritten]
        };
        for scope in scopes {
            for document in documents {
                match document.judge(asked, &segments, *scope) {
                    Ok(None) => {}
                    Ok(Some(operation)) => {
                        let entry = self.by_document.entry(document.file.clone()).or_default();
                        entry.0 += 1;
                        entry.1.insert(operation);
                        if *scope == Scope::Organization {
                            *self
                                .organization_wide
                                .entry(format!("{} {route}", asked.method))
                                .or_default() += 1;
                        }
                        return;
                    }
                    Err(fault) => {
                        self.faults.push(format!("{shown}\n    {}: {fault}", document.file));
                        return;
                    }
                }
            }
        }
        match NOT_IN_THE_DOCUMENTS.into_iter().find(|(method, known, _)| is((method, known))) {
            Some((method, known, reason)) => {
                *self.not_in_documents.entry(format!("{method} {known}: {reason}")).or_default() += 1;
            }
            None => self.faults.push(format!("{shown}\n    no document has it")),
        }
    }
}

async fn all_calls_are_valid_on(service: Service) {
    let documents: Vec<Document> =
        service.documents().iter().filter_map(|file| Document::load(file)).collect();
    if documents.is_empty() {
        println!("skipped: no OpenAPI documents beside the repository");
        return;
    }
    let walk = every_call(service).await;
    let asked = walk.recorder.asked.lock().unwrap().clone();
    let mut score = Score::default();
    for asked in &asked {
        assert!(asked.url.host_str() == Some(expected_host(service, asked)), "{}", asked.url);
        score.judge(&documents, asked);
        if asked.url.path().ends_with("/$batch") {
            unpack(asked).iter().for_each(|single| score.judge(&documents, single));
        }
    }
    println!("{service:?}: {} requests of {} methods", asked.len(), walk.walked.len());
    for (file, (count, operations)) in &score.by_document {
        println!("  {count:3} valid, {:2} operations  {file}", operations.len());
    }
    for (route, count) in &score.organization_wide {
        println!("  {count:3} of these for the whole organization: {route}");
    }
    for (why, count) in &score.not_in_documents {
        println!("  {count:3} exception: {why}");
    }
    assert!(score.faults.is_empty(), "not valid:\n  {}", score.faults.join("\n  "));
    assert_eq!(score.by_document.len(), documents.len(), "every document was used");
}

fn expected_host(service: Service, asked: &Asked) -> &'static str {
    match service {
        Service::Hosted if asked.url.path().ends_with("/identities") => "vssps.dev.azure.com",
        Service::Hosted if asked.url.path().starts_with("/_apis/") => PROFILES,
        Service::Hosted => "dev.azure.com",
        Service::Server2022 | Service::Server2022Update1 => "devops.example",
    }
}

#[tokio::test]
async fn every_request_to_the_hosted_service_is_one_of_its_documents() {
    all_calls_are_valid_on(Service::Hosted).await;
}

#[tokio::test]
async fn every_request_to_server_2022_is_one_of_its_documents() {
    all_calls_are_valid_on(Service::Server2022).await;
}

#[tokio::test]
async fn every_request_to_server_2022_1_is_one_of_its_documents() {
    all_calls_are_valid_on(Service::Server2022Update1).await;
}

#[tokio::test]
async fn no_call_of_the_client_is_left_out() {
    let walk = every_call(Service::Hosted).await;
    let walked: BTreeSet<String> = walk.walked.iter().map(|name| (*name).to_owned()).collect();
    let known = public_methods();
    assert!(known.len() > 30, "the sources are read: {known:?}");
    let missing: Vec<_> = known.difference(&walked).collect();
    assert!(missing.is_empty(), "not walked: {missing:?}");
}

#[test]
fn the_judge_finds_what_is_wrong() {
    let Some(document) = Document::load("wit-7.1-workItemTracking.json") else {
        println!("skipped: no OpenAPI documents beside the repository");
        return;
    };
    let judge = |method: &str, rest: &str, kind: Option<&str>, body: &str| {
        let url: url::Url = format!("https://dev.azure.com/o/{rest}").parse().unwrap();
        let asked = Asked {
            method: method.into(),
            content_type: kind.map(str::to_owned),
            content_range: None,
            body: body.as_bytes().to_vec(),
            url,
        };
        document.judge(&asked, &segments(&asked.url), Scope::AsWritten)
    };
    let patch = Some("application/json-patch+json");
    let item = "p/_apis/wit/workitems/1?api-version=7.1";
    assert!(judge("PATCH", item, patch, r#"[{"op":"test","path":"/rev","value":1}]"#).unwrap().is_some());
    let wrong = [
        ("PATCH", item, Some("application/json"), "[]", "content type"),
        ("PATCH", item, patch, r#"{"op":"add"}"#, "not a list"),
        ("PATCH", item, patch, r#"[{"op":"put"}]"#, "not one of"),
        ("PATCH", item, patch, r#"[{"operation":"add"}]"#, "no member"),
        ("PATCH", item, None, "", "missing"),
        ("PATCH", "p/_apis/wit/workitems/one?api-version=7.1", patch, "[]", "not an integer"),
        ("PATCH", "p/_apis/wit/workitems/1?api-version=7.0", patch, "[]", "not 7.1"),
        ("PATCH", "p/_apis/wit/workitems/1", patch, "[]", "api-version is missing"),
        ("PATCH", "p/_apis/wit/workitems/1?api-version=7.1&validate=true", patch, "[]", "no validate"),
        ("PATCH", "p/_apis/wit/workitems/1?api-version=7.1&validateOnly=yes", patch, "[]", "true or false"),
        ("PATCH", "p/_apis/wit/workitems/1?api-version=7.1&$expand=links2", patch, "[]", "not one of"),
        ("GET", "p/_apis/wit/workitems?api-version=7.1", None, "", "ids is missing"),
    ];
    for (method, rest, kind, body, expected) in wrong {
        let fault = judge(method, rest, kind, body).unwrap_err();
        assert!(fault.contains(expected), "{method} {rest}: {fault}");
    }
    assert_eq!(judge("GET", "_apis/wit/workitemsbatch?api-version=7.1", None, ""), Ok(None));
}
