//! The folder that belongs to one server: lock, identity, key file, reports under way. Nobody else may read it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use store::secrets::Keys;
use uuid::Uuid;

use crate::start::StartError;

/// An opened data folder; other servers are kept out until it is dropped.
pub(crate) struct DataFolder {
    /// Who this server is to other replicas. Stays the same over restarts, so that it takes up its own leases at once.
    pub(crate) owner: Uuid,
    /// Where reports are received.
    pub(crate) incoming: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Opens a data folder, making what is missing.
    pub(crate) fn open(path: &Path) -> Result<Self, StartError> {
        let failed = |source| StartError::DataDir { path: path.to_owned(), source };
        make_private(path).map_err(failed)?;
        let lock = private_file().create(true).truncate(false).open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StartError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let owner = owner(&path.join("owner")).map_err(failed)?;
        let incoming = path.join("incoming");
        // What lies there was never acknowledged: its sender saw the connection break.
        match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        make_private(&incoming).map_err(failed)?;
        Ok(Self { owner, incoming, _lock: lock })
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn owner(path: &Path) -> io::Result<Uuid> {
    match fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let owner = Uuid::now_v7();
            private_file().create_new(true).open(path)?.write_all(owner.to_string().as_bytes())?;
            Ok(owner)
        }
        Err(error) => Err(error),
    }
}

/// The key in a key file: 64 hexadecimal digits. A missing file is made with a new key.
pub(crate) fn key(path: &Path) -> Result<[u8; 32], StartError> {
    let failed = |source| StartError::Key { path: path.to_owned(), source };
    match private_file().create_new(true).open(path) {
        Ok(mut file) => {
            let key = Keys::generate();
            file.write_all(hex::encode(key).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            Ok(key)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mut text = String::new();
            File::open(path).and_then(|mut file| file.read_to_string(&mut text)).map_err(failed)?;
            let mut key = [0; 32];
            hex::decode_to_slice(text.trim(), &mut key).map_err(|_| {
                failed(io::Error::new(io::ErrorKind::InvalidData, "it does not hold 64 hexadecimal digits"))
            })?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_kept_out_and_a_restart_is_the_same_server() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path()).unwrap();
        assert!(matches!(DataFolder::open(folder.path()), Err(StartError::InUse(_))));
        let owner = first.owner;
        fs::write(first.incoming.join("half a report"), "x").unwrap();
        drop(first);
        let again = DataFolder::open(folder.path()).unwrap();
        assert_eq!(again.owner, owner);
        assert_eq!(fs::read_dir(&again.incoming).unwrap().count(), 0, "what was never acknowledged is gone");
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_a_damaged_one_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let made = key(&path).unwrap();
        assert_eq!(key(&path).unwrap(), made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(&path, "short").unwrap();
        assert!(matches!(key(&path), Err(StartError::Key { .. })));
    }
}
