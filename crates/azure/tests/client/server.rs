//! Stories with a collection of an Azure DevOps Server: which version is spoken, and what is done without.

use std::sync::Arc;

use azure::{
    AddressPolicy, BasicAuth, CheckOutcome, Client, ClientConfig, Clock, Credential, Deployment, Error,
    HookEvent, HttpTransport, ItemShape, SystemClock, Write,
};
use chrono::{Duration, Utc};
use emulator::seed::{DEMO_PAT, Seed, ServerVersion};
use model::board::{Change, Draft};
use serde_json::json;
use url::Url;

use crate::in_process::InProcess;
use crate::support::{Bench, json as answer_json, ok};

struct Server {
    service: Arc<InProcess>,
    client: Client,
}

fn seed(version: ServerVersion) -> Seed {
    let mut seed = Seed::demo();
    seed.organizations[0].name = "DefaultCollection".into();
    seed.organizations[0].server = Some(version);
    seed
}

fn token(text: &str) -> Credential {
    Credential::PersonalAccessToken(text.into())
}

impl Server {
    fn of(version: ServerVersion) -> Self {
        let service = InProcess::new(&seed(version));
        let client = Self::connect(&service, "defaultcollection", token(DEMO_PAT));
        Self { service, client }
    }

    /// As people type it: the address with `/tfs` and the collection's name in any case.
    fn connect(service: &Arc<InProcess>, collection: &str, credential: Credential) -> Client {
        let config = ClientConfig {
            instance: "http://emulator.example/tfs".parse().unwrap(),
            ..ClientConfig::hosted(collection, credential)
        };
        Client::new(config, Arc::clone(service) as _, Arc::clone(&service.clock) as _)
    }

    async fn shape(&self) -> ItemShape {
        self.client.item_shape("Webshop", "Payments", Some("Stories"), "Bug").await.unwrap()
    }

    /// Requests that were refused, as `status path`.
    fn refused(&self) -> Vec<String> {
        let state = self.service.state.lock().unwrap();
        state.log(0).iter().filter(|e| e.status >= 400).map(|e| format!("{} {}", e.status, e.path)).collect()
    }

