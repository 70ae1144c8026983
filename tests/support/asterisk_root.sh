#!/usr/bin/env bash
# Builds a small Debian root with the real Asterisk 22, Kamailio and rtpengine that tests/asterisk talks to,
# and below /opt/asterisk-next the newer Asterisk of Debian's experimental suite, which needs no Kamailio for Teams.
#
# usage: asterisk_root.sh [ROOT]     (default: ${XDG_CACHE_HOME:-~/.cache}/rufweiche/asterisk-root)
# Idempotent; about a minute the first time, 500 MB; needs root, debootstrap and a Debian mirror.
# Set MIRROR to use another mirror than the one of this machine's apt.
set -euo pipefail
ROOT=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/rufweiche/asterisk-root}
READY=$ROOT/.rufweiche-ready
NEXT=$ROOT/opt/asterisk-next # not there when the suite cannot be had
PACKAGES=(asterisk asterisk-modules kamailio kamailio-tls-modules rtpengine-daemon openssl)

say() { printf '%s\n' "$*" >&2; }

mirror_of_this_machine() {
  awk '/^URIs:/{print $2; exit}' /etc/apt/sources.list.d/*.sources 2>/dev/null ||
    awk '/^deb /{print $2; exit}' /etc/apt/sources.list 2>/dev/null || true
}

install_debootstrap() {
  command -v debootstrap >/dev/null && return
  apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap
}

trim() { # a root for tests needs no manuals and must start no service
  cat >"$ROOT/etc/apt/apt.conf.d/99rufweiche" <<'X'
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11 { DefaultEnabled "false"; };
APT::Install-Recommends "false";
X
  printf 'path-exclude=/usr/share/%s/*\n' doc man locale info >"$ROOT/etc/dpkg/dpkg.cfg.d/01rufweiche"
  printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
  chmod +x "$ROOT/usr/sbin/policy-rc.d"
}

build() {
  local mirror=${MIRROR:-$(mirror_of_this_machine)}
  rm -rf --one-file-system "$ROOT"
  mkdir -p "$(dirname "$ROOT")"
  debootstrap --variant=minbase sid "$ROOT" "${mirror:?no Debian mirror in the sources of apt: set MIRROR}"
  trim
  chroot "$ROOT" apt-get update -qq
  chroot "$ROOT" apt-get install -y -qq "${PACKAGES[@]}"
  chroot "$ROOT" apt-get clean
  rm -rf "$ROOT"/var/lib/apt/lists/*
  chroot "$ROOT" asterisk -V >"$READY"
}

unpack_next() {
  local mirror=${MIRROR:-$(mirror_of_this_machine)} list=/etc/apt/asterisk-next.list
  # experimental may rest for weeks; its signature counts, its freshness does not
  echo "deb ${mirror:?} experimental main" >"$ROOT$list"
  rm -rf "$NEXT" "$NEXT.new"
  mkdir -p "$NEXT.new"
  # only this suite's list, and none of its dependencies: the libraries are those of the root
  chroot "$ROOT" sh -ec "
    apt-get -qq update -o Acquire::Check-Valid-Until=false -o Dir::Etc::SourceList=$list -o Dir::Etc::SourceParts=-
    cd /opt/asterisk-next.new
    apt-get -qq download -t experimental asterisk asterisk-modules -o APT::Sandbox::User=root \
      -o Dir::Etc::SourceList=$list -o Dir::Etc::SourceParts=-
    for package in *.deb; do dpkg -x \"\$package\" .; done
    rm -f -- *.deb
    rm -rf /var/lib/apt/lists/*
    usr/sbin/asterisk -V >.version" && mv "$NEXT.new" "$NEXT"
}

export DEBIAN_FRONTEND=noninteractive LC_ALL=C
mkdir -p "$(dirname "$ROOT")"
exec 9>"$ROOT.lock"
flock 9 # two test runs on one machine share one build
if [ ! -s "$READY" ]; then
  [ "$(id -u)" = 0 ] || { say "asterisk_root: needs root to build $ROOT"; exit 2; }
  install_debootstrap || { say "asterisk_root: debootstrap cannot be installed"; exit 2; }
  build >"$ROOT.log" 2>&1 || { say "asterisk_root: failed, see $ROOT.log"; tail -n 3 "$ROOT.log" >&2; exit 2; }
fi
[ -d "$NEXT" ] || [ "$(id -u)" != 0 ] || unpack_next >>"$ROOT.log" 2>&1 || say "asterisk_root: no Asterisk from experimental"
printf '%s\n' "$ROOT"
