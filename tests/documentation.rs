//! What the documents must not forget, and must not promise: metrics, codes of errors, files that links lead to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: impl AsRef<Path>) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Texts between two marks that are wholly made of these characters.
fn names(text: &str, marks: [char; 2], is_part: impl Fn(char) -> bool) -> BTreeSet<String> {
    text.split(marks)
        .filter(|name| name.len() > 3 && name.chars().all(&is_part))
        .map(str::to_owned)
        .collect()
}

fn is_metric(name: &str) -> bool {
    name.starts_with("fresnel_") || name.starts_with("process_")
}

#[test]
fn every_metric_is_in_the_operations_page_and_no_other() {
    let of_metric = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let mut defined = names(&text_of("src/metric_definitions.rs"), ['"', '"'], of_metric);
    defined.retain(|name| is_metric(name));
    let page = text_of("docs/operations.md");
    let rows: String = page.lines().filter(|line| line.starts_with("| `")).collect();
    let mut documented = names(&rows, ['`', '{'], of_metric);
    documented.retain(|name| is_metric(name));
    assert!(!defined.is_empty());
    assert_eq!(documented, defined);
}

#[test]
fn every_code_of_an_error_is_in_the_api_page_and_no_other() {
    let of_code = |letter: char| letter.is_ascii_uppercase() || letter == '_';
    let mut defined = names(&text_of("src/api/error.rs"), ['"', '"'], of_code);
    for file in ["control.rs", "limits.rs", "relay.rs"] {
        let path = Path::new("src/api/error").join(file);
        defined.extend(names(&text_of(path), ['"', '"'], of_code));
    }
    let page = text_of("docs/api.md");
    let table = page
        .split("| status | `code` |")
        .nth(1)
        .expect("the table of errors");
    let rows: String = table
        .lines()
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with('|'))
        .collect();
    assert!(!defined.is_empty());
    assert_eq!(names(&rows, ['`', '`'], of_code), defined);
}

#[test]
fn every_address_is_in_the_api_page() {
    let page = text_of("docs/api.md");
    let mut count = 0;
    for entry in std::fs::read_dir(repository().join("src/api")).expect("the folder of addresses") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = text_of(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let literals = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for address in literals.flat_map(|line| line.split('"').skip(1).step_by(2)) {
            // What a part of a path may hold is the router's business; what ends with a slash is a beginning.
            let address = address.replace(":.*}", "}");
            if address.starts_with('/') && !address.ends_with('/') {
                count += 1;
                let is_there = ["`", "?"]
                    .iter()
                    .any(|end| page.contains(&format!("{address}{end}")));
                assert!(is_there, "docs/api.md does not tell of {address}");
            }
        }
    }
    assert!(count > 10, "{count} addresses");
}

#[test]
fn links_between_documents_lead_to_files() {
    let mut documents: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
        .map(PathBuf::from)
        .into();
    for folder in ["docs", "docs/adr"] {
        let entries = std::fs::read_dir(repository().join(folder)).expect("a folder of documents");
        documents.extend(
            entries
                .map(|entry| Path::new(folder).join(entry.expect("an entry").file_name()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "md")),
        );
    }
    for document in documents {
        let text = text_of(&document);
        let folder = repository()
            .join(&document)
            .parent()
            .expect("a folder")
            .to_owned();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
        {
            let leads_elsewhere = link.is_empty() || link.contains("://");
            assert!(
                leads_elsewhere || folder.join(link).exists(),
                "{} links to {link}, which is not there",
                document.display()
            );
        }
    }
}
