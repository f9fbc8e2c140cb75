//! Rows and chain together, measured in the sandbox against the daemon alone, against the bare `iptables-restore` and
//! against one process an address, in one run. Prints tables and writes `bench-chain.json` into the target directory.
//!
//! `cargo bench --bench chain -- --sizes 100,1000,5000,10000 --backends nft,legacy`; that is the default and takes
//! some ten minutes, nearly all of them the daemon's own. What is built is the profile that is asked for: the figures
//! that count are those of `cargo bench`, which is the release build.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../sandbox/mod.rs"]
mod sandbox;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sandbox::{Backend, Firewall, Run, Sandbox, rule, until};
use serde_json::{Value, json};

/// Figures of one kind; the median counts.
const TIMES: usize = 5;

struct Options {
    sizes: Vec<usize>,
    backends: Vec<Backend>,
    /// Leave out what takes minutes: the daemon alone and one process an address.
    quick: bool,
    /// The tool that calls the library, where it is not the one of this build.
    tool: PathBuf,
}

fn options() -> Options {
    let mut options = Options {
        sizes: vec![100, 1_000, 5_000, 10_000],
        backends: vec![Backend::Nft, Backend::Legacy],
        quick: false,
        tool: tool(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--sizes" => {
                options.sizes =
                    words.next().unwrap().split(',').map(|size| size.parse().expect("a size")).collect();
            }
            "--backends" => {
                let backend = |name: &str| match name {
                    "nft" => Backend::Nft,
                    "legacy" => Backend::Legacy,
                    _ => panic!("no such backend: {name}"),
                };
                options.backends = words.next().unwrap().split(',').map(backend).collect();
            }
            "--tool" => options.tool = words.next().unwrap().into(),
            "--quick" => options.quick = true,
            // What cargo adds.
            "--bench" => {}
            _ => panic!("unknown option {word}"),
        }
    }
    options
}

fn main() {
    let options = options();
    let mut rows = Vec::new();
    for &backend in &options.backends {
        for &size in &options.sizes {
            rows.push(measure(backend, size, &options));
        }
    }
    println!("\nFrom rows changed to rules in force, seconds (processes that the daemon starts)");
    println!(
        "{:8} {:>7} {:>16} {:>16} {:>12} {:>12} {:>8} {:>8} {:>8} {:>12}",
        "backend",
        "entries",
        "daemon: load",
        "remove a tenth",
        "ours: load",
        "rm a tenth",
        "frozen",
        "floor",
        "x floor",
        "process each"
    );
    for row in &rows {
        let pass = |name: &str| match row[name]["seconds"].as_f64() {
            Some(seconds) => format!("{seconds:.2} ({})", row[name]["processes"]),
            None => "-".to_owned(),
        };
        let ours = |name: &str| {
            format!("{:.3} ({})", row[name]["seconds"].as_f64().unwrap(), row[name]["processes"])
        };
        println!(
            "{:8} {:>7} {:>16} {:>16} {:>12} {:>12} {:>8.3} {:>8.3} {:>8.2} {:>12}",
            row["backend"].as_str().unwrap(),
            row["entries"],
            pass("daemon_load"),
            pass("daemon_remove"),
            ours("ours_load"),
            ours("ours_remove"),
            row["ours_load"]["frozen"].as_f64().unwrap(),
            row["floor"].as_f64().unwrap(),
            row["ours_load"]["chain"].as_f64().unwrap() / row["floor"].as_f64().unwrap(),
            row["process_each"].as_f64().map_or("-".to_owned(), |seconds| format!("{seconds:.2}")),
        );
    }
    println!(
        "\"x floor\" is ours without the rows, from committed to restored, by the bare iptables-restore."
    );
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-chain.json");
    std::fs::write(&path, format!("{:#}\n", json!({ "rows": rows }))).unwrap();
    println!("\n{}", path.display());
}

fn name(backend: Backend) -> &'static str {
    match backend {
        Backend::Nft => "nft",
        Backend::Legacy => "legacy",
    }
}

fn quiet(backend: Backend) -> Sandbox {
    Sandbox::builder(Firewall::Iptables(backend)).period(36_000).start()
}

fn addresses(count: usize) -> Vec<String> {
    // Scattered, as attackers are; no two alike.
    (0..count as u32)
        .map(|n| n.wrapping_mul(2_654_435_761))
        .map(|n| format!("{}.{}.{}.{}", 45 + (n >> 24) % 80, n >> 16 & 255, n >> 8 & 255, n & 255))
        .collect()
}

/// The tool that calls the library, of this build.
fn tool() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("../examples/apply-tool")
}

