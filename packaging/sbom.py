#!/usr/bin/env python3
"""Writes what is linked into the program: a bill of materials (CycloneDX 1.5, JSON) and all licences.

    sbom.py DIRECTORY

What is counted is what cargo links: normal dependencies for this platform. Build scripts and macros run on the
machine that builds and leave nothing in the program. Rust's standard library and the parts of the C library's
start-up that every program carries are named too. Nothing in here depends on the time or the place of the build.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = os.environ.get("ARCH", "x86_64") + "-unknown-linux-gnu"
NAMES = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
# Linked into every program by the compiler and the linker; no crate says so.
BESIDE = [
    ("rust-std", None, "MIT OR Apache-2.0", "Rust's standard library, and the crates in it"),
    ("llvm-libunwind", None, "Apache-2.0 WITH LLVM-exception", "walks the stack; built by the linker zig from its own sources"),
    ("glibc-startup", "2.17", "LGPL-2.1-or-later WITH GCC-exception-2.0", "crt1.o and the like; the C library itself is not linked in"),
]
# Words of crates that are no expressions of SPDX.
SPDX = {"MIT/Apache-2.0": "MIT OR Apache-2.0", "Unlicense/MIT": "Unlicense OR MIT", "Apache-2.0/MIT": "Apache-2.0 OR MIT"}


def run(*words):
    return subprocess.run(words, cwd=HERE.parent, check=True, capture_output=True, text=True).stdout


def linked(metadata):
    """The packages that are linked in, by id, with the ids that each needs.

    Which they are is asked of `cargo tree`: what `cargo metadata` says has the features of the tests in it.
    """
    tree = run("cargo", "tree", "--locked", "--target", TARGET, "-e", "normal,no-proc-macro", "--prefix", "none",
               "-f", "{p}")
    wanted = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    packages = {package["id"]: package for package in metadata["packages"]}
    found = {}
    for node in metadata["resolve"]["nodes"]:
        package = packages[node["id"]]
        if (package["name"], "v" + package["version"]) in wanted:
            found[node["id"]] = [need["pkg"] for need in node["deps"]
                                 if any(kind["kind"] is None for kind in need["dep_kinds"])]
    if len(found) != len(wanted):
        sys.exit("cargo tree and cargo metadata do not name the same packages")
    return packages, {identity: [need for need in needs if need in found] for identity, needs in found.items()}


def checksums():
    """SHA-256 of each crate as the lock file has it."""
    import tomllib

    lock = tomllib.loads((HERE.parent / "Cargo.lock").read_text())
    return {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def expression(package):
    return SPDX.get(package["license"], package["license"])


def component(package, sums):
    made = {
        "type": "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
    }
    if package.get("description"):
        made["description"] = " ".join(package["description"].split())
    if package["license"]:
        made["licenses"] = [{"expression": expression(package)}]
    if sums.get((package["name"], package["version"])):
        made["hashes"] = [{"alg": "SHA-256", "content": sums[(package["name"], package["version"])]}]
    if package.get("repository"):
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


def bill(packages, found, root, version, rust):
    sums = checksums()
    order = sorted((identity for identity in found if identity != root), key=lambda i: reference(packages[i]))
    components = [component(packages[identity], sums) for identity in order]
    for name, of, licence, what in BESIDE:
        of = of or (rust if name == "rust-std" else zig())
        components.append({"type": "library", "bom-ref": name, "name": name, "version": of, "description": what,
                           "licenses": [{"expression": licence}]})
    main = component(packages[root], {}) | {"type": "application", "version": version}
    dependencies = [
        {"ref": reference(packages[identity]), "dependsOn": sorted({reference(packages[need]) for need in found[identity]})}
        for identity in [root, *order]
    ]
    text = json.dumps([components, dependencies], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        # Of the content, so that the same content has the same number.
        "serialNumber": f"urn:uuid:{uuid.UUID(hashlib.sha256(text.encode()).hexdigest()[:32], version=4)}",
        "version": 1,
        "metadata": {"component": main},
        "components": components,
        "dependencies": dependencies,
    }


def zig():
    for line in (HERE / "tools.txt").read_text().splitlines():
        if line.startswith("ziglang=="):
            return line.split("==")[1].split()[0]
    sys.exit("tools.txt names no ziglang")


def texts(directory):
    """The licence files of a crate: at its top, and one level below (ring has those of BoringSSL there)."""
    for path in sorted([*directory.glob("*"), *directory.glob("*/*")]):
        if path.is_file() and NAMES.match(path.name) and path.suffix not in (".rs", ".py", ".sh", ".json", ".toml"):
            yield path.relative_to(directory).as_posix(), path.read_text(errors="replace").strip() + "\n"


def licences(packages, found, root):
    """One text: who is linked in under what, and each licence text once."""
    by_text, table, without = {}, [], []
    for identity in sorted((i for i in found if i != root), key=lambda i: reference(packages[i])):
        package = packages[identity]
        name = f"{package['name']} {package['version']}"
        table.append(f"  {name:40} {expression(package)}")
        all_texts = list(texts(Path(package["manifest_path"]).parent))
        if not all_texts:
            without.append((name, package))
        for _, text in all_texts:
            by_text.setdefault(text, []).append(name)
    table += [f"  {name:40} {licence}" for name, _, licence, _ in BESIDE]
    parts = [
        "banbridge is under the GNU General Public License, version 3 or later (in copyright, or LICENSE).\n\n"
        "Linked into it, each under the licence named:\n\n" + "\n".join(table) + "\n"
    ]
    if without:
        lines = [f"  {name}: {', '.join(package['authors']) or 'its authors'}, {package['repository'] or 'crates.io'}"
                 for name, package in without]
        parts.append("These ship no text of their own; the texts of the licences named above are those below:\n\n"
                     + "\n".join(lines) + "\n")
    for text, names in sorted(by_text.items(), key=lambda item: (item[1], item[0])):
        parts.append(", ".join(sorted(set(names))) + ":\n\n" + text)
    return ("\n" + "-" * 100 + "\n\n").join(parts)


def main():
    out = Path(sys.argv[1])
    version = os.environ["VERSION"]
    metadata = json.loads(run("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET))
    packages, found = linked(metadata)
    root = metadata["resolve"]["root"]
    unnamed = [reference(packages[identity]) for identity in found if not packages[identity]["license"]]
    if unnamed:
        sys.exit(f"no licence is named by {', '.join(unnamed)}")
    rust = re.search(r"^release: (\S+)", run("rustc", "-vV"), re.MULTILINE).group(1)
    made = bill(packages, found, root, version, rust)
    (out / "banbridge.cdx.json").write_text(json.dumps(made, indent=1) + "\n")
    (out / "LICENCES").write_text(licences(packages, found, root))


main()
