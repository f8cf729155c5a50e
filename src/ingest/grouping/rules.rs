//! A project's own rules: patterns of paths, in order, and the names that they give.

use crate::domain::field_error::{FieldError, FieldFault};

/// Rules of one project.
const RULES_MAX: usize = 100;
/// Characters of a pattern or of a name.
const RULE_CHARS_MAX: usize = 500;

/// Rules, the first that fits wins. A pattern like `/shop/:shop/item/**` is compared segment by segment, host and
/// query left out:
///
/// | segment | fits |
/// |---|---|
/// | `*` | any one segment |
/// | `:shop` | any one segment, which the name may then use |
/// | `**`, as the last | whatever is left, also nothing |
/// | any other | itself |
///
/// The name is taken as it is, but `{shop}` in it stands for what `:shop` was: `/shop/:shop` counts all shops
/// together, `/shop/{shop}` each for itself. A name that a rule gives is not looked at for ids any more.
#[derive(Clone, Debug, Default)]
pub struct GroupingRules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    segments: Vec<Segment>,
    /// True when the pattern ends in `**`.
    is_open: bool,
    name: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Segment {
    Any,
    Named(Box<str>),
    Exactly(Box<str>),
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Box<str>),
    /// The segment of this place in the path.
    Segment(usize),
}

impl GroupingRules {
    /// Reads pairs of pattern and name, in their order.
    ///
    /// # Errors
    /// All rules that are none, as `grouping_rules[2].pattern` or `grouping_rules[2].name`.
    pub fn parse<'a>(rules: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut parsed = Vec::new();
        for (index, (pattern, name)) in rules.into_iter().enumerate() {
            if index == RULES_MAX {
                let message = format!("must have at most {RULES_MAX} items");
                errors.push(FieldError::new("grouping_rules", FieldFault::TooLong, message));
                break;
            }
            match Rule::parse(pattern, name) {
                Ok(rule) => parsed.push(rule),
                Err((member, message)) => {
                    let field = format!("grouping_rules[{index}].{member}");
                    errors.push(FieldError::new(field, FieldFault::BadFormat, message));
                }
            }
        }
        if errors.is_empty() {
            Ok(Self(parsed))
        } else {
            Err(errors)
        }
    }

    /// The name that the first fitting rule gives to a path.
    pub(super) fn name_of(&self, path: &str) -> Option<String> {
        self.0
            .iter()
            .find(|rule| rule.fits(path))
            .map(|rule| rule.name_of(path))
    }
}

impl Rule {
    fn parse(pattern: &str, name: &str) -> Result<Self, (&'static str, &'static str)> {
        let is_bad = |text: &str| {
            text.is_empty()
                || text.chars().count() > RULE_CHARS_MAX
                || text.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        let length = "must have 1 to 500 characters, none of them a space";
        if is_bad(pattern) {
            return Err(("pattern", length));
        }
        if is_bad(name) {
            return Err(("name", length));
        }
        if !pattern.starts_with('/') {
            return Err(("pattern", "must begin with /"));
        }
        if pattern.contains(['?', '#']) {
            return Err((
                "pattern",
                "must not hold ? or #: query and fragment are never compared",
            ));
        }
        let mut segments = Vec::new();
        let mut is_open = false;
        for segment in super::segments(pattern) {
            if is_open {
                return Err(("pattern", "** must be the last segment"));
            }
            segments.push(match segment.strip_prefix(':') {
                _ if segment == "**" => {
                    is_open = true;
                    continue;
                }
                _ if segment == "*" => Segment::Any,
                _ if segment.contains('*') => {
                    return Err(("pattern", "* must be a segment of its own"));
                }
                Some(named) if is_word(named) => Segment::Named(named.into()),
                Some(_) => return Err(("pattern", "a name behind : must be of letters, digits and _")),
                None => Segment::Exactly(segment.into()),
            });
        }
        let name = pieces(name, &segments)?;
        Ok(Self {
            segments,
            is_open,
            name,
        })
    }

    fn fits(&self, path: &str) -> bool {
        let mut found = super::segments(path);
        let fit = self.segments.iter().all(|segment| match (segment, found.next()) {
            (_, None) => false,
            (Segment::Exactly(text), Some(found)) => **text == *found,
            (Segment::Any | Segment::Named(_), Some(_)) => true,
        });
        fit && (self.is_open || found.next().is_none())
    }

    fn name_of(&self, path: &str) -> String {
        let mut name = String::new();
        for piece in &self.name {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Segment(place) => name.push_str(super::segments(path).nth(*place).unwrap_or_default()),
            }
        }
        name
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Cuts a name at its `{…}`.
fn pieces(name: &str, segments: &[Segment]) -> Result<Vec<Piece>, (&'static str, &'static str)> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some((text, behind)) = rest.split_once('{') {
        let unclosed = ("name", "a { must be closed by }");
        let (wanted, behind) = behind.split_once('}').ok_or(unclosed)?;
        let is_wanted = |segment: &Segment| matches!(segment, Segment::Named(named) if **named == *wanted);
        let place = segments
            .iter()
            .position(is_wanted)
            .ok_or(("name", "what stands in { } must be a : segment of the pattern"))?;
        pieces.push(Piece::Text(text.into()));
        pieces.push(Piece::Segment(place));
        rest = behind;
    }
    pieces.push(Piece::Text(rest.into()));
    Ok(pieces)
}
