# Two commands do all the set-up on a fresh Debian 12 with Rust:
#   make demo   the whole job on real input, in a sandboxed PBX
#   make test   all tests
# Both need root, for namespaces of their own, and install the Debian packages of DEPS when one is missing.

SHELL := /bin/bash
.DELETE_ON_ERROR:

# Real parts for the sandbox: a database, PHP for FreePBX's side, firewalls, namespaces.
DEPS := mariadb-server php-cli php-mysql iptables nftables ipset conntrack iproute2 procps util-linux

.PHONY: deps build
deps:
	@tests/deps $(DEPS)

build: deps
	cargo build --release --locked
