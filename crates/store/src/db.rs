//! The one place that knows there are two databases.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgArguments, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{PgPool, Postgres, Row as _, Sqlite, SqlitePool};
use uuid::Uuid;

use crate::failpoint;

/// A statement put together at run time from constant pieces. Values never go into the text: they are [`Arg`]s.
pub use sqlx::AssertSqlSafe as Composed;

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or could not be reached.
    #[error("the database could not {operation}")]
    Database {
        /// What was tried.
        operation: &'static str,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A stored document does not have the expected shape.
    #[error("the stored {what} cannot be read: it was written by a newer version, or damaged")]
    Document {
        /// Which document.
        what: &'static str,
        /// Where it failed.
        #[source]
        source: serde_json::Error,
    },
    /// A stored word is not one of the known ones.
    #[error("the stored {what} '{value}' is not known: it was written by a newer version, or damaged")]
    Word {
        /// Which word.
        what: &'static str,
        /// What stands there.
        value: String,
    },
    /// A secret could not be decrypted.
    #[error(
        "the stored secret of {0} cannot be decrypted: is this the key file that belongs to this database?"
    )]
    Secret(String),
    /// The address of the database makes no sense.
    #[error("'{0}' is not an address of a database: use sqlite:<file> or postgres://user@host/name")]
    Address(String),
}

impl Error {
    /// A unique constraint was violated: the thing exists already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database { source: sqlx::Error::Database(error), .. } if error.is_unique_violation())
    }
}

/// Result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// A value handed to a statement.
#[derive(Clone, Debug)]
pub enum Arg {
    /// UUID.
    Id(Uuid),
    /// UUID or nothing.
    OptId(Option<Uuid>),
    /// Text.
    Text(String),
    /// Text or nothing.
    OptText(Option<String>),
    /// Whole number.
    Int(i64),
    /// Whole number or nothing.
    OptInt(Option<i64>),
    /// Truth.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
}

macro_rules! from {
    ($($type:ty => |$value:ident| $arg:expr),+ $(,)?) => {$(
        impl From<$type> for Arg {
            fn from($value: $type) -> Self {
                $arg
            }
        }
    )+};
}

from! {
    Uuid => |v| Arg::Id(v),
    Option<Uuid> => |v| Arg::OptId(v),
    String => |v| Arg::Text(v),
    &str => |v| Arg::Text(v.to_owned()),
    &String => |v| Arg::Text(v.clone()),
    Option<String> => |v| Arg::OptText(v),
    Option<&str> => |v| Arg::OptText(v.map(str::to_owned)),
    i64 => |v| Arg::Int(v),
    u32 => |v| Arg::Int(i64::from(v)),
    Option<i64> => |v| Arg::OptInt(v),
    bool => |v| Arg::Bool(v),
    Vec<u8> => |v| Arg::Bytes(v),
    DateTime<Utc> => |v| Arg::Int(v.timestamp_micros()),
    Option<DateTime<Utc>> => |v| Arg::OptInt(v.map(|at| at.timestamp_micros())),
    model::AssetId => |v| Arg::Id(v.0),
    model::ScanId => |v| Arg::Id(v.0),
    model::FindingId => |v| Arg::Id(v.0),
    model::CorrelationId => |v| Arg::Id(v.0),
    model::ConnectionId => |v| Arg::Id(v.0),
    model::DestinationId => |v| Arg::Id(v.0),
    model::RuleId => |v| Arg::Id(v.0),
    model::TemplateSetId => |v| Arg::Id(v.0),
    model::TicketId => |v| Arg::Id(v.0),
    model::JobId => |v| Arg::Id(v.0),
    model::UserId => |v| Arg::Id(v.0),
    model::TokenId => |v| Arg::Id(v.0),
    model::AuditId => |v| Arg::Id(v.0),
    model::CommentId => |v| Arg::Id(v.0),
    model::AttachmentId => |v| Arg::Id(v.0),
    model::AlarmId => |v| Arg::Id(v.0),
    model::AlarmTargetId => |v| Arg::Id(v.0),
    model::BreakerId => |v| Arg::Id(v.0),
    model::PlanApplyId => |v| Arg::Id(v.0),
    model::AssessmentId => |v| Arg::Id(v.0),
    model::AcceptanceId => |v| Arg::Id(v.0),
    Option<model::AcceptanceId> => |v| Arg::OptId(v.map(|id| id.0)),
    Option<model::CorrelationId> => |v| Arg::OptId(v.map(|id| id.0)),
    model::SuppressionId => |v| Arg::Id(v.0),
    Option<model::SuppressionId> => |v| Arg::OptId(v.map(|id| id.0)),
    model::SourceId => |v| Arg::Id(v.0),
    Option<model::AssessmentId> => |v| Arg::OptId(v.map(|id| id.0)),
    Option<model::PlanApplyId> => |v| Arg::OptId(v.map(|id| id.0)),
    Option<model::AssetId> => |v| Arg::OptId(v.map(|id| id.0)),
    Option<model::TicketId> => |v| Arg::OptId(v.map(|id| id.0)),
    model::WorkItemId => |v| Arg::Int(v.0),
    Option<model::WorkItemId> => |v| Arg::OptInt(v.map(|id| id.0)),
}

