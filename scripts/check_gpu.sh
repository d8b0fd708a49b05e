#!/usr/bin/env bash
# Tries a GPU in at most eight minutes: scripts/check_gpu.sh [--dry-run] [folder]
# The results go to the folder, else to $OUT, else to logs/check-gpu. The interpreter is $PYTHON, else .venv/bin/python,
# else python3. $WHEELS is a folder of further packages, as `pip install --target` makes one. Nothing is installed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
if [ -z "${PYTHON:-}" ] && [ ! -x "$python" ]; then python=python3; fi
if ! command -v "$python" >/dev/null; then
  echo "error: $python: there is no such interpreter; set PYTHON" >&2
  exit 2
fi
packages=""
if [ -n "${WHEELS:-}" ]; then
  packages=$(cd "$WHEELS" && pwd) || exit 2
fi
export PYTHONPATH="$root/src:$root${packages:+:$packages}${PYTHONPATH:+:$PYTHONPATH}"
exec "$python" -m benchmarks.check_gpu "$@"
