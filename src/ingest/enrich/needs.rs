//! What a text must hold for a regular expression to match it: words that all, or of which one, must be there. It is
//! what lets us look for a few words instead of trying a thousand expressions.
//!
//! A need may ask for less than the expression does, never for more.

use std::collections::HashMap;

use regex_syntax::hir::{Class, Hir, HirKind};

/// Shorter words are in every text, so they are not worth looking for.
const WORD_BYTES_MIN: usize = 2;

/// What must be there; words by their place in [`Words`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Need {
    /// Nothing is known.
    Nothing,
    /// This word.
    Word(usize),
    /// All of these.
    All(Vec<Need>),
    /// One of these.
    Any(Vec<Need>),
}

/// All words that are asked for, in lower case, each once.
#[derive(Debug, Default)]
pub(super) struct Words {
    places: HashMap<Box<[u8]>, usize>,
}

impl Words {
    /// The words in their order.
    pub(super) fn in_order(self) -> Vec<Box<[u8]>> {
        let mut words: Vec<_> = self.places.into_iter().collect();
        words.sort_unstable_by_key(|(_, place)| *place);
        words.into_iter().map(|(word, _)| word).collect()
    }

    fn need(&mut self, word: &mut Vec<u8>) -> Need {
        let found = std::mem::take(word);
        if found.len() < WORD_BYTES_MIN {
            return Need::Nothing;
        }
        let next = self.places.len();
        Need::Word(*self.places.entry(found.into()).or_insert(next))
    }
}

impl Need {
    /// The need of an expression; nothing when it cannot be read.
    pub(super) fn of(regex: &str, ignores_case: bool, words: &mut Words) -> Self {
        // Bytes instead of Unicode: a word is the same, and classes are small.
        let parsed = regex_syntax::ParserBuilder::new()
            .case_insensitive(ignores_case)
            .unicode(false)
            .utf8(false)
            .build()
            .parse(regex);
        parsed.map_or(Self::Nothing, |hir| need(&hir, words))
    }

    /// True when a text that holds these words may match.
    pub(super) fn is_met(&self, holds: &[bool]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Word(place) => holds.get(*place).copied().unwrap_or(true),
            Self::All(needs) => needs.iter().all(|need| need.is_met(holds)),
            Self::Any(needs) => needs.iter().any(|need| need.is_met(holds)),
        }
    }
}

fn need(hir: &Hir, words: &mut Words) -> Need {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => Need::Nothing,
        HirKind::Literal(literal) => words.need(&mut literal.0.to_ascii_lowercase()),
        HirKind::Repetition(repetition) if repetition.min > 0 => need(&repetition.sub, words),
        HirKind::Repetition(_) => Need::Nothing,
        HirKind::Capture(capture) => need(&capture.sub, words),
        HirKind::Concat(parts) => all(parts, words),
        HirKind::Alternation(parts) => {
            let needs: Vec<_> = parts.iter().map(|part| need(part, words)).collect();
            if needs.contains(&Need::Nothing) {
                Need::Nothing
            } else {
                Need::Any(needs)
            }
        }
    }
}

/// The parts one behind another; texts that touch make one word.
fn all(parts: &[Hir], words: &mut Words) -> Need {
    let mut needs = Vec::new();
    let mut word = Vec::new();
    for part in parts {
        if append_text(part, &mut word) {
            continue;
        }
        needs.push(words.need(&mut word));
        needs.push(need(part, words));
    }
    needs.push(words.need(&mut word));
    needs.retain(|need| *need != Need::Nothing);
    match needs.len() {
        0 => Need::Nothing,
        1 => needs.swap_remove(0),
        _ => Need::All(needs),
    }
}

/// Appends what this part matches, if it matches one text only, whatever its case.
fn append_text(part: &Hir, word: &mut Vec<u8>) -> bool {
    let length = word.len();
    let is_text = match part.kind() {
        HirKind::Literal(literal) => {
            word.extend(literal.0.to_ascii_lowercase());
            true
        }
        HirKind::Class(class) => letter(class).is_some_and(|letter| {
            word.push(letter);
            true
        }),
        HirKind::Capture(capture) => append_text(&capture.sub, word),
        HirKind::Concat(parts) => parts.iter().all(|part| append_text(part, word)),
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) | HirKind::Alternation(_) => false,
    };
    if !is_text {
        word.truncate(length);
    }
    is_text
}

/// The letter of a class that is one letter in both cases.
fn letter(class: &Class) -> Option<u8> {
    let mut letters: Vec<u8> = Vec::new();
    match class {
        Class::Bytes(bytes) => {
            for range in bytes.ranges() {
                letters.extend(range.start()..=range.end().min(range.start().saturating_add(2)));
            }
        }
        Class::Unicode(chars) => {
            for range in chars.ranges() {
                for char in range.start()..=range.end() {
                    letters.push(u8::try_from(char).ok()?);
                    if letters.len() > 2 {
                        return None;
                    }
                }
            }
        }
    }
    let first = letters.first()?.to_ascii_lowercase();
    let is_letter = letters.len() <= 2 && letters.iter().all(|letter| letter.eq_ignore_ascii_case(&first));
    is_letter.then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the need of an expression is met by a text.
    fn is_met(regex: &str, ignores_case: bool, text: &str) -> bool {
        let mut words = Words::default();
        let need = Need::of(regex, ignores_case, &mut words);
        let text = text.to_ascii_lowercase();
        let holds: Vec<bool> = words
            .in_order()
            .iter()
            .map(|word| {
                text.as_bytes()
                    .windows(word.len())
                    .any(|window| window == &**word)
            })
            .collect();
        need.is_met(&holds)
    }

    #[test]
    fn texts_without_the_words_are_passed_over() {
        for (regex, fits, does_not) in [
            (r"(Firefox)/(\d+)", "Firefox/128", "Chrome/131"),
            (r"Foo(?:bar|)baz", "Foobaz", "Foobar"),
            (r"(?:iPhone|iPad).{1,100}Safari", "iPad; Safari", "iPad; Chrome"),
            (r"a(bc)+d.*end", "abcbcd end", "abc"),
            (r"x|(?:long|word)", "x", ""),
        ] {
            assert!(is_met(regex, false, fits), "{regex}");
            assert!(does_not.is_empty() || !is_met(regex, false, does_not), "{regex}");
        }
        assert!(is_met("googlebot", true, "GoogleBot") && !is_met("googlebot", true, "Bing"));
        assert!(
            is_met("(unclosed", false, ""),
            "what cannot be read may match everything"
        );
    }

    proptest::proptest! {
        #[test]
        fn what_matches_is_never_passed_over(
            regex in "((abc|a?b+c{0,2}|[a-c]|[aA]bc|\\d|(?:x|)yz|.)[+*?]?){1,6}(\\|abcd)?", text in "[a-dx-zA-D0-9]{0,24}", ignores_case in proptest::bool::ANY,
        ) {
            let Ok(compiled) = regex::RegexBuilder::new(&regex).case_insensitive(ignores_case).build() else {
                return Ok(());
            };
            if compiled.is_match(&text) {
                proptest::prop_assert!(is_met(&regex, ignores_case, &text));
            }
        }
    }
}