/// Values for a statement, in the order of `$1`, `$2` …
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::Arg::from($value)),*] };
}

/// A row of a result.
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

macro_rules! column {
    ($($(#[$doc:meta])* $name:ident -> $type:ty),+ $(,)?) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// If there is no such column, or it holds something else.
        pub fn $name(&self, column: &str) -> Result<$type> {
            match self {
                Row::Sqlite(row) => row.try_get(column),
                Row::Postgres(row) => row.try_get(column),
            }
            .map_err(|source| Error::Database { operation: "read a column", source })
        }
    )+};
}

impl Row {
    column! {
        /// A UUID.
        uuid -> Uuid,
        /// A UUID or nothing.
        opt_uuid -> Option<Uuid>,
        /// Text.
        text -> String,
        /// Text or nothing.
        opt_text -> Option<String>,
        /// A whole number.
        int -> i64,
        /// A whole number or nothing.
        opt_int -> Option<i64>,
        /// Truth.
        bool -> bool,
        /// Bytes.
        bytes -> Vec<u8>,
    }

    /// An id of its own type.
    ///
    /// # Errors
    /// If there is no such column, or it holds something else.
    pub fn id<T: From<Uuid>>(&self, column: &str) -> Result<T> {
        self.uuid(column).map(T::from)
    }

    /// An id of its own type, or nothing.
    ///
    /// # Errors
    /// If there is no such column, or it holds something else.
    pub fn opt_id<T: From<Uuid>>(&self, column: &str) -> Result<Option<T>> {
        Ok(self.opt_uuid(column)?.map(T::from))
    }

    /// A time.
    ///
    /// # Errors
    /// If there is no such column, or it holds something else.
    pub fn time(&self, column: &str) -> Result<DateTime<Utc>> {
        Ok(DateTime::from_timestamp_micros(self.int(column)?).unwrap_or_default())
    }

    /// A time or nothing.
    ///
    /// # Errors
    /// If there is no such column, or it holds something else.
    pub fn opt_time(&self, column: &str) -> Result<Option<DateTime<Utc>>> {
        Ok(self.opt_int(column)?.and_then(DateTime::from_timestamp_micros))
    }

    /// A number that is never negative.
    ///
    /// # Errors
    /// If there is no such column, or it holds something else.
    pub fn count(&self, column: &str) -> Result<u64> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }

    /// A JSON document.
    ///
    /// # Errors
    /// If the document does not have the shape of `T`.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(|source| Error::Document { what: column, source })
    }

    /// A JSON document or nothing.
    ///
    /// # Errors
    /// If the document does not have the shape of `T`.
    pub fn opt_json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        self.opt_text(column)?
            .map(|text| {
                serde_json::from_str(&text).map_err(|source| Error::Document { what: column, source })
            })
            .transpose()
    }

    /// A word that is one of a known few.
    ///
    /// # Errors
    /// If the word is not known.
    pub fn word<T: FromStr>(&self, column: &'static str) -> Result<T> {
        let value = self.text(column)?;
        value.parse().map_err(|_| Error::Word { what: column, value })
    }
}

