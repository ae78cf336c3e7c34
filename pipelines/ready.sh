#!/usr/bin/env bash
# Makes a runner ready: says all that is missing in its settings at once, then gets the tools.
# Names that are given must be set, beside those that every job needs.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
for name in PULUMI_STACK TETHER_BACKEND_URL "$@"; do
  [ -n "${!name:-}" ] || missing+=("$name")
done
if [ ${#missing[@]} -gt 0 ]; then
  {
    echo "error: not set: ${missing[*]}"
    echo "  Why: without them the job would work on another stack than yours, in a state that ends with the runner"
    echo "  Fix: set them as docs/how-to/run-pipelines.md says"
  } >&2
  exit 2
fi
exec make --no-print-directory tools
