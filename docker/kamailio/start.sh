#!/bin/sh
# Start Kamailio in the foreground with a configuration that `rufweiche render kamailio` wrote; never as root.
# usage: start.sh [FOLDER [RUN]]     (default: /etc/kamailio /run/kamailio)
set -eu
run=${2:-/run/kamailio}
if [ "$(id -u)" = 0 ]; then
  [ -d "$run" ] || install -d -o kamailio -g kamailio -m 750 "$run" # systemd makes it; after a boot without it, nobody
  exec setpriv --reuid kamailio --regid kamailio --init-groups "$0" "$@"
fi
exec /usr/sbin/kamailio -DD -E -P "$run/kamailio.pid" -Y "$run" -w "$run" -f "${1:-/etc/kamailio}/kamailio.cfg"
