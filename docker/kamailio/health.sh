#!/bin/bash
# Exit 0 when Kamailio answers. A request whose hops are used up is answered by itself (RFC 3261 16.3), so Microsoft is not
# bothered and need not be there.
# usage: health.sh [FOLDER]     (default: /etc/kamailio)
set -euo pipefail
at=$(sed -n 's/^listen=tcp://p' "${1:-/etc/kamailio}/kamailio.cfg")
exec 3<>"/dev/tcp/${at%:*}/${at##*:}"
cat >&3 <<END
OPTIONS sip:health@$at SIP/2.0
Via: SIP/2.0/TCP ${at%:*};rport;branch=z9hG4bK-health-$$-$RANDOM
Max-Forwards: 0
From: <sip:health@$at>;tag=$RANDOM
To: <sip:health@$at>
Call-ID: health-$$-$RANDOM
CSeq: 1 OPTIONS
Content-Length: 0

END
answer=$(timeout 3 head -c 11 <&3)
[[ $answer == "SIP/2.0 483"* ]]
