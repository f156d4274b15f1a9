//! What every database must do alike: the same stories on SQLite and, where there is a server, on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use chrono::{DateTime, Duration, Utc};
use model::board::Draft;
use model::following::Following;
use model::identity::Sighting;
use model::map::{SeverityMap, StatusMap};
use model::merge::Desired;
use model::priority::Priority;
use model::process::WorkItemType;
use model::routing::Binding;
use model::status::Triage;
use model::{AssetId, ConnectionId, DestinationId, FindingId, FindingKind, JobId, ScanId, Severity};
use model::{Status, TicketId, WorkItemId};
use store::connections::{Connection, SignIn};
use store::destinations::{Destination, Process, Settings};
use store::findings::{Finding, StoredDetection};
use store::scans::Scan;
use store::tickets::{Health, Intent, Ticket};
use store::{Composed, Db, Tx};
use uuid::Uuid;

async fn databases() -> Vec<(Db, Option<tempfile::TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.db");
    let mut databases = vec![(Db::open(&format!("sqlite:{}", file.display())).await.unwrap(), Some(folder))];
    match std::env::var("LOCKSTEP_TEST_POSTGRES") {
        Err(_) => println!("skipped on PostgreSQL: LOCKSTEP_TEST_POSTGRES is not set"),
        Ok(server) => {
            let schema = format!("contract_{}", Uuid::new_v4().simple());
            let admin = Db::open(&server).await.unwrap();
            let mut tx = admin.begin().await.unwrap();
            tx.execute(Composed(format!("CREATE SCHEMA {schema}")), vec![]).await.unwrap();
            tx.commit().await.unwrap();
            admin.close().await;
            let separator = if server.contains('?') { '&' } else { '?' };
            let address = format!("{server}{separator}options=-csearch_path%3D{schema}");
            databases.push((Db::open(&address).await.unwrap(), None));
        }
    }
    databases
}

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(minute)
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

async fn board(tx: &mut Tx) -> (ConnectionId, DestinationId) {
    let connection = Connection {
        id: ConnectionId(id(1)),
        name: "board".into(),
        description: String::new(),
        instance_url: "https://boards.example".into(),
        organization: "contoso".into(),
        sign_in: SignIn::PersonalAccessToken,
        secret: vec![1],
        mode: store::connections::Mode::Active,
        problem: None,
        identity: None,
        hook_secret: vec![2],
        subscriptions: Vec::new(),
        feed: Default::default(),
        feed_due_at: at(0),
        sweep_due_at: at(0),
        process_due_at: at(0),
        severity_map: None,
        last_contact_at: None,
        lags: Vec::new(),
        blocked_until: at(0),
        created_at: at(0),
    };
    store::connections::add(tx, &connection, vec![3]).await.unwrap();
    let destination = destination(2);
    store::destinations::add(tx, &destination).await.unwrap();
    (connection.id, destination.id)
}

fn destination(number: u128) -> Destination {
    let word = |text: &str| text.to_owned();
    Destination {
        id: DestinationId(id(number)),
        connection_id: ConnectionId(id(1)),
        binding: Default::default(),
        settings: Settings {
            name: word("Payments"),
            project: word("Webshop"),
            team: word("Payments"),
            board: word(""),
            lane: word(""),
            work_item_type: word("Bug"),
            area: word(""),
            iteration: Default::default(),
            tags: Vec::new(),
            severity_map: SeverityMap::default(),
            status_map: StatusMap::default(),
            daily_budget: 2,
            fields: Default::default(),
            limits: Default::default(),
            when_archived: Default::default(),
            on_deletion: Default::default(),
        },
        process: Process {
            work_item_type: WorkItemType {
                name: word("Bug"),
                reference_name: word("Microsoft.VSTS.WorkItemTypes.Bug"),
                states: Vec::new(),
                initial_state: None,
                transitions: Default::default(),
                fields: Default::default(),
            },
            board: None,
            shape: serde_json::Value::Null,
            fields: Vec::new(),
        },
        drift: None,
        created_at: at(0),
    }
}

fn ticket(number: u128) -> Ticket {
    Ticket {
        id: TicketId(id(number)),
        connection_id: ConnectionId(id(1)),
        destination_id: DestinationId(id(2)),
        comes_after: None,
        group_key: format!("group {number}"),
        token: format!("LS-{number}"),
        title: "title".into(),
        status: Status::Identified,
        health: Health::Pending,
        work_item_id: None,
        work_item: None,
        base: None,
        intent: None,
        following: Following::default(),
        conflicts: Vec::new(),
        mark: 0,
        synced_mark: 0,
        attempts: 0,
        next_attempt_at: at(0),
        parked: false,
        moves: Vec::new(),
        problem: None,
        next_step: None,
        synced_at: None,
        created_at: at(0),
    }
}

