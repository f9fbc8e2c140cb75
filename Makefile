# Two commands do all the set-up on a fresh Debian 12 with Rust:
#   make demo   the whole job on real input, in a sandboxed PBX; LIST=path/to/list has the feed list other addresses
#   make demo-gui   the same, and then the page of the module, in a FreePBX around it, for this machine's browser
#   make test   all tests; T="history gui" runs some of them, see tests/run
# Both need root, for namespaces of their own, and install the Debian packages of DEPS when one is missing. And:
#   make golden   writes the outputs that the tests hold anew, tests/golden; what changed is then to be reviewed
#   make lint   format, clippy, layers, licenses and sources of what is linked in, syntax of the scripts, links of the documents
#   make dist   the packages, into target/dist/packages; needs Python 3 with pip, no root
#   make dist-check   builds them a second time in another directory: are they the same to the byte?
#   make soak   5,000 schedules of faults instead of the 300 of make test: most of an hour
#   make bench  what everything costs, in target/bench.json too: half an hour; T="set cost" runs those, BASE=FILE compares
#   make fuzz   looks for input that breaks a reader, FUZZ_SECONDS (60) a reader; needs no root, but g++

SHELL := /bin/bash
.DELETE_ON_ERROR:

# Real parts for the sandbox: a database, PHP for FreePBX's side, firewalls, namespaces.
DEPS := mariadb-server php-cli php-mysql iptables nftables ipset conntrack iproute2 procps util-linux
# FreePBX's GUI in it, a browser to look at it, and what reads PHP for the syntax of older and newer releases.
DEPS += php-xml php-symfony-console php-parser chromium fonts-dejavu-core
# The module's words: what collects and checks them, and packs their translation.
DEPS += gettext
# CrowdSec's library. CrowdSec itself is unpacked and not installed: its installation registers the machine with
# CrowdSec's servers.
DEPS += libsqlite3-0
# The web server of the demo's second PBX.
DEPS += python3
# Prometheus is unpacked too: its promtool reads what status prints for it. fail2ban's filter for Asterisk is what
# tests/it/coverage.rs compares ours with.
DEPS += fail2ban
TARGET := $(or $(CARGO_TARGET_DIR),target)

# The packages are installed in a Debian of its own, under its systemd.
DEPS += debootstrap systemd binutils

# For making the packages: the module's translation, a .deb, symbol versions.
DIST_DEPS := gettext dpkg binutils
# For the tests of them: what installs an .rpm, and Debian's own check of a .deb.
DEPS += rpm lintian

.PHONY: deps build demo demo-gui test golden soak lint bench fuzz dist dist-check
deps:
	@tests/deps $(DEPS)
	@tests/deps --unpack $(TARGET)/tools/crowdsec crowdsec
	@tests/deps --unpack $(TARGET)/tools/prometheus prometheus

build: deps
	cargo build --release --locked

# The development build: on a fresh machine it is there sooner, and make test uses it too.
demo: deps
	@echo "Building the program and the demo's feed (a minute the first time) ..."
	@cargo build -q --locked --bin banbridge --example apiban-simulator
	@tests/demo

demo-gui: deps
	@echo "Building the program and the demo's feed (a minute the first time) ..."
	@cargo build -q --locked --bin banbridge --example apiban-simulator
	@tests/gui/install
	@SERVE=$(or $(SERVE),1) tests/demo

test: deps
	@tests/run $(T)

golden: deps
	@mkdir -p tests/golden && rm -f tests/golden/*
	@UPDATE_EXPECT=1 tests/run golden

SCHEDULES ?= 5000
soak: deps
	@BANBRIDGE_SCHEDULES=$(SCHEDULES) cargo test -q --locked --features faults --test faults -- --nocapture

lint: deps
	@tests/deps --pip $(TARGET)/tools/lint tests/tools.txt
	@tests/lint

bench: deps
	@tests/deps iprange crowdsec-firewall-bouncer
	@tests/bench/all $(T)

fuzz:
	@tests/fuzz

dist:
	@tests/deps $(DIST_DEPS)
	@packaging/dist

dist-check: dist
	@packaging/check-reproducible
