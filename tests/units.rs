//! The packages' units under a real systemd, in the sandbox: everything works from behind their walls, and nothing
//! stays stopped when a run is killed.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod scene;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use scene::*;
use serde_json::Value;

const SET: &str = "[set]\nenabled = \"yes\"";

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(file)
}

/// A PBX with the program and its units at their places, of which none is started.
fn installed(firewall: Firewall, entries: &[&str]) -> Scene {
    let scene = Scene::on(Sandbox::builder(firewall).period(3600).systemd(), entries);
    scene.configure(SET);
    let pbx = &scene.pbx;
    let place = |from: &Path, to: String| {
        fs::create_dir_all(pbx.outside(Path::new(&to).parent().unwrap())).unwrap();
        fs::copy(from, pbx.outside(to)).unwrap();
    };
    place(Path::new(env!("CARGO_BIN_EXE_banbridge")), "/usr/bin/banbridge".into());
    place(&packaging("tmpfiles.conf"), "/usr/lib/tmpfiles.d/banbridge.conf".into());
    for unit in fs::read_dir(packaging("systemd")).unwrap() {
        let unit = unit.unwrap();
        place(&unit.path(), format!("/lib/systemd/system/{}", unit.file_name().to_str().unwrap()));
    }
    fs::create_dir_all(pbx.outside("/var/lib/banbridge")).unwrap();
    pbx.run(&["systemd-tmpfiles", "--create", "banbridge.conf"]).ok();
    pbx.run(&["systemctl", "daemon-reload"]).ok();
    scene
}

fn systemctl(scene: &Scene, words: &[&str]) -> Run {
    scene.pbx.run(&[&["systemctl"], words].concat())
}

/// Starts a service that ends by itself and waits until it did.
#[track_caller]
fn start(scene: &Scene, service: &str) {
    let run = systemctl(scene, &["start", service]);
    assert_eq!(run.code, 0, "{service}: {run:?}\n{}\n{}", journal(scene), scene.log());
}

/// What the units said.
fn journal(scene: &Scene) -> String {
    scene.pbx.run(&["journalctl", "--no-pager", "-o", "cat", "--unit", "banbridge-*"]).stdout
}

/// Lines of the program's log that say that something did not work.
fn complaints(scene: &Scene) -> Vec<String> {
    let log = scene.log();
    log.lines()
        .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "))
        .map(str::to_owned)
        .collect()
}

/// What a run as the unit starts it reports, as JSON; `command` is its command line without the program.
#[track_caller]
fn report_of(scene: &Scene, service: &str, command: &str) -> Value {
    let directory = format!("/run/systemd/system/{service}.d");
    fs::create_dir_all(scene.pbx.outside(&directory)).unwrap();
    let output = format!(
        "[Service]\nExecStart=\nExecStart=/usr/bin/banbridge {command} --json\nStandardOutput=truncate:/run/report.json\n"
    );
    scene.pbx.write_file(format!("{directory}/report.conf"), &output);
    systemctl(scene, &["daemon-reload"]).ok();
    start(scene, service);
    let report = fs::read_to_string(scene.pbx.outside("/run/report.json")).unwrap();
    serde_json::from_str(&report).unwrap_or_else(|error| panic!("{error}: {report}"))
}

/// A report without what is another in every run.
fn timeless(mut report: Value) -> Value {
    report.as_object_mut().unwrap().remove("elapsed_ms");
    report
}

#[test]
fn from_behind_the_walls_of_its_unit_a_run_does_all_that_it_does_without() {
    for firewall in FIREWALLS {
        let entries = [ATTACKER, "45.0.0.0/24"];
        let free = installed(firewall, &entries);
        let walled = installed(firewall, &entries);
        assert_eq!(
            timeless(report_of(&walled, "banbridge-sync.service", "sync")),
            timeless(free.sync(0, &[])),
            "{firewall:?}"
        );
        assert_eq!(walled.ours(), set(entries));
        assert_eq!(walled.pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{firewall:?}");
        // One goes, and only the firewall is asked to follow.
        for scene in [&free, &walled] {
            scene.pbx.run(&["gui-blacklist", "del", "45.0.0.0/24"]).ok();
        }
        assert_eq!(
            timeless(report_of(&walled, "banbridge-apply.service", "apply")),
            timeless(free.json(&["apply"]).1),
            "{firewall:?}"
        );
        assert_eq!(walled.ours(), set([ATTACKER]));
        assert_eq!(complaints(&walled), Vec::<String>::new());
        let log = fs::metadata(walled.pbx.outside(LOG)).unwrap();
        let asterisk = fs::metadata(walled.pbx.outside("/etc/asterisk")).unwrap();
        assert_eq!((log.uid(), log.mode() & 0o777), (asterisk.uid(), 0o640));
    }
}
