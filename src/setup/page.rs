//! The page in FreePBX: the package's module, unpacked among FreePBX's modules and installed by fwconsole. All of it
//! belongs to the asterisk user, so all of it is done as that user. fwconsole exits with 0 even if it failed, so FreePBX's
//! table of modules is read instead.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Step;
use crate::doctor::firewall::{Module, module};
use crate::pbx::firewall;
use crate::run::Environment;
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Result};
use crate::system::files;
use crate::system::program::{ProgramError, Programs, System};

const STEP: &str = "page";
const NAME: &str = "banbridge";
/// The module in the package.
const ARCHIVE: &str = "/usr/share/banbridge/banbridge-module.tar.gz";
/// The largest archive, in bytes.
const MOST: u64 = 64 << 20;
/// The longest that fwconsole may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// The module as FreePBX knows it now.
fn found(environment: &Environment) -> Result<Option<Module>> {
    Ok(module(&mut environment.database()?.connect()?, NAME)?)
}

/// Whether FreePBX does not have the page yet.
pub fn is_missing(environment: &Environment) -> bool {
    matches!(found(environment), Ok(None))
}

/// Programs that run as the asterisk user.
fn programs(owner: (u32, u32)) -> System {
    System { patience: PATIENCE, user: Some(owner), ..System::default() }
}

/// Installs the page, or updates it to this version.
pub fn install(environment: &Environment, owner: (u32, u32)) -> Result<Step> {
    let ours = env!("CARGO_PKG_VERSION");
    match found(environment)? {
        Some(Module { enabled: false, .. }) => {
            return Ok(Step::unchanged(STEP, "disabled in FreePBX, stays unchanged"));
        }
        Some(Module { version, .. }) if version == ours => {
            return Ok(match link(&programs(owner), &web_root(environment)?) {
                Ok(true) => Step::done(STEP, "its script and style are linked".to_owned()),
                Ok(false) => Step::unchanged(STEP, format!("banbridge {ours} in FreePBX")),
                Err(error) => not_linked(&error),
            });
        }
        _ => {}
    }
    let archive = match fs::metadata(ARCHIVE).and_then(|_| files::read(Path::new(ARCHIVE), MOST)) {
        Ok(archive) => archive,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let why = format!("skipped: {ARCHIVE} does not exist (it comes with the package)");
            return Ok(Step::unchanged(STEP, why));
        }
        Err(error) => return Ok(Step::failed(STEP, format!("cannot read {ARCHIVE}: {error}"), error.exit())),
    };
    let root = web_root(environment)?;
    let modules = format!("{root}/modules");
    let programs = programs(owner);
    if let Err(error) = unpack(&programs, &modules, archive) {
        let why = format!("the module cannot be unpacked into {modules}: {error}");
        return Ok(Step::failed(STEP, why, Exit::Unreachable));
    }
    let said = match programs.run("fwconsole", &["ma", "install", NAME], Vec::new()) {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
        }
        Err(error) => error.to_string(),
    };
    Ok(match found(environment)? {
        Some(Module { version, enabled: true }) if version == ours => match link(&programs, &root) {
            Ok(_) => Step::done(STEP, format!("banbridge {ours} in FreePBX: Connectivity, Ban Bridge")),
            Err(error) => not_linked(&error),
        },
        _ => {
            let why = format!("FreePBX did not install the page ({said}). Fix: fwconsole ma install {NAME}");
            Step::failed(STEP, why, Exit::Unreachable)
        }
    })
}

/// Where FreePBX's pages are. The database names it, and the asterisk user can write there: everything there is done as
/// that user.
fn web_root(environment: &Environment) -> Result<String> {
    let mut conn = environment.database()?.connect()?;
    let root = firewall::setting(&mut conn, "AMPWEBROOT", "/var/www/html")?;
    Ok(format!("{}/admin", root.trim_end_matches('/')))
}

/// Links script and style to where FreePBX serves them from, as `fwconsole reload` does it for every module
/// (`symlink_assets` of its Reload.class.php). Without the link the page is dead, and a reload would apply whatever else
/// the administrator has not applied yet. True when there was no such link.
fn link(programs: &dyn Programs, root: &str) -> Result<bool, ProgramError> {
    let (assets, link) = (format!("{root}/modules/{NAME}/assets"), format!("{root}/assets/{NAME}"));
    if fs::canonicalize(&link).is_ok_and(|place| fs::canonicalize(&assets).is_ok_and(|there| there == place))
    {
        return Ok(false);
    }
    programs.demand("mkdir", &["-p", "--", &format!("{root}/assets")], Vec::new())?;
    programs.demand("ln", &["-sfn", "--", &assets, &link], Vec::new())?;
    Ok(true)
}

fn not_linked(error: &ProgramError) -> Step {
    let why = format!("script and style of the page cannot be linked ({error}). Fix: fwconsole reload");
    Step::failed(STEP, why, Exit::Unreachable)
}

/// Unpacks beside it and moves: FreePBX sees the old module or the new one.
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
        // The old one is better than none.
        run("mv", &["-T", "--", &old, &place], Vec::new())?;
    }
    run("rm", &["-rf", "--", &beside], Vec::new())?;
    done
}

/// Removes the page.
pub fn remove(environment: &Environment) -> Result<Step> {
    if found(environment)?.is_none() {
        return Ok(Step::unchanged(STEP, "not in FreePBX"));
    }
    let owner = environment.owner()?;
    let said = match programs(owner).run("fwconsole", &["ma", "delete", NAME], Vec::new()) {
        Ok(output) => output.complaint(),
        Err(error) => error.to_string(),
    };
    Ok(match found(environment)? {
        None => Step::done(STEP, "removed from FreePBX"),
        Some(_) => {
            let why = format!("FreePBX did not remove the page ({said}). Fix: fwconsole ma delete {NAME}");
            Step::failed(STEP, why, Exit::Unreachable)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::program::tests::{Scripted, complained, printed};

    #[test]
    fn an_archive_that_cannot_be_unpacked_leaves_the_existing_module_alone() {
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
