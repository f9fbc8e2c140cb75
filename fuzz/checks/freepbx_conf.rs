//! `/etc/freepbx.conf`: the user asterisk can write it, and root reads it.

use std::path::Path;

use banbridge::pbx::freepbx_conf::{ConfError, parse};
use banbridge::system::database::Settings;

const FILE: &str = "/etc/freepbx.conf";
const SECRET: &str = "n3v3r-sh0wn";

fn parsed(text: &[u8]) -> Result<Settings, ConfError> {
    parse(text, Path::new(FILE))
}

pub fn read(data: &[u8]) {
    let _ = parsed(data);
}

pub fn check(data: &[u8]) {
    // As it is, and as PHP.
    check_file(data);
    check_file(&[b"<?php\n", data].concat());
}

fn check_file(data: &[u8]) {
    match parsed(data) {
        Ok(settings) => {
            let Settings { host, name, user, password, .. } = &settings;
            assert!(!host.is_empty() && !name.is_empty() && !user.is_empty());
            let size = name.len() + user.len() + password.expose().len();
            assert!(size <= data.len(), "{size} bytes of settings from {}", data.len());
            // As in PHP the last assignment wins.
            let other = Settings { user: "other".to_owned(), host: "other".to_owned(), ..settings.clone() };
            let text = format!("<?php\n{}{}", written(&other), written(&settings));
            let again = parsed(text.as_bytes()).expect("what is written is read");
            assert_eq!((&again.host, again.port, &again.socket), (host, settings.port, &settings.socket));
            assert_eq!((&again.name, &again.user, &again.password), (name, user, password));
        }
        Err(error) => assert!(error.to_string().starts_with(FILE)),
    }
    // No password is shown, whatever stands around it.
    let mut more = format!("<?php\n$amp_conf['AMPDBPASS'] = '{SECRET}';\n?>").into_bytes();
    more.extend(data);
    let shown = match parsed(&more) {
        Ok(settings) => format!("{settings:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains(SECRET), "{shown}");
}

/// The settings as PHP would be told them.
fn written(settings: &Settings) -> String {
    let escaped = |c: char| match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\\' | '"' | '$' => format!("\\{c}"),
        c => c.to_string(),
    };
    let line = |key: &str, value: &str| {
        format!("$amp_conf['{key}'] = \"{}\";\n", value.chars().map(escaped).collect::<String>())
    };
    let socket = settings.socket.as_deref().and_then(Path::to_str).unwrap_or_default();
    line("AMPDBHOST", &settings.host)
        + &line("AMPDBPORT", &settings.port.to_string())
        + &line("AMPDBSOCK", socket)
        + &line("AMPDBNAME", &settings.name)
        + &line("AMPDBUSER", &settings.user)
        + &line("AMPDBPASS", settings.password.expose())
}