/// A document as stored.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> String {
    // The stored documents are our own types with string keys: serialising them cannot fail.
    serde_json::to_string(value).expect("our documents have string keys")
}

/// The database.
#[derive(Clone, Debug)]
pub enum Db {
    /// One file. Writes go through one connection, because SQLite has one writer; reads run beside it.
    Sqlite {
        /// The writer.
        writer: SqlitePool,
        /// The readers.
        readers: SqlitePool,
    },
    /// A server, shared by any number of replicas. There too one writes at a time (`WRITE_ALONE`), so that one connection
    /// for it is enough.
    Postgres {
        /// The writer.
        writer: PgPool,
        /// The readers.
        readers: PgPool,
    },
}

/// How long a transaction waits for its turn to write, and a connection for an answer of a server that is busy.
const TURN: Duration = Duration::from_secs(60);

/// Begins a transaction in PostgreSQL that may write, when no other of any replica does. Everything here reads, decides and
/// writes what it decided: with several writers, what one of them wrote between would be lost. SQLite has one writer, which
/// all of it is proven with; this makes the other database the same.
///
/// The lock belongs to the schema, and ends with the transaction. A process that froze holding it is cut off.
const WRITE_ALONE: &str = "BEGIN; SET LOCAL lock_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '60s'; \
     SELECT pg_advisory_xact_lock(1819239275, current_schema()::regnamespace::oid::integer)";

fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |source| Error::Database { operation, source }
}

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

impl Db {
    /// Opens the database at an address (`sqlite:<file>` or `postgres://…`) and brings its schema up to date.
    ///
    /// # Errors
    /// If the address makes no sense, the database cannot be reached, or the schema cannot be brought up to date.
    pub async fn open(address: &str) -> Result<Self> {
        let db = if let Some(path) = address.strip_prefix("sqlite:") {
            Self::open_sqlite(Path::new(path.trim_start_matches("//"))).await?
        } else if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            let writer = PgPoolOptions::new().max_connections(1).acquire_timeout(TURN);
            let readers = PgPoolOptions::new().max_connections(15).acquire_timeout(Duration::from_secs(15));
            Self::Postgres {
                writer: writer.connect(address).await.map_err(failed("be reached"))?,
                readers: readers.connect(address).await.map_err(failed("be reached"))?,
            }
        } else {
            return Err(Error::Address(address.to_owned()));
        };
        match &db {
            Self::Sqlite { writer, .. } => SQLITE_MIGRATIONS.run(writer).await,
            Self::Postgres { writer, .. } => POSTGRES_MIGRATIONS.run(writer).await,
        }
        .map_err(Error::Migrate)?;
        Ok(db)
    }

    async fn open_sqlite(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An intent must be on the disk before the call it announces: NORMAL may lose it with the power.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(15));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TURN)
            .connect_with(options.clone())
            .await
            .map_err(failed("be opened"))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(TURN)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed("be opened"))?;
        Ok(Self::Sqlite { writer, readers })
    }

    /// `sqlite` or `postgres`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }

    /// Begins a transaction that may write, when no other one does.
    ///
    /// # Errors
    /// If the database cannot be reached, or another writes for longer than a minute.
    pub async fn begin(&self) -> Result<Tx> {
        failpoint::statement("BEGIN").await?;
        match self {
            Self::Sqlite { writer, .. } => writer
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map(Tx::Sqlite)
                .map_err(failed("begin a transaction")),
            Self::Postgres { writer, .. } => {
                writer.begin_with(WRITE_ALONE).await.map(Tx::Postgres).map_err(failed("begin a transaction"))
            }
        }
    }

    /// Begins a transaction that only reads, and sees one state of the database.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn read(&self) -> Result<Tx> {
        match self {
            Self::Sqlite { readers, .. } => {
                readers.begin().await.map(Tx::Sqlite).map_err(failed("begin a transaction"))
            }
            Self::Postgres { readers, .. } => readers
                .begin_with("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                .await
                .map(Tx::Postgres)
                .map_err(failed("begin a transaction")),
        }
    }

    /// Closes all connections and waits until they are closed.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// A transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
