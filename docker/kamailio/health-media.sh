#!/bin/bash
# Exit 0 when rtpengine answers the ping of its control protocol.
# usage: health-media.sh [FOLDER]     (default: /etc/kamailio)
set -euo pipefail
at=$(sed -n 's/^listen-ng = //p' "${1:-/etc/kamailio}/rtpengine.conf")
exec 3<>"/dev/udp/${at%:*}/${at##*:}"
printf 'health d7:command4:pinge' >&3
answer=$(timeout 3 dd bs=2000 count=1 status=none <&3) # one read is one datagram
[[ $answer == "health d6:result4:ponge" ]]
