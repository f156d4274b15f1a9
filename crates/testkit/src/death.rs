//! A process that dies at a place, without the rest of a simulation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use store::failpoint::{Verdict, Watch, under};
use tokio::sync::Notify;

struct Dies {
    place: &'static str,
    left: AtomicU32,
    dead: Notify,
}

#[async_trait]
impl Watch for Dies {
    async fn at(&self, place: &str) -> Verdict {
        if place == self.place && self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.dead.notify_one();
            std::future::pending::<()>().await;
        }
        Verdict::GoesOn
    }
}

/// Lets something run until it comes to a place for the n-th time, from 1, and drops it there. Answers whether it came there
/// before it was done.
pub async fn dies_at<F: Future>(place: &'static str, n: u32, future: F) -> bool {
    let watch = Arc::new(Dies { place, left: AtomicU32::new(n), dead: Notify::new() });
    tokio::select! {
        _ = under(watch.clone(), future) => false,
        () = watch.dead.notified() => true,
    }
}