pub enum Tx {
    /// On SQLite.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

fn bind_sqlite(sql: impl sqlx::SqlSafeStr, args: Vec<Arg>) -> Query<'static, Sqlite, SqliteArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Id(v) => query.bind(v),
        Arg::OptId(v) => query.bind(v),
        Arg::Text(v) => query.bind(v),
        Arg::OptText(v) => query.bind(v),
        Arg::Int(v) => query.bind(v),
        Arg::OptInt(v) => query.bind(v),
        Arg::Bool(v) => query.bind(v),
        Arg::Bytes(v) => query.bind(v),
    })
}

fn bind_postgres(sql: impl sqlx::SqlSafeStr, args: Vec<Arg>) -> Query<'static, Postgres, PgArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Id(v) => query.bind(v),
        Arg::OptId(v) => query.bind(v),
        Arg::Text(v) => query.bind(v),
        Arg::OptText(v) => query.bind(v),
        Arg::Int(v) => query.bind(v),
        Arg::OptInt(v) => query.bind(v),
        Arg::Bool(v) => query.bind(v),
        Arg::Bytes(v) => query.bind(v),
    })
}

impl Tx {
    /// Runs a statement; answers how many rows it touched.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn execute(&mut self, sql: impl sqlx::SqlSafeStr + Send, args: Vec<Arg>) -> Result<u64> {
        let sql = sql.into_sql_str();
        failpoint::statement(sql.as_str()).await?;
        match self {
            Self::Sqlite(tx) => {
                bind_sqlite(sql, args).execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            Self::Postgres(tx) => {
                bind_postgres(sql, args).execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        }
        .map_err(failed("carry out a statement"))
    }

    /// Runs a query; answers all rows. Queries that may find many carry a `LIMIT`.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn all(&mut self, sql: impl sqlx::SqlSafeStr + Send, args: Vec<Arg>) -> Result<Vec<Row>> {
        let sql = sql.into_sql_str();
        failpoint::statement(sql.as_str()).await?;
        match self {
            Self::Sqlite(tx) => bind_sqlite(sql, args)
                .fetch_all(&mut **tx)
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Self::Postgres(tx) => bind_postgres(sql, args)
                .fetch_all(&mut **tx)
                .await
                .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
        }
        .map_err(failed("answer a query"))
    }

    /// Runs a query; answers the first row, if any.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn first(&mut self, sql: impl sqlx::SqlSafeStr + Send, args: Vec<Arg>) -> Result<Option<Row>> {
        let sql = sql.into_sql_str();
        failpoint::statement(sql.as_str()).await?;
        match self {
            Self::Sqlite(tx) => {
                bind_sqlite(sql, args).fetch_optional(&mut **tx).await.map(|row| row.map(Row::Sqlite))
            }
            Self::Postgres(tx) => {
                bind_postgres(sql, args).fetch_optional(&mut **tx).await.map(|row| row.map(Row::Postgres))
            }
        }
        .map_err(failed("answer a query"))
    }

    /// Runs a query that counts; 0 if it finds no row. The number is in the column `n`.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn count(&mut self, sql: impl sqlx::SqlSafeStr + Send, args: Vec<Arg>) -> Result<u64> {
        self.first(sql, args).await?.map_or(Ok(0), |row| row.count("n"))
    }

    /// Makes everything of this transaction last.
    ///
    /// # Errors
    /// If the database refuses; then nothing of it lasts.
    pub async fn commit(self) -> Result<()> {
        failpoint::reached("before commit").await;
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
        .map_err(failed("commit"))?;
        failpoint::reached("after commit").await;
        Ok(())
    }
}
