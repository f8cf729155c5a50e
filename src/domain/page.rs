//! Lists in pages.

use serde::Serialize;

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PageRequest {
    page: u32,
    page_size: u32,
}

impl PageRequest {
    /// Most items of a page.
    pub const SIZE_MAX: u32 = 500;
    /// Items of a page when nobody says.
    pub const SIZE_DEFAULT: u32 = 50;

    /// Page `page`, counted from 1, of `page_size` items, 1 to [`SIZE_MAX`](Self::SIZE_MAX). What is outside is
    /// brought to the nearest.
    #[must_use]
    pub fn new(page: u32, page_size: u32) -> Self {
        Self {
            page: page.max(1),
            page_size: page_size.clamp(1, Self::SIZE_MAX),
        }
    }

    /// Items before the page.
    #[must_use]
    pub fn offset(self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.page_size)
    }

    /// Items of the page at most.
    #[must_use]
    pub const fn limit(self) -> u32 {
        self.page_size
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self::new(1, Self::SIZE_DEFAULT)
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Items of the whole list.
    pub total: u64,
    /// Which page this is, counted from 1.
    pub page: u32,
    /// Items of a page at most.
    pub page_size: u32,
    /// Pages of the whole list.
    pub total_pages: u64,
    /// Whether there is a page after this one.
    pub has_next: bool,
    /// Whether there is a page before this one.
    pub has_prev: bool,
}

impl<T> Page<T> {
    /// The page with these items, of a list with `total`.
    #[must_use]
    pub fn new(items: Vec<T>, total: u64, request: PageRequest) -> Self {
        let total_pages = total.div_ceil(u64::from(request.page_size));
        Self {
            items,
            total,
            page: request.page,
            page_size: request.page_size,
            total_pages,
            has_next: u64::from(request.page) < total_pages,
            has_prev: request.page > 1 && total_pages > 0,
        }
    }

    /// The same page of what is made of each item.
    #[must_use]
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(make).collect(),
            total: self.total,
            page: self.page,
            page_size: self.page_size,
            total_pages: self.total_pages,
            has_next: self.has_next,
            has_prev: self.has_prev,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_list_has_no_pages() {
        let page = Page::<u8>::new(Vec::new(), 0, PageRequest::default());
        assert_eq!(
            (page.total_pages, page.has_next, page.has_prev),
            (0, false, false)
        );
    }

    proptest! {
        #[test]
        fn pages_cover_the_list_exactly(total in 0_u32..2_000, size in 0_u32..700) {
            let mut seen = 0;
            let mut number = 1;
            loop {
                let request = PageRequest::new(number, size);
                prop_assert_eq!(request.offset(), u64::from(seen));
                let count = (total - seen).min(request.limit());
                let page = Page::new(vec![(); count as usize], u64::from(total), request);
                prop_assert_eq!(page.has_prev, number > 1 && total > 0);
                seen += count;
                if !page.has_next { break; }
                number += 1;
            }
            prop_assert_eq!(seen, total);
        }
    }
}
