//! What people and machines do, in their words.

use std::sync::Arc;

use azure::Clock;
use chrono::{DateTime, Duration, Utc};
use emulator::seed::DEMO_PAT;
use engine::{
    Actor, Engine, ImportPlan, ImportRequest, NewConnection, NewDestination, Settings, SignInMethod, World,
};
use model::fields::FieldSettings;
use model::following::DeletionPolicy;
use model::map::SeverityMap;
use model::rule::{Criteria, Grouping, RuleSettings};
use model::{ConnectionId, DestinationId, FindingId, JobId, Severity, Status};
use secrecy::SecretString;
use serde_json::Value;
use store::args;
use store::secrets::Keys;
use store::tickets::Ticket;
use uuid::Uuid;

use crate::{Board, HandClock, Report, SeededChance, TestDatabase};

/// A whole engine with its board, stepped by hand.
pub struct Story {
    /// The engine.
    pub engine: Engine,
    /// The board.
    pub board: Arc<Board>,
    /// Time.
    pub clock: Arc<HandClock>,
    /// The connection to the board.
    pub connection: ConnectionId,
    /// The default destination: bugs of the team Payments.
    pub destination: DestinationId,
    database: TestDatabase,
    folder: tempfile::TempDir,
    owner: Uuid,
    seed: u64,
    grouping: Grouping,
}

/// How a story begins.
pub struct StoryBuilder {
    database: TestDatabase,
    grouping: Grouping,
    budget: u64,
    limits: model::guard::Limits,
    when_archived: model::guard::Farewell,
    map: Option<model::map::StatusMap>,
    work_item_type: String,
    fields: FieldSettings,
    on_deletion: DeletionPolicy,
}

impl StoryBuilder {
    /// One ticket for each vulnerability and asset.
    #[must_use]
    pub fn grouped(mut self) -> Self {
        self.grouping = Grouping::PerVulnerabilityAndAsset;
        self
    }

    /// So many work items a day.
    #[must_use]
    pub fn budget(mut self, budget: u64) -> Self {
        self.budget = budget;
        self
    }

    /// With work items of this type in place of bugs.
    #[must_use]
    pub fn type_of_work(mut self, name: &str) -> Self {
        name.clone_into(&mut self.work_item_type);
        self
    }

    /// With these settings of single fields.
    #[must_use]
    pub fn fields(mut self, fields: FieldSettings) -> Self {
        self.fields = fields;
        self
    }

    /// Tickets are released when their asset is archived.
    #[must_use]
    pub fn releasing(mut self) -> Self {
        self.when_archived = model::guard::Farewell::Release;
        self
    }

