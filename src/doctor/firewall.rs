//! The firewall module: which one, is it on, does it run, how often does it look.

use std::path::Path;

use mysql::prelude::Queryable;

use super::{Check, Lack};
use crate::ban::health::Hindrance;
use crate::ban::health::evidence::Service;
use crate::ban::plan::Driver;
use crate::pbx::daemon;
use crate::pbx::firewall::{self, Firewall};
use crate::system::database::{Result, Table};

/// Where its page is.
const PAGE: &str = "Connectivity, Firewall";

/// What FreePBX says of one of its modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its version.
    pub version: String,
    /// Whether it is switched on.
    pub enabled: bool,
}

/// FreePBX's list of its modules.
static MODULES: Table = Table { name: "modules", fix: "fwconsole ma refreshsignatures; fwconsole reload" };

/// Looks up a module; none when it is not installed.
pub fn module(conn: &mut impl Queryable, name: &str) -> Result<Option<Module>> {
    let sql = "SELECT version, enabled FROM modules WHERE modulename = ?";
    let Some(row) = MODULES.first(conn, sql, (name,))? else { return Ok(None) };
    Ok(Some(Module { version: row.get("version")?, enabled: row.get::<i64>("enabled")? != 0 }))
}

/// Looks at everything about the module but its kernel side. `service` is what its service does.
pub fn look(conn: &mut impl Queryable, service: Service) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    checks.push(match module(conn, "firewall") {
        Ok(found) => installed(found.as_ref()),
        Err(error) => {
            let mend = "fwconsole ma list shows whether the Firewall module is installed";
            Check::warning("module", format!("cannot read its version: {error}"), mend)
        }
    });
    let firewall = firewall::read(conn)?;
    checks.push(enabled(&firewall));
    checks.push(runs(&firewall, service));
    checks.push(refresh(&firewall));
    let advanced = firewall::values(conn, &["advancedsettings"])?;
    let waits = daemon::is_in_safe_mode();
    checks.push(safe_mode(advanced.get("advancedsettings").map(String::as_str), waits));
    Ok(checks)
}

fn installed(module: Option<&Module>) -> Check {
    let name = "module";
    let Some(Module { version, enabled }) = module else {
        let mend = "fwconsole ma downloadinstall firewall";
        return Check::error(name, Lack::Setting, "FreePBX's Firewall module is not installed", mend);
    };
    let major: Option<u32> = version.split('.').next().and_then(|number| number.parse().ok());
    match major {
        _ if !enabled => {
            let found = format!("the Firewall module {version} is disabled");
            Check::error(name, Lack::Setting, found, "fwconsole ma enable firewall")
        }
        Some(15..=18) => Check::ok(name, format!("Firewall {version}")),
        Some(..15) => {
            let found = format!("the Firewall module {version} is too old: banbridge needs 15 to 18");
            Check::error(name, Lack::Setting, found, "upgrade FreePBX to 15 or later")
        }
        _ => {
            let found =
                format!("the Firewall module {version} is newer than banbridge was tested with (15 to 18)");
            Check::warning(name, found, "upgrade banbridge")
        }
    }
}

fn enabled(firewall: &Firewall) -> Check {
    let driver = match firewall.driver {
        Driver::Iptables => "iptables",
        Driver::Nftables => "nftables",
    };
    match Hindrance::of(firewall.enabled, Service::Runs) {
        None => Check::ok("enabled", format!("enabled, with {driver}")),
        Some(hindrance) => Check::error("enabled", Lack::Reach, hindrance.what(), hindrance.fix()),
    }
}

fn runs(firewall: &Firewall, service: Service) -> Check {
    let name = "running";
    match Hindrance::of(firewall.enabled, service) {
        None => Check::ok(name, "the firewall service is running"),
        Some(Hindrance::Disabled) if service != Service::Stopped => {
            Check::ok(name, "the firewall service is running")
        }
        Some(Hindrance::Disabled) => {
            Check::ok(name, "the firewall is disabled, so its service is not running")
        }
        Some(Hindrance::NotRunning) => {
            Check::error(name, Lack::Reach, Hindrance::NotRunning.what(), "fwconsole firewall start")
        }
        Some(Hindrance::Paused) => {
            Check::error(name, Lack::Reach, Hindrance::Paused.what(), "banbridge apply as root")
        }
        // The line on safe mode says it.
        Some(Hindrance::SafeMode) => Check::ok(name, "the firewall service is running"),
    }
}

fn refresh(firewall: &Firewall) -> Check {
    let found = format!("the firewall reads the rows every {} s", firewall.period_s);
    match firewall.period_s {
        ..=30 => Check::ok("refresh", found),
        _ => Check::warning(
            "refresh",
            found,
            format!("FreePBX, {PAGE}, Advanced: set the refresh rate to Normal"),
        ),
    }
}

