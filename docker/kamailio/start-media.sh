#!/bin/sh
# Start rtpengine in the foreground with a configuration that `rufweiche render kamailio` wrote; never as root.
# usage: start-media.sh [FOLDER]     (default: /etc/kamailio)
set -eu
if [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid rtpengine --regid rtpengine --init-groups "$0" "$@"
fi
exec /usr/bin/rtpengine --config-file "${1:-/etc/kamailio}/rtpengine.conf" --config-section rtpengine
