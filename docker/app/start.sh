#!/bin/sh
# Start the reception: line, app and speech, in the foreground. Folders and addresses come from the environment
# (RUFWEICHE_DATA, RUFWEICHE_CONFIG, RUFWEICHE_HTTP, RUFWEICHE_SIP); further options are those of `rufweiche serve`.
set -eu
exec rufweiche serve "$@"