/// `waits` is whether the daemon waits in safe mode now.
fn safe_mode(settings: Option<&str>, waits: bool) -> Check {
    let name = "safe_mode";
    if waits {
        let found = "the firewall is in safe mode, because the machine was restarted twice in a row: its rules are off until \
                     five minutes after the start";
        return Check::warning(name, found, "wait until five minutes after the start of the machine");
    }
    let settings: serde_json::Value =
        settings.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let on = settings.get("safemode").and_then(serde_json::Value::as_str).unwrap_or("enabled") == "enabled";
    Check::ok(name, if on { "not active" } else { "disabled" })
}

/// Whether our own page is there, and of this version.
pub fn page(conn: &mut impl Queryable) -> Check {
    let name = "page";
    let root = match firewall::setting(conn, "AMPWEBROOT", "/var/www/html") {
        Ok(root) => root,
        Err(error) => return Check::unknown(name, error.to_string()),
    };
    // FreePBX links script and style only in `fwconsole reload`.
    let style = format!("{}/admin/assets/banbridge/css/banbridge.css", root.trim_end_matches('/'));
    match module(conn, "banbridge") {
        Ok(found) => judge_page(found.as_ref(), env!("CARGO_PKG_VERSION"), Path::new(&style).exists()),
        Err(error) => Check::unknown(name, error.to_string()),
    }
}

fn judge_page(module: Option<&Module>, ours: &str, is_linked: bool) -> Check {
    let name = "page";
    match module {
        None => Check::ok(name, "not installed in FreePBX (banbridge setup installs it)"),
        Some(Module { enabled: false, .. }) => {
            Check::warning(name, "the page in FreePBX is disabled", "fwconsole ma enable banbridge")
        }
        Some(Module { version, .. }) if version != ours => {
            let found = format!("the page in FreePBX has version {version}, this program has {ours}");
            Check::warning(name, found, "banbridge setup")
        }
        Some(_) if !is_linked => {
            let found = "FreePBX does not serve the script and style of the page yet, so the page is empty";
            Check::warning(name, found, "banbridge setup (or press Apply Config in FreePBX)")
        }
        Some(_) => Check::ok(name, format!("banbridge {ours} in FreePBX")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn of(version: &str, enabled: bool) -> Module {
        Module { version: version.into(), enabled }
    }

    #[test]
    fn a_module_is_known_from_15_to_18() {
        let table = [
            (None, State::Error),
            (Some(of("14.0.3", true)), State::Error),
            (Some(of("15.0.1", true)), State::Ok),
            (Some(of("17.0.1.35", true)), State::Ok),
            (Some(of("17.0.1.35", false)), State::Error),
            (Some(of("19.0.1", true)), State::Warning),
            (Some(of("", true)), State::Warning),
        ];
        for (module, state) in table {
            assert_eq!(installed(module.as_ref()).state, state, "{module:?}");
        }
    }

    #[test]
    fn a_firewall_must_be_on_and_run() {
        let firewall = |enabled, period_s| Firewall {
            enabled,
            driver: Driver::Iptables,
            driver_is_unsaid: false,
            period_s,
        };
        assert_eq!(enabled(&firewall(true, 30)).state, State::Ok);
        assert_eq!(enabled(&firewall(false, 30)).state, State::Error);
        assert_eq!(runs(&firewall(true, 30), Service::Runs).state, State::Ok);
        assert_eq!(runs(&firewall(true, 30), Service::Stopped).state, State::Error);
        assert_eq!(refresh(&firewall(true, 120)).state, State::Warning);
        assert_eq!(refresh(&firewall(true, 15)).state, State::Ok);
    }

    #[test]
    fn safe_mode_matters_only_while_the_daemon_waits_in_it() {
        assert_eq!(safe_mode(None, false), Check::ok("safe_mode", "not active"));
        assert_eq!(safe_mode(Some(r#"{"safemode":"disabled"}"#), false).found, "disabled");
        assert_eq!(safe_mode(Some("junk"), false).found, "not active");
        assert_eq!(safe_mode(None, true).state, State::Warning);
    }

    #[test]
    fn the_page_is_of_the_programs_version() {
        assert_eq!(judge_page(None, "1", false).state, State::Ok);
        assert_eq!(judge_page(Some(&of("1", true)), "1", true).state, State::Ok);
        assert_eq!(judge_page(Some(&of("1", true)), "2", true).state, State::Warning);
        assert_eq!(judge_page(Some(&of("1", false)), "1", true).state, State::Warning);
        assert_eq!(judge_page(Some(&of("1", true)), "1", false).state, State::Warning);
    }
}
