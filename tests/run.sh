# make test: the whole suite on SQLite, then all that touches the database again on PostgreSQL and Redis.
# Arguments: all | sqlite | postgres, then pytest's own. What the machine lacks is said plainly; under CI=true it is a failure.
set -u
what=${1:-all}; [ $# -gt 0 ] && shift
python=${VENV:-.venv}/bin/python
jobs=${TEST_JOBS:-2}
status=0
ci() { case "${CI:-}" in 1|true|TRUE) return 0;; *) return 1;; esac; }

"$python" manage.py catalogues || exit 1

if [ "$what" != postgres ]; then
  if ! "$python" -m tests.servers chromium; then
    echo "== The browser tests need Chromium and are skipped. =="
    ci && exit 1
  fi
  echo "== SQLite, files as the broker =="
  "$python" -m pytest -n "$jobs" --dist loadfile -m "not train" --ignore=tests/train "$@" || status=1
fi

if [ "$what" != sqlite ]; then
  if "$python" -m tests.servers postgres redis-server; then
    echo "== PostgreSQL and Redis =="
    TEST_DATABASE=postgres "$python" -m pytest -n "$jobs" --dist loadfile -m "not train and not browser" --ignore=tests/train "$@" || status=1
  else
    echo "== The tests on PostgreSQL and Redis are skipped: the machine lacks the above. =="
    ci && status=1
  fi
fi
exit $status