    /// So much may happen at once.
    #[must_use]
    pub fn limits(mut self, limits: model::guard::Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With this status map in place of the suggested one.
    #[must_use]
    pub fn map(mut self, map: model::map::StatusMap) -> Self {
        self.map = Some(map);
        self
    }

    /// With this policy for work items that people delete.
    #[must_use]
    pub fn on_deletion(mut self, policy: DeletionPolicy) -> Self {
        self.on_deletion = policy;
        self
    }

    /// Connects the board, makes the default destination and the rule "everything that is at least low".
    pub async fn begin(self) -> Story {
        let clock = Arc::new(HandClock::default());
        let board = Arc::new(Board::demo(clock.clone()));
        let folder = tempfile::tempdir().unwrap();
        let owner = Uuid::from_u128(1);
        let engine = assemble(&self.database, &board, &clock, &folder, owner, 7);
        let connection = engine
            .create_connection(
                NewConnection {
                    name: String::new(),
                    description: String::new(),
                    instance_url: "https://boards.example".into(),
                    organization: "contoso".into(),
                    sign_in: SignInMethod::PersonalAccessToken(SecretString::from(DEMO_PAT)),
                },
                &by("Ada"),
            )
            .await
            .unwrap();
        let destination = engine
            .create_destination(
                NewDestination {
                    connection_id: connection,
                    binding: Default::default(),
                    settings: store::destinations::Settings {
                        name: String::new(),
                        project: "Webshop".into(),
                        team: "Payments".into(),
                        board: String::new(),
                        lane: String::new(),
                        work_item_type: self.work_item_type,
                        area: String::new(),
                        iteration: Default::default(),
                        tags: Vec::new(),
                        severity_map: SeverityMap::default(),
                        status_map: self.map.unwrap_or_default(),
                        daily_budget: self.budget,
                        fields: self.fields,
                        limits: self.limits,
                        when_archived: self.when_archived,
                        on_deletion: self.on_deletion,
                    },
                },
                &by("Ada"),
            )
            .await
            .unwrap();
        engine
            .create_rule(
                RuleSettings {
                    grouping: self.grouping.clone(),
                    ..RuleSettings::new("Everything", Criteria::severity_at_least(Severity::Low))
                },
                &by("Ada"),
            )
            .await
            .unwrap();
        Story {
            engine,
            board,
            clock,
            connection,
            destination,
            database: self.database,
            folder,
            owner,
            seed: 7,
            grouping: self.grouping,
        }
    }
}

fn by(name: &str) -> Actor {
    Actor { name: name.into() }
}

fn assemble(
    database: &TestDatabase,
    board: &Arc<Board>,
    clock: &Arc<HandClock>,
    folder: &tempfile::TempDir,
    owner: Uuid,
    seed: u64,
) -> Engine {
    let world = World::new(clock.clone(), Arc::new(SeededChance::new(seed)));
    let settings = Settings::new(folder.path().to_owned(), "https://lockstep.example/".parse().unwrap());
    Engine::assemble(settings, database.db.clone(), Keys::new([7; 32]), world, board.clone(), owner)
}

impl Story {
    /// A story on a database.
    pub fn on(database: TestDatabase) -> StoryBuilder {
        StoryBuilder {
            database,
            grouping: Grouping::PerFinding,
            budget: 1000,
            map: None,
            work_item_type: "Bug".into(),
            fields: FieldSettings::default(),
            limits: model::guard::Limits { creations_at_once: 10_000, ..model::guard::Limits::default() },
            when_archived: model::guard::Farewell::default(),
            on_deletion: DeletionPolicy::Ask,
        }
    }

    /// A story on SQLite, from its beginning.
    pub async fn sqlite() -> Self {
        Self::on(TestDatabase::sqlite().await).begin().await
    }

    /// The present moment.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Time passes.
    pub fn wait(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The process dies and is started again. Whatever was not in the database is gone.
    pub fn restart(&mut self) {
        self.seed += 1;
        self.engine = assemble(&self.database, &self.board, &self.clock, &self.folder, self.owner, self.seed);
    }

    /// Another replica on the same database.
    pub fn another_replica(&self) -> Engine {
        assemble(&self.database, &self.board, &self.clock, &self.folder, Uuid::from_u128(2), 99)
    }

    /// A scan that starts now is imported for the asset `shop`.
    pub async fn scan(&self, findings: &[Value]) -> Value {
        self.wait(Duration::minutes(1));
        self.import("shop", &Report::of(self.now(), findings)).await
    }

    /// A report is imported; answers the result of the job.
    pub async fn import(&self, asset: &str, report: &Report) -> Value {
        let job = self.submit(asset, report).await.unwrap();
        while Box::pin(self.engine.run_next_job()).await.unwrap() {}
        self.job(job).await
    }

    /// A report is handed in.
    pub async fn submit(&self, asset: &str, report: &Report) -> Result<JobId, engine::Refusal> {
        let path = self.folder.path().join(format!("upload-{}", Uuid::new_v4()));
        std::fs::write(&path, report.bytes()).unwrap();
        let request = ImportRequest { asset: asset.into(), ..ImportRequest::default() };
        self.engine.submit_import(request, path, &by("pipeline")).await
    }

    /// What importing a report would do.
    pub async fn plan_import(&self, asset: &str, report: &Report) -> Result<ImportPlan, engine::Refusal> {
        self.plan_import_with(asset, report, &[]).await
    }

    /// The same, with tags for the asset.
    pub async fn plan_import_with(
        &self,
        asset: &str,
        report: &Report,
        tags: &[&str],
    ) -> Result<ImportPlan, engine::Refusal> {
        let path = self.folder.path().join(format!("upload-{}", Uuid::new_v4()));
        std::fs::write(&path, report.bytes()).unwrap();
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let request = ImportRequest { asset: asset.into(), tags, ..ImportRequest::default() };
        self.engine.plan_import(request, &path).await
    }

    /// Result of a job that ended well; panics with its problem otherwise.
    pub async fn job(&self, id: JobId) -> Value {
        let mut tx = self.engine.db().read().await.unwrap();
        let row = tx
            .first("SELECT state, result, problem FROM job WHERE id = $1", args![id])
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.text("state").unwrap(), "succeeded", "{:?}", row.opt_text("problem"));
        serde_json::from_str(&row.opt_text("result").unwrap().unwrap_or_default()).unwrap()
    }

