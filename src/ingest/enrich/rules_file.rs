//! Finds and reads `regexes.yaml`, ua-parser's rules, as the npm package `uap-core` ships them.
//!
//! The file is YAML of one plain form, and has been for a decade: three lists of objects, each value a quoted text
//! on the line of its key. That form is read here; anything else is an error that names the line.

use std::path::{Path, PathBuf};

use super::rules::{RuleText, RuleTexts, Rules};

const FILE_NAME: &str = "regexes.yaml";
const PACKAGE: &str = "node_modules/uap-core";
/// Folder of a system-wide installation.
const SYSTEM_FOLDER: &str = "/usr/lib/fresnel";
/// Most bytes of the file; it has 205,000.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The rules of the file that the setting names, or of the nearest one; none when there is none, which the log tells.
pub(super) fn load(setting: &Path) -> Rules {
    let executable = std::env::current_exe().ok();
    let working = std::env::current_dir().ok();
    match find_among(setting, executable.as_deref(), working.as_deref()) {
        Some(path) => match read(&path) {
            Ok(texts) => {
                let rules = Rules::new(texts);
                tracing::info!(path = %path.display(), rules = rules.len(), "rules for User-Agents");
                return rules;
            }
            Err(message) => {
                tracing::warn!(path = %path.display(), message, "no browsers and systems: the rules for User-Agents cannot be read");
            }
        },
        None => {
            tracing::warn!(
                "no browsers and systems: there is no {FILE_NAME} (npm package uap-core; setting enrich.user_agents_file)"
            );
        }
    }
    Rules::new(RuleTexts::default())
}

fn find_among(setting: &Path, executable: Option<&Path>, working: Option<&Path>) -> Option<PathBuf> {
    if !setting.as_os_str().is_empty() {
        return Some(setting.to_path_buf());
    }
    let beside = executable.and_then(Path::parent);
    let ancestors = beside.into_iter().flat_map(Path::ancestors);
    beside
        .map(Path::to_path_buf)
        .into_iter()
        .chain(working.map(|folder| folder.join(PACKAGE)))
        .chain(ancestors.map(|folder| folder.join(PACKAGE)))
        .chain([PathBuf::from(SYSTEM_FOLDER)])
        .map(|folder| folder.join(FILE_NAME))
        .find(|path| path.is_file())
}

fn read(path: &Path) -> Result<RuleTexts, String> {
    let bytes = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(format!("{bytes} bytes are too many"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    parse(&text)
}

/// Reads the file's text.
pub(super) fn parse(text: &str) -> Result<RuleTexts, String> {
    let mut texts = RuleTexts::default();
    let mut list: Option<&mut Vec<RuleText>> = None;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') || line == "---" {
            continue;
        }
        let wrong = |what: &str| format!("line {}: {what}", index + 1);
        if content.len() == line.len() {
            let name = content.split_once(':').filter(|(_, rest)| is_blank(rest));
            list = match name.ok_or_else(|| wrong("expected the name of a list"))?.0 {
                "user_agent_parsers" => Some(&mut texts.browsers),
                "os_parsers" => Some(&mut texts.systems),
                "device_parsers" => Some(&mut texts.devices),
                _ => None,
            };
            continue;
        }
        let Some(list) = list.as_deref_mut() else { continue };
        let member = match content.strip_prefix("- ") {
            Some(member) => {
                list.push(RuleText::default());
                member.trim_start()
            }
            None => content,
        };
        let rule = list.last_mut().ok_or_else(|| wrong("expected `- regex:`"))?;
        let (key, value) = member
            .split_once(':')
            .ok_or_else(|| wrong("expected a key and a text"))?;
        let value = scalar(value.trim_start()).ok_or_else(|| wrong("expected a text in quotes"))?;
        match key {
            "regex" => rule.regex = value,
            "regex_flag" => rule.ignores_case = value == "i",
            "family_replacement" | "os_replacement" | "device_replacement" => rule.name = Some(value),
            "brand_replacement" => rule.brand = Some(value),
            _ => {}
        }
    }
    let all = [&texts.browsers, &texts.systems, &texts.devices];
    if all
        .iter()
        .any(|list| list.is_empty() || list.iter().any(|rule| rule.regex.is_empty()))
    {
        return Err("a list, or the regex of a rule, is missing".to_owned());
    }
    Ok(texts)
}

/// True for nothing, or a remark.
fn is_blank(rest: &str) -> bool {
    let rest = rest.trim();
    rest.is_empty() || rest.starts_with('#')
}

/// A text in single or double quotes, or a plain one, with nothing but a remark behind it.
fn scalar(text: &str) -> Option<String> {
    if let Some(mut rest) = text.strip_prefix('\'') {
        let mut value = String::new();
        loop {
            let (piece, behind) = rest.split_once('\'')?;
            value.push_str(piece);
            let Some(more) = behind.strip_prefix('\'') else {
                return is_blank(behind).then_some(value);
            };
            value.push('\'');
            rest = more;
        }
    }
    if let Some(rest) = text.strip_prefix('"') {
        let (value, behind) = rest.split_once('"')?;
        // Escapes would have to be understood; uap-core has none.
        return (!value.contains('\\') && is_blank(behind)).then(|| value.to_owned());
    }
    let plain = text.split(" #").next().unwrap_or_default().trim_end();
    let is_plain = plain
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'-' | b'.' | b'/' | b'$'));
    (is_plain && !plain.is_empty()).then(|| plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "user_agent_parsers:\n  # remark\n  - regex: 'it''s (\\d+)' # remark\n    family_replacement: 'Its $1'\n\n\
        other:\n  - ignored\nos_parsers:\n  - regex: \"x\"\ndevice_parsers:\n  - regex: 'y'\n    regex_flag: 'i'\n    brand_replacement: Plain\n";

    #[test]
    fn quotes_remarks_and_unknown_lists_are_understood() {
        let texts = parse(SMALL).unwrap();
        assert_eq!(texts.browsers[0].regex, r"it's (\d+)");
        assert_eq!(texts.browsers[0].name.as_deref(), Some("Its $1"));
        assert!(texts.devices[0].ignores_case);
        assert_eq!(texts.devices[0].brand.as_deref(), Some("Plain"));
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_line() {
        for (text, wanted) in [
            ("user_agent_parsers:\n  - regex: 'open\n", "line 2"),
            ("user_agent_parsers:\n  - regex: >\n", "line 2"),
            ("user_agent_parsers:\n    regex: 'x'\n", "line 2"),
            ("user_agent_parsers: []\n", "line 1"),
            ("user_agent_parsers:\n  - regex: 'x'\n", "missing"),
            ("", "missing"),
        ] {
            let error = parse(text).err().unwrap();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn the_nearest_file_wins_and_a_setting_before_all() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(PACKAGE).join(FILE_NAME);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, SMALL).unwrap();
        let executable = root.path().join("target/debug/fresnel");
        assert_eq!(
            find_among(Path::new(""), Some(&executable), None),
            Some(file.clone())
        );
        let beside = root.path().join("target/debug").join(FILE_NAME);
        std::fs::create_dir_all(beside.parent().unwrap()).unwrap();
        std::fs::write(&beside, SMALL).unwrap();
        assert_eq!(find_among(Path::new(""), Some(&executable), None), Some(beside));
        let setting = Path::new("/absent.yaml");
        assert_eq!(
            find_among(setting, Some(&executable), None),
            Some(setting.to_path_buf())
        );
        assert_eq!(load(setting).len(), 0, "a missing file is no refusal");
    }
}