#[tokio::test]
async fn jobs_about_one_asset_follow_one_another() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let asset = store::assets::find_or_create(&mut tx, AssetId(id(5)), "shop", at(0)).await.unwrap().id;
        let (first, second, other) = (JobId(id(10)), JobId(id(11)), JobId(id(12)));
        store::jobs::add(&mut tx, first, "import", &(), None, at(0)).await.unwrap();
        store::jobs::add(&mut tx, second, "import", &(), None, at(1)).await.unwrap();
        store::jobs::add(&mut tx, other, "reconcile", &(), None, at(2)).await.unwrap();
        // The first is about several assets.
        let also = store::assets::find_or_create(&mut tx, AssetId(id(6)), "api", at(0)).await.unwrap().id;
        for (number, job, asset) in [(20, first, also), (21, first, asset), (22, second, asset)] {
            let name = format!("of scan {number}");
            let configuration =
                store::assets::configuration(&mut tx, id(number + 10), asset, "scanner", &name)
                    .await
                    .unwrap();
            store::scans::add(&mut tx, &scan(ScanId(id(number)), job, asset, configuration), at(0))
                .await
                .unwrap();
        }
        let claim = async |tx: &mut Tx, owner: u128, minute: i64| {
            let claimed = store::jobs::claim(tx, id(owner), at(minute), at(minute + 2)).await.unwrap();
            claimed.map(|job| job.id)
        };
        assert_eq!(claim(&mut tx, 1, 3).await, Some(first), "{}", db.kind());
        assert_eq!(claim(&mut tx, 2, 3).await, Some(other), "the second waits for the first");
        assert_eq!(claim(&mut tx, 3, 3).await, None);
        // Whoever is not heard of any more is replaced, and keeps nobody waiting.
        assert_eq!(claim(&mut tx, 3, 9).await, Some(first));
        assert!(store::jobs::succeed(&mut tx, first, id(3), &(), at(9)).await.unwrap());
        assert_eq!(claim(&mut tx, 3, 9).await, Some(second));
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_job_is_claimed_by_one_and_again_only_when_its_lease_is_over() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (mine, anybodys) = (JobId(id(10)), JobId(id(11)));
        store::jobs::add(&mut tx, mine, "import", &(), Some(id(1)), at(0)).await.unwrap();
        store::jobs::add(&mut tx, anybodys, "reconcile", &(), None, at(1)).await.unwrap();
        // The other one passes over what only the first may run.
        let claimed = store::jobs::claim(&mut tx, id(2), at(2), at(4)).await.unwrap().unwrap();
        assert_eq!(claimed.id, anybodys, "{}", db.kind());
        assert!(store::jobs::claim(&mut tx, id(2), at(2), at(4)).await.unwrap().is_none());
        assert_eq!(store::jobs::claim(&mut tx, id(1), at(2), at(4)).await.unwrap().unwrap().id, mine);
        assert!(store::jobs::claim(&mut tx, id(1), at(3), at(5)).await.unwrap().is_none(), "both are held");
        assert!(
            store::jobs::claim(&mut tx, id(2), at(9), at(11))
                .await
                .unwrap()
                .is_some_and(|j| j.id == anybodys)
        );
        // Whoever lost the lease changes nothing any more.
        assert_eq!(store::jobs::claim(&mut tx, id(1), at(20), at(30)).await.unwrap().unwrap().id, mine);
        assert_eq!(store::jobs::claim(&mut tx, id(1), at(20), at(30)).await.unwrap().unwrap().id, anybodys);
        assert!(!store::jobs::succeed(&mut tx, anybodys, id(2), &(), at(21)).await.unwrap());
        assert!(!store::jobs::progress(&mut tx, anybodys, id(2), 1, None, "", at(40)).await.unwrap());
        assert!(store::jobs::succeed(&mut tx, anybodys, id(1), &(), at(21)).await.unwrap());
        // A process that starts again takes up what it held.
        store::jobs::release(&mut tx, id(1)).await.unwrap();
        assert_eq!(store::jobs::claim(&mut tx, id(1), at(22), at(30)).await.unwrap().unwrap().id, mine);
        tx.commit().await.unwrap();
        db.close().await;
    }
}

