//! Time and chance, the two things of the outside that everything here needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use azure::Clock;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A source of random bits. Tests give one with a seed.
pub trait Chance: Send + Sync {
    /// 128 random bits.
    fn bits(&self) -> u128;
}

/// The machine's own randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsChance;

impl Chance for OsChance {
    fn bits(&self) -> u128 {
        rand::random()
    }
}

/// Time and chance.
#[derive(Clone)]
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<dyn Chance>,
    /// Tells apart, in their order, what is made at the same moment.
    sequence: Arc<AtomicU16>,
}

impl World {
    /// A world of this clock and this chance.
    pub fn new(clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        Self { clock, chance, sequence: Arc::default() }
    }

    /// The present moment, to the microsecond: what the database keeps.
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// A new identity: UUID version 7 with the part of the millisecond and a counter before the random bits (RFC 9562,
    /// section 6.2). What one process makes sorts in the order in which it was made; the audit log relies on that.
    pub fn id<T: From<Uuid>>(&self) -> T {
        let now = self.clock.now();
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        // Microseconds of the millisecond fit into the 12 bits before the variant.
        let part = u16::try_from(now.timestamp_subsec_micros() % 1000).unwrap_or(0).to_be_bytes();
        let sequence = (self.sequence.fetch_add(1, Ordering::Relaxed) & 0x3fff).to_be_bytes();
        let bits = self.chance.bits().to_be_bytes();
        let mut random = [0; 10];
        random.copy_from_slice(&bits[..10]);
        random[..2].copy_from_slice(&part);
        random[2..4].copy_from_slice(&sequence);
        T::from(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// A new key token of a ticket: 80 random bits that people can read out.
    pub fn token(&self) -> String {
        const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut bits = self.chance.bits();
        let mut token = String::from("LS-");
        for _ in 0..16 {
            token.push(char::from(LETTERS[(bits & 31) as usize]));
            bits >>= 5;
        }
        token
    }

    /// 256 random bits in hexadecimal digits.
    pub fn secret(&self) -> String {
        format!("{:032x}{:032x}", self.chance.bits(), self.chance.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_in_the_order_in_which_they_are_made() {
        let world = World::new(Arc::new(azure::SystemClock), Arc::new(OsChance));
        let ids: Vec<Uuid> = (0..10_000).map(|_| world.id()).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[0].get_version_num(), 7);
    }
}
