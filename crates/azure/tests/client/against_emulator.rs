//! Stories against the emulator, which was built from the service's side and knows nothing of this client.

use std::sync::{Arc, Mutex};

use azure::{
    Author, CheckOutcome, Client, ClientConfig, Clock, CommentText, Credential, Error, HookEvent, Item,
    ItemQuery, ItemShape, SignInFailure, Write,
};
use chrono::{DateTime, Duration, Utc};
use emulator::seed::{DEMO_PAT, Seed};
use model::WorkItemId;
use model::board::{Change, Draft, Hyperlink};

use crate::in_process::InProcess;
use crate::support::ManualClock;

const BENS_PAT: &str = "bens-pat-00000000000000000000000000000000000000000000000000000000000000000AZDO0000";
pub(crate) const TENANT: uuid::Uuid = uuid::Uuid::from_u128(0x7e4a_0000_0000_4000_8000_0000_0000_0001);

/// The organization contoso with the project Webshop; us as "Lockstep Service", and Ben, who may not make tags.
pub(crate) struct World {
    pub(crate) transport: Arc<InProcess>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
    pub(crate) shape: ItemShape,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(Seed::demo()).await
    }

    pub(crate) async fn of(mut seed: Seed) -> Self {
        let clock = ManualClock::at_noon();
        seed.organizations[0].tenant = Some(TENANT);
        let ben = &mut seed.organizations[0].users[2];
        ben.pats.push(BENS_PAT.into());
        ben.no_new_tags = true;
        let mut state = emulator::State::new(&seed, clock.now());
        state.set_base_url("http://emulator.example");
        let transport = Arc::new(InProcess { state: Mutex::new(state), clock: Arc::clone(&clock) });
        let client = connect(&transport, &clock, Credential::PersonalAccessToken(DEMO_PAT.into()), "contoso");
        let shape = client.item_shape("Webshop", "Payments", Some("Stories"), "Bug").await.unwrap();
        Self { transport, clock, client, shape }
    }

    pub(crate) fn as_ben(&self) -> Client {
        connect(&self.transport, &self.clock, Credential::PersonalAccessToken(BENS_PAT.into()), "contoso")
    }

    pub(crate) fn soon(&self) -> DateTime<Utc> {
        self.clock.now() + Duration::seconds(30)
    }

    pub(crate) async fn create(&self, title: &str) -> azure::Item {
        self.client.create("Webshop", &self.shape, &draft(title), self.soon()).await.unwrap()
    }

    pub(crate) async fn change(&self, item: &azure::Item, change: &Change) -> Result<azure::Item, Error> {
        self.client.update(item.id(), item.revision(), &self.shape, change, self.soon()).await
    }

    pub(crate) async fn read(&self, item: &azure::Item) -> azure::Item {
        self.client.read(&[item.id()]).await.unwrap().remove(0)
    }
}

pub(crate) fn connect(
    transport: &Arc<InProcess>,
    clock: &Arc<ManualClock>,
    credential: Credential,
    organization: &str,
) -> Client {
    let here = "http://emulator.example".parse::<url::Url>().unwrap();
    let config = ClientConfig {
        instance: here.clone(),
        authority: here,
        ..ClientConfig::hosted(organization, credential)
    };
    Client::new(config, Arc::clone(transport) as _, Arc::clone(clock) as _)
}

pub(crate) fn draft(title: &str) -> Draft {
    Draft {
        work_item_type: "Bug".into(),
        title: title.into(),
        description: "<p>Where and how</p>".into(),
        priority: Some(1),
        severity: Some("2 - High".into()),
        tags: vec!["security".into(), "sast".into()],
        hyperlinks: vec![Hyperlink {
            url: "https://lockstep.example/t/k1".into(),
            comment: "Lockstep".into(),
        }],
        ..Draft::default()
    }
}

pub(crate) fn state(name: &str) -> Change {
    Change { state: Some(name.into()), ..Change::default() }
}

