# make bench: every figure, on SQLite, and on throw-away PostgreSQL and Redis where the machine has them.
set -u
python=${VENV:-.venv}/bin/python
status=0
run() { echo "== $* =="; "$@" || status=1; }

run "$python" benchmarks/bench_start.py
on="--on sqlite"
if "$python" -m tests.servers postgres redis-server; then on="$on --on postgres"; else echo "(PostgreSQL and Redis are left out)"; fi
# shellcheck disable=SC2086
run "$python" benchmarks/bench_import.py $on
# shellcheck disable=SC2086
run "$python" benchmarks/bench_export.py $on
# shellcheck disable=SC2086
run "$python" benchmarks/bench_ingest.py $on
run "$python" benchmarks/bench_steps.py
run "$python" benchmarks/bench_queue.py
case $on in *postgres*) run "$python" -m tests.servers --run "$python" benchmarks/bench_queue.py ;; esac
case $on in *postgres*) run "$python" benchmarks/bench_pages.py --items 200000 --talks 40000 ;; esac
run "$python" benchmarks/bench_proxy.py
case $on in *postgres*) run "$python" -m tests.servers --run "$python" benchmarks/bench_proxy.py ;; esac
exit $status
