//! One page of a list, as a table in a browser asks for it: searched, sorted and cut.

use std::cmp::Ordering;

use serde::Serialize;

use crate::ban::Prefix;

/// Which page.
#[derive(Debug, Clone, Default)]
pub struct Paging {
    /// Lines to leave out.
    pub offset: Option<usize>,
    /// The most lines.
    pub limit: Option<usize>,
    /// Only lines with this text, or that contain this address.
    pub search: Option<String>,
    /// What to sort by.
    pub sort: Option<Column>,
    /// In which direction.
    pub order: Order,
}

/// What a list can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// by number, IPv4 first
    Address,
    /// by name
    Feed,
    /// by time
    FirstSeen,
    /// by time; what has no end comes last
    ExpiresAt,
    /// by number
    BlockedPackets,
    /// by time
    LastBlocked,
}

/// The direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// smallest first
    #[default]
    Asc,
    /// largest first
    Desc,
}

/// A value in a column. Missing values come last in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    /// An address or network.
    Prefix(Prefix),
    /// A text.
    Text(&'a str),
    /// A number, or a time in seconds.
    Number(i64),
}

/// A line of a list.
pub trait Line {
    /// Whether an address or network is part of it.
    fn holds(&self, part: &Prefix) -> bool;
    /// Its texts, as they are shown.
    fn texts(&self) -> [Option<&str>; 3];
    /// Its value in a column.
    fn key(&self, column: Column) -> Option<Key<'_>>;
}

/// A page, and how many lines there are in all.
#[derive(Debug, PartialEq, Serialize)]
pub struct Page<T> {
    /// Lines that the search found.
    pub total: usize,
    /// Those of this page.
    pub rows: Vec<T>,
}

impl Paging {
    /// Whether a page was asked for, and not the whole list.
    pub fn is_page(&self) -> bool {
        self.offset.is_some() || self.limit.is_some()
    }

    /// What the search finds, sorted.
    pub fn choose<T: Line>(&self, mut all: Vec<T>) -> Vec<T> {
        let text = self.search.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if let Some(text) = text {
            let (needle, address) = (text.to_lowercase(), text.parse::<Prefix>().ok());
            all.retain(|line| {
                let mut texts = line.texts().into_iter().flatten();
                address.is_some_and(|address| line.holds(&address))
                    || texts.any(|text| text.to_lowercase().contains(&needle))
            });
        }
        if let Some(column) = self.sort {
            all.sort_by(|a, b| match (a.key(column), b.key(column)) {
                (Some(a), Some(b)) if self.order == Order::Desc => b.cmp(&a),
                (Some(a), Some(b)) => a.cmp(&b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            });
        }
        all
    }

    /// The page of what [`Self::choose`] gave.
    pub fn cut<T>(&self, chosen: Vec<T>) -> Page<T> {
        let total = chosen.len();
        let rows = chosen.into_iter().skip(self.offset.unwrap_or(0));
        Page { total, rows: rows.take(self.limit.unwrap_or(usize::MAX)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct One(&'static str, Option<i64>);

    impl Line for One {
        fn holds(&self, part: &Prefix) -> bool {
            self.0.parse().is_ok_and(|prefix: Prefix| prefix.contains(part))
        }
        fn texts(&self) -> [Option<&str>; 3] {
            [Some(self.0), None, Some("Apiban")]
        }
        fn key(&self, column: Column) -> Option<Key<'_>> {
            match column {
                Column::Address => self.0.parse().ok().map(Key::Prefix),
                _ => self.1.map(Key::Number),
            }
        }
    }

    fn all() -> Vec<One> {
        vec![
            One("9.0.0.0/24", Some(2)),
            One("2001:db8::/32", None),
            One("sip.example.com", Some(1)),
            One("10.0.0.7", Some(3)),
            One("9.0.1.1", Some(2)),
        ]
    }

    fn names(args: &Paging) -> Vec<&'static str> {
        args.choose(all()).into_iter().map(|one| one.0).collect()
    }

    #[test]
    fn addresses_are_sorted_by_number_and_missing_values_come_last_both_ways() {
        let by = |sort, order| names(&Paging { sort: Some(sort), order, ..Paging::default() });
        assert_eq!(
            by(Column::Address, Order::Asc),
            ["9.0.0.0/24", "9.0.1.1", "10.0.0.7", "2001:db8::/32", "sip.example.com"]
        );
        assert_eq!(
            by(Column::BlockedPackets, Order::Asc),
            ["sip.example.com", "9.0.0.0/24", "9.0.1.1", "10.0.0.7", "2001:db8::/32"]
        );
        assert_eq!(
            by(Column::BlockedPackets, Order::Desc),
            ["10.0.0.7", "9.0.0.0/24", "9.0.1.1", "sip.example.com", "2001:db8::/32"]
        );
    }

    #[test]
    fn a_search_finds_text_and_the_network_that_contains_an_address() {
        let found = |text: &str| names(&Paging { search: Some(text.to_owned()), ..Paging::default() });
        assert_eq!(found("EXAMPLE"), ["sip.example.com"]);
        assert_eq!(found("9.0.0.77"), ["9.0.0.0/24"]);
        assert_eq!(found(" 9.0. "), ["9.0.0.0/24", "9.0.1.1"]);
        assert_eq!(found("2001:db8:1::5"), ["2001:db8::/32"]);
        assert_eq!((found("apiban").len(), found("").len(), found("nothing").len()), (5, 5, 0));
    }

    #[test]
    fn a_page_is_cut_from_what_was_found_and_has_its_number() {
        let page = |offset, limit| Paging { offset, limit, ..Paging::default() };
        let cut = |offset, limit| page(offset, limit).cut(all());
        assert_eq!(cut(Some(1), Some(2)), Page { total: 5, rows: all()[1..3].to_vec() });
        assert_eq!(cut(Some(4), Some(2)).rows.len(), 1);
        assert_eq!(cut(Some(9), None), Page { total: 5, rows: vec![] });
        assert!(
            page(Some(0), None).is_page() && page(None, Some(1)).is_page() && !page(None, None).is_page()
        );
    }
}