#[tokio::test]
async fn a_renewed_secret_replaces_only_the_one_it_was_renewed_from() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (id, _) = board(&mut tx).await;
        let read = store::connections::get(&mut tx, id).await.unwrap().unwrap();
        let replace = async |tx: &mut Tx, read: &[u8], next: u8| {
            store::connections::replace_secret(tx, id, read, vec![next]).await.unwrap()
        };
        assert!(replace(&mut tx, &read.secret, 8).await);
        assert!(!replace(&mut tx, &read.secret, 9).await, "another replica was faster");
        // What was read before the renewal is saved after it.
        store::connections::save(&mut tx, &read).await.unwrap();
        let now = store::connections::get(&mut tx, id).await.unwrap().unwrap();
        assert_eq!((now.secret, now.sign_in), (vec![8], SignIn::PersonalAccessToken));
        let person = SignIn::Person { tenant: "t".into(), client_id: "c".into() };
        store::connections::set_sign_in(&mut tx, id, &person, vec![9]).await.unwrap();
        let now = store::connections::get(&mut tx, id).await.unwrap().unwrap();
        assert_eq!((now.secret, now.sign_in), (vec![9], person));
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_pending_sign_in_is_taken_once_by_the_session_that_began_it_while_it_is_valid() {
    use store::pending_sign_ins::{PendingSignIn, add, delete_expired, take};
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        for state in [1, 2] {
            let pending = PendingSignIn {
                state_hash: vec![state],
                session_hash: vec![7],
                sealed: vec![state, 42],
                expires_at: at(10),
            };
            add(&mut tx, &pending).await.unwrap();
        }
        assert_eq!(take(&mut tx, &[1], &[8], at(5)).await.unwrap(), None, "another session");
        assert_eq!(take(&mut tx, &[1], &[7], at(10)).await.unwrap(), None, "too late");
        assert_eq!(take(&mut tx, &[1], &[7], at(5)).await.unwrap(), Some(vec![1, 42]));
        assert_eq!(take(&mut tx, &[1], &[7], at(5)).await.unwrap(), None, "a second time");
        assert_eq!(delete_expired(&mut tx, at(11)).await.unwrap(), 1);
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_connection_is_driven_by_one_replica_at_a_time() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (connection, _) = board(&mut tx).await;
        assert!(store::connections::lease(&mut tx, connection, id(1), at(0), at(2)).await.unwrap());
        assert!(!store::connections::lease(&mut tx, connection, id(2), at(1), at(3)).await.unwrap());
        assert!(
            !store::connections::lease(&mut tx, connection, id(2), at(2), at(4)).await.unwrap(),
            "to the last moment"
        );
        assert!(
            store::connections::lease(&mut tx, connection, id(1), at(2), at(4)).await.unwrap(),
            "it may renew"
        );
        assert!(store::connections::lease(&mut tx, connection, id(2), at(5), at(7)).await.unwrap());
        assert!(!store::connections::lease(&mut tx, connection, id(1), at(6), at(8)).await.unwrap());
        store::connections::release(&mut tx, id(2)).await.unwrap();
        assert!(store::connections::lease(&mut tx, connection, id(1), at(6), at(8)).await.unwrap());
        db_done(tx, db).await;
    }
}

async fn db_done(tx: Tx, db: Db) {
    tx.commit().await.unwrap();
    db.close().await;
}

