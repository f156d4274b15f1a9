//! Time and chance, the two things of the outside that everything here needs.

use std::sync::Arc;

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
}

impl World {
    /// The present moment, to the microsecond: what the database keeps.
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// A new identity (UUID version 7: it sorts by time).
    pub fn id<T: From<Uuid>>(&self) -> T {
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        let bits = self.chance.bits().to_be_bytes();
        let mut random = [0; 10];
        random.copy_from_slice(&bits[..10]);
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
