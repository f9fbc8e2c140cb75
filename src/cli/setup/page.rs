//! The page in FreePBX: the module of the package, unpacked where FreePBX's modules are and installed by fwconsole.
//! All of it belongs to asterisk, so all of it is done as asterisk. What fwconsole says is not believed (it ends with 0
//! where it failed); its table of modules is read.

use crate::system::failure::Result;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::super::Global;
use super::Step;
use crate::doctor::firewall::{Module, module};
use crate::pbx::{firewall, freepbx_conf};
use crate::system::exit::Exit;
use crate::system::files;
use crate::system::program::{ProgramError, Programs, System};

const STEP: &str = "page";
const NAME: &str = "banbridge";
/// The module as the package brings it.
const ARCHIVE: &str = "/usr/share/banbridge/banbridge-module.tar.gz";
/// The largest archive, in bytes.
const MOST: u64 = 64 << 20;
/// The longest that fwconsole may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// What FreePBX says of the module now.
fn found(global: &Global) -> Result<Option<Module>> {
    Ok(module(&mut global.environment().database()?.connect()?, NAME)?)
}

/// Whether the page would be a new one in FreePBX.
pub fn is_missing(global: &Global) -> bool {
    matches!(found(global), Ok(None))
}

/// As FreePBX's user.
fn programs(owner: (u32, u32)) -> System {
    System { patience: PATIENCE, user: Some(owner), ..System::default() }
}

/// Installs the page, or brings it to this version.
pub fn install(global: &Global, owner: (u32, u32)) -> Result<Step> {
    let ours = env!("CARGO_PKG_VERSION");
    match found(global)? {
        Some(Module { enabled: false, .. }) => {
            return Ok(Step::was_so(STEP, "it is disabled in FreePBX, and stays so"));
        }
        Some(Module { version, .. }) if version == ours => {
            return Ok(Step::was_so(STEP, format!("banbridge {ours} in FreePBX")));
        }
        _ => {}
    }
    let archive = match fs::metadata(ARCHIVE).and_then(|_| files::read(Path::new(ARCHIVE), MOST)) {
        Ok(archive) => archive,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let why = format!("left out: {ARCHIVE} is not there; the package brings it");
            return Ok(Step::was_so(STEP, why));
        }
        Err(error) => return Ok(Step::failed(STEP, format!("{ARCHIVE}: {error}"), Exit::Unreachable)),
    };
    let modules = modules(global)?;
    let programs = programs(owner);
    if let Err(error) = unpack(&programs, &modules, archive) {
        let why = format!("it cannot be unpacked into {modules}: {error}");
        return Ok(Step::failed(STEP, why, Exit::Unreachable));
    }
    let said = match programs.run("fwconsole", &["ma", "install", NAME], Vec::new()) {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
        }
        Err(error) => error.to_string(),
    };
    Ok(match found(global)? {
        Some(Module { version, enabled: true }) if version == ours => {
            Step::done(STEP, format!("banbridge {ours} in FreePBX: Connectivity, Ban Bridge"))
        }
        _ => {
            let why = format!("FreePBX did not install it ({said}); mend: fwconsole ma install {NAME}");
            Step::failed(STEP, why, Exit::Unreachable)
        }
    })
}

/// Where FreePBX's modules are. The database names it, and asterisk writes there: nothing is done there but as asterisk.
fn modules(global: &Global) -> Result<String> {
    let mut conn = global.environment().database()?.connect()?;
    let root = firewall::setting(&mut conn, "AMPWEBROOT", "/var/www/html")?;
    Ok(format!("{}/admin/modules", root.trim_end_matches('/')))
}

/// Unpacks beside and moves: FreePBX sees the old module or the new one.
fn unpack(programs: &dyn Programs, modules: &str, archive: Vec<u8>) -> Result<(), ProgramError> {
    let beside = format!("{modules}/.{NAME}-setup");
    let (new, old, place) =
        (format!("{beside}/{NAME}"), format!("{beside}/old"), format!("{modules}/{NAME}"));
    let run = |name: &str, args: &[&str], stdin| programs.demand(name, args, stdin).map(drop);
    run("rm", &["-rf", "--", &beside], Vec::new())?;
    run("mkdir", &["--", &beside], Vec::new())?;
    let done = run("tar", &["-xzf", "-", "--no-same-owner", "-C", &beside], archive)
        .and_then(|()| match Path::new(&place).exists() {
            true => run("mv", &["-T", "--", &place, &old], Vec::new()),
            false => Ok(()),
        })
        .and_then(|()| run("mv", &["-T", "--", &new, &place], Vec::new()));
    if done.is_err() && Path::new(&old).exists() && !Path::new(&place).exists() {
        // What was there is better than nothing.
        run("mv", &["-T", "--", &old, &place], Vec::new())?;
    }
    run("rm", &["-rf", "--", &beside], Vec::new())?;
    done
}

/// Takes the page away.
pub fn remove(global: &Global) -> Result<Step> {
    if found(global)?.is_none() {
        return Ok(Step::was_so(STEP, "there is none in FreePBX"));
    }
    let owner = freepbx_conf::owner(&global.freepbx_conf)?;
    let said = match programs(owner).run("fwconsole", &["ma", "delete", NAME], Vec::new()) {
        Ok(output) => output.complaint(),
        Err(error) => error.to_string(),
    };
    Ok(match found(global)? {
        None => Step::done(STEP, "taken out of FreePBX"),
        Some(_) => {
            let why = format!("FreePBX did not take it out ({said}); mend: fwconsole ma delete {NAME}");
            Step::failed(STEP, why, Exit::Unreachable)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::program::tests::{Scripted, complained, printed};

    #[test]
    fn an_archive_that_is_none_leaves_the_module_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join(NAME);
        fs::create_dir(&place).unwrap();
        let modules = dir.path().to_str().unwrap();
        let programs = Scripted::new(|line: &str, _: &str| match line.starts_with("tar") {
            true => complained("not in gzip format"),
            false => printed(""),
        });
        assert!(unpack(&programs, modules, b"junk".to_vec()).is_err());
        let asked: Vec<String> = programs.asked.borrow().iter().map(|(line, _)| line.clone()).collect();
        assert!(!asked.iter().any(|line| line.starts_with("mv")), "{asked:?}");
        assert!(asked.last().unwrap().starts_with("rm -rf -- "), "{asked:?}");
    }
}