#[tokio::test]
async fn an_intent_comes_back_as_it_was_written() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        board(&mut tx).await;
        let mut written = ticket(20);
        store::tickets::add(&mut tx, &written).await.unwrap();
        written.intent = Some(Intent::Create {
            announced_at: at(1),
            deadline: at(2) + Duration::microseconds(7),
            draft: Box::new(Draft {
                title: "ti'tle \u{1f512}".into(),
                priority: Some(1),
                ..Draft::default()
            }),
            wanted: Box::new(Desired {
                status: Status::Identified,
                title: "t".into(),
                priority: Some(1),
                severity: None,
                due_date: None,
                block: "<p>x</p>".into(),
                tags: vec!["lockstep".into()],
                lane: None,
                evidence: None,
                proved_by_scan: false,
                problem: None,
                places: Default::default(),
            }),
        });
        store::tickets::save(&mut tx, &written).await.unwrap();
        let read = store::tickets::get(&mut tx, written.id).await.unwrap().unwrap();
        assert_eq!(read.intent, written.intent);
        // While an outcome is not known, asking for another try does not bring it forward.
        written.next_attempt_at = at(9);
        store::tickets::save(&mut tx, &written).await.unwrap();
        store::tickets::retry(&mut tx, written.id).await.unwrap();
        store::tickets::retry_all(&mut tx, written.connection_id).await.unwrap();
        assert_eq!(store::tickets::get(&mut tx, written.id).await.unwrap().unwrap().next_attempt_at, at(9));
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_key_leads_to_its_ticket_also_when_the_ticket_has_another_one_by_now() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (connection, _) = board(&mut tx).await;
        let mut replaced = ticket(20);
        store::tickets::add(&mut tx, &replaced).await.unwrap();
        let (old, work_item) = (replaced.token.clone(), WorkItemId(5));
        store::tickets::remember_former(&mut tx, replaced.id, work_item, &old).await.unwrap();
        store::tickets::remember_former(&mut tx, replaced.id, work_item, &old).await.unwrap();
        replaced.token = "LS-NEW".into();
        replaced.following.copies = vec![work_item];
        store::tickets::save(&mut tx, &replaced).await.unwrap();
        let of =
            async |tx: &mut Tx, token: &str| store::tickets::of_token(tx, connection, token).await.unwrap();
        assert_eq!(of(&mut tx, "LS-NEW").await, Some((replaced.id, true)));
        assert_eq!(of(&mut tx, &old).await, Some((replaced.id, false)));
        assert_eq!(of(&mut tx, "LS-NOBODY").await, None);
        assert_eq!(store::tickets::formers(&mut tx, replaced.id).await.unwrap(), [work_item]);
        let copied = store::tickets::with_copies(&mut tx, connection, 10).await.unwrap();
        assert_eq!(copied.len(), 1);
        assert_eq!(copied[0].following, replaced.following);
        assert_eq!(
            store::connections::copies_seen_until(&mut tx, connection).await.unwrap(),
            Some(DateTime::UNIX_EPOCH)
        );
        store::connections::copies_seen(&mut tx, connection, at(7)).await.unwrap();
        assert_eq!(store::connections::copies_seen_until(&mut tx, connection).await.unwrap(), Some(at(7)));
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_released_ticket_is_not_looked_at_whatever_marks_it() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (connection, _) = board(&mut tx).await;
        let mut ended = ticket(20);
        store::tickets::add(&mut tx, &ended).await.unwrap();
        ended.health = Health::Released;
        ended.work_item_id = Some(WorkItemId(5));
        store::tickets::save(&mut tx, &ended).await.unwrap();
        store::tickets::mark(&mut tx, ended.id).await.unwrap();
        assert!(store::tickets::due(&mut tx, connection, at(9), 10).await.unwrap().tickets.is_empty());
        assert_eq!(store::tickets::next_due(&mut tx, connection).await.unwrap(), None);
        assert!(store::tickets::live_after(&mut tx, connection, Uuid::nil(), 10).await.unwrap().is_empty());
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_budget_is_spent_once_and_given_back_to_its_day() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (_, destination) = board(&mut tx).await;
        assert!(store::destinations::spend(&mut tx, destination, 2, at(0)).await.unwrap());
        assert!(store::destinations::spend(&mut tx, destination, 2, at(1)).await.unwrap());
        assert!(!store::destinations::spend(&mut tx, destination, 2, at(2)).await.unwrap());
        let tomorrow = at(24 * 60);
        assert!(store::destinations::spend(&mut tx, destination, 2, tomorrow).await.unwrap());
        store::destinations::give_back(&mut tx, destination, at(1)).await.unwrap();
        assert_eq!(store::destinations::spent(&mut tx, destination, at(3)).await.unwrap(), 1);
        assert_eq!(store::destinations::spent(&mut tx, destination, tomorrow).await.unwrap(), 1);
        assert!(store::destinations::spend(&mut tx, destination, 2, at(4)).await.unwrap());
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_sweep_leaves_out_what_was_closed_long_ago_and_has_no_reason_to_be_looked_at() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (connection, _) = board(&mut tx).await;
        let mut closed = ticket(20);
        store::tickets::add(&mut tx, &closed).await.unwrap();
        closed.work_item_id = Some(WorkItemId(7));
        closed.health = store::tickets::Health::Closed;
        closed.synced_at = Some(at(10));
        store::tickets::save(&mut tx, &closed).await.unwrap();
        let swept = async |tx: &mut store::Tx, closed_before| {
            store::tickets::to_sweep(tx, connection, uuid::Uuid::nil(), closed_before, 10)
                .await
                .unwrap()
                .tickets
                .len()
        };
        assert_eq!(swept(&mut tx, at(9)).await, 1);
        assert_eq!(swept(&mut tx, at(11)).await, 0);
        store::tickets::mark(&mut tx, closed.id).await.unwrap();
        assert_eq!(swept(&mut tx, at(11)).await, 1);
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_piece_of_work_that_is_undone_takes_no_other_with_it() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (connection, _) = board(&mut tx).await;
        tx.commit().await.unwrap();
        let mut pieces = store::Pieces::new(&db);
        for number in 0..120 {
            let tx = pieces.begin().await.unwrap();
            store::connections::blocked(tx, connection, &format!("{number}"), at(number)).await.unwrap();
            match number % 7 {
                0 => pieces.undo().await.unwrap(),
                _ => pieces.keep().await.unwrap(),
            }
        }
        let tx = pieces.begin().await.unwrap();
        store::connections::blocked(tx, connection, "the last", at(121)).await.unwrap();
        pieces.undo().await.unwrap();
        pieces.finish().await.unwrap();
        let mut tx = db.read().await.unwrap();
        let stored = store::connections::get(&mut tx, connection).await.unwrap().unwrap();
        // 119 is a multiple of seven.
        assert_eq!(stored.problem.as_deref(), Some("118"));
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_ticket_is_due_while_a_reason_came_after_the_last_look() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (connection, _) = board(&mut tx).await;
        let mut looked_at = ticket(20);
        store::tickets::add(&mut tx, &looked_at).await.unwrap();
        assert!(store::tickets::due(&mut tx, connection, at(1), 10).await.unwrap().tickets.is_empty());
        store::tickets::mark(&mut tx, looked_at.id).await.unwrap();
        let due = store::tickets::due(&mut tx, connection, at(1), 10).await.unwrap().tickets;
        assert_eq!(due.len(), 1);
        // A reason that comes while it is looked at is not swallowed by the save.
        store::tickets::mark(&mut tx, looked_at.id).await.unwrap();
        looked_at = due.into_iter().next().unwrap();
        looked_at.synced_mark = looked_at.mark;
        looked_at.work_item_id = Some(WorkItemId(7));
        store::tickets::save(&mut tx, &looked_at).await.unwrap();
        assert_eq!(store::tickets::due(&mut tx, connection, at(1), 10).await.unwrap().tickets.len(), 1);
        assert_eq!(
            store::tickets::of_work_item(&mut tx, connection, WorkItemId(7)).await.unwrap(),
            Some(looked_at.id)
        );
        assert!(store::tickets::of_work_item(&mut tx, connection, WorkItemId(8)).await.unwrap().is_none());
        store::tickets::put_off(&mut tx, looked_at.id, "broken", "mend it", at(9)).await.unwrap();
        assert!(store::tickets::due(&mut tx, connection, at(8), 10).await.unwrap().tickets.is_empty());
        assert_eq!(store::tickets::due(&mut tx, connection, at(9), 10).await.unwrap().tickets[0].attempts, 1);
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn only_what_was_there_before_a_scan_and_was_not_seen_by_it_is_unseen() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let asset = store::assets::find_or_create(&mut tx, AssetId(id(5)), "shop", at(0)).await.unwrap();
        let mut configuration = async |name: &str, number: u128| {
            store::assets::configuration(&mut tx, id(number), asset.id, "scanner", name).await.unwrap()
        };
        let (mine, others) = (configuration("", 6).await, configuration("nightly", 7).await);
        let seen_at = [(30, 1, None), (31, 5, None), (32, 1, Some(2)), (33, 3, Some(2))];
        for (number, seen, absent) in seen_at {
            let finding = finding(number, asset.id);
            assert!(store::findings::add(&mut tx, &finding, false).await.unwrap());
            let mut again = finding.clone();
            again.id = FindingId(id(number + 100));
            assert!(!store::findings::add(&mut tx, &again, false).await.unwrap(), "the fingerprint is taken");
            let detection = StoredDetection {
                finding_id: finding.id,
                configuration_id: mine,
                branch: "main".into(),
                place_key: "place".into(),
                rule_id: "rule".into(),
                path: "a.js".into(),
                last_seen_at: at(seen),
                last_absent_at: absent.map(at),
                sighting: Sighting::default(),
                seen_by: ScanId(id(1)),
            };
            store::findings::save_detection(&mut tx, &detection).await.unwrap();
        }
        let mut unseen = async |configuration: Uuid, branch: &str, started: i64, after: Uuid| -> Vec<Uuid> {
            let page = store::findings::unseen(&mut tx, configuration, branch, at(started), after, 10).await;
            page.unwrap().into_iter().map(|detection| detection.finding_id.0).collect()
        };
        // 31 was seen later, 32 is gone already.
        assert_eq!(unseen(mine, "main", 4, Uuid::nil()).await, [id(30), id(33)]);
        assert_eq!(unseen(mine, "main", 4, id(30)).await, [id(33)], "page by page");
        assert!(
            unseen(mine, "main", 1, Uuid::nil()).await.is_empty(),
            "the scan that saw it is not later than itself"
        );
        assert!(unseen(mine, "feature", 9, Uuid::nil()).await.is_empty());
        assert!(unseen(others, "main", 9, Uuid::nil()).await.is_empty());
        assert_eq!(store::findings::present(&mut tx, mine, "main").await.unwrap(), 3);
        db_done(tx, db).await;
    }
}