#[tokio::test]
async fn the_shape_is_that_of_the_board() {
    let world = World::new().await;
    let shape = &world.shape;
    assert_eq!(shape.description_field, "Microsoft.VSTS.TCM.ReproSteps");
    assert_eq!(shape.severities, ["1 - Critical", "2 - High", "3 - Medium", "4 - Low"]);
    assert_eq!(shape.priorities, [1, 2, 3, 4]);
    assert!(shape.column_field.as_deref().is_some_and(|field| field.starts_with("WEF_")));
    assert_eq!(shape.split_columns, ["In Review"]);
    assert_eq!(shape.default_area, "Webshop\\Payments");
    let boards = world.client.boards("Webshop", "Payments").await.unwrap();
    let stories = boards.iter().find(|board| board.name == "Stories").unwrap();
    assert_eq!(stories.lanes, ["Expedite"]);
    let teams = world.client.teams("Webshop").await.unwrap();
    assert_eq!(teams.iter().filter(|team| team.is_default).count(), 1);
    let types = world.client.work_item_types("Webshop").await.unwrap();
    let bug = types.iter().find(|one| one.name == "Bug").unwrap();
    assert_eq!(bug.initial_state.as_deref(), Some("New"));
}

#[tokio::test]
async fn a_created_item_is_read_back_as_it_was_meant() {
    let world = World::new().await;
    let made = world.create("SQL injection in the basket").await;
    let view = world.read(&made).await.view(&world.shape);
    assert_eq!(view.title, "SQL injection in the basket");
    assert_eq!((view.state.as_str(), view.column.as_deref()), ("New", Some("New")));
    assert_eq!((view.priority, view.severity.as_deref()), (Some(1), Some("2 - High")));
    assert_eq!(view.area, "Webshop\\Payments");
    assert!(view.description.unwrap().contains("Where and how"));
    let mut tags = view.tags;
    tags.sort();
    assert_eq!(tags, ["sast", "security"]);
    assert_eq!(view.hyperlinks[0].url, "https://lockstep.example/t/k1");
    assert_eq!(view.hyperlinks[0].comment, "Lockstep");
    assert_eq!(view.created_by.id, world.client.check().await.unwrap().id);
}

#[tokio::test]
async fn moving_a_card_changes_its_state_and_the_other_way_round() {
    let world = World::new().await;
    let made = world.create("A").await;
    let to_review = Change {
        column: Some("In Review".into()),
        column_done: Some(true),
        lane: Some("Expedite".into()),
        ..Change::default()
    };
    let moved = world.change(&made, &to_review).await.unwrap();
    let view = moved.view(&world.shape);
    assert_eq!((view.state.as_str(), view.column.as_deref()), ("Active", Some("In Review")));
    assert_eq!((view.column_done, view.lane.as_deref()), (Some(true), Some("Expedite")));
    let closed = world.change(&moved, &state("Closed")).await.unwrap();
    assert_eq!(closed.view(&world.shape).column.as_deref(), Some("Closed"));
}

#[tokio::test]
async fn a_change_planned_on_an_old_revision_changes_nothing() {
    let world = World::new().await;
    let made = world.create("A").await;
    world.change(&made, &state("Active")).await.unwrap();
    let error = world.change(&made, &state("Closed")).await.unwrap_err();
    assert!(matches!(error, Error::RevisionMoved { .. }), "{error:?}");
    assert_eq!(world.read(&made).await.view(&world.shape).state, "Active");
}

#[tokio::test]
async fn a_state_the_process_does_not_have_is_rejected_with_its_field() {
    let world = World::new().await;
    let made = world.create("A").await;
    let error = world.change(&made, &state("Finished")).await.unwrap_err();
    let Error::Rejected { type_key, fields, .. } = &error else { panic!("{error:?}") };
    assert_eq!(type_key.as_deref(), Some("RuleValidationException"));
    assert_eq!(fields[0].field, "System.State");
}

