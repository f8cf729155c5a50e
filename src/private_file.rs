//! Small files that only their owner may read: keys.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// What a file begins with: what it is, and the CRC32C of the rest.
const HEAD_BYTES: usize = 8;

/// A key's bytes as they stand in its file.
#[must_use]
pub fn seal(magic: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&crc32c::crc32c(content).to_le_bytes());
    bytes.extend_from_slice(content);
    bytes
}

/// The content of a file that is whole and has this magic number.
#[must_use]
pub fn unseal(magic: [u8; 4], bytes: &[u8]) -> Option<&[u8]> {
    let (head, content) = bytes.split_at_checked(HEAD_BYTES)?;
    let is_whole = head[..4] == magic && head[4..] == crc32c::crc32c(content).to_le_bytes();
    is_whole.then_some(content)
}

/// Reads a file; none when it is not there.
///
/// # Errors
/// What the system says.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file (mode 0600) in place of the one that may be there: a crash leaves the old one or the new one.
///
/// # Errors
/// What the system says.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&aside, path)?;
    path.parent()
        .map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
}
