#!/bin/sh
# Start the reception: line, app and speech. The folders and addresses are the image's; each can be set.
set -eu
exec rufweiche serve --data "${RUFWEICHE_DATA:-/data}" --config "${RUFWEICHE_CONFIG:-/config}" \
  --http "${RUFWEICHE_HTTP:-0.0.0.0:8080}" --sip "${RUFWEICHE_SIP:-0.0.0.0:5060}" "$@"
