//! Two processes that change the same at once: what one has done, the other one sees before it decides.
#![expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]

use store::{Arg, Composed, Db};
use uuid::Uuid;

const CHANGES: i64 = 25;

/// Reads a number, and writes the next one, in one transaction; as everything does that reads before it decides.
async fn count_up(db: Db) {
    for _ in 0..CHANGES {
        let mut tx = db.begin().await.unwrap();
        let number = tx.first("SELECT n FROM counter", vec![]).await.unwrap().unwrap().int("n").unwrap();
        tx.execute("UPDATE counter SET n = $1", vec![Arg::Int(number + 1)]).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn count_up_in_two_replicas(address: &str) {
    let (one, other) = (Db::open(address).await.unwrap(), Db::open(address).await.unwrap());
    let mut tx = one.begin().await.unwrap();
    tx.execute("CREATE TABLE counter (n BIGINT NOT NULL)", vec![]).await.unwrap();
    tx.execute("INSERT INTO counter (n) VALUES (0)", vec![]).await.unwrap();
    tx.commit().await.unwrap();
    let tasks = [one.clone(), one.clone(), other.clone(), other.clone()].map(|db| tokio::spawn(count_up(db)));
    for task in tasks {
        task.await.unwrap();
    }
    let mut tx = one.read().await.unwrap();
    let sum = tx.first("SELECT n FROM counter", vec![]).await.unwrap().unwrap().int("n").unwrap();
    assert_eq!(sum, 4 * CHANGES, "on {}", one.kind());
    drop(tx);
    one.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_lost_when_two_replicas_change_the_same_at_once() {
    let folder = tempfile::tempdir().unwrap();
    count_up_in_two_replicas(&format!("sqlite:{}", folder.path().join("test.db").display())).await;
    let Ok(server) = std::env::var("LOCKSTEP_TEST_POSTGRES") else {
        println!("skipped on PostgreSQL: LOCKSTEP_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("replicas_{}", Uuid::new_v4().simple());
    let admin = Db::open(&server).await.unwrap();
    let mut tx = admin.begin().await.unwrap();
    tx.execute(Composed(format!("CREATE SCHEMA {schema}")), vec![]).await.unwrap();
    tx.commit().await.unwrap();
    admin.close().await;
    let separator = if server.contains('?') { '&' } else { '?' };
    count_up_in_two_replicas(&format!("{server}{separator}options=-csearch_path%3D{schema}")).await;
}
