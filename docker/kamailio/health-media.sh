#!/bin/bash
# Exit 0 when rtpengine answers the ping of its control protocol.
# usage: health-media.sh [FOLDER]     (default: /etc/kamailio)
set -euo pipefail
at=$(sed -n 's/^listen-ng = //p' "${1:-/etc/kamailio}/rtpengine.conf")
exec 3<>"/dev/udp/${at%:*}/${at##*:}"
printf 'health d7:command4:pinge' >&3
read -r -t 3 -n 23 answer <&3
[[ $answer == "health d6:result4:ponge" ]]