#[tokio::test]
async fn tags_become_exactly_what_is_asked_and_a_comment_travels_along() {
    let world = World::new().await;
    let made = world.create("A").await;
    let change = Change {
        tags: Some(vec!["security".into(), "regressed".into()]),
        comment: Some("<p>seen again</p>".into()),
        ..Change::default()
    };
    let changed = world.change(&made, &change).await.unwrap();
    assert_eq!(changed.revision(), made.revision() + 1, "one revision");
    let mut tags = world.read(&made).await.view(&world.shape).tags;
    tags.sort();
    assert_eq!(tags, ["regressed", "security"]);
    let second = world
        .client
        .add_comment("Webshop", made.id(), CommentText::Html("<p>and again</p>"), world.soon())
        .await
        .unwrap();
    let comments = world.client.comments("Webshop", made.id()).await.unwrap();
    assert_eq!(comments.len(), 2);
    assert!(comments[0].text.contains("seen again"));
    assert_eq!((comments[1].id, comments[1].author.display_name.as_str()), (second.id, "Lockstep Service"));
}

#[tokio::test]
async fn a_deleted_item_is_absent_and_found_in_the_recycle_bin_until_restored() {
    let world = World::new().await;
    let (made, other) = (world.create("A").await, world.create("B").await);
    world.client.delete("Webshop", made.id(), world.soon()).await.unwrap();
    let left = world.client.read(&[made.id(), other.id(), WorkItemId(999_999)]).await.unwrap();
    assert_eq!(left.iter().map(azure::Item::id).collect::<Vec<_>>(), [other.id()]);
    let gone = world.change(&made, &state("Active")).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }), "{gone:?}");

    assert_eq!(world.client.recycled("Webshop").await.unwrap(), [made.id()]);
    let found = world.client.read_recycled("Webshop", made.id()).await.unwrap().unwrap();
    assert!(found.item.text("Microsoft.VSTS.TCM.ReproSteps").unwrap().contains("Where and how"));
    assert!(world.client.read_recycled("Webshop", other.id()).await.unwrap().is_none());

    world.client.restore("Webshop", made.id(), world.soon()).await.unwrap();
    assert_eq!(world.read(&made).await.view(&world.shape).title, "A");
    assert_eq!(world.client.recycled("Webshop").await.unwrap(), []);
}

#[tokio::test]
async fn what_we_created_lately_is_found_and_nothing_else() {
    let world = World::new().await;
    world.create("before").await;
    world.clock.advance(Duration::seconds(10));
    let since = world.clock.now();
    let mine = world.create("mine").await;
    let plain = ItemShape::plain("Webshop", "Task");
    let task = Draft { title: "his".into(), ..Draft::default() };
    let his = world.as_ben().create("Webshop", &plain, &task, world.soon()).await.unwrap();
    assert_eq!(world.client.created_since(&Author::Me, since).await.unwrap(), [mine.id()]);
    let ben = Author::Named("ben.okafor@contoso.example".into());
    assert_eq!(world.client.created_since(&ben, since).await.unwrap(), [his.id()]);
}

#[tokio::test]
async fn what_carries_a_tag_and_changed_lately_is_found_longest_unchanged_first() {
    let world = World::new().await;
    let first = world.create("first").await;
    let second = world.create("second").await;
    world.clock.advance(Duration::seconds(10));
    let since = world.clock.now();
    let tagged = |item: &Item| {
        let change = Change { tags: Some(vec!["other".into(), "Lockstep".into()]), ..Change::default() };
        (item.id(), item.revision(), change)
    };
    for (id, revision, change) in [tagged(&second), tagged(&first)] {
        world.clock.advance(Duration::seconds(10));
        world.client.update(id, revision, &world.shape, &change, world.soon()).await.unwrap();
    }
    let found = world.client.tagged_since("lockstep", since, 200).await.unwrap();
    assert_eq!(found, [second.id(), first.id()]);
    assert_eq!(world.client.tagged_since("lockstep", since, 1).await.unwrap(), [second.id()]);
    let query = ItemQuery::Text("SELECT [System.Id] FROM WorkItems WHERE [System.Title] = 'first'".into());
    assert_eq!(world.client.query(&query, 10).await.unwrap(), [first.id()]);
    let nonsense = world.client.query(&ItemQuery::Text("SELECT".into()), 10).await.unwrap_err();
    assert!(matches!(nonsense, Error::Rejected { .. }), "{nonsense:?}");
}

