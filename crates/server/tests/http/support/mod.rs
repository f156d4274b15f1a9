//! A whole server in a test, on every database there is, and verbs to talk to it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test support; not every test file uses all of it"
)]

use api::{CreatedToken, NewToken, Problem, Role, SignIn};
use reqwest::header::COOKIE;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use server::{Running, Settings};
use store::{Arg, Composed, Db};
use tempfile::TempDir;
use uuid::Uuid;

/// A running server with its own empty database.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) db: Db,
    pub(crate) client: Client,
    pub(crate) data: TempDir,
    administrator: String,
    address: String,
}

/// Runs a story on SQLite, and on PostgreSQL if `LOCKSTEP_TEST_POSTGRES` says where one is.
pub(crate) fn on_every_database<F: Future<Output = ()>>(story: impl Fn(Server) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        story(Server::start(None).await).await;
        match std::env::var("LOCKSTEP_TEST_POSTGRES") {
            Ok(address) => story(Server::start(Some(fresh_schema(&address).await)).await).await,
            Err(_) => println!("skipped: PostgreSQL (set LOCKSTEP_TEST_POSTGRES to its address)"),
        }
    });
}

/// A schema of its own for one test, in the database at `address`.
async fn fresh_schema(address: &str) -> String {
    let schema = format!("test_{}", Uuid::now_v7().simple());
    let db = Db::open(address).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute(Composed(format!("CREATE SCHEMA {schema}")), vec![]).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    let separator = if address.contains('?') { '&' } else { '?' };
    format!("{address}{separator}options[search_path]={schema}")
}

async fn run(data: &TempDir, address: &str, change: impl FnOnce(&mut Settings)) -> Running {
    let mut settings = Settings::new(data.path().to_owned());
    settings.bind = "127.0.0.1:0".parse().unwrap();
    settings.database = Some(address.to_owned());
    change(&mut settings);
    server::start(settings).await.unwrap()
}

impl Server {
    async fn start(database: Option<String>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let address =
            database.unwrap_or_else(|| format!("sqlite:{}", data.path().join("lockstep.db").display()));
        let running = run(&data, &address, |_| {}).await;
        let administrator = running.first_password.clone().unwrap();
        let db = Db::open(&address).await.unwrap();
        Self { running, db, client: Client::new(), data, administrator, address }
    }

    /// The same server after a restart that allows a board at this address.
    pub(crate) async fn allowing(self, origin: &str) -> Self {
        let origin = origin.parse().unwrap();
        self.restarted(|settings| settings.allowed_origins = vec![origin]).await
    }

    /// The same server after a restart with other settings.
    pub(crate) async fn restarted(self, change: impl FnOnce(&mut Settings)) -> Self {
        self.running.stop().await;
        let running = run(&self.data, &self.address, change).await;
        assert!(running.first_password.is_none(), "only the first start makes an administrator");
        Self { running, ..self }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.running.url.join(path).unwrap().to_string()
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) fn first_password(&self) -> &str {
        &self.administrator
    }

    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Response {
        self.call(Method::POST, "/api/v1/session")
            .json(&SignIn { username: username.into(), password: password.into() })
            .send()
            .await
            .unwrap()
    }

    /// The cookie of a new session of the first administrator.
    pub(crate) async fn session(&self) -> Session<'_> {
        let response = self.sign_in("admin", &self.administrator).await;
        assert_eq!(response.status(), StatusCode::OK);
        Session { server: self, cookie: cookie_of(&response) }
    }

    /// A token of that role.
    pub(crate) async fn token(&self, role: Role) -> String {
        let new = NewToken { name: format!("{role:?}"), role, expires_at: None };
        let made = self.session().await.call(Method::POST, "/api/v1/tokens").json(&new).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
        made.json::<CreatedToken>().await.unwrap().secret
    }

    /// Changes the database behind the server's back.
    pub(crate) async fn sql(&self, statement: &'static str, args: Vec<Arg>) {
        let mut tx = self.db.begin().await.unwrap();
        tx.execute(statement, args).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// `name=value` of the cookie that an answer sets.
pub(crate) fn cookie_of(response: &Response) -> String {
    let header = response.headers()["set-cookie"].to_str().unwrap();
    header.split(';').next().unwrap().to_owned()
}

/// A browser that is signed in and behaves like our page.
pub(crate) struct Session<'a> {
    server: &'a Server,
    pub(crate) cookie: String,
}

impl Session<'_> {
    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.call(method, path).header(COOKIE, &self.cookie).header("X-Lockstep", "1")
    }
}

/// The problem that an answer carries, with its media type checked.
pub(crate) async fn problem(response: Response) -> Problem {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let status = response.status().as_u16();
    let problem: Problem = response.json().await.unwrap();
    assert_eq!(problem.status, status);
    assert!(!problem.detail.is_empty() && !problem.next_step.is_empty(), "{problem:?}");
    problem
}