fn apply(pbx: &Sandbox, tool: &Path, order: &Value) -> Value {
    let tool = tool.canonicalize().expect("cargo build [--release] --example apply-tool");
    let mut child = pbx
        .command(tool.to_str().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(order.to_string().as_bytes()).unwrap();
    let run: Run = child.wait_with_output().unwrap().into();
    let applied: Value = serde_json::from_str(&run.ok()).unwrap();
    assert_eq!(
        (&applied["how"], &applied["verified"]),
        (&"frozen-restore".into(), &true.into()),
        "{applied}"
    );
    applied
}

/// The time between two steps of a call.
fn between(applied: &Value, first: &str, second: &str) -> f64 {
    let at = |name: &str| {
        let steps = applied["steps"].as_array().unwrap();
        steps.iter().find(|step| step[0] == name).unwrap()[1].as_f64().unwrap()
    };
    at(second) - at(first)
}

/// Tells the daemon and waits, however long it takes.
fn pass(pbx: &Sandbox) -> Value {
    until("the daemon to sleep", || pbx.daemon_sleeps());
    let seen = pbx.passes().len();
    pbx.signal_daemon("HUP");
    loop {
        std::thread::sleep(std::time::Duration::from_millis(20));
        if let Some(pass) = pbx.passes().get(seen)
            && let Some(end) = pass.end
        {
            return json!({ "seconds": end - pass.start, "processes": pass.processes });
        }
    }
}

fn measure(backend: Backend, size: usize, options: &Options) -> Value {
    let keys = addresses(size);
    let tenth: Vec<&String> = keys.iter().step_by(10).collect();
    let mut row = json!({ "backend": name(backend), "entries": size });
    println!("{} {size} ...", name(backend));
    if !options.quick {
        let pbx = quiet(backend);
        let idle = pass(&pbx)["processes"].clone();
        pbx.write_blacklist(keys.iter().map(String::as_str), "1");
        row["daemon_idle_processes"] = idle;
        row["daemon_load"] = pass(&pbx);
        assert_eq!(pbx.rules().len(), size);
        for keys in tenth.chunks(500) {
            let marks = vec!["?"; keys.len()].join(",");
            pbx.sql_run(
                &format!("DELETE FROM kvstore_FreePBX_modules_Firewall WHERE id = 'blacklist' AND `key` IN ({marks})"),
                keys.to_vec(),
            );
        }
        row["daemon_remove"] = pass(&pbx);
        assert_eq!(pbx.rules().len(), size - tenth.len());
    }
    let pbx = quiet(backend);
    for (what, order) in [("ours_load", json!({ "add": keys })), ("ours_remove", json!({ "remove": tenth }))]
    {
        let applied = apply(&pbx, &options.tool, &order);
        let last = pbx.passes().pop().unwrap();
        row[what] = json!({
            "seconds": applied["seconds_to_force"],
            "frozen": applied["seconds_frozen"],
            "rows": between(&applied, "Frozen", "Committed"),
            "chain": between(&applied, "Committed", "Restored"),
            "verified_after": applied["seconds"],
            "processes": last.processes,
            "pass_seconds": last.end.unwrap() - last.start,
        });
    }
    // The floor: the same content by the bare program, over a chain that holds it already.
    let mut text = "*filter\n-F fpbxblacklist\n".to_owned();
    for key in &keys {
        text += &format!("-A fpbxblacklist {}\n", rule(&format!("{key}/32")));
    }
    text += "COMMIT\n";
    pbx.write_file("/run/floor", text);
    let mut floors: Vec<f64> =
        (0..TIMES).map(|_| timed(&pbx, "iptables-restore --noflush </run/floor")).collect();
    floors.sort_by(f64::total_cmp);
    row["floor"] = floors[TIMES / 2].into();
    if !options.quick {
        // As apiban's own clients do it: a chain of their own, a process for each address.
        let list: String = keys.iter().map(|key| format!("{key}\n")).collect();
        pbx.write_file("/run/list", list);
        pbx.run(&["iptables", "-N", "APIBAN"]).ok();
        let each = "while read -r a; do iptables -I APIBAN -s $a -j REJECT || exit; done </run/list";
        row["process_each"] = timed(&pbx, each).into();
    }
    row
}

/// Seconds that a shell command takes inside.
fn timed(pbx: &Sandbox, command: &str) -> f64 {
    let script = format!("s=$(date +%s%N); {command} || exit 1; e=$(date +%s%N); echo $((e - s))");
    pbx.run(&["bash", "-c", &script]).ok().trim().parse::<f64>().unwrap() / 1e9
}