#[tokio::test]
async fn the_feed_tells_what_changed_since_its_cursor_and_who_did_it() {
    let world = World::new().await;
    let (first, second) = (world.create("A").await, world.create("B").await);
    let start = world.client.changes(None, None).await.unwrap();
    assert!(start.is_last);
    assert!([first.id(), second.id()].iter().all(|id| start.changes.iter().any(|change| change.id == *id)));

    world.clock.advance(Duration::seconds(60));
    world.change(&first, &state("Active")).await.unwrap();
    world.client.delete("Webshop", second.id(), world.soon()).await.unwrap();
    let next = world.client.changes(start.cursor.as_deref(), None).await.unwrap();
    let me = world.client.check().await.unwrap().id;
    let seen: Vec<_> = next.changes.iter().map(|change| (change.id, change.deleted)).collect();
    assert!(seen.contains(&(first.id(), false)) && seen.contains(&(second.id(), true)), "{seen:?}");
    assert!(next.changes.iter().all(|change| change.changed_by.id == me), "{:?}", next.changes);
    let quiet = world.client.changes(next.cursor.as_deref(), None).await.unwrap();
    assert_eq!((quiet.changes.len(), quiet.is_last), (0, true));
    assert!(!world.client.changes_in("Webshop", None, None).await.unwrap().changes.is_empty());
}

#[tokio::test]
async fn what_a_work_item_was_created_with_is_known_whatever_became_of_it() {
    let world = World::new().await;
    world.create("before").await;
    world.clock.advance(Duration::minutes(1));
    let since = world.clock.now();
    let (kept, gone) = (world.create("kept").await, world.create("gone").await);
    world.clock.advance(Duration::seconds(1));
    let renamed = Change { title: Some("renamed".into()), ..Change::default() };
    world.change(&gone, &renamed).await.unwrap();
    world.client.delete("Webshop", gone.id(), world.soon()).await.unwrap();

    let found = world.client.creations(since).await.unwrap();
    let told: Vec<_> = found.iter().map(|one| (one.id, one.project.as_str(), one.deleted)).collect();
    assert_eq!(told, [(kept.id(), "Webshop", false), (gone.id(), "Webshop", true)]);
    let me = world.client.check().await.unwrap().id;
    assert!(found.iter().all(|one| one.created_by.id == me && one.created_at >= Some(since)));

    let firsts = world.client.first_revisions(since, &[gone.id()]).await.unwrap();
    let [first] = firsts.as_slice() else { panic!("{firsts:?}") };
    assert_eq!((first.id(), first.revision(), first.text("System.Title")), (gone.id(), 1, Some("gone")));
    let text = first.view(&world.shape).description.expect("long texts are read");
    assert_eq!(Some(text), gone.view(&world.shape).description);
}

#[tokio::test]
async fn an_area_that_may_not_be_seen_is_told_from_an_empty_one() {
    let world = World::new().await;
    let sees = async |area: &str| world.client.sees_area("Webshop", area).await.unwrap();
    assert!(sees("Webshop").await && sees("webshop\\payments").await);
    assert!(!sees("Webshop\\Nowhere").await, "what does not exist is not seen");
    let change = emulator::AreaChange {
        member: "service@contoso.example".into(),
        area: "Webshop\\Payments".into(),
        hidden: true,
    };
    world.transport.state.lock().unwrap().change_area("contoso", &change);
    assert!(!sees("Webshop\\Payments").await);
    assert!(sees("Webshop\\Storefront").await && sees("Webshop").await);
}

#[tokio::test]
async fn subscriptions_come_and_go_and_are_recognised() {
    let world = World::new().await;
    let project = world.client.project("webshop").await.unwrap();
    let url = "https://lockstep.example.com/hooks/unguessable".parse().unwrap();
    let made = world.client.subscribe(&project.id, HookEvent::Updated, &url, None).await.unwrap();
    let all = world.client.subscriptions().await.unwrap();
    assert_eq!(all.iter().filter(|one| one.is_for(&project.id, HookEvent::Updated, &url)).count(), 1);
    assert!(!all.iter().any(|one| one.is_for(&project.id, HookEvent::Created, &url)));
    world.client.unsubscribe(&made.id).await.unwrap();
    world.client.unsubscribe(&made.id).await.unwrap();
    assert_eq!(world.client.subscriptions().await.unwrap(), []);
}

