//! Reads Rust as far as the rule needs: words and punctuation, without comments and texts; then the paths in it.

/// A word or one character of punctuation.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Mark(char),
}

/// All paths of two or more segments that a file names, as segments; those that begin with `crate`, `self` or
/// `super` are resolved, so that they begin with `crate`. `module` is the file's own path below the crate.
pub(crate) fn paths(text: &str, module: &[String]) -> Vec<Vec<String>> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    // The inline modules that stand open, each with the depth of its brace.
    let mut here = module.to_vec();
    let mut open = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                if open.last() == Some(&depth) {
                    open.pop();
                    here.pop();
                }
            }
            Token::Word(word) if word == "mod" => {
                if let (Some(Token::Word(name)), Some(Token::Mark('{'))) =
                    (tokens.get(at + 1), tokens.get(at + 2))
                {
                    here.push(name.clone());
                    open.push(depth);
                    at += 1;
                }
            }
            Token::Word(_) => {
                at = path_tree(&tokens, at, Vec::new(), &mut |path| {
                    if path.len() > 1 {
                        found.push(resolved(path, &here));
                    }
                });
                continue;
            }
            Token::Mark(_) => {}
        }
        at += 1;
    }
    found
}

/// All words of a file, as the language sees them.
pub(crate) fn words(text: &str) -> Vec<String> {
    tokens(text)
        .into_iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(word),
            Token::Mark(_) => None,
        })
        .collect()
}

/// Reads `a::b::{c, d::e}` from `at` on, which is a word, and gives each path; returns where it ends.
fn path_tree(
    tokens: &[Token],
    mut at: usize,
    mut path: Vec<String>,
    give: &mut impl FnMut(&[String]),
) -> usize {
    while let Some(Token::Word(word)) = tokens.get(at) {
        path.push(word.clone());
        at += 1;
        if tokens.get(at..at + 2) != Some(&[Token::Mark(':'), Token::Mark(':')]) {
            break;
        }
        at += 2;
        if tokens.get(at) == Some(&Token::Mark('{')) {
            at += 1;
            loop {
                match tokens.get(at) {
                    Some(Token::Word(_)) => at = path_tree(tokens, at, path.clone(), give),
                    Some(Token::Mark('}')) => return at + 1,
                    Some(Token::Mark(_)) => at += 1,
                    None => return at,
                }
            }
        }
    }
    give(&path);
    at
}

/// The path from the crate's root, for one that says where it starts.
fn resolved(path: &[String], here: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|segment| *segment == "super").count();
    let from_here = |ups: usize, rest: &[String]| {
        let kept = here.get(..here.len().saturating_sub(ups)).unwrap_or_default();
        [&["crate".to_owned()], kept, rest].concat()
    };
    match path.first().map(String::as_str) {
        Some("super") => from_here(ups, path.get(ups..).unwrap_or_default()),
        Some("self") => from_here(0, path.get(1..).unwrap_or_default()),
        _ => path.to_vec(),
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let text: Vec<char> = text.chars().collect();
    let at = |index: usize| text.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < text.len() {
        let character = at(index);
        index = match character {
            '/' if at(index + 1) == '/' => end_of_line(&text, index),
            '/' if at(index + 1) == '*' => end_of_comment(&text, index),
            '"' => end_of_text(&text, index),
            '\'' => end_of_character(&text, index),
            'r' | 'b' | 'c' if let Some(end) = end_of_prefixed_text(&text, index) => end,
            _ if character.is_alphanumeric() || character == '_' => {
                let end = end_of_word(&text, index);
                tokens.push(Token::Word(text.iter().take(end).skip(index).collect()));
                end
            }
            _ => {
                if !character.is_whitespace() {
                    tokens.push(Token::Mark(character));
                }
                index + 1
            }
        };
    }
    tokens
}

fn end_of_line(text: &[char], start: usize) -> usize {
    find(text, start, |character| character == '\n')
}

fn end_of_word(text: &[char], start: usize) -> usize {
    find(text, start, |character| {
        !(character.is_alphanumeric() || character == '_')
    })
}

fn find(text: &[char], start: usize, wanted: impl Fn(char) -> bool) -> usize {
    (start..text.len())
        .find(|&index| wanted(text[index]))
        .unwrap_or(text.len())
}

/// Block comments nest.
fn end_of_comment(text: &[char], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = start;
    while index < text.len() {
        match text.get(index..index + 2) {
            Some(['/', '*']) => (depth, index) = (depth + 1, index + 2),
            Some(['*', '/']) => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            break;
        }
    }
    index
}

fn end_of_text(text: &[char], quote: usize) -> usize {
    let mut index = quote + 1;
    while index < text.len() && text[index] != '"' {
        index += if text[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

/// `'x'`, `'\n'`, or a lifetime, which ends with its name.
fn end_of_character(text: &[char], quote: usize) -> usize {
    match (text.get(quote + 1), text.get(quote + 2)) {
        (Some('\\'), _) => find(text, quote + 3, |character| character == '\'') + 1,
        (_, Some('\'')) => quote + 3,
        _ => end_of_word(text, quote + 1).max(quote + 1),
    }
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`; none when the letter begins a word.
fn end_of_prefixed_text(text: &[char], start: usize) -> Option<usize> {
    let letters = text
        .iter()
        .skip(start)
        .take_while(|letter| "rbc".contains(**letter))
        .count();
    let hashes = text
        .iter()
        .skip(start + letters)
        .take_while(|hash| **hash == '#')
        .count();
    let quote = start + letters + hashes;
    if letters > 2 || text.get(quote) != Some(&'"') {
        return None;
    }
    if !text.iter().skip(start).take(letters).any(|letter| *letter == 'r') {
        return Some(end_of_text(text, quote));
    }
    let closing: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', hashes))
        .collect();
    let end = (quote + 1..text.len()).find(|&index| text[index..].starts_with(&closing));
    Some(end.unwrap_or(text.len()) + closing.len())
}