#[tokio::test]
async fn a_scan_that_is_finished_keeps_nothing_staged_however_much_it_was() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let asset = store::assets::find_or_create(&mut tx, AssetId(id(5)), "shop", at(0)).await.unwrap();
        let configuration =
            store::assets::configuration(&mut tx, id(6), asset.id, "scanner", "").await.unwrap();
        let job = JobId(id(7));
        store::jobs::add_done(&mut tx, job, "import", &(), at(0)).await.unwrap();
        // More than are deleted at once.
        for (number, run_number, observations) in [(8, 0, 20_001), (9, 1, 1)] {
            let new =
                Scan { run_number, observations, ..scan(ScanId(id(number)), job, asset.id, configuration) };
            store::scans::add(&mut tx, &new, at(1)).await.unwrap();
            let observation = finding(1, asset.id).detail;
            for seq in 0..observations {
                store::scans::stage(&mut tx, new.id, seq, "place", &observation).await.unwrap();
            }
        }
        store::taking_effect::finish(&mut tx, ScanId(id(8)), "committed").await.unwrap();
        let left = async |tx: &mut Tx, scan: u128| {
            store::taking_effect::take(tx, ScanId(id(scan)), "place").await.unwrap().len()
        };
        assert_eq!((left(&mut tx, 8).await, left(&mut tx, 9).await), (0, 1));
        db_done(tx, db).await;
    }
}

fn scan(id: ScanId, job_id: JobId, asset_id: AssetId, configuration_id: uuid::Uuid) -> Scan {
    Scan {
        id,
        job_id,
        run_number: 0,
        asset_id,
        configuration_id,
        scanner: "scanner".into(),
        branch: String::new(),
        commit: None,
        scanner_version: None,
        format: "sarif".into(),
        identity: id.to_string(),
        started_at: at(1),
        coverage: Default::default(),
        observations: 0,
        filename: None,
        assessment: None,
    }
}

