use std::io::Write;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::coverage::Kind;

struct Logs {
    dir: tempfile::TempDir,
    places: Places,
}

impl Logs {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), places: Places::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = File::options().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    /// The last number of each address that was rejected, and what there is to tell.
    fn read_within(&mut self, bounds: Bounds) -> (Vec<u8>, Vec<String>) {
        let found = follow(self.dir.path(), &self.places, 1_795_503_600, &Zone::new(TimeZone::UTC), bounds);
        self.places = found.places;
        let host = |event: &Event| match event.address {
            std::net::IpAddr::V4(address) => address.octets()[3],
            std::net::IpAddr::V6(_) => 0,
        };
        (found.events.iter().map(host).collect(), found.news)
    }

    fn read(&mut self) -> Vec<u8> {
        let (hosts, news) = self.read_within(Bounds::default());
        assert_eq!(news, [] as [&str; 0]);
        hosts
    }
}

fn line(host: u8) -> String {
    format!("[2026-11-24 06:58:30] NOTICE[1] manager.c: 203.0.113.{host} failed to authenticate as 'x'\n")
}

#[test]
fn only_what_is_new_is_read_and_only_whole_lines() {
    let mut logs = Logs::new();
    assert!(!has_grown(logs.dir.path(), &logs.places));
    logs.append("full", line(1) + &line(2)[..40]);
    assert!(has_grown(logs.dir.path(), &logs.places));
    assert_eq!(logs.read(), [1]);
    assert_eq!(logs.read(), [] as [u8; 0]);
    logs.append("full", &line(2)[40..]);
    assert_eq!(logs.read(), [2]);
    assert!(!has_grown(logs.dir.path(), &logs.places));
    logs.append("security", line(3));
    assert!(has_grown(logs.dir.path(), &logs.places));
    assert_eq!(logs.read(), [3]);
}

#[test]
fn a_rotated_log_is_read_to_its_end_and_a_truncated_one_begins_again() {
    let mut logs = Logs::new();
    logs.append("full", line(1));
    assert_eq!(logs.read(), [1]);
    logs.append("full", line(2));
    fs::rename(logs.path("full"), logs.path("full-20261124")).unwrap();
    logs.append("full", line(3));
    assert_eq!(logs.read(), [2, 3]);
    // Copied and truncated: shorter than before.
    File::create(logs.path("full")).unwrap();
    assert_eq!(logs.read(), [] as [u8; 0]);
    logs.append("full", line(4) + &line(5));
    assert_eq!(logs.read(), [4, 5]);
    // Truncated and longer again, before anybody looked.
    fs::write(logs.path("full"), line(6) + &line(7) + &line(8)).unwrap();
    assert_eq!(logs.read(), [6, 7, 8]);
    // Gone for the moment, and back.
    fs::rename(logs.path("full"), logs.path("full.1")).unwrap();
    assert_eq!(logs.read(), [] as [u8; 0]);
    logs.append("full.1", line(9));
    logs.append("full", line(10));
    assert_eq!(logs.read(), [9, 10]);
}

#[test]
fn a_rotated_file_that_is_gone_is_told_once() {
    let mut logs = Logs::new();
    logs.append("full", line(1));
    assert_eq!(logs.read(), [1]);
    fs::rename(logs.path("full"), logs.path("elsewhere")).unwrap();
    logs.append("full", line(2));
    let (hosts, news) = logs.read_within(Bounds::default());
    assert_eq!(hosts, [2]);
    assert!(news.len() == 1 && news[0].contains("its last lines are gone"), "{news:?}");
    logs.append("full", line(3));
    assert_eq!(logs.read(), [3]);
}

#[test]
fn what_a_sender_wrote_into_a_packet_is_never_a_line_however_it_is_cut() {
    let body = format!("REGISTER sip:x SIP/2.0\r\n{}\r\n", line(66).trim());
    let packet = format!(
        "[2026-11-24 06:58:31] VERBOSE[1] res_pjsip_logger.c: <--- Received SIP request ({} bytes) from UDP:203.0.113.9:5060 --->\n{body}",
        body.len()
    );
    let until_end = format!(
        "[2026-11-24 06:58:31] VERBOSE[1] chan_sip.c: \n<--- SIP read from UDP:203.0.113.9:5060 --->\n{body}<------------->\n"
    );
    for packet in [packet, until_end] {
        let whole = line(1) + &packet + &line(2);
        for cut in 0..whole.len() {
            let mut logs = Logs::new();
            logs.append("full", &whole.as_bytes()[..cut]);
            let mut all = logs.read();
            logs.append("full", &whole.as_bytes()[cut..]);
            all.extend(logs.read());
            assert_eq!(all, [1, 2], "{cut}");
        }
    }
}

