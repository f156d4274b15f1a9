//! How many requests of one credential are being answered at the same time, for the limit on concurrency.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::state::Request;

#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<HashMap<String, u32>>);

/// A request that is being answered; it counts until this is dropped.
pub(super) struct Slot<'a> {
    requests: &'a Requests,
    credential: String,
}

impl Requests {
    /// Counts a request in; None when its credential already has as many as are allowed.
    pub(super) fn enter(&self, request: &Request, most: Option<u32>) -> Option<Slot<'_>> {
        let credential = request.header_value("authorization").unwrap_or_default().to_owned();
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = running.entry(credential.clone()).or_default();
        if most.is_some_and(|most| *now >= most) {
            return None;
        }
        *now += 1;
        Some(Slot { requests: self, credential })
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut running = self.requests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = running.get_mut(&self.credential) {
            *now -= 1;
            if *now == 0 {
                running.remove(&self.credential);
            }
        }
    }
}
