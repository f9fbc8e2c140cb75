//! What root saw when it last looked at the permit list: as long as nobody changed any table since, it is what it was.

use std::path::Path;

use crate::kernel::set::saved;
pub(super) use crate::kernel::set::seen::Moment;

/// The note's file.
pub(super) const FILE: &str = "permit.seen";
/// Its counter is read again after so long, in seconds.
const READ_AGAIN: i64 = 120;

/// Which tables of which machine, in which state; none where the kernel cannot say.
pub(super) fn moment() -> Option<Moment> {
    Moment::now()
}

/// Notes that the kernel held what this digest is of.
pub(super) fn write(directory: &Path, moment: Moment, digest: u64, now: i64) {
    // Without the note the next run looks.
    let _ = saved::save_note_as(directory, FILE, &format!("{moment} {digest:016x} {now}\n"));
}

/// Whether the kernel holds it still, and its counter need not be read.
pub(super) fn is_still(directory: &Path, digest: u64, now: i64) -> bool {
    let is_so = || {
        let note = saved::load_note_as(directory, FILE)?;
        let (rest, at) = note.trim_end().rsplit_once(' ')?;
        let (moment, digest_then) = rest.rsplit_once(' ')?;
        let at: i64 = at.parse().ok()?;
        let same = moment == Moment::now()?.to_string() && digest_then == format!("{digest:016x}");
        (same && (at..at + READ_AGAIN).contains(&now)).then_some(())
    };
    is_so().is_some()
}