    /// Everything that is due is done, and time passes in small steps, until nothing changes on the board any more.
    pub async fn settle(&self) {
        for _ in 0..6 {
            let before = (self.board.writes(), self.board.work_items().len());
            Box::pin(self.engine.step()).await.unwrap();
            self.wait(Duration::seconds(35));
            Box::pin(self.engine.step()).await.unwrap();
            if before == (self.board.writes(), self.board.work_items().len()) {
                return;
            }
        }
    }

    /// The same, but only a sweep may notice what people did on the board.
    pub async fn sweep(&self) {
        self.wait(Duration::hours(2));
        self.settle().await;
    }

    /// Hands the deliveries of service hooks to the receiver.
    pub async fn deliver_hooks(&self, deliveries: &[(String, Option<String>, String)]) {
        for (url, authorization, body) in deliveries {
            let secret = url.rsplit('/').next().unwrap();
            let answer =
                self.engine.receive_hook(secret, authorization.as_deref(), body.as_bytes()).await.unwrap();
            assert_eq!(answer, engine::HookAnswer::Accepted);
        }
    }

    /// Statuses of all findings with their titles, in the order of the titles.
    pub async fn statuses(&self) -> Vec<(String, Status)> {
        let mut tx = self.engine.db().read().await.unwrap();
        tx.all("SELECT title, status FROM finding ORDER BY title, id", args![])
            .await
            .unwrap()
            .iter()
            .map(|row| (row.text("title").unwrap(), row.word("status").unwrap()))
            .collect()
    }

    /// Status of the only finding.
    pub async fn status(&self) -> Status {
        let statuses = self.statuses().await;
        assert_eq!(statuses.len(), 1, "{statuses:?}");
        statuses[0].1
    }

    /// The only finding.
    pub async fn finding(&self) -> FindingId {
        let mut tx = self.engine.db().read().await.unwrap();
        tx.first("SELECT id FROM finding", args![]).await.unwrap().unwrap().id("id").unwrap()
    }

    /// All tickets, oldest first.
    pub async fn tickets(&self) -> Vec<Ticket> {
        let mut tx = self.engine.db().read().await.unwrap();
        let ids = tx.all("SELECT id FROM ticket ORDER BY created_at, id", args![]).await.unwrap();
        let mut tickets = Vec::new();
        for row in ids {
            tickets.push(store::tickets::get(&mut tx, row.id("id").unwrap()).await.unwrap().unwrap());
        }
        tickets
    }

    /// The only ticket.
    pub async fn ticket(&self) -> Ticket {
        let mut tickets = self.tickets().await;
        assert_eq!(tickets.len(), 1, "{tickets:?}");
        tickets.remove(0)
    }

    /// Number of the only work item.
    pub fn work_item(&self) -> i64 {
        let items = self.board.work_items();
        assert_eq!(items.len(), 1, "{items:?}");
        items[0]
    }

    /// What happened to the only finding, oldest first.
    pub async fn history(&self) -> Vec<String> {
        let mut tx = self.engine.db().read().await.unwrap();
        tx.all("SELECT what FROM audit WHERE subject = 'finding' ORDER BY id", args![])
            .await
            .unwrap()
            .iter()
            .map(|row| row.text("what").unwrap())
            .collect()
    }

    /// The log of all tickets: what happened, and who caused it.
    pub async fn log_of_tickets(&self) -> Vec<(String, String)> {
        let mut tx = self.engine.db().read().await.unwrap();
        let sql = "SELECT what, cause_label FROM audit WHERE subject = 'ticket' ORDER BY id";
        let rows = tx.all(sql, args![]).await.unwrap();
        rows.iter().map(|row| (row.text("what").unwrap(), row.text("cause_label").unwrap())).collect()
    }

    /// How tickets are grouped in this story.
    pub fn grouping(&self) -> Grouping {
        self.grouping.clone()
    }
}