fn finding(number: u128, asset_id: AssetId) -> Finding {
    let detail = serde_json::json!({
        "kind": "code", "vulnerability": { "id": "rule" }, "severity": "high", "title": "title"
    });
    Finding {
        id: FindingId(id(number)),
        asset_id,
        fingerprint: format!("v1:{}", number % 100),
        place_key: "place".into(),
        kind: FindingKind::Code,
        severity: Severity::High,
        status: Status::Identified,
        triage: Triage::default(),
        regressed: 0,
        first_seen_at: at(1),
        last_seen_at: at(1),
        open_since: at(1),
        priority: Priority::default(),
        scanner: "scanner".into(),
        correlation: None,
        detail: serde_json::from_value(detail).unwrap(),
    }
}

#[tokio::test]
async fn what_exists_already_is_told_apart_from_other_errors() {
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        board(&mut tx).await;
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let twice = store::destinations::add(&mut tx, &destination(3)).await.unwrap_err();
        assert!(twice.is_duplicate(), "a second default: {twice:?}");
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        let mut stranger = destination(4);
        stranger.binding = Binding::Group { tags: vec!["web".into()] };
        stranger.connection_id = ConnectionId(id(99));
        let unknown = store::destinations::add(&mut tx, &stranger).await.unwrap_err();
        assert!(!unknown.is_duplicate(), "an unknown connection: {unknown:?}");
        drop(tx);
        db.close().await;
    }
}

/// Tables with their columns, in order, and indexes with the columns they are over.
fn schema(sql: &str) -> Vec<String> {
    let mut table = String::new();
    let mut found = Vec::new();
    for line in sql.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--")) {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            table = rest.trim_end_matches(" (").to_owned();
        } else if line.contains("INDEX ") {
            found.push(line.trim_end_matches(';').to_owned());
        } else if line.starts_with(");") {
            table.clear();
        } else if !table.is_empty() {
            let mut words: Vec<&str> = line.trim_end_matches(',').split(' ').collect();
            let is_column =
                words.first().is_some_and(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            if is_column {
                // The types differ by dialect; everything else about a column is the same.
                words.remove(1);
            }
            found.push(format!("{table}: {}", words.join(" ")));
        }
    }
    found
}

