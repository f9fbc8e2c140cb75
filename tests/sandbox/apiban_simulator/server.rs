//! The sockets, the log of requests, and the control of faults.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::api::Api;
use super::fault::{Asked, Fault, NONE};
use super::tls::Certificate;
use super::wire::{Answer, Request, query};

/// What a simulator starts with.
#[derive(Debug, Clone)]
pub struct Options {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    pub keys: Vec<String>,
    pub list: Option<PathBuf>,
    /// In the place of a file.
    pub entries: Vec<String>,
    pub rate: Option<(usize, Duration)>,
    pub retry_after: bool,
    pub batch: usize,
    /// One JSON object a line.
    pub log: Option<PathBuf>,
    pub tls: Option<Certificate>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            keys: vec!["test-key".into()],
            list: None,
            entries: Vec::new(),
            rate: Some((11, Duration::from_secs(120))),
            retry_after: false,
            batch: 250,
            log: None,
            tls: None,
        }
    }
}

/// A running simulator. It ends with its process or by `stop`.
#[derive(Clone)]
pub struct Simulator {
    pub address: SocketAddr,
    /// The certificate to trust, in PEM, with TLS.
    pub authority: Option<String>,
    state: Arc<Mutex<State>>,
    listener: Arc<TcpListener>,
}

struct State {
    api: Api,
    faults: VecDeque<Fault>,
    requests: Vec<Request>,
    log: Option<File>,
    started: Instant,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Simulator {
    /// Binds, and answers from threads of its own.
    pub fn start(options: Options) -> Result<Self, Box<dyn Error>> {
        if !options.listen.ip().is_loopback() {
            return Err("the simulator listens on loopback addresses only".into());
        }
        let mut api = Api::new(options.keys, options.rate, options.retry_after, options.batch);
        match options.list {
            Some(path) => api.serve_file(path)?,
            None => api.set_list(&options.entries.join("\n")),
        }
        let log = options.log.map(|path| File::options().create(true).append(true).open(path)).transpose()?;
        let (tls, authority) = options.tls.map(Certificate::make).transpose()?.unzip();
        let listener = Arc::new(TcpListener::bind(options.listen)?);
        let address = listener.local_addr()?;
        let state =
            State { api, faults: VecDeque::new(), requests: Vec::new(), log, started: Instant::now() };
        let simulator = Self { address, authority, state: Arc::new(Mutex::new(state)), listener };
        let serving = simulator.clone();
        thread::spawn(move || {
            for tcp in serving.listener.incoming() {
                let tcp = match tcp {
                    Ok(tcp) => tcp,
                    // It was shut down.
                    Err(error) if error.kind() == io::ErrorKind::InvalidInput => break,
                    Err(_) => continue,
                };
                let (serving, tls) = (serving.clone(), tls.clone());
                // A client that goes away is no matter.
                thread::spawn(move || {
                    let _ = serving.serve(&tcp, tls);
                });
            }
        });
        Ok(simulator)
    }

    /// The base of the API.
    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/api", self.address)
    }

    /// Answers no more, and lets go of the network that it listens in.
    pub fn stop(&self) {
        let _ = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
    }

    /// Answers the next `count` requests with a fault; those queued before come first.
    pub fn fault(&self, fault: &Fault, count: usize) {
        self.state().faults.extend(std::iter::repeat_n(fault.clone(), count));
    }

    /// Forgets the faults that are waiting.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Lists these entries and no others; see `Api::set_list`.
    pub fn set_list(&self, entries: &[String]) {
        self.state().api.set_list(&entries.join("\n"));
    }

    /// Lists an entry, again if it was listed, at the end.
    pub fn sight(&self, entry: &str) {
        self.state().api.sight(entry);
    }

    /// Another rate limit.
    pub fn set_rate(&self, rate: Option<(usize, Duration)>) {
        self.state().api.rate = rate;
    }

