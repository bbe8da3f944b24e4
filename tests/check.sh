# make check: style, types, migrations, templates, translations, architecture. Everything is run; the exit status tells whether all was well.
set -u
bin=${VENV:-.venv}/bin
status=0
DATA_DIR=$(mktemp -d); export DATA_DIR
trap 'rm -rf "$DATA_DIR"' EXIT
step() {
  name=$1; shift
  if out=$("$@" 2>&1); then echo "ok    $name"; else echo "FAIL  $name"; echo "$out" | sed 's/^/      /'; status=1; fi
}
step "ruff check" "$bin/ruff" check .
step "ruff format" "$bin/ruff" format --check .
step "mypy" "$bin/mypy"
step "migrations complete" "$bin/python" manage.py makemigrations --check --dry-run
step "settings, URLs, models" "$bin/python" manage.py check --fail-level WARNING
step "templates: style" sh -c "find templates -name '*.html' | xargs $bin/djade --check --target-version 5.2"
step "templates compile; architecture; settings" "$bin/python" -m pytest -q -p no:cacheprovider -n 0 tests/core/test_architecture.py tests/core/test_templates.py tests/core/processes/test_settings.py
step "translations complete" "$bin/python" manage.py catalogues --check
exit $status
