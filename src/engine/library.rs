//! Finds the ClickHouse library and enters it: the only file with `unsafe`.
//!
//! `libchdb` is ClickHouse built as a shared library. Of its C interface we use two functions, both declared
//! in the project's `chdb.h`: `chdb_query_cmdline(argc, argv)` is clickhouse-local's `main`, and
//! `chdb_result_error(result)` reads how it ended. Loading at run time keeps the engine optional: a node that
//! has a ClickHouse server of its own needs no library, and building Fresnel needs neither header nor linker
//! flags.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};

use super::EngineError;

/// Version of the library that this release is tested with, as `package.json` pins it.
pub(crate) const TESTED_VERSION: &str = "26.7.3-stable.1";

/// Folder of a system-wide installation.
const SYSTEM_FOLDER: &str = "/usr/lib/fresnel";

/// The library's file names; the first is what the packages use on Linux.
const FILE_NAMES: [&str; 2] = ["libchdb.so", "libchdb.dylib"];

/// Name of the package that holds the library for this platform.
#[must_use]
pub const fn package_name() -> &'static str {
    if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
        "@chdb/lib-darwin-arm64"
    } else if cfg!(target_os = "macos") {
        "@chdb/lib-darwin-x64"
    } else if cfg!(target_arch = "aarch64") {
        "@chdb/lib-linux-arm64-gnu"
    } else {
        "@chdb/lib-linux-x64-gnu"
    }
}

/// Finds the library: the setting; beside the executable; `node_modules` of the working folder and of the
/// executable's ancestors; the system's folder. A setting that names no file is an error, not a reason to
/// look elsewhere.
///
/// # Errors
/// [`EngineError::LibraryMissing`], which says where it was looked for and how to get it.
pub fn find(setting: &Path) -> Result<PathBuf, EngineError> {
    let executable = std::env::current_exe().ok();
    let working = std::env::current_dir().ok();
    find_among(setting, executable.as_deref(), working.as_deref())
}

fn find_among(
    setting: &Path,
    executable: Option<&Path>,
    working: Option<&Path>,
) -> Result<PathBuf, EngineError> {
    let candidates = if setting.as_os_str().is_empty() {
        candidates(executable, working)
    } else {
        vec![setting.to_path_buf()]
    };
    let found = candidates.iter().find(|path| path.is_file()).cloned();
    found.ok_or(EngineError::LibraryMissing { candidates })
}

fn candidates(executable: Option<&Path>, working: Option<&Path>) -> Vec<PathBuf> {
    let beside = executable.and_then(Path::parent);
    let package = Path::new("node_modules").join(package_name());
    let ancestors = beside.into_iter().flat_map(Path::ancestors);
    let folders = beside
        .map(Path::to_path_buf)
        .into_iter()
        .chain(working.map(|folder| folder.join(&package)))
        .chain(ancestors.map(|folder| folder.join(&package)))
        .chain([PathBuf::from(SYSTEM_FOLDER)]);
    let mut candidates = Vec::new();
    for path in folders.flat_map(|folder| FILE_NAMES.map(|name| folder.join(name))) {
        if !candidates.contains(&path) {
            candidates.push(path);
        }
    }
    candidates
}

/// Loads the library and runs `clickhouse` with these arguments (the first is the program's name). Blocks
/// until ClickHouse ends.
///
/// # Errors
/// The library cannot be loaded or is another one; or what ClickHouse said when it gave up.
#[expect(
    unsafe_code,
    reason = "a C library loaded at run time can be called no other way"
)]
pub(crate) fn run(library: &Path, arguments: &[CString]) -> Result<(), EngineError> {
    type QueryCmdline = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;
    type ResultError = unsafe extern "C" fn(*mut c_void) -> *const c_char;

    let broken = |error: libloading::Error| EngineError::LibraryBroken {
        path: library.to_path_buf(),
        message: error.to_string(),
    };
    let mut pointers: Vec<*mut c_char> = arguments.iter().map(|a| a.as_ptr().cast_mut()).collect();
    let count = c_int::try_from(pointers.len()).unwrap_or(c_int::MAX);
    pointers.push(std::ptr::null_mut());

    // SAFETY: the signatures are those of `chdb.h` for every version since 26.1. The arguments are
    // NUL-terminated and outlive the call, and the vector ends in a null pointer as `argv` does. The result
    // is ours, is read once, and lives until the process ends, which it does right after this call; so does
    // the library, whose threads may still be running.
    let message = unsafe {
        let library = std::mem::ManuallyDrop::new(libloading::Library::new(library).map_err(broken)?);
        let query_cmdline = library
            .get::<QueryCmdline>(b"chdb_query_cmdline\0")
            .map_err(broken)?;
        let result_error = library
            .get::<ResultError>(b"chdb_result_error\0")
            .map_err(broken)?;
        let result = query_cmdline(count, pointers.as_mut_ptr());
        if result.is_null() {
            Some("ended without a result".to_owned())
        } else {
            let error = result_error(result);
            (!error.is_null()).then(|| CStr::from_ptr(error).to_string_lossy().trim().to_owned())
        }
    };
    match message {
        Some(message) if !message.is_empty() => Err(EngineError::Failed { message }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }

    #[test]
    fn the_nearest_library_wins() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let executable = root.join("target/debug/fresnel");
        let working = root.join("elsewhere");
        let find = || find_among(Path::new(""), Some(&executable), Some(&working));

        let above = root.join("node_modules").join(package_name()).join("libchdb.so");
        touch(&above);
        assert_eq!(find().unwrap(), above);
        let here = working
            .join("node_modules")
            .join(package_name())
            .join("libchdb.so");
        touch(&here);
        assert_eq!(find().unwrap(), here);
        let beside = root.join("target/debug/libchdb.so");
        touch(&beside);
        assert_eq!(find().unwrap(), beside);
    }

    #[test]
    fn a_setting_that_names_no_file_is_an_error_although_others_exist() {
        let root = tempfile::tempdir().unwrap();
        touch(&root.path().join("libchdb.so"));
        let executable = root.path().join("fresnel");
        let setting = root.path().join("absent.so");
        let error = find_among(&setting, Some(&executable), None).unwrap_err();
        assert!(error.to_string().contains("absent.so"), "{error}");
    }

    #[test]
    fn a_missing_library_says_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let error = find_among(Path::new(""), None, Some(root.path()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("npm ci"), "{error}");
        assert!(error.contains(package_name()), "{error}");
        assert!(error.contains("engine.library"), "{error}");
    }

    #[test]
    fn the_tested_version_is_the_pinned_one() {
        let package = include_str!("../../package.json");
        assert!(package.contains(&format!("\"{TESTED_VERSION}\"")));
    }

    #[test]
    fn a_file_that_is_no_library_is_named() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("libchdb.so");
        std::fs::write(&path, b"not a library").unwrap();
        let error = run(&path, &[]).unwrap_err().to_string();
        assert!(error.contains("libchdb.so"), "{error}");
    }
}
