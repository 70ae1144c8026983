#!/bin/sh
# Start Kamailio in the foreground with a configuration that `rufweiche render kamailio` wrote; never as root.
# usage: start.sh [FOLDER [RUN]]     (default: /etc/kamailio /run/kamailio)
set -eu
if [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid kamailio --regid kamailio --init-groups "$0" "$@"
fi
run=${2:-/run/kamailio}
exec /usr/sbin/kamailio -DD -E -P "$run/kamailio.pid" -Y "$run" -w "$run" -f "${1:-/etc/kamailio}/kamailio.cfg"
