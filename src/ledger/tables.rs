//! The names of our tables, all of them. What each holds is in `sql/`.

use crate::system::database::Table;

/// What to do about a table of ours that does not hold what it should.
const FIX: &str =
    "restore the tables banbridge_* from a backup, or start over: banbridge purge, then banbridge sync";

const fn ours(name: &'static str) -> Table {
    Table { name, fix: FIX }
}

macro_rules! tables {
    ($($table:ident $name:literal,)*) => {
        $(pub(super) static $table: Table = ours($name);)*

        /// All of them.
        #[cfg(test)]
        pub(super) static ALL: &[&Table] = &[$(&$table),*];
    };
}

tables! {
    ALLOW "banbridge_allow",
    ATTACK "banbridge_attack",
    ATTACK_FEED "banbridge_attack_feed",
    ATTACK_HOUR "banbridge_attack_hour",
    ATTACK_STOP "banbridge_attack_stop",
    ENTRY "banbridge_entry",
    EVIDENCE "banbridge_evidence",
    FEED "banbridge_feed",
    FEED_DAY "banbridge_feed_day",
    HIT "banbridge_hit",
    HIT_TOTAL "banbridge_hit_total",
    HOUR "banbridge_hour",
    KEY_REFUSED "banbridge_key_refused",
    LIST "banbridge_list",
    LOG "banbridge_log",
    NAME "banbridge_name",
    OFFENDER "banbridge_offender",
    PROBLEM "banbridge_problem",
    PROTECTION "banbridge_protection",
    SKIPPED "banbridge_skipped",
    UNBLOCK "banbridge_unblock",
    OUTSIDE_HOUR "banbridge_outside_hour",
    RECENT "banbridge_recent",
    REQUEST "banbridge_request",
    ROW "banbridge_row",
    RUN "banbridge_run",
    SCHEMA "banbridge_schema",
    SET "banbridge_set",
    SHARED "banbridge_shared",
    SUCCESS "banbridge_success",
    SIGHTING "banbridge_sighting",
    SOURCE "banbridge_source",
    STATE "banbridge_state",
    NOTIFIED "banbridge_notified",
}
