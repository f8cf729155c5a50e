//! A strict reader of the Prometheus text format, version 0.0.4.

use std::collections::{BTreeMap, HashSet};

/// One line of a sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// Reads a whole page.
///
/// # Errors
/// The first line that breaks the format.
pub(crate) fn parse(page: &str) -> Result<Vec<Sample>, String> {
    if !page.is_empty() && !page.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let mut typed = HashSet::new();
    let mut samples: Vec<Sample> = Vec::new();
    for line in page.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(comment) = line.strip_prefix("# TYPE ") {
            let (name, kind) = comment.split_once(' ').ok_or(format!("no type: {line}"))?;
            if !["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind) {
                return Err(format!("unknown type: {line}"));
            }
            if !typed.insert(name.to_owned()) {
                return Err(format!("typed twice: {line}"));
            }
            if samples.iter().any(|sample| sample.name == name) {
                return Err(format!("typed after its samples: {line}"));
            }
        } else if !line.starts_with('#') {
            samples.push(sample(line).ok_or(format!("no sample: {line}"))?);
        }
    }
    let mut seen = HashSet::new();
    for sample in &samples {
        if !seen.insert(format!("{} {:?}", sample.name, sample.labels)) {
            return Err(format!("stands twice: {} {:?}", sample.name, sample.labels));
        }
    }
    Ok(samples)
}

fn sample(line: &str) -> Option<Sample> {
    let name_end = line.find(['{', ' '])?;
    let name = &line[..name_end];
    let (labels, rest) = match line[name_end..].strip_prefix('{') {
        None => (BTreeMap::new(), &line[name_end..]),
        Some(rest) => labels(rest)?,
    };
    let mut fields = rest.split_whitespace();
    let value = match fields.next()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().ok()?,
    };
    let timestamp_is_good = fields.next().is_none_or(|time| time.parse::<i64>().is_ok());
    let name_is_good = is_name(name, ':');
    (name_is_good && timestamp_is_good && fields.next().is_none()).then(|| Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at + 1,
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    escaped @ ('"' | '\\') => escaped,
                    _ => return None,
                }),
                (_, character) => value.push(character),
            }
        };
        if !is_name(name, '_') || labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        rest = &after[end..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

fn is_name(name: &str, also: char) -> bool {
    let mut characters = name.chars();
    let first_is_good = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_' || first == also);
    first_is_good && characters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == also)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_all_that_the_format_allows_is_read() {
        let page = "# HELP a_total Some \"help\"\n# TYPE a_total counter\na_total{x=\"1\",y=\"\\\"\\n}\"} 3\na_total 4 1700000000000\n\n# a comment\nb:c +Inf\n";
        let samples = parse(page).expect("a good page");
        assert_eq!(samples.len(), 3);
        assert_eq!(samples[0].labels["y"], "\"\n}");
        assert!(samples[2].value.is_infinite());
    }

    #[test]
    fn faults_are_found() {
        for page in [
            "a 1",
            "a\n",
            "a one\n",
            "1a 1\n",
            "a{x=1} 1\n",
            "a{x=\"1\" 1\n",
            "a 1\na 1\n",
            "a 1\n# TYPE a counter\n",
            "# TYPE a counter\n# TYPE a counter\n",
            "# TYPE a sum\n",
            "a 1 2 3\n",
        ] {
            assert!(parse(page).is_err(), "{page:?}");
        }
    }
}
