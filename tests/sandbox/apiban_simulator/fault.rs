//! Answers that no honest server gives, and some that an honest one gives on a bad day.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use super::wire::{Answer, head};

/// A fault: its name, and what comes after `=` where it takes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub name: String,
    pub arg: Option<String>,
}

/// No fault at all.
pub const NONE: &str = "none";

/// Name, and what it does; `[=X]` takes a value.
pub const FAULTS: &[(&str, &str)] = &[
    (NONE, "a true answer, to stand before a fault"),
    ("no-json", "200 with a plain list, one address a line"),
    ("truncated", "200 whose JSON ends in the middle, with a right Content-Length"),
    ("wrong-types", "200 with an object for the addresses and a list for the ID"),
    ("mixed", "200 with numbers, null, lists and objects among the addresses"),
    ("junk", "200 with entries that are no addresses, or such as nobody may block"),
    ("empty", "200 with no addresses and a new ID"),
    ("same-id", "200 with one address and the ID that was sent"),
    ("html", "a web page; =STATUS, default 200"),
    ("status", "an empty answer; =STATUS, default 500"),
    ("busy", "503 with Retry-After; =SECONDS, default 7"),
    ("rate", "429 with Retry-After; =SECONDS, default 7"),
    ("rate-plain", "429 without Retry-After"),
    ("key", "403, key refused"),
    ("echo", "400 that repeats the request's path and Authorization"),
    ("drip", "a byte at a time, without end; =MILLISECONDS between them, default 50"),
    ("drip-head", "the same with the header"),
    ("interim", "answers 100 Continue without end; =MILLISECONDS between them, default 50"),
    ("interim-flood", "the same as fast as it goes"),
    ("stall", "reads the request and says nothing"),
    ("close", "reads the request and closes the connection"),
    ("reset", "resets the connection in the middle of the answer"),
    ("reset-early", "resets the connection before the answer"),
    ("long-length", "Content-Length says more than is sent"),
    ("short-length", "Content-Length says less than is sent"),
    ("bad-length", "Content-Length is no number"),
    ("endless", "a chunked body without end"),
    ("cut-chunk", "a chunked body that ends within a chunk"),
    ("endless-head", "header lines without end"),
    ("oversize", "a valid batch of 9 MiB"),
    ("gzip", "a gzip body of 400 kB that unpacks to 64 MB"),
    ("garbage", "bytes that are not HTTP"),
    ("redirect-loop", "a redirect to itself; =STATUS, default 307"),
    ("redirect", "a redirect to =URL, which it needs; status 307"),
    ("redirect-http", "a redirect to plain http on another machine"),
];

/// What a fault needs to know of the request.
pub struct Asked<'a> {
    pub path: &'a str,
    pub cursor: &'a str,
    pub authorization: &'a str,
}

