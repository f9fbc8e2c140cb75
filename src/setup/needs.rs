//! What must exist before anything is made, with the eyes of `doctor`.

use crate::doctor::{Check, State, database, firewall, kvstore};
use crate::pbx::daemon;
use crate::run::Environment;

/// Looks.
pub fn look(environment: &Environment) -> Vec<Check> {
    let settings = crate::pbx::freepbx_conf::read(&environment.freepbx_conf);
    let mut checks = vec![database::freepbx(settings.as_ref())];
    let Ok(settings) = settings else { return checks };
    let mut conn = match settings.connect() {
        Ok(conn) => conn,
        Err(error) => {
            checks.push(database::unusable(&error));
            return checks;
        }
    };
    let run_dir = crate::pbx::firewall::setting(&mut conn, "ASTRUNDIR", "/var/run/asterisk");
    let service = daemon::service(run_dir.as_deref().unwrap_or("/var/run/asterisk"));
    let looks = [
        database::rights(&mut conn, &settings).map(|check| vec![check]),
        kvstore::look(&mut conn),
        firewall::look(&mut conn, service),
    ];
    for look in looks {
        match look {
            Ok(found) => checks.extend(found),
            Err(error) => checks.push(database::unusable(&error)),
        }
    }
    // A disabled firewall is the administrator's decision: setup goes on, and blocking begins when it is enabled.
    for check in &mut checks {
        if ["enabled", "running"].contains(&check.name.as_str()) && check.state == State::Error {
            check.state = State::Warning;
            check.lack = None;
            if check.name == "enabled" {
                check.fix = Some(format!(
                    "{} Or have the kernel set protect alone: banbridge config set set.without_firewall true",
                    check.fix.take().unwrap_or_default()
                ));
            }
        }
    }
    checks
}
