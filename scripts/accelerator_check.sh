#!/bin/sh
# Checks jaxdl on a machine with an accelerator and without a network: `jaxdl bench --device`, then
# `pytest -m gpu`. Run it from the root of a checkout:
#
#   scripts/accelerator_check.sh [OUT [BENCH_SECONDS [TEST_SECONDS]]]
#
# JAX for the accelerator must be there. What else is missing may lie as wheels in WHEELS (default:
# .whl); DATA (default: .device) may hold mnist.npz and cifar10.npz for the runs with an accuracy.
# OUT (default: device_report) gets bench.json, bench.md, bench.log and tests.log.
set -u
out=${1:-device_report}
bench_seconds=${2:-420}
test_seconds=${3:-240}
wheels=${WHEELS:-.whl}
data=${DATA:-.device}
python=${PYTHON:-python3}
mkdir -p "$out"
say() { echo "== $(date +%T) $*"; }

site=$(mktemp -d)
if ls "$wheels"/*.whl >/dev/null 2>&1; then
    say "installing $(ls "$wheels" | wc -l) wheels"
    $python -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
        --target "$site" "$wheels"/*.whl || say "pip failed"
fi
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}:$site"
export PYTHONUNBUFFERED=1 XLA_PYTHON_CLIENT_PREALLOCATE=false
export JAXDL_CACHE_DIR="$site/cache" JAXDL_TEST_CACHE="$site/tests"
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null
$python -m jaxdl.cli doctor 2>&1 | tee "$out/doctor.log"

say "jaxdl bench --device, $bench_seconds s"
timeout $((bench_seconds + 60)) $python -m jaxdl.cli bench --device --seconds "$bench_seconds" \
    --out "$out/bench.json" --data "$data" ${BENCH_FLAGS:-} 2>&1 | tee "$out/bench.log"

say "pytest -m gpu, $test_seconds s"
# -vv (the project's own options hold a -q): what has failed by then is named even where the time
# runs out.
timeout "$test_seconds" $python -m pytest -vv -m gpu -n "${TEST_WORKERS:-8}" -p no:cacheprovider \
    -o filterwarnings=ignore --tb=short --durations=10 -rfEs tests/accelerator \
    > "$out/tests.log" 2>&1
grep -E " (FAILED|ERROR) " "$out/tests.log"
tail -n 40 "$out/tests.log"
say "done"