    /// Forgets how often keys have asked, as time does.
    pub fn reset_rate(&self) {
        self.state().api.reset_rate();
    }

    /// The requests so far, those of the control left out.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn serve(&self, tcp: &TcpStream, tls: Option<Arc<rustls::ServerConfig>>) -> io::Result<()> {
        tcp.set_nodelay(true)?;
        let mut stream: Box<dyn Stream> = match tls {
            Some(config) => {
                let session = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
                Box::new(rustls::StreamOwned::new(session, tcp.try_clone()?))
            }
            None => Box::new(tcp.try_clone()?),
        };
        let request = Request::read(&mut stream)?;
        if request.method.is_empty() {
            return Ok(());
        }
        if let Some(command) = request.path.strip_prefix("/control/") {
            return self.control(command, &request).write(&mut stream);
        }
        let (answer, fault) = {
            let mut state = self.state();
            let fault = state.faults.pop_front().filter(|fault| fault.name != NONE);
            let answer = match fault {
                Some(_) => None,
                None => Some(state.api.answer(&request)),
            };
            state.log(&request, answer.as_ref(), fault.as_ref());
            state.requests.push(request.clone());
            (answer, fault)
        };
        if let Some(answer) = answer {
            return answer.write(&mut stream);
        }
        let sent = serde_json::from_str::<serde_json::Value>(&request.body).unwrap_or_default();
        let last = request.path.rsplit('/').next().unwrap_or_default();
        let asked = Asked {
            path: &request.path,
            cursor: sent.get("id").and_then(serde_json::Value::as_str).unwrap_or(last),
            authorization: request.header("authorization").unwrap_or_default(),
        };
        fault.map_or(Ok(()), |fault| fault.give(&asked, &mut stream, tcp))
    }

    fn control(&self, command: &str, request: &Request) -> Answer {
        let mut state = self.state();
        let get = |name: &str| query(&request.path, name);
        match command.split('?').next().unwrap_or_default() {
            "fault" => match Fault::parse(&get("name").unwrap_or_default()) {
                Ok(fault) => {
                    let count = get("count").and_then(|n| n.parse().ok()).unwrap_or(1);
                    state.faults.extend(std::iter::repeat_n(fault, count));
                }
                Err(why) => return Answer::new(400, why),
            },
            "clear" => state.faults.clear(),
            "list" => state.api.set_list(&request.body),
            "sight" => state.api.sight(&get("entry").unwrap_or_default()),
            "rate" => match get("set").as_deref().map(parse_rate) {
                Some(Ok(rate)) => state.api.rate = rate,
                Some(Err(why)) => return Answer::new(400, why),
                None => state.api.reset_rate(),
            },
            "requests" => return Answer::new(200, state.requests.len().to_string()),
            other => return Answer::new(404, format!("there is no control {other:?}")),
        }
        Answer::new(200, "ok")
    }
}

impl State {
    fn log(&mut self, request: &Request, answer: Option<&Answer>, fault: Option<&Fault>) {
        let Some(log) = &mut self.log else { return };
        let line = json!({
            "ms": u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "method": request.method,
            "path": request.path,
            "authorization": request.header("authorization").is_some(),
            "referer": request.header("referer"),
            "user_agent": request.header("user-agent"),
            "body": request.body,
            "status": answer.map(|answer| answer.status),
            "fault": fault.map(|fault| &fault.name),
        });
        // One write a line, so that a reader never sees half of one.
        let _ = log.write_all(format!("{line}\n").as_bytes());
    }
}

/// Reads `N/SECONDS` or `none`.
pub fn parse_rate(text: &str) -> Result<Option<(usize, Duration)>, String> {
    if text == "none" {
        return Ok(None);
    }
    text.split_once('/')
        .and_then(|(n, seconds)| {
            Some((n.parse().ok()?, Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?))
        })
        .map(Some)
        .ok_or_else(|| format!("{text:?} is not N/SECONDS, such as 11/120, nor none"))
}