#[tokio::test]
async fn many_writes_travel_in_one_request() {
    let world = World::new().await;
    let stale = world.create("A").await;
    world.change(&stale, &state("Active")).await.unwrap();
    let before = world.client.usage();
    let (one, two, closing) = (draft("one"), draft("two"), state("Closed"));
    let create = |draft| Write::Create { project: "Webshop", shape: &world.shape, draft };
    let results = world.client.write_batch(&[create(&one), create(&two)], world.soon()).await.unwrap();
    assert_eq!(world.client.usage().writes, before.writes + 1);
    let ids: Vec<WorkItemId> = results.iter().map(|result| result.as_ref().unwrap().id()).collect();
    let items = world.client.read(&ids).await.unwrap();
    let titles: Vec<String> = items.iter().map(|item| item.view(&world.shape).title).collect();
    assert_eq!(titles, ["one", "two"]);
    assert_eq!(items[0].hyperlinks().len(), 1);

    let update =
        Write::Update { id: stale.id(), revision: stale.revision(), shape: &world.shape, change: &closing };
    let results = world.client.write_batch(&[update, update], world.soon()).await.unwrap();
    for result in results {
        assert!(matches!(result, Err(Error::RevisionMoved { .. })), "{result:?}");
    }
}

#[tokio::test]
async fn everything_is_in_place_for_an_administrator() {
    let world = World::new().await;
    let steps = world.client.verify(Some("Webshop")).await;
    let bad: Vec<_> =
        steps.iter().filter(|step| matches!(step.outcome, CheckOutcome::Failed { .. })).collect();
    assert!(bad.is_empty(), "{bad:?}");
    let done = steps.iter().filter(|step| matches!(step.outcome, CheckOutcome::Ok { .. })).count();
    assert_eq!(done, 7, "{steps:?}");
}

#[tokio::test]
async fn a_contributor_learns_which_permissions_are_missing() {
    let world = World::new().await;
    let steps = world.as_ben().verify(Some("Webshop")).await;
    let bad: Vec<&str> = steps
        .iter()
        .filter(|step| matches!(step.outcome, CheckOutcome::Failed { .. }))
        .map(|step| step.name.as_str())
        .collect();
    assert!(bad.contains(&"Service hooks"), "{steps:?}");
    let error = world.as_ben().create("Webshop", &world.shape, &draft("A"), world.soon()).await.unwrap_err();
    assert!(matches!(&error, Error::Forbidden { code: Some(code), .. } if code == "TF401289"), "{error:?}");
}

#[tokio::test]
async fn a_wrong_token_and_a_wrong_organization_are_explained() {
    let world = World::new().await;
    let wrong = Credential::PersonalAccessToken("wrong".into());
    let client = connect(&world.transport, &world.clock, wrong, "contoso");
    let error = client.check().await.unwrap_err();
    assert!(matches!(error, Error::SignIn { why: SignInFailure::CredentialRefused, .. }), "{error:?}");
    let token = Credential::PersonalAccessToken(DEMO_PAT.into());
    let client = connect(&world.transport, &world.clock, token, "fabrikam");
    let error = client.check().await.unwrap_err();
    assert!(matches!(error, Error::SignIn { .. } | Error::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn an_application_of_entra_signs_in_with_its_secret() {
    let world = World::new().await;
    let app = &Seed::demo().organizations[0].service_principals[0];
    let credential = |secret: &str| Credential::ClientSecret {
        tenant: TENANT.to_string(),
        client_id: app.client_id.to_string(),
        client_secret: secret.into(),
        authority: None,
    };
    let client = connect(&world.transport, &world.clock, credential("wrong"), "contoso");
    let error = client.check().await.unwrap_err();
    assert!(matches!(error, Error::SignIn { why: SignInFailure::WrongSecret, .. }), "{error:?}");
    let client = connect(&world.transport, &world.clock, credential(&app.client_secret), "contoso");
    assert_eq!(client.check().await.unwrap().display_name, "Lockstep Application");
    world.clock.advance(Duration::hours(3));
    client.projects().await.expect("the token is renewed by itself");
}
