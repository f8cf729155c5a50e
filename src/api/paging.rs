//! Reads which page of a list is asked for.

use std::borrow::Cow;

use uuid::Uuid;

use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::{Page, PageRequest};

/// The parameters of a query string without those of paging.
pub(super) type Others<'q> = Vec<(Cow<'q, str>, Cow<'q, str>)>;

/// Which page of a list is asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub(super) struct Paging {
    /// Which page, counted from 1.
    #[param(minimum = 1, default = 1)]
    page: Option<u32>,
    /// Items of a page at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    page_size: Option<u32>,
}

/// Reads `page` and `page_size`; other parameters are left to the caller, in their order.
///
/// # Errors
/// Names the parameter that is no number in its range.
pub(super) fn parse<'q>(
    parameters: impl IntoIterator<Item = (Cow<'q, str>, Cow<'q, str>)>,
) -> Result<(PageRequest, Others<'q>), Vec<FieldError>> {
    let (mut page, mut page_size) = (1, PageRequest::SIZE_DEFAULT);
    let (mut others, mut faults) = (Vec::new(), Vec::new());
    for (name, value) in parameters {
        let (place, field, max) = match name.as_ref() {
            "page" => (&mut page, "page", u32::MAX),
            "page_size" => (&mut page_size, "page_size", PageRequest::SIZE_MAX),
            _ => {
                others.push((name, value));
                continue;
            }
        };
        match value.parse() {
            Ok(number) if (1..=max).contains(&number) => *place = number,
            _ => {
                let message = format!("must be a whole number from 1 to {max}");
                faults.push(FieldError::new(field, FieldFault::OutOfRange, message));
            }
        }
    }
    if faults.is_empty() {
        Ok((PageRequest::new(page, page_size), others))
    } else {
        Err(faults)
    }
}

/// A page of a list that is at hand as a whole.
pub(super) fn cut<T>(list: Vec<T>, request: PageRequest) -> Page<T> {
    let total = list.len() as u64;
    let before = usize::try_from(request.offset()).unwrap_or(usize::MAX);
    let items = list
        .into_iter()
        .skip(before)
        .take(request.limit() as usize)
        .collect();
    Page::new(items, total, request)
}

/// An id in a query string.
///
/// # Errors
/// It is none.
pub(super) fn id(field: &'static str, text: &str) -> Result<Uuid, FieldError> {
    let fault = |_| FieldError::new(field, FieldFault::BadFormat, "must be an id");
    Uuid::try_parse(text).map_err(fault)
}

/// Refuses parameters that nobody has asked for.
///
/// # Errors
/// Names them.
pub(super) fn no_others(others: &Others<'_>) -> Result<(), Vec<FieldError>> {
    let unknown: Vec<FieldError> = others
        .iter()
        .map(|(name, _)| {
            let name: String = name.chars().take(100).collect();
            FieldError::new(
                name,
                FieldFault::UnknownField,
                "is not a parameter of this address",
            )
        })
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(unknown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faulty(query: &str) -> Vec<String> {
        let faults = parse(form_urlencoded::parse(query.as_bytes())).expect_err(query);
        faults.into_iter().map(|fault| fault.field.into_owned()).collect()
    }

    #[test]
    fn pages_are_read_and_faults_named() {
        let (request, others) =
            parse(form_urlencoded::parse(b"a=1&page=3&page_size=200&b=%20")).expect("a page");
        assert_eq!(request, PageRequest::new(3, 200));
        assert_eq!(others, [("a".into(), "1".into()), ("b".into(), " ".into())]);
        for query in ["page=0", "page=-1", "page=x", "page=99999999999"] {
            assert_eq!(faulty(query), ["page"], "{query}");
        }
        assert_eq!(faulty("page_size=501&page=0"), ["page_size", "page"]);
    }

    #[test]
    fn a_list_at_hand_is_cut_into_pages() {
        let list: Vec<u8> = (0..9).collect();
        let page = cut(list.clone(), PageRequest::new(3, 4));
        assert_eq!(
            (page.items, page.total, page.has_next, page.has_prev),
            (vec![8], 9, false, true)
        );
        assert!(cut(list, PageRequest::new(9, 4)).items.is_empty());
    }
}
