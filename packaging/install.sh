#!/bin/sh
# Installs banbridge where there is no Debian package for it (the FreePBX Distro, EL7 and later, others with glibc 2.17):
#   ./install.sh              installs, or updates what an earlier one installed
#   ./install.sh --uninstall  takes it off; configuration, allow list and unblocked addresses are kept
#   ./install.sh --purge      takes those off too
# After an installation all of this is at hand as /usr/lib/banbridge/install.sh.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
# What the program of this archive was built for.
arch=x86_64
here=$(cd "$(dirname "$0")" && pwd)
# A line a file: checksum as it was installed, path. And the directories that were made, "-" and path, outer ones first.
list=/usr/lib/banbridge/installed
timers='banbridge-sync.timer banbridge-apply.timer banbridge-apply.path'
kept=/var/lib/banbridge/removed.json
say() { echo "banbridge: $*" >&2; }
die() {
	say "$@"
	exit 1
}
has_systemd() { [ -d /run/systemd/system ]; }
sum() { sha256sum "$1" | cut -d' ' -f1; }

[ "$(id -u)" = 0 ] || die "this must be run as root"
if command -v dpkg-query >/dev/null && dpkg-query -W -f '${Status}' banbridge 2>/dev/null | grep -q ' installed$'; then
	die "it is installed as a Debian package: use apt"
fi

uninstall() {
	[ -e "$list" ] || die "it is not installed from an archive: $list is missing"
	if has_systemd; then
		systemctl stop $timers || true
		systemctl stop banbridge-sync.service banbridge-apply.service banbridge-boot.service banbridge-notify.service || true
	fi
	for unit in $timers banbridge-boot.service; do
		if has_systemd; then systemctl -q disable "$unit" || true; fi
	done
	/usr/lib/banbridge/prerm-cleanup || true
	while read -r sum path; do [ "$sum" = - ] || rm -f "$path"; done <"$list"
	made=$(sed -n 's/^-  //p' "$list" | sort -r)
	rm -f "$list"
	rm -rf /run/banbridge
	for directory in $made; do rmdir "$directory" 2>/dev/null || true; done
	if has_systemd; then systemctl daemon-reload && systemctl reset-failed 'banbridge-*' 2>/dev/null || true; fi
}

case ${1-} in
'') ;;
--uninstall | --purge)
	if [ "$1" = --uninstall ] || [ -e "$list" ]; then uninstall; fi
	rmdir /var/lib/banbridge 2>/dev/null || true
	if [ "$1" = --purge ]; then
		rm -rf /var/lib/banbridge
		rm -f /etc/asterisk/banbridge.toml /etc/asterisk/banbridge-*.secret /var/log/asterisk/banbridge.log /var/log/asterisk/banbridge.log.*
		rm -f /var/lib/systemd/timers/stamp-banbridge-*
	fi
	exit 0
	;;
*)
	sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

[ -d "$here/files" ] || die "the files of the archive are not beside $0; unpack the archive and start its install.sh"
[ "$(uname -m)" = "$arch" ] || die "this archive is for $arch only"
"$here/files/usr/bin/banbridge" --version >/dev/null || die "the program does not run here: it needs glibc 2.17 or later"

# Where the places of Debian are others here.
place() {
	case $1 in
	/lib/systemd/system/*) if [ -d /usr/lib/systemd/system ]; then echo "/usr$1"; else echo "$1"; fi ;;
	/usr/share/zsh/vendor-completions/*)
		if [ -e /etc/debian_version ]; then echo "$1"; else echo "/usr/share/zsh/site-functions/${1##*/}"; fi
		;;
	*) echo "$1" ;;
	esac
}

# Before version 239 systemd does not know the group of system calls @system-service, skips it with a warning, and then
# forbids every call but a few: the program would be killed at its first step. What else an old one does not know of
# the units (EL7 has 219: ProtectSystem=strict and ReadWritePaths, most of Protect and Restrict, RandomizedDelaySec) it
# leaves out with a warning; capabilities, NoNewPrivileges, devices, homes and address families hold there too.
old_systemd=
if command -v systemctl >/dev/null; then
	version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
	if [ -n "$version" ] && [ "$version" -lt 239 ]; then old_systemd=1; fi
fi

# Makes a directory and those above it, and notes which.
directory() {
	[ ! -d "$1" ] || return 0
	directory "$(dirname "$1")"
	mkdir "$1"
	echo "-  $1" >>"$new"
}

new=$(mktemp)
unit=$(mktemp)
trap 'rm -f "$new" "$unit" "$new.paths"' EXIT
(cd "$here/files" && find . -type f) | sed 's/^\.//' | sort >"$new.paths"
while read -r path; do
	from=$here/files$path
	to=$(place "$path")
	case $path in
	*/systemd/system/*.service)
		if [ -n "$old_systemd" ]; then
			sed '/^SystemCallFilter=/d' "$from" >"$unit"
			from=$unit
		fi
		;;
	esac
	case $path in
	/etc/*)
		# What the administrator changed stays.
		was=$(if [ -e "$list" ]; then sed -n "s|^\([0-9a-f]*\)  $to\$|\1|p" "$list"; fi)
		if [ -e "$to" ] && [ "$(sum "$to")" != "$(sum "$from")" ] && [ "$(sum "$to")" != "$was" ]; then
			say "$to was changed here and stays; the new one is $to.new"
			cp -f "$from" "$to.new"
			echo "$(sum "$from")  $to.new" >>"$new"
			echo "$(sum "$from")  $to" >>"$new"
			continue
		fi
		;;
	esac
	directory "$(dirname "$to")"
	# In one step, so that a run that begins now finds the old one or the new one.
	cp -f "$from" "$to.banbridge-new"
	case $path in /usr/bin/* | /usr/lib/banbridge/*) chmod 755 "$to.banbridge-new" ;; *) chmod 644 "$to.banbridge-new" ;; esac
	mv -f "$to.banbridge-new" "$to"
	if command -v restorecon >/dev/null; then restorecon "$to" 2>/dev/null || true; fi
	echo "$(sum "$to")  $to" >>"$new"
done <"$new.paths"
cp -f "$0" /usr/lib/banbridge/install.sh
echo "$(sum "$0")  /usr/lib/banbridge/install.sh" >>"$new"
# What an earlier version had and this one has not.
updated=
if [ -e "$list" ]; then
	updated=1
	while read -r sum path; do
		if [ "$sum" = - ]; then
			grep -q "^-  $path\$" "$new" || echo "-  $path" >>"$new"
		elif ! grep -q "  $path\$" "$new"; then
			rm -f "$path"
		fi
	done <"$list"
fi
cp -f "$new" "$list"
chmod 644 "$list"
mkdir -p /var/lib/banbridge
chown root:root /var/lib/banbridge
chmod 755 /var/lib/banbridge

if id asterisk >/dev/null 2>&1 && command -v systemd-tmpfiles >/dev/null; then
	systemd-tmpfiles --create /usr/lib/tmpfiles.d/banbridge.conf || true
fi
if has_systemd; then
	systemctl daemon-reload
	if [ -z "$updated" ]; then
		systemctl -q enable $timers banbridge-boot.service
		systemctl start $timers
	fi
fi
if [ -s "$kept" ] && [ -e /etc/asterisk/banbridge.toml ]; then
	if banbridge restore -q <"$kept"; then
		rm -f "$kept"
	else
		say "the allow list and the unblocked addresses are in $kept. Fix: banbridge restore <$kept"
	fi
fi
if [ ! -e /etc/asterisk/banbridge.toml ]; then say "nothing is blocked yet. Go on with: banbridge setup"; fi
