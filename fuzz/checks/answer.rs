//! What a feed answers: a line with the status, then the body. Server and body are anybody's.

use banbridge::feed::answer::{Answer, MAX_CURSOR, classify};
use banbridge::feed::body::MAX_ENTRIES;

use super::one_line;

fn parts(data: &[u8]) -> (u16, &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let status = std::str::from_utf8(&data[..at]).ok().and_then(|line| line.parse().ok());
    status.map_or((200, data), |status| (status, &data[at + 1..]))
}

pub fn read(data: &[u8]) {
    let (status, body) = parts(data);
    let _ = classify(status, body);
}

pub fn check(data: &[u8]) {
    let (status, body) = parts(data);
    let answer = classify(status, body);
    if let Some(why) = answer.why() {
        one_line(why, 120);
    }
    match &answer {
        Answer::Batch { entries, next } => {
            assert_eq!(status, 200, "only a 200 brings entries");
            assert!(entries.len() <= MAX_ENTRIES);
            let size: usize = entries.iter().map(|entry| entry.shown().len()).sum();
            assert!(size <= 8 * body.len(), "{size} bytes of entries from {} bytes", body.len());
            assert!(next.is_some() || !entries.is_empty(), "this is the end, and no batch");
            if let Some(next) = next {
                assert!(!next.is_empty() && next.len() <= MAX_CURSOR && next.trim() == next);
                assert!(!next.eq_ignore_ascii_case("none") && !next.contains(char::is_control));
            }
        }
        Answer::Complete => assert!(matches!(status, 200 | 400 | 403 | 404)),
        Answer::Unavailable { .. } => assert!(status >= 500),
        Answer::KeyRefused | Answer::RateLimited | Answer::BadRequest { .. } | Answer::Unusable { .. } => {}
    }
    match status {
        429 => assert_eq!(answer, Answer::RateLimited),
        401 => assert!(matches!(answer, Answer::KeyRefused | Answer::RateLimited)),
        500.. => assert!(matches!(answer, Answer::Unavailable { .. } | Answer::RateLimited)),
        _ => {}
    }
    // A body that was cut off is never taken for a whole one, wherever it was cut.
    if status == 200 && matches!(answer, Answer::Batch { .. } | Answer::Complete) {
        let whole = body.trim_ascii_end().len();
        for length in [whole - 1, whole / 2, whole / 3] {
            let cut = classify(200, &body[..length]);
            assert!(matches!(cut, Answer::Unusable { .. }), "cut at {length}: {cut:?}");
        }
    }
}
