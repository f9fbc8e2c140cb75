//! What apiban answers: the list, its cursors, its keys and its rate limit.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::wire::{Answer, Request, decode};

/// The ID of the first entry ever listed; apiban's look like times too.
const FIRST_ID: u64 = 1_598_000_000;
/// IDs are opaque, so they do not count by ones.
const STEP: u64 = 7;

/// The state of the service.
#[derive(Debug)]
pub struct Api {
    pub keys: Vec<String>,
    /// Requests allowed within a time, for a key; none for no limit.
    pub rate: Option<(usize, Duration)>,
    /// Whether a 429 says when to come back.
    pub retry_after: bool,
    /// Entries in an answer, at most.
    pub batch: usize,
    file: Option<(PathBuf, Option<(SystemTime, u64)>)>,
    listed: Vec<(u64, String)>,
    next_id: u64,
    asked: HashMap<String, VecDeque<Instant>>,
}

impl Api {
    pub fn new(keys: Vec<String>, rate: Option<(usize, Duration)>, retry_after: bool, batch: usize) -> Self {
        Self {
            keys,
            rate,
            retry_after,
            batch: batch.max(1),
            file: None,
            listed: Vec::new(),
            next_id: FIRST_ID,
            asked: HashMap::new(),
        }
    }

    /// Serves a file, read again whenever it has changed.
    pub fn serve_file(&mut self, path: PathBuf) -> std::io::Result<()> {
        let text = std::fs::read_to_string(&path)?;
        self.file = Some((path, None));
        self.set_list(&text);
        Ok(())
    }

    /// Takes one entry a line, `#` begins a comment. Entries that were listed keep their ID, new
    /// ones get higher ones in the order of the lines.
    pub fn set_list(&mut self, text: &str) {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let wanted: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let keep: HashSet<&str> = wanted.iter().copied().collect();
        self.listed.retain(|(_, entry)| keep.contains(entry.as_str()));
        let mut known: HashSet<String> = self.listed.iter().map(|(_, entry)| entry.clone()).collect();
        for entry in wanted {
            if known.insert(entry.to_owned()) {
                self.append(entry);
            }
        }
    }

    /// Lists an entry, again if it was listed, at the end.
    pub fn sight(&mut self, entry: &str) {
        self.listed.retain(|(_, listed)| listed != entry);
        self.append(entry);
    }

    fn append(&mut self, entry: &str) {
        self.next_id += STEP;
        self.listed.push((self.next_id, entry.to_owned()));
    }

    /// Forgets who asked how often.
    pub fn reset_rate(&mut self) {
        self.asked.clear();
    }

    fn reload(&mut self) {
        let Some((path, stamp)) = &mut self.file else {
            return;
        };
        let now = std::fs::metadata(&*path).ok().and_then(|m| Some((m.modified().ok()?, m.len())));
        if now.is_some() && now != *stamp {
            *stamp = now;
            if let Ok(text) = std::fs::read_to_string(&*path) {
                self.set_list(&text);
            }
        }
    }

    /// The answer to a request in either version of the API.
    pub fn answer(&mut self, request: &Request) -> Answer {
        self.reload();
        let path = request.path.split('?').next().unwrap_or_default();
        let parts: Vec<String> = path.trim_start_matches('/').split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["api", call @ ("get" | "check")]) => {
                let key = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
                if let Some(no) = self.refuse(key.unwrap_or_default()) {
                    return no;
                }
                let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
                let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                if !["sip", "http", "all"].contains(&text("set").as_str()) {
                    return Answer::new(400, "{}");
                }
                if *call == "get" { self.fetch(&text("id")) } else { self.check(&text("ipaddress")) }
            }
            ("GET", ["api", key, call @ ("banned" | "check"), what]) => {
                if let Some(no) = self.refuse(key) {
                    return no;
                }
                if *call == "banned" { self.fetch(what) } else { self.check(what) }
            }
            _ => Answer::new(404, "<html><body>Not Found</body></html>").with("Content-Type", "text/html"),
        }
    }

    fn refuse(&mut self, key: &str) -> Option<Answer> {
        if !self.keys.iter().any(|known| known == key) {
            return Some(Answer::new(403, json!({"ipaddress": "none", "ID": "unauthorized"}).to_string()));
        }
        let (limit, window) = self.rate?;
        let asked = self.asked.entry(key.to_owned()).or_default();
        while asked.front().is_some_and(|at| at.elapsed() >= window) {
            asked.pop_front();
        }
        if asked.len() < limit {
            asked.push_back(Instant::now());
            return None;
        }
        let answer =
            Answer::new(429, json!({"ipaddress": "rate limit exceeded", "ID": "unauthorized"}).to_string());
        let left = asked.front().map_or(window, |at| window.saturating_sub(at.elapsed()));
        Some(if self.retry_after { answer.with("Retry-After", left.as_secs() + 1) } else { answer })
    }

    fn fetch(&self, cursor: &str) -> Answer {
        let Ok(cursor) = cursor.parse::<u64>() else {
            return Answer::new(400, "{}");
        };
        let new: Vec<_> = self.listed.iter().filter(|(id, _)| *id > cursor).take(self.batch).collect();
        match new.last() {
            None => Answer::new(400, json!({"ipaddress": ["no new bans"], "ID": "none"}).to_string()),
            Some((id, _)) => {
                let entries: Vec<_> = new.iter().map(|(_, entry)| entry).collect();
                Answer::new(200, json!({"ipaddress": entries, "ID": id.to_string()}).to_string())
            }
        }
    }

    fn check(&self, address: &str) -> Answer {
        match self.listed.iter().find(|(_, entry)| entry == address) {
            Some((id, entry)) => {
                Answer::new(200, json!({"ipaddress": [entry], "ID": id.to_string()}).to_string())
            }
            None => Answer::new(400, json!({"ipaddress": ["not blocked"], "ID": "none"}).to_string()),
        }
    }
}
