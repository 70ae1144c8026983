#!/bin/sh
# Start Asterisk in the foreground with a configuration that `rufweiche render asterisk` wrote; never as root.
# usage: start.sh [FOLDER]     (default: /etc/asterisk; ASTERISK names another program than the system's)
set -eu
if [ "$(id -u)" = 0 ]; then
  run=$(sed -n 's/^astrundir => //p' "${1:-/etc/asterisk}/asterisk.conf")
  [ -d "$run" ] || install -d -o asterisk -g asterisk -m 750 "$run" # systemd makes it; after a boot without it, nobody
  exec setpriv --reuid asterisk --regid asterisk --init-groups "$0" "$@"
fi
exec "${ASTERISK:-/usr/sbin/asterisk}" -f -n -q -C "${1:-/etc/asterisk}/asterisk.conf"
