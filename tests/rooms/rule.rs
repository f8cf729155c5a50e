//! The layers, the crate's files, and what is wrong between them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source;

/// The layer of each room, by its number: 0 is the lowest.
pub(crate) struct Layers(BTreeMap<String, u8>);

impl Layers {
    /// Reads the lines `//! L2  wal  wal/{…}    engine (a remark)` of the crate's front page: entries stand two
    /// spaces apart; what is not a name, alone or with a remark in brackets, is a remark too.
    pub(crate) fn from_front_page(text: &str) -> Self {
        let mut layers = BTreeMap::new();
        for line in text.lines() {
            let Some(rest) = line.trim_start().strip_prefix("//! L") else {
                continue;
            };
            let (number, entries) = rest.split_at(1);
            let Ok(number) = number.parse() else { continue };
            for entry in entries.split("  ").map(str::trim) {
                let name = entry.split(" (").next().unwrap_or_default();
                if !name.is_empty()
                    && name
                        .chars()
                        .all(|letter| letter.is_ascii_lowercase() || letter == '_')
                {
                    layers.insert(name.to_owned(), number);
                }
            }
        }
        Self(layers)
    }

    pub(crate) fn of(&self, room: &str) -> Option<u8> {
        self.0.get(room).copied()
    }
}

/// The files of a crate by their module's path, like `["wal", "frame"]`.
pub(crate) struct Crate(BTreeMap<Vec<String>, String>);

impl Crate {
    pub(crate) fn from_files<'a>(files: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let path = |module: &str| module.split("::").map(str::to_owned).collect();
        Self(
            files
                .into_iter()
                .map(|(module, text)| (path(module), text))
                .collect(),
        )
    }

    /// Reads all files of a `src` folder but `lib.rs`, which imports nothing.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(folder, &[], &mut files);
        files.remove(&vec!["lib".to_owned()]);
        assert!(!files.is_empty(), "{} holds sources", folder.display());
        Self(files)
    }

    pub(crate) fn rooms(&self) -> BTreeSet<String> {
        self.0.keys().map(|module| module[0].clone()).collect()
    }

    /// Each import against the rule, in words.
    pub(crate) fn faults(&self, layers: &Layers) -> Vec<String> {
        let mut faults = BTreeSet::new();
        let mut beside: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
        for (module, text) in &self.0 {
            let Some(layer) = layers.of(&module[0]) else {
                faults.insert(format!("{} stands in no layer", module[0]));
                continue;
            };
            for target in source::paths(text, module)
                .iter()
                .filter_map(|path| self.target(path))
            {
                if target[0] == module[0] {
                    if let Some((from, to)) = side_by_side(module, &target) {
                        beside.entry(from).or_default().insert(to);
                    }
                } else if layers.of(&target[0]).is_none_or(|other| other >= layer) {
                    let other = layers
                        .of(&target[0])
                        .map_or_else(|| "no layer".to_owned(), |l| format!("L{l}"));
                    let (module, target) = (module.join("::"), target.join("::"));
                    faults.insert(format!("{module} (L{layer}) imports {target} ({other})"));
                }
            }
        }
        for ring in rings(&beside) {
            let names: Vec<String> = ring.iter().map(|module| module.join("::")).collect();
            faults.insert(format!("{} import each other in a ring", names.join(", ")));
        }
        faults.into_iter().collect()
    }

    /// Files of a room that name one of these words, or paths that begin so.
    pub(crate) fn mentions(&self, room: &str, banned: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for (module, text) in self.0.iter().filter(|(module, _)| module[0] == room) {
            let words = source::words(text);
            let paths: Vec<String> = source::paths(text, module)
                .iter()
                .map(|path| path.join("::"))
                .collect();
            for name in banned {
                let prefix = format!("{name}::");
                let named = if name.contains("::") {
                    paths.iter().any(|path| path == name || path.starts_with(&prefix))
                } else {
                    words.iter().any(|word| word == name)
                };
                if named {
                    found.push(format!("{} names `{name}`", module.join("::")));
                }
            }
        }
        found
    }

    /// The file that a path leads into, if it is one of this crate; the binary says `fresnel` for `crate`.
    fn target(&self, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        if first != "crate" && first != "fresnel" {
            return None;
        }
        (1..=rest.len())
            .rev()
            .map(|length| rest[..length].to_vec())
            .find(|module| self.0.contains_key(module))
            .or_else(|| self.rooms().get(rest.first()?).map(|room| vec![room.clone()]))
    }
}

fn collect(folder: &Path, parents: &[String], files: &mut BTreeMap<Vec<String>, String>) {
    for entry in std::fs::read_dir(folder).expect("a source folder can be listed") {
        let path = entry.expect("a source folder can be listed").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let module = [parents, &[name]].concat();
        if path.is_dir() {
            collect(&path, &module, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(
                module,
                std::fs::read_to_string(&path).expect("a source file can be read"),
            );
        }
    }
}

/// The two children of the nearest common parent through which one file imports another; none when one of the
/// files stands above the other.
fn side_by_side(from: &[String], to: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    Some((from.get(..=common)?.to_vec(), to.get(..=common)?.to_vec()))
}

/// Groups of modules of which each reaches each.
fn rings(imports: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> BTreeSet<BTreeSet<Vec<String>>> {
    let reached = |start: &Vec<String>| {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&Vec<String>> = imports.get(start).into_iter().flatten().collect();
        while let Some(module) = next.pop() {
            if reached.insert(module.clone()) {
                next.extend(imports.get(module).into_iter().flatten());
            }
        }
        reached
    };
    let reaches: BTreeMap<_, _> = imports.keys().map(|module| (module, reached(module))).collect();
    reaches
        .iter()
        .filter(|(module, reached)| reached.contains(**module))
        .map(|(module, reached)| {
            reached
                .iter()
                .filter(|other| reaches.get(other).is_some_and(|back| back.contains(*module)))
                .cloned()
                .collect()
        })
        .collect()
}
