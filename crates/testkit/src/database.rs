//! Fresh databases: always SQLite, PostgreSQL where `LOCKSTEP_TEST_POSTGRES` names a server.

use store::Db;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A database of one test, gone at its end.
pub struct TestDatabase {
    /// The database.
    pub db: Db,
    /// Its name, for messages.
    pub name: &'static str,
    _folder: Option<TempDir>,
}

impl TestDatabase {
    /// A fresh SQLite file.
    pub async fn sqlite() -> Self {
        // In memory where there is such a folder: what a test writes need not outlive the machine.
        let memory = std::path::Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let file = folder.path().join("test.db");
        std::fs::write(&file, empty_database().await).unwrap();
        let db = Db::open(&format!("sqlite:{}", file.display())).await.unwrap();
        Self { db, name: "sqlite", _folder: Some(folder) }
    }

    /// A fresh schema on the PostgreSQL server of `LOCKSTEP_TEST_POSTGRES`; none if it is not set.
    pub async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("LOCKSTEP_TEST_POSTGRES") else {
            println!("skipped on PostgreSQL: LOCKSTEP_TEST_POSTGRES is not set (cargo xtask test sets it)");
            return None;
        };
        let schema = format!("test_{}", uuid::Uuid::new_v4().simple());
        let admin = Db::open(&server).await.unwrap();
        let mut tx = admin.begin().await.unwrap();
        tx.execute(store::Composed(format!("CREATE SCHEMA {schema}")), Vec::new()).await.unwrap();
        tx.commit().await.unwrap();
        admin.close().await;
        let separator = if server.contains('?') { '&' } else { '?' };
        let db = Db::open(&format!("{server}{separator}options=-csearch_path%3D{schema}")).await.unwrap();
        Some(Self { db, name: "postgres", _folder: None })
    }
}

/// The file of a SQLite database with the schema and nothing else: bringing it up takes longer than many a test.
async fn empty_database() -> &'static [u8] {
    static EMPTY: OnceCell<Vec<u8>> = OnceCell::const_new();
    let made = EMPTY.get_or_init(|| async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty.db");
        let db = Db::open(&format!("sqlite:{}", file.display())).await.unwrap();
        // Closing it moves everything into the one file.
        db.close().await;
        std::fs::read(file).unwrap()
    });
    made.await
}

/// One fresh database of each kind that is available.
pub async fn databases() -> Vec<TestDatabase> {
    let mut databases = vec![TestDatabase::sqlite().await];
    databases.extend(TestDatabase::postgres().await);
    databases
}