#[tokio::test]
async fn an_alarm_is_open_once_and_its_messages_are_taken_one_at_a_time() {
    use store::alarms::{self, Alarm, Ended, Kind, Target, Way};
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let alarm = |number: u128, what: &str| Alarm {
            id: model::AlarmId(id(number)),
            kind: Kind::CredentialDead,
            subject: "connection/1".into(),
            what: what.into(),
            next_step: "renew it".into(),
            link: "/connections/1".into(),
            raised_at: at(0),
            last_raised_at: at(0),
            count: 1,
            acknowledged_by: None,
            acknowledged_at: None,
            cleared_at: None,
        };
        assert!(alarms::raise(&mut tx, &alarm(1, "refused")).await.unwrap());
        assert!(!alarms::raise(&mut tx, &alarm(2, "refused again")).await.unwrap());
        let open = alarms::open(&mut tx, Kind::CredentialDead).await.unwrap();
        assert_eq!((open.len(), open[0].count, open[0].what.as_str()), (1, 2, "refused again"));
        assert!(alarms::acknowledge(&mut tx, open[0].id, "Ada", at(1)).await.unwrap());
        assert!(!alarms::acknowledge(&mut tx, open[0].id, "Bob", at(2)).await.unwrap());
        assert_eq!(alarms::open_by_kind(&mut tx).await.unwrap(), [(Kind::CredentialDead, 1, 0)]);
        assert!(alarms::clear(&mut tx, Kind::CredentialDead, "connection/1", at(3)).await.unwrap().is_some());
        assert!(alarms::clear(&mut tx, Kind::CredentialDead, "connection/1", at(4)).await.unwrap().is_none());
        assert!(alarms::raise(&mut tx, &alarm(3, "refused once more")).await.unwrap(), "it is another one");
        assert_eq!(alarms::page(&mut tx, true, None, 9).await.unwrap().len(), 2);
        assert_eq!(alarms::page(&mut tx, false, None, 9).await.unwrap().len(), 1);
        assert_eq!(alarms::get(&mut tx, model::AlarmId(id(3))).await.unwrap().unwrap().count, 1);

        let target = Target {
            id: model::AlarmTargetId(id(4)),
            name: "chat".into(),
            way: Way::Webhook { url: "https://chat.example".into() },
            secret: vec![1],
            problem: None,
            created_at: at(0),
        };
        alarms::add_target(&mut tx, &target).await.unwrap();
        let message = serde_json::json!({ "what": "refused" });
        alarms::enqueue(&mut tx, id(5), target.id, Some(model::AlarmId(id(3))), &message, at(0))
            .await
            .unwrap();
        let taken = alarms::take(&mut tx, at(0), at(2)).await.unwrap().unwrap();
        assert_eq!((taken.attempts, taken.message["what"].as_str()), (1, Some("refused")));
        assert!(alarms::take(&mut tx, at(1), at(3)).await.unwrap().is_none(), "somebody has it");
        let again = Ended::Again(at(5), "it answered 503".into());
        alarms::ended(&mut tx, &taken, &again, at(1)).await.unwrap();
        assert_eq!(alarms::targets(&mut tx).await.unwrap()[0].problem.as_deref(), Some("it answered 503"));
        let taken = alarms::take(&mut tx, at(5), at(7)).await.unwrap().unwrap();
        assert_eq!(taken.attempts, 2);
        alarms::ended(&mut tx, &taken, &Ended::Delivered, at(6)).await.unwrap();
        assert!(alarms::take(&mut tx, at(99), at(100)).await.unwrap().is_none());
        assert_eq!(alarms::targets(&mut tx).await.unwrap()[0].problem, None);
        alarms::forget(&mut tx, at(50)).await.unwrap();
        assert_eq!(alarms::page(&mut tx, true, None, 9).await.unwrap().len(), 1);
        assert!(alarms::quarantined(&mut tx).await.unwrap().is_empty());
        assert!(alarms::delete_target(&mut tx, target.id).await.unwrap());
        assert!(!alarms::delete_target(&mut tx, target.id).await.unwrap());
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_breaker_waits_once_and_holds_its_tickets_until_a_person_decides() {
    use model::guard::Stroke;
    use store::breakers::{self, Verdict};
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (connection, destination) = board(&mut tx).await;
        store::tickets::add(&mut tx, &ticket(10)).await.unwrap();
        let one = ticket(10).id;
        store::tickets::mark(&mut tx, one).await.unwrap();
        let dirty = breakers::dirty(&mut tx, connection).await.unwrap();
        assert_eq!((dirty.len(), dirty[0].ticket, dirty[0].finding), (1, one, None));
        assert!(!dirty[0].has_work_item && !dirty[0].is_under_way);
        let breaker = model::BreakerId(id(20));
        assert!(breakers::trip(&mut tx, breaker, destination, Stroke::Close, 10, at(0)).await.unwrap());
        let second = model::BreakerId(id(21));
        assert!(!breakers::trip(&mut tx, second, destination, Stroke::Close, 10, at(1)).await.unwrap());
        assert!(breakers::trip(&mut tx, second, destination, Stroke::Reopen, 10, at(1)).await.unwrap());
        breakers::add_ticket(&mut tx, breaker, one, at(0)).await.unwrap();
        breakers::add_ticket(&mut tx, breaker, one, at(1)).await.unwrap();
        let holding = breakers::holding(&mut tx).await.unwrap();
        assert_eq!(
            (holding.len(), holding[0].tickets, holding[0].bound),
            (1, 1, 10),
            "the empty one holds nothing"
        );
        assert_eq!(breakers::waiting_at(&mut tx, connection).await.unwrap().len(), 2);
        assert_eq!(breakers::standing(&mut tx, one, Stroke::Close).await.unwrap(), Some(Verdict::Waiting));
        assert_eq!(breakers::standing(&mut tx, one, Stroke::Reopen).await.unwrap(), None);
        assert_eq!(breakers::titles(&mut tx, breaker, 5).await.unwrap().len(), 1);
        assert!(breakers::decide(&mut tx, breaker, Verdict::Dismissed, Some("Ada"), at(2)).await.unwrap());
        assert!(breakers::waiting(&mut tx, destination, Stroke::Close).await.unwrap().is_none());
        assert!(!breakers::decide(&mut tx, breaker, Verdict::Over, None, at(3)).await.unwrap());
        assert!(breakers::decide(&mut tx, breaker, Verdict::Approved, Some("Ada"), at(3)).await.unwrap());
        assert_eq!(
            breakers::get(&mut tx, breaker).await.unwrap().unwrap().decided_by.as_deref(),
            Some("Ada")
        );
        assert_eq!(breakers::wake_tickets(&mut tx, breaker).await.unwrap(), 1);
        assert_eq!(breakers::standings(&mut tx, connection).await.unwrap()[0].verdict, Verdict::Approved);
        breakers::remove_ticket(&mut tx, breaker, one).await.unwrap();
        assert!(breakers::standings(&mut tx, connection).await.unwrap().is_empty());
        assert_eq!(breakers::live(&mut tx, destination).await.unwrap(), (0, 0));
        assert!(breakers::base(&mut tx, one).await.unwrap().is_none());
        assert_eq!(
            store::connections::mode(&mut tx, connection).await.unwrap(),
            store::connections::Mode::Active
        );
        store::tickets::park_damaged(&mut tx, one, "it is damaged").await.unwrap();
        assert!(store::tickets::get(&mut tx, one).await.unwrap().unwrap().parked);
        let parked = store::alarms::tickets_with(&mut tx, Health::Parked).await.unwrap();
        assert_eq!(parked.len(), 1);
        tx.commit().await.unwrap();
    }
}

