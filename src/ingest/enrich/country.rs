//! The country of an address, by a local database in MaxMind's format. The file is held in memory; once a minute it
//! is looked at, and read again when it has changed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use maxminddb::{Reader, path};

use crate::domain::enrichment::Country;

#[derive(Debug)]
pub(super) struct Countries {
    file: Option<PathBuf>,
    /// Read by every request.
    reader: ArcSwapOption<Reader<Vec<u8>>>,
    /// When the file that was looked at last had been written; only for [`Countries::refresh`].
    seen: Mutex<Option<SystemTime>>,
}

impl Countries {
    /// An empty path is no database.
    pub(super) fn open(file: &Path) -> Self {
        let countries = Self {
            file: (!file.as_os_str().is_empty()).then(|| file.to_path_buf()),
            reader: ArcSwapOption::empty(),
            seen: Mutex::new(None),
        };
        countries.refresh();
        if let Some(file) = &countries.file
            && !file.exists()
        {
            tracing::warn!(path = %file.display(), "no countries until there is such a file (setting enrich.country_db_file)");
        }
        countries
    }

    /// Reads the file if it has changed. One that cannot be read leaves the one before in use.
    pub(super) fn refresh(&self) {
        let Some(file) = &self.file else { return };
        let Ok(written) = std::fs::metadata(file).and_then(|metadata| metadata.modified()) else {
            return;
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == Some(written) {
            return;
        }
        *seen = Some(written);
        drop(seen);
        match Reader::open_readfile(file) {
            Ok(reader) => {
                tracing::info!(path = %file.display(), kind = reader.metadata().database_type, "country database");
                self.reader.store(Some(reader.into()));
            }
            Err(error) => {
                tracing::warn!(path = %file.display(), %error, "the country database cannot be read");
            }
        }
    }

    pub(super) fn of(&self, address: IpAddr) -> Country {
        let reader = self.reader.load();
        let Some(reader) = reader.as_deref() else {
            return Country::default();
        };
        let code = reader
            .lookup(address.to_canonical())
            .and_then(|found| found.decode_path::<&str>(&path!["country", "iso_code"]));
        code.ok().flatten().map(Country::from_code).unwrap_or_default()
    }
}