    fn versions(&self) -> Vec<String> {
        let state = self.service.state.lock().unwrap();
        let version = |path: &str| path.split("api-version=").nth(1).map(str::to_owned);
        let mut all: Vec<String> = state.log(0).iter().filter_map(|e| version(&e.path)).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Everything a connection does in its life.
    async fn live(&self) {
        let client = &self.client;
        let me = client.check().await.unwrap();
        assert_eq!(me.deployment, Deployment::OnPremises);
        assert_eq!(me.organization_url, "http://emulator.example/tfs/DefaultCollection");
        for step in client.verify(Some("Webshop")).await {
            assert!(!matches!(step.outcome, CheckOutcome::Failed { .. }), "{step:?}");
        }
        let project = client.project("Webshop").await.unwrap();
        let shape = self.shape().await;
        let draft = Draft {
            title: "A".into(),
            description: "<p>Where and how</p>".into(),
            tags: vec!["security".into()],
            ..Draft::default()
        };
        let made = client.create("Webshop", &shape, &draft, self.service.soon()).await.unwrap();
        let change = Change {
            column: Some("In Review".into()),
            comment: Some("<p>look</p>".into()),
            ..Change::default()
        };
        let moved =
            client.update(made.id(), made.revision(), &shape, &change, self.service.soon()).await.unwrap();
        let view = moved.view(&shape);
        assert_eq!(view.column.as_deref(), Some("In Review"));
        assert!(!view.description_is_markdown);
        client
            .add_comment("Webshop", made.id(), azure::CommentText::Html("<p>said</p>"), self.service.soon())
            .await
            .unwrap();
        let comments = client.comments("Webshop", made.id()).await.unwrap();
        assert_eq!(comments.last().unwrap().text, "<p>said</p>");
        let page = client.changes(None, None).await.unwrap();
        assert!(!page.changes.is_empty());
        let receiver: Url = "https://receiver.example/hook".parse().unwrap();
        let secret = BasicAuth { username: "u".into(), password: "p".into() };
        let hook = client.subscribe(&project.id, HookEvent::Updated, &receiver, Some(&secret)).await.unwrap();
        assert!(client.subscriptions().await.unwrap().iter().any(|one| one.id == hook.id));
        client.unsubscribe(&hook.id).await.unwrap();
        client.delete("Webshop", made.id(), self.service.soon()).await.unwrap();
        client.restore("Webshop", made.id(), self.service.soon()).await.unwrap();
        assert_eq!(client.read(&[made.id()]).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn server_2022_is_spoken_to_in_its_version_after_one_refusal() {
    let server = Server::of(ServerVersion::V2022);
    server.live().await;
    let refused = server.refused();
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert!(refused[0].ends_with("connectionData?api-version=7.1-preview.1"), "{refused:?}");
    assert_eq!(server.versions(), ["7.0", "7.0-preview.1", "7.0-preview.3", "7.1-preview.1"]);
}

#[tokio::test]
async fn server_2022_1_speaks_as_the_service_does() {
    let server = Server::of(ServerVersion::V2022_1);
    server.live().await;
    assert_eq!(server.refused(), Vec::<String>::new());
    assert_eq!(server.versions(), ["7.1", "7.1-preview.1", "7.1-preview.4"]);
}

#[tokio::test]
async fn writes_of_a_batch_that_met_the_old_version_first_are_all_made_once() {
    let server = Server::of(ServerVersion::V2022);
    let shape = server.shape().await;
    // Another client, such as after a restart: it knows nothing of the server yet.
    let fresh = Server::connect(&server.service, "DefaultCollection", token(DEMO_PAT));
    let drafts = ["A", "B"].map(|title| Draft { title: title.into(), ..Draft::default() });
    let writes = drafts.each_ref().map(|draft| Write::Create { project: "Webshop", shape: &shape, draft });
    let made = fresh.write_batch(&writes, server.service.soon()).await.unwrap();
    let ids: Vec<i64> = made.into_iter().map(|one| one.unwrap().id().0).collect();
    assert_eq!(ids, [1, 2], "two items, and each once");
    assert!(server.client.read(&[model::WorkItemId(3)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_knows_our_version_as_a_preview_is_spoken_to_in_the_one_before() {
    let refusal = answer_json(
        400,
        json!({"typeKey": "VssInvalidPreviewVersionException", "message": "It is under preview."}),
    );
    let bench = Bench::new([refusal, ok(json!({"count": 0, "value": []}))]);
    bench.client.projects().await.unwrap();
    let sent = bench.script.sent();
    assert!(sent[0].url.contains("api-version=7.1") && sent[1].url.contains("api-version=7.0"), "{sent:?}");
}

#[tokio::test]
async fn a_wrong_token_is_a_sign_in_failure_although_the_server_offers_windows() {
    let server = Server::of(ServerVersion::V2022);
    let stranger = Server::connect(&server.service, "DefaultCollection", token("wrong"));
    let error = stranger.check().await.unwrap_err();
    assert!(matches!(error, Error::SignIn { .. }), "{error:?}");
    assert!(error.next_step().contains("token"), "{}", error.next_step());
    let steps = stranger.verify(None).await;
    assert!(matches!(&steps[1].outcome, CheckOutcome::Failed { .. }), "{steps:?}");
}

#[tokio::test]
async fn a_server_behind_real_http_is_reached_under_tfs() {
    let options = emulator::Options { seed: seed(ServerVersion::V2022), ..emulator::Options::default() };
    let running = emulator::start(options).await.unwrap();
    let instance: Url = format!("{}/tfs", running.base_url).parse().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let policy = AddressPolicy::public_only().allowing(&instance);
    let transport = HttpTransport::new(policy, Arc::clone(&clock)).unwrap();
    let config = ClientConfig { instance, ..ClientConfig::hosted("DefaultCollection", token(DEMO_PAT)) };
    let client = Client::new(config, Arc::new(transport), clock);
    let shape = client.item_shape("Webshop", "Payments", Some("Stories"), "Bug").await.unwrap();
    let draft = Draft { title: "A".into(), ..Draft::default() };
    let until = Utc::now() + Duration::seconds(30);
    let made = client.create("Webshop", &shape, &draft, until).await.unwrap();
    assert_eq!(client.read(&[made.id()]).await.unwrap().len(), 1);
    running.stop().await.unwrap();
}
