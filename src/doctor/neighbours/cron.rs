//! Lines of cron: finding them, and switching one off without losing it.

use std::fs;
use std::path::{Path, PathBuf};

use super::Client;
use crate::system::files;

/// Where cron's lines of root are.
const FILES: [&str; 3] = ["/etc/crontab", "/var/spool/cron/root", "/var/spool/cron/crontabs/root"];
const DIRECTORY: &str = "/etc/cron.d";
/// The most that is read of one, in bytes.
const MOST: u64 = 1 << 20;
/// What stands before a line that was disabled.
pub const MARK: &str = "# disabled by banbridge doctor --disable-old-client: ";

/// All files of cron that can be read, in order.
pub fn files() -> Vec<(PathBuf, String)> {
    let more = fs::read_dir(DIRECTORY).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut all: Vec<PathBuf> = FILES.iter().map(PathBuf::from).chain(more).collect();
    all.sort();
    all.into_iter().filter_map(|path| Some((path.clone(), files::read_text(&path, MOST).ok()?))).collect()
}

/// Whether root's own lines cannot be read, only by root.
pub fn some_are_hidden() -> bool {
    FILES.iter().any(|file| {
        let denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
        fs::File::open(Path::new(file)).err().is_some_and(denied)
    })
}

/// Whether a line is a job: no comment, no variable.
pub fn is_job(line: &str) -> bool {
    line.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '*' || c == '@')
}

/// Which client a line starts, if any.
pub fn starts(line: &str) -> Option<Client> {
    if !is_job(line) || line.contains("banbridge") {
        return None;
    }
    // The log that a line writes to does not count.
    let command = line.split('>').next().unwrap_or(line).to_lowercase();
    if command.contains("apiban") {
        Some(if command.contains("fail2ban") { Client::Fail2ban } else { Client::Apiban })
    } else {
        command.contains("voipbl").then_some(Client::Voipbl)
    }
}

/// The text with the lines of these clients disabled.
pub fn without(text: &str, clients: &[Client]) -> String {
    let off = |line: &str| starts(line).is_some_and(|client| clients.contains(&client));
    text.split_inclusive('\n')
        .map(|line| if off(line) { format!("{MARK}{line}") } else { line.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_lines_are_known_in_all_the_forms_in_which_they_are_told() {
        let table = [
            (
                "*/4 * * * * /usr/local/bin/apiban/apiban-iptables-client >/dev/null 2>&1",
                Some(Client::Apiban),
            ),
            ("*/4 * * * * root cd /usr/local/bin/apiban && ./apiban-iptables-client", Some(Client::Apiban)),
            ("@hourly root /opt/apiban.sh", Some(Client::Apiban)),
            ("*/5 * * * * root /usr/local/bin/apiban/apiban-fail2ban", Some(Client::Fail2ban)),
            ("0 */4 * * * * root /usr/local/bin/voipbl.sh", Some(Client::Voipbl)),
            ("# */4 * * * * root /usr/local/bin/apiban/apiban-iptables-client", None),
            ("PATH=/usr/local/bin/apiban:/bin", None),
            ("*/5 * * * * root banbridge sync --feed apiban", None),
            ("0 3 * * * root backup >/var/log/apiban.log", None),
            ("", None),
        ];
        for (line, client) in table {
            assert_eq!(starts(line), client, "{line}");
        }
    }

    #[test]
    fn only_the_lines_of_the_client_are_switched_off_and_nothing_is_lost() {
        let text =
            "MAILTO=x\n*/4 * * * * root /usr/local/bin/apiban/apiban-iptables-client\n0 3 * * * root backup";
        let new = without(text, &[Client::Apiban]);
        assert_eq!(new, text.replace("*/4", &format!("{MARK}*/4")));
        assert_eq!(without(&new, &[Client::Apiban]), new, "a second time changes nothing");
        assert_eq!(without(text, &[Client::Voipbl]), text);
    }
}
