//! Which page of a list, on the command line.

use clap::{Args, ValueEnum};

use crate::run::page::{Column, Order, Paging};

/// Which page.
#[derive(Debug, Clone, Default, Args)]
pub struct PageArgs {
    /// for programs: skip the first N; with this or --limit the JSON is {"total", "rows"}
    #[arg(long, value_name = "N")]
    pub offset: Option<usize>,
    /// for programs: at most N
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// only what contains this text, or this address
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// column to sort by
    #[arg(long, value_enum)]
    pub sort: Option<SortBy>,
    /// direction
    #[arg(long, value_enum, requires = "sort", default_value = "asc")]
    pub order: Direction,
}

/// What to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum SortBy {
    /// by number, IPv4 first
    Address,
    /// by name
    Feed,
    /// by time
    FirstSeen,
    /// by time; entries without an end come last
    ExpiresAt,
    /// by number
    BlockedPackets,
    /// by time, with --packets
    LastBlocked,
}

/// The direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// the smallest first
    #[default]
    Asc,
    /// the largest first
    Desc,
}

impl PageArgs {
    /// The same without the command line.
    pub fn paging(&self) -> Paging {
        Paging {
            offset: self.offset,
            limit: self.limit,
            search: self.search.clone(),
            sort: self.sort.map(|sort| match sort {
                SortBy::Address => Column::Address,
                SortBy::Feed => Column::Feed,
                SortBy::FirstSeen => Column::FirstSeen,
                SortBy::ExpiresAt => Column::ExpiresAt,
                SortBy::BlockedPackets => Column::BlockedPackets,
                SortBy::LastBlocked => Column::LastBlocked,
            }),
            order: match self.order {
                Direction::Asc => Order::Asc,
                Direction::Desc => Order::Desc,
            },
        }
    }
}
