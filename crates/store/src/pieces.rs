//! Many small pieces of work, each of which happens or does not. Each commit waits for the disk: a number of pieces share a
//! transaction, each behind a savepoint.

use crate::{Db, Result, Tx, args};

/// Pieces that share a transaction; others wait to write while it lasts.
const SHARED: usize = 50;

/// Pieces of work on one database. Dropped before [`Pieces::finish`], the latest of them may be lost.
#[expect(missing_debug_implementations, reason = "a transaction shows nothing")]
pub struct Pieces<'a> {
    db: &'a Db,
    tx: Option<Tx>,
    kept: usize,
}

impl<'a> Pieces<'a> {
    /// Nothing is begun yet.
    pub fn new(db: &'a Db) -> Self {
        Self { db, tx: None, kept: 0 }
    }

    /// Begins a piece; it ends with [`Pieces::keep`] or [`Pieces::undo`].
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn begin(&mut self) -> Result<&mut Tx> {
        let mut tx = match self.tx.take() {
            Some(tx) => tx,
            None => self.db.begin().await?,
        };
        tx.execute("SAVEPOINT piece", args![]).await?;
        Ok(self.tx.insert(tx))
    }

    /// What the piece at hand did shall last. It does once [`Pieces::finish`] was answered.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn keep(&mut self) -> Result<()> {
        let Some(mut tx) = self.tx.take() else { return Ok(()) };
        tx.execute("RELEASE piece", args![]).await?;
        self.kept += 1;
        if self.kept.is_multiple_of(SHARED) {
            return tx.commit().await;
        }
        self.tx = Some(tx);
        Ok(())
    }

    /// Nothing of the piece at hand shall last; those before it are not touched.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn undo(&mut self) -> Result<()> {
        if let Some(tx) = &mut self.tx {
            tx.execute("ROLLBACK TO piece", args![]).await?;
            tx.execute("RELEASE piece", args![]).await?;
        }
        Ok(())
    }

    /// Makes everything last that was kept.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn finish(mut self) -> Result<()> {
        match self.tx.take() {
            Some(tx) => tx.commit().await,
            None => Ok(()),
        }
    }
}