#[test]
fn the_migrations_of_both_databases_are_pairs_that_make_the_same_tables() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = |kind: &str| {
        let mut names: Vec<_> = std::fs::read_dir(folder.join(kind))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
    for name in names("sqlite") {
        let read = |kind: &str| schema(&std::fs::read_to_string(folder.join(kind).join(&name)).unwrap());
        let (sqlite, postgres) = (read("sqlite"), read("postgres"));
        assert!(sqlite.len() > 3, "{name} is understood: {sqlite:?}");
        assert_eq!(sqlite, postgres, "{name}");
    }
}

#[tokio::test]
async fn comments_come_back_as_they_were_written_and_say_when_they_have_to_be_looked_at() {
    use model::CommentId;
    use model::merge::comments::Side;
    use store::comments::{self, Comment};
    for (db, _folder) in databases().await {
        let mut tx = db.begin().await.unwrap();
        let (connection, _) = board(&mut tx).await;
        let mut of = ticket(20);
        store::tickets::add(&mut tx, &of).await.unwrap();
        let mut written = Comment {
            id: CommentId(id(30)),
            ticket_id: of.id,
            side: Side::Here,
            author: "Ada".into(),
            text: "it's \u{1f512}".into(),
            is_private: false,
            token: "LC-1".into(),
            revision: 1,
            carried: 0,
            work_item: None,
            board_id: None,
            board_version: 0,
            board_words: None,
            is_over: false,
            problem: None,
            attempts: 0,
            created_at: at(1),
            edited_at: None,
            deleted_at: None,
        };
        comments::add(&mut tx, &written).await.unwrap();
        assert_eq!(comments::get(&mut tx, written.id).await.unwrap().unwrap(), written);
        written.board_id = Some(7);
        written.board_words = Some("it's".into());
        (written.carried, written.board_version, written.attempts) = (1, 2, 3);
        (written.edited_at, written.deleted_at, written.is_over) = (Some(at(2)), Some(at(3)), true);
        written.problem = Some("refused".into());
        comments::save(&mut tx, &written).await.unwrap();
        assert_eq!(comments::of_ticket(&mut tx, of.id).await.unwrap(), [written.clone()]);
        let again = Comment { id: CommentId(id(31)), ..written.clone() };
        assert!(comments::add(&mut tx, &again).await.unwrap_err().is_duplicate(), "one row for one number");
        drop(tx);

        let mut tx = db.begin().await.unwrap();
        if store::tickets::get(&mut tx, of.id).await.unwrap().is_none() {
            board(&mut tx).await;
            store::tickets::add(&mut tx, &of).await.unwrap();
            comments::add(&mut tx, &Comment { board_id: None, ..written.clone() }).await.unwrap();
            comments::save(&mut tx, &written).await.unwrap();
        }
        // A ticket without a work item waits.
        comments::talk_at(&mut tx, of.id, Some(at(5))).await.unwrap();
        assert_eq!(comments::due(&mut tx, connection, at(9), 10).await.unwrap(), []);
        of.work_item_id = Some(model::WorkItemId(1));
        store::tickets::save(&mut tx, &of).await.unwrap();
        assert_eq!(comments::due(&mut tx, connection, at(4), 10).await.unwrap(), []);
        assert_eq!(comments::due(&mut tx, connection, at(9), 10).await.unwrap(), [of.id]);
        assert_eq!(comments::next_due(&mut tx, connection).await.unwrap(), Some(at(5)));
        comments::talk_at(&mut tx, of.id, None).await.unwrap();
        // No comments before and none now: that is no news.
        comments::noticed(&mut tx, of.id, 3, 0, at(6)).await.unwrap();
        assert_eq!(comments::last_read(&mut tx, of.id).await.unwrap(), (3, 0));
        assert_eq!(comments::next_due(&mut tx, connection).await.unwrap(), None);
        // Our own write brought one: nobody else can have written any.
        comments::wrote(&mut tx, of.id, 3, 4, 1).await.unwrap();
        comments::noticed(&mut tx, of.id, 4, 1, at(6)).await.unwrap();
        assert_eq!(comments::next_due(&mut tx, connection).await.unwrap(), None);
        // A write from a revision that was not known says nothing.
        comments::wrote(&mut tx, of.id, 9, 10, 1).await.unwrap();
        assert_eq!(comments::last_read(&mut tx, of.id).await.unwrap(), (4, 1));
        comments::noticed(&mut tx, of.id, 5, 2, at(7)).await.unwrap();
        assert_eq!(comments::next_due(&mut tx, connection).await.unwrap(), Some(at(7)));
        comments::were_read(&mut tx, of.id, 5, 2).await.unwrap();
        assert_eq!(comments::last_read(&mut tx, of.id).await.unwrap(), (5, 2));
        comments::retry(&mut tx, of.id, at(8)).await.unwrap();
        let read = comments::get(&mut tx, written.id).await.unwrap().unwrap();
        assert_eq!((read.attempts, read.problem), (0, None));
        assert_eq!(comments::next_due(&mut tx, connection).await.unwrap(), Some(at(8)));
        db_done(tx, db).await;
    }
}