impl Fault {
    /// Reads `NAME` or `NAME=X`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, arg) =
            text.split_once('=').map_or((text, None), |(name, arg)| (name, Some(arg.to_owned())));
        if !FAULTS.iter().any(|(known, _)| *known == name) {
            return Err(format!("there is no fault {name:?}"));
        }
        if name == "redirect" && arg.is_none() {
            return Err("redirect needs a place: redirect=URL".into());
        }
        Ok(Self { name: name.to_owned(), arg })
    }

    fn number(&self, default: u64) -> u64 {
        self.arg.as_deref().and_then(|arg| arg.parse().ok()).unwrap_or(default)
    }

    /// Gives the faulty answer. Errors are those of a client that has had enough.
    pub fn give(&self, asked: &Asked, stream: &mut dyn Write, tcp: &TcpStream) -> io::Result<()> {
        let good = r#"{"ipaddress":["192.0.2.1","192.0.2.2"],"ID":"1598000007"}"#;
        let json = |body: &str| Answer::new(200, body);
        match self.name.as_str() {
            "no-json" => json("192.0.2.1\n192.0.2.2\n").write(stream),
            "truncated" => json(&good[..30]).write(stream),
            "wrong-types" => json(r#"{"ipaddress":{"a":["192.0.2.1"]},"ID":["1598000007"]}"#).write(stream),
            "mixed" => json(
                r#"{"ipaddress":["192.0.2.1",7,null,["192.0.2.3"],{"a":1},"192.0.2.2"],"ID":1598000007}"#,
            )
            .write(stream),
            "junk" => {
                let long = "9".repeat(300);
                let junk = [
                    "137.184.10/32",
                    "010.0.0.1",
                    "1.2.3.4/33",
                    "::ffff:1.2.3.4",
                    "1.2.3.4;DROP TABLE",
                    &long,
                    "0.0.0.0/0",
                    "::/0",
                    "10.0.0.1",
                    "127.0.0.1",
                    "224.0.0.1",
                    "0.1.0.1",
                    "",
                    " ",
                    "1.2.3.4 ",
                    "\u{1b}[2J",
                    "1.2.3.4\n5.6.7.8",
                    "example.com",
                    "'; --",
                    "fe80::1%eth0",
                ];
                json(&serde_json::json!({"ipaddress": junk, "ID": "1598000007"}).to_string()).write(stream)
            }
            "empty" => {
                let next = asked.cursor.parse().unwrap_or(1_598_000_000u64) + 7;
                json(&serde_json::json!({"ipaddress": [], "ID": next.to_string()}).to_string()).write(stream)
            }
            "same-id" => {
                json(&serde_json::json!({"ipaddress": ["192.0.2.1"], "ID": asked.cursor}).to_string())
                    .write(stream)
            }
            "html" => {
                Answer::new(self.number(200) as u16, "<!DOCTYPE html><html><title>Log in</title></html>")
                    .with("Content-Type", "text/html")
                    .write(stream)
            }
            "status" => Answer::new(self.number(500) as u16, "").write(stream),
            "busy" => Answer::new(503, "busy").with("Retry-After", self.number(7)).write(stream),
            "rate" => rate().with("Retry-After", self.number(7)).write(stream),
            "rate-plain" => rate().write(stream),
            "key" => Answer::new(403, r#"{"ipaddress":"none","ID":"unauthorized"}"#).write(stream),
            "echo" => {
                Answer::new(400, format!("bad request {} {}", asked.path, asked.authorization)).write(stream)
            }
            "drip" => {
                stream.write_all(head(200, 50_000_000, &[]).as_bytes())?;
                self.drip(stream, r#"{"ipaddress":["192.0.2.1""#, r#","192.0.2.1""#)
            }
            "drip-head" => self.drip(stream, "HTTP/1.1 200 OK\r\n", "X-Drip: drip\r\n"),
            "interim" => loop {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                stream.flush()?;
                sleep(Duration::from_millis(self.number(50)));
            },
            "interim-flood" => {
                let many = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
                loop {
                    stream.write_all(&many)?;
                }
            }
            "stall" => wait_for_end(tcp),
            "close" => Ok(()),
            "reset" => {
                let answer = head(200, good.len(), &[]) + &good[..30];
                stream.write_all(answer.as_bytes())?;
                stream.flush()?;
                sleep(Duration::from_millis(100));
                reset(tcp)
            }
            "reset-early" => reset(tcp),
            "long-length" => {
                stream.write_all((head(200, good.len() + 1000, &[]) + good).as_bytes())?;
                stream.flush()
            }
            "short-length" => {
                stream.write_all((head(200, good.len() - 20, &[]) + good).as_bytes())?;
                stream.flush()
            }
            "bad-length" => {
                stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{good}").as_bytes())
            }
            "endless" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
                loop {
                    stream.write_all(chunk.as_bytes())?;
                }
            }
            "cut-chunk" => {
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n{\"ipaddress\":[",
                )?;
                stream.flush()
            }
            "endless-head" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
                loop {
                    stream.write_all(format!("X-More: {}\r\n", "x".repeat(1000)).as_bytes())?;
                }
            }
            "oversize" => {
                let many = r#""192.0.2.1","#.repeat(9 * 1024 * 1024 / 12);
                json(&format!(r#"{{"ipaddress":[{many}"192.0.2.2"],"ID":"1598000007"}}"#)).write(stream)
            }
            "gzip" => Answer::new(200, gzip_bomb()).with("Content-Encoding", "gzip").write(stream),
            "garbage" => stream.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n"),
            "redirect-loop" => {
                Answer::new(self.number(307) as u16, "").with("Location", asked.path).write(stream)
            }
            "redirect-http" => {
                Answer::new(307, "").with("Location", "http://192.0.2.1/api/get").write(stream)
            }
            // Read by `parse`, which lets no other through.
            _ => Answer::new(307, "").with("Location", self.arg.as_deref().unwrap_or("/")).write(stream),
        }
    }

    fn drip(&self, stream: &mut dyn Write, first: &str, more: &str) -> io::Result<()> {
        let pause = Duration::from_millis(self.number(50));
        for byte in first.bytes().chain(more.bytes().cycle()) {
            stream.write_all(&[byte])?;
            stream.flush()?;
            sleep(pause);
        }
        Ok(())
    }
}

fn rate() -> Answer {
    Answer::new(429, r#"{"ipaddress":"rate limit exceeded","ID":"unauthorized"}"#)
}

/// Closes with a reset instead of the orderly end.
fn reset(tcp: &TcpStream) -> io::Result<()> {
    rustix::net::sockopt::set_socket_linger(tcp, Some(Duration::ZERO))?;
    Ok(())
}

fn wait_for_end(mut tcp: &TcpStream) -> io::Result<()> {
    let mut rest = [0; 1024];
    while tcp.read(&mut rest)? > 0 {}
    Ok(())
}

/// 64 MB of zeros as deflate with fixed codes (RFC 1951, 3.2.6): one literal, then copies of 258
/// bytes from one back, 13 bits each. The check sum at the end is not right, nobody gets there.
fn gzip_bomb() -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut byte, mut used) = (0u8, 0);
    let mut bits = |text: &str| {
        for bit in text.bytes() {
            byte |= (bit - b'0') << used;
            used += 1;
            if used == 8 {
                out.push(byte);
                (byte, used) = (0, 0);
            }
        }
    };
    // The last block, fixed codes; the literal 0.
    bits("110");
    bits("00110000");
    for _ in 0..64_000_000 / 258 {
        // Length 258, distance 1.
        bits("1100010100000");
    }
    bits("0000000");
    bits("0000000");
    out.extend([0; 8]);
    out
}
