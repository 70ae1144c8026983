#!/bin/bash
# Build the images with the engine that is there: docker, podman or buildah (ENGINE=... picks one).
# usage: build.sh [OPTION...]     (options go to the engine's build, e.g. --pull, --network host)
set -euo pipefail
cd "$(dirname "$0")/.."

works() { # a client without its daemon builds nothing
  case $1 in docker) docker info >/dev/null 2>&1 ;; *) command -v "$1" >/dev/null ;; esac
}

for engine in ${ENGINE:-docker podman buildah}; do
  works "$engine" && break
  engine=
done
[ -n "$engine" ] || { echo "NO CONTAINER ENGINE ON THIS MACHINE: docker (with its daemon), podman or buildah is needed" >&2; exit 3; }

# the OCI format has no place for health checks; docker knows only its own
form=(--format docker)
[ "$engine" != docker ] || form=()
for image in app asterisk kamailio; do
  "$engine" build "${form[@]}" "$@" --file docker/Dockerfile --target "$image" --tag "localhost/rufweiche-$image" .
done
"$engine" images | grep -E '^(REPOSITORY|localhost/rufweiche-)'
