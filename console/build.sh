#!/bin/sh
# Builds GraphiQL into deskgraph/console/dist, unless it is there and nothing of it has changed since.
# Node and npm are those of the system; where it has none, or an old Node, they come from PyPI into
# .venv. What goes wrong is told in one line, and in full in console/build.log.
cd "$(dirname "$0")" || exit 1
python=../.venv/bin/python
log=$PWD/build.log

fail() {
    echo "GraphiQL is not built: $1. /graphql shows a plain editor; \"make console\" tries again, and console/build.log tells more." >&2
    exit 1
}

has_node() {
    command -v npm >/dev/null && node -e 'process.exit(Number(parseInt(process.versions.node) < 20))' 2>/dev/null
}

sources="src build.mjs package-lock.json ../deskgraph/pages/static"
# shellcheck disable=SC2086 # several paths
if [ -f ../deskgraph/console/dist/manifest.json ] &&
    [ -z "$(find $sources -type f -newer ../deskgraph/console/dist/manifest.json)" ]; then
    exit 0
fi

: >"$log"
if has_node; then
    echo "Building GraphiQL; this is done once."
else
    echo "Building GraphiQL with Node from PyPI; this is done once."
    PATH=$(cd .. && pwd)/.venv/bin:$PATH
    # A network that swallows what is sent must not hold up the start for long.
    has_node || $python -m pip install --quiet --disable-pip-version-check --timeout 10 --retries 1 \
        --no-deps --require-hashes -r requirements.lock >>"$log" 2>&1 ||
        fail "Node could not be installed from PyPI"
    has_node || fail "the Node from PyPI does not run here"
fi

if [ ! -f node_modules/.installed ] || [ package-lock.json -nt node_modules/.installed ]; then
    { npm ci --fetch-timeout=20000 --fetch-retries=1 --fetch-retry-mintimeout=1000 &&
        touch node_modules/.installed; } >>"$log" 2>&1 ||
        fail "npm could not install its packages"
fi
npm run build >>"$log" 2>&1 || fail "the build failed"
