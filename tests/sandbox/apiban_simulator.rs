//! apiban-simulator: a stand-in for the apiban API on a loopback port. See its `--help`.
#![forbid(unsafe_code)]
#![allow(missing_docs, dead_code, clippy::print_stdout, clippy::print_stderr)]

use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

#[path = "apiban_simulator/mod.rs"]
mod simulator;

use simulator::fault::FAULTS;
use simulator::server::parse_rate;
use simulator::tls::Certificate;
use simulator::{Fault, Options, Simulator};

type Rate = Option<(usize, Duration)>;

/// A stand-in for the apiban API (both versions) on a loopback port.
///
/// The first line on standard output is the address it listens on, such as 127.0.0.1:40123; the
/// API's base is then http://127.0.0.1:40123/api. It ends when standard input is closed.
#[derive(Parser)]
#[command(name = "apiban-simulator", after_help = help())]
struct Arguments {
    /// A loopback address; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A file with one entry a line, `#` begins a comment; read again when it has changed.
    #[arg(long)]
    list: Option<PathBuf>,
    /// A key that is accepted; may be given more than once.
    #[arg(long, default_value = "test-key")]
    key: Vec<String>,
    /// Requests allowed within a time for each key, or none.
    #[arg(long, value_name = "N/SECONDS", default_value = "11/120", value_parser = rate)]
    rate: Limit,
    /// A 429 says when to come back.
    #[arg(long)]
    retry_after: bool,
    /// Entries in an answer, at most.
    #[arg(long, default_value_t = 250)]
    batch: usize,
    /// Appends one JSON object for each request, written before it is answered.
    #[arg(long)]
    log: Option<PathBuf>,
    /// A fault for the next request, or with *N for the next N; may be given more than once.
    #[arg(long, value_name = "NAME[=X][*N]", value_parser = fault)]
    fault: Vec<(Fault, usize)>,
    /// Speaks TLS with such a certificate: good, wrong-name, expired, self-signed.
    #[arg(long, value_parser = certificate)]
    tls: Option<Certificate>,
    /// Where to write the certificate to trust (PEM, for SSL_CERT_FILE).
    #[arg(long, requires = "tls")]
    ca_out: Option<PathBuf>,
    /// Goes on when standard input is closed.
    #[arg(long)]
    stay: bool,
}

#[derive(Clone)]
struct Limit(Rate);

fn rate(text: &str) -> Result<Limit, String> {
    parse_rate(text).map(Limit)
}

fn certificate(text: &str) -> Result<Certificate, String> {
    Certificate::parse(text).ok_or_else(|| format!("one of {}", Certificate::NAMES.join(", ")))
}

fn fault(text: &str) -> Result<(Fault, usize), String> {
    let count = text.rsplit_once('*').and_then(|(name, count)| Some((name, count.parse().ok()?)));
    let (name, count) = count.unwrap_or((text, 1));
    Ok((Fault::parse(name)?, count))
}

fn help() -> String {
    let mut text = String::from(
        "Control, with curl on the same port (these are not counted as requests):
  /control/fault?name=NAME[=X]&count=N  the next N requests get this fault
  /control/clear                        forget the faults that are waiting
  /control/list                         POST the list, one entry a line, in the place of the file's
  /control/sight?entry=ENTRY            list an entry, again if it was, at the end
  /control/rate                         forget how often keys have asked; ?set=N/SECONDS, ?set=none
  /control/requests                     how many requests there were

Faults:
",
    );
    for (name, what) in FAULTS {
        text.push_str(&format!("  {name:<14} {what}\n"));
    }
    text
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("apiban-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::start(Options {
        listen: arguments.listen,
        keys: arguments.key,
        list: arguments.list,
        entries: Vec::new(),
        rate: arguments.rate.0,
        retry_after: arguments.retry_after,
        batch: arguments.batch,
        log: arguments.log,
        tls: arguments.tls,
    })?;
    if let (Some(path), Some(pem)) = (&arguments.ca_out, &simulator.authority) {
        std::fs::write(path, pem)?;
    }
    for (fault, count) in &arguments.fault {
        simulator.fault(fault, *count);
    }
    println!("{}", simulator.address);
    if arguments.stay {
        loop {
            std::thread::park();
        }
    }
    let mut rest = [0; 64];
    while std::io::stdin().read(&mut rest)? > 0 {}
    Ok(())
}
