#!/usr/bin/env bash
# Install the system programs that the tests talk to: sipp, Chromium with its driver, ffmpeg, debootstrap.
set -euo pipefail

wanted() { # command debian-package brew-formula
  command -v "$1" >/dev/null 2>&1 && return
  apt_missing+=("$2")
  [ -z "$3" ] || brew_missing+=("$3")
}

apt_missing=()
brew_missing=()
wanted sipp sip-tester sipp
wanted ffmpeg ffmpeg ffmpeg
wanted cc gcc ""
if [ "$(uname -s)" = Linux ]; then
  wanted chromium chromium chromium
  wanted chromedriver chromium-driver chromedriver
  wanted debootstrap debootstrap ""
  wanted openssl openssl openssl
fi
[ ${#apt_missing[@]} -eq 0 ] && exit 0

if command -v apt-get >/dev/null 2>&1; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  echo "Installing for the tests: ${apt_missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${apt_missing[@]}" >/dev/null
elif command -v brew >/dev/null 2>&1; then
  brew install --quiet "${brew_missing[@]}"
else
  echo "Please install: ${apt_missing[*]}" >&2
  exit 1
fi
