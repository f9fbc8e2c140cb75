//! The sources of those who must get through.

use super::{Check, Lack};
use crate::ledger::protections::SourceState;

/// Judges how they were read last.
pub fn judge(sources: &[SourceState]) -> Check {
    let name = "never_block";
    if sources.is_empty() {
        let found = "not read yet; the first run reads them before it blocks anything";
        return Check::unknown(name, found);
    }
    let failed = |source: &&SourceState| source.last_error.is_some();
    let say = |source: &SourceState| {
        let why = source.last_error.as_deref().unwrap_or_default();
        format!("{}: {why}", source.source.title())
    };
    let all: Vec<&SourceState> = sources.iter().filter(failed).collect();
    let never: Vec<String> =
        all.iter().filter(|source| source.last_success.is_none()).map(|s| say(s)).collect();
    let mend = "correct what is named, then: banbridge sync; or banbridge allow ADDRESS for each address that they protect";
    if !never.is_empty() {
        let found = format!("never read, so their addresses are not protected: {}", never.join("; "));
        Check::error(name, Lack::Reach, found, mend)
    } else if all.is_empty() {
        Check::ok(name, format!("all {} sources were read", sources.len()))
    } else {
        let all: Vec<String> = all.into_iter().map(say).collect();
        let found =
            format!("could not be read now; addresses found before stay protected: {}", all.join("; "));
        Check::warning(name, found, mend)
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::ban::Source;

    #[test]
    fn a_source_that_was_read_before_is_missed_less_than_one_that_never_was() {
        let source = |last_success, error: Option<&str>| SourceState {
            source: Source::Contact,
            last_success,
            last_error: error.map(str::to_owned),
        };
        assert_eq!(judge(&[]).state, State::Unknown);
        assert_eq!(judge(&[source(Some(1), None)]).state, State::Ok);
        assert_eq!(judge(&[source(Some(1), Some("x"))]).state, State::Warning);
        assert_eq!(judge(&[source(Some(1), Some("x")), source(None, Some("y"))]).state, State::Error);
    }
}
