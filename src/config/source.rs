//! Where settings come from: a file, and the environment over it.

use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, Durability};

const ENV_PREFIX: &str = "FRESNEL_";

/// Why the settings cannot be used; the message names the setting and where it stands.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("settings file {path}: {source}")]
    Unreadable {
        /// The file as the caller named it.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The settings file has an error; the message carries the line.
    #[error("settings file {path}: {message}")]
    File {
        /// The file as the caller named it.
        path: String,
        /// Line, and what is wrong.
        message: String,
    },
    /// A variable names no setting.
    #[error("environment variable {variable}: there is no setting `{setting}`")]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The setting that it would be.
        setting: String,
    },
    /// A variable's value does not fit its setting.
    #[error("environment variable {variable}: {message}")]
    BadVariable {
        /// The variable.
        variable: String,
        /// What is wrong.
        message: String,
    },
    /// A setting is out of its range.
    #[error("setting {setting}{variable}: {message}", variable = in_environment(.setting))]
    OutOfRange {
        /// The setting as `section.field`.
        setting: &'static str,
        /// The range.
        message: String,
    },
}

fn in_environment(setting: &str) -> String {
    format!(" ({ENV_PREFIX}{})", setting.to_uppercase().replace('.', "__"))
}

impl Config {
    /// Reads the file, if one is named, and lays the `FRESNEL_` variables among `environment` over it.
    ///
    /// # Errors
    /// Any unknown, badly typed or out-of-range setting.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = match file {
            Some(path) => read_file(path)?,
            None => Table::new(),
        };
        let defaults = Table::try_from(Self::default()).unwrap_or_default();
        for (variable, text) in environment {
            let Some(name) = variable.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            overlay(&mut settings, &defaults, &variable, name, &text)?;
        }
        let config = Self::deserialize(Value::Table(settings)).map_err(|error| ConfigError::BadVariable {
            variable: ENV_PREFIX.to_owned() + "*",
            message: error.to_string(),
        })?;
        config.check_ranges()?;
        Ok(config)
    }
}

impl Durability {
    /// The name as it stands in the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Os => "os",
            Self::Memory => "memory",
        }
    }
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: shown.clone(),
        source,
    })?;
    parse(&text).map_err(|message| ConfigError::File { path: shown, message })
}

fn parse(text: &str) -> Result<Table, String> {
    // Once into the typed form, so that an error carries the line; the table is what variables are laid over.
    let document = toml::Deserializer::parse(text).map_err(|error| located(text, "", &error))?;
    serde_path_to_error::deserialize::<_, Config>(document).map_err(|error| {
        let path = format!("{}: ", error.path());
        located(text, path.trim_start_matches(".: "), error.inner())
    })?;
    toml::from_str(text).map_err(|error| located(text, "", &error))
}

/// What is wrong and where; not the error's own text, which quotes the line: that may hold a password.
fn located(text: &str, path: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    match error.span() {
        Some(span) => format!("line {}: {path}{message}", line_of(text, span.start)),
        None => format!("{path}{message}"),
    }
}

/// Line of a byte offset, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    1 + before.iter().filter(|&&byte| byte == b'\n').count()
}

fn overlay(
    settings: &mut Table,
    defaults: &Table,
    variable: &str,
    name: &str,
    text: &str,
) -> Result<(), ConfigError> {
    let lower = name.to_lowercase();
    let unknown = |setting: &str| ConfigError::UnknownVariable {
        variable: variable.to_owned(),
        setting: setting.replace("__", "."),
    };
    let (target, default) = match lower.split_once("__") {
        None => (&mut *settings, defaults.get(&lower)),
        Some((section, field)) => {
            let default = defaults.get(section).and_then(|s| s.get(field));
            let entry = settings
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            (entry.as_table_mut().ok_or_else(|| unknown(&lower))?, default)
        }
    };
    let field = lower.rsplit("__").next().unwrap_or(&lower);
    let default = default
        .filter(|value| !value.is_table())
        .ok_or_else(|| unknown(&lower))?;
    let value = typed(text, default).map_err(|message| ConfigError::BadVariable {
        variable: variable.to_owned(),
        message,
    })?;
    target.insert(field.to_owned(), value.clone());
    // One variable at a time, so that the error can name it.
    Config::deserialize(Value::Table(settings.clone())).map_err(|error| ConfigError::BadVariable {
        variable: variable.to_owned(),
        message: error.to_string().trim().to_owned(),
    })?;
    Ok(())
}

/// Reads a variable's text as the type that the setting's default has.
fn typed(text: &str, default: &Value) -> Result<Value, String> {
    match default {
        Value::Integer(_) => text
            .trim()
            .parse()
            .map(Value::Integer)
            .map_err(|_| format!("`{text}` is not a whole number")),
        Value::Float(_) => text
            .trim()
            .parse()
            .map(Value::Float)
            .map_err(|_| format!("`{text}` is not a number")),
        Value::Boolean(_) => text
            .trim()
            .parse()
            .map(Value::Boolean)
            .map_err(|_| format!("`{text}` is neither true nor false")),
        Value::Array(_) => Ok(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        )),
        _ => Ok(Value::String(text.to_owned())),
    }
}