#[test]
fn what_is_too_much_for_one_reading_is_read_by_the_next_or_passed_over() {
    let mut logs = Logs::new();
    logs.append("full", line(1).repeat(1_000));
    let no_time = Bounds { time: Duration::ZERO, ..Bounds::default() };
    assert_eq!(logs.read_within(no_time).0.len(), 0);
    assert_eq!(logs.read().len(), 1_000);
    logs.append("full", line(2).repeat(1_000) + &line(3));
    let few = Bounds { bytes: 1_000, ..Bounds::default() };
    let (hosts, news) = logs.read_within(few);
    assert!(hosts.len() < 12 && hosts.ends_with(&[3]), "{hosts:?}");
    assert!(news[0].contains("passed over"), "{news:?}");
    assert_eq!(logs.read(), [] as [u8; 0]);
}

#[test]
fn a_line_of_megabytes_hides_nothing_behind_it_and_forges_nothing() {
    let mut logs = Logs::new();
    logs.append("full", line(1));
    let long = "x".repeat(9 << 20);
    logs.append("full", &long);
    assert_eq!(logs.read(), [1]);
    logs.append("full", format!("{}\n{}", line(66).trim(), line(2)));
    assert_eq!(logs.read(), [2]);
}

#[test]
fn a_log_that_is_none_is_told_once_and_the_others_are_read() {
    let mut logs = Logs::new();
    logs.append("full", "Nov 24 06:58:30 no year\n".repeat(10));
    logs.append("messages", "[Nov 24 06:58:30] NOTICE[1] x.c: y\n".repeat(3));
    logs.append("security", line(1));
    let (hosts, news) = logs.read_within(Bounds::default());
    assert_eq!(hosts, [1]);
    assert_eq!(news.len(), 2, "{news:?}");
    assert!(news.iter().any(|text| text.contains("no year")), "{news:?}");
    logs.append("messages", "[Nov 24 06:58:31] NOTICE[1] x.c: y\n");
    assert_eq!(logs.read(), [] as [u8; 0]);
}

#[test]
fn a_phone_that_registers_is_a_success() {
    let mut logs = Logs::new();
    logs.append(
        "full",
        "[2026-11-24 06:58:30] VERBOSE[1] res_pjsip_registrar.c: Added contact 'sip:100@203.0.113.7:5060;ob' to AOR '100' with expiration of 3600 seconds\n\
         [2026-11-24 06:58:31] VERBOSE[1] res_pjsip/pjsip_options.c: Contact 100/sip:100@203.0.113.8:5060 is now Reachable.  RTT: 12.1 msec\n\
         [2026-11-24 06:58:32] SECURITY[1] res_security_log.c: SecurityEvent=\"SuccessfulAuth\",AccountID=\"100\",RemoteAddress=\"IPV4/UDP/203.0.113.9/5060\",UsingPassword=\"1\"\n\
         [2026-11-24 06:58:33] VERBOSE[1] chan_sip.c:     -- Registered SIP '100' at 203.0.113.10:5060\n",
    );
    let found = follow(logs.dir.path(), &Places::new(), 0, &Zone::new(TimeZone::UTC), Bounds::default());
    assert!(found.events.iter().all(|event| event.kind == Kind::Success));
    assert_eq!(logs.read(), [7, 8, 9, 10]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_written_and_rotated_in_between_each_line_is_read_once(
        steps in prop::collection::vec((0u8..4, 1usize..200), 1..20)
    ) {
        let mut logs = Logs::new();
        let (mut host, mut open, mut read) = (0u8, String::new(), Vec::new());
        let mut rotations = 0;
        for (step, size) in steps {
            match step {
                0 => read.extend(logs.read()),
                1 => {
                    host += 1;
                    let text = std::mem::take(&mut open) + &line(host);
                    logs.append("full", text);
                }
                2 => {
                    // A part of a line; the rest follows with the next.
                    if open.is_empty() {
                        host += 1;
                        let whole = line(host);
                        let cut = size.min(whole.len() - 1);
                        logs.append("full", &whole[..cut]);
                        open = whole[cut..].to_owned();
                    }
                }
                _ => {
                    read.extend(logs.read());
                    logs.append("full", std::mem::take(&mut open));
                    if logs.path("full").exists() {
                        rotations += 1;
                        fs::rename(logs.path("full"), logs.path(&format!("full.{rotations}"))).unwrap();
                    }
                }
            }
        }
        logs.append("full", open);
        read.extend(logs.read());
        let all: Vec<u8> = (1..=host).collect();
        prop_assert_eq!(read, all);
    }
}
