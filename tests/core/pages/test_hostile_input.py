"""Every URL that takes something, given hostile values one field at a time: never a crash, on either
database.

FORMS says what each URL takes when all is well; a URL that accepts POST and is not named there fails. What
a hostile value is answered with is the business of each view's own tests; here it may be anything below
500."""

import json
from urllib.parse import quote, urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from annotation.imports import uploads
from annotation.items.forms import FilterForm
from annotation.models import AnnotationVersion
from annotation.results.forms import ScopeForm
from annotation.review.forms import AgreeingForm, ReviewFilter
from core.api.parsers import strict_loads
from core.models import User
from feedback.inbox.filters import InboxFilter
from inference.models import Endpoint
from tests.core.pages.test_role_matrix import house, patterns, url_of  # noqa: F401 - house is a fixture

LONG = "x" * 201_000
# As they stand in a form's body, percent-encoded: a lone surrogate cannot be said otherwise.
FORM_VALUES = {
    "nul": "a%00b",
    "surrogate": "%ED%A0%80",
    "not utf-8": "%FF%FE",
    "superscript": quote("²"),
    "wide digits": quote("９９"),
    "huge": "9" * 40,
    "beyond int": "9" * 5000,
    "minus": "-1",
    "float": "1e400",
    "nan": "NaN",
    "long": LONG,
    "json": "%7B%22a%22%3A1e400%7D",
    "path": "..%2F..%2Fetc%2Fpasswd",
    "line ends": "a%0D%0Ab%3A%20c",
    "override": quote("\u202e\ufeff\u2028"),
    "empty": "",
}
# As they stand in a JSON body.
JSON_VALUES = [
    "null",
    "true",
    "-1",
    "9" * 40,
    "9" * 5000,
    "1e400",
    "-1e400",
    "1.5",
    "NaN",
    '"a\\u0000b"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"²"',
    '""',
    "[]",
    "{}",
    "[[]]",
    '[{"answer": null}]',
    '{"A": null}',
    '{"": {"": 1}}',
    "[" * 90 + "]" * 90,
    '{"a": {"a": 1, "a": 2}}',
    f'"{LONG}"',
    '{"\\u0000": 1}',
    '["A", "A"]',
    "[1e400]",
]
DEEP_VALUES = [
    "null",
    "true",
    "-1",
    "9" * 40,
    "1e400",
    '"a\\u0000b"',
    '"²"',
    "[]",
    "{}",
    "[[]]",
    '[{"answer": null}]',
    '{"A": null}',
]

JOINS = {
    "title": "T",
    "kind": "ranking",
    "overlap": "1",
    "ratings": "none",
    "ratings_share": "100",
    "lease_minutes": "30",
}
PROMOTES = {
    "name": "n",
    "kind": "low_score",
    "share": "5",
    "threshold": "2",
    "tag": "t",
    "daily_cap": "9",
    "per_person_cap": "9",
    "active": "on",
    "action": "preview",
}
FORMS: dict[str, dict[str, str]] = {
    "login": {"username": "somebody", "password": "p", "next": "/"},
    "logout": {},
    "account": {"first_name": "n", "language": "en", "theme": "dark", "text_size": "0"},
    "password": {
        "old_password": "correct horse battery",
        "new_password": "a long enough phrase",
        "again": "a long enough phrase",
    },
    "preferences": {"theme": "dark", "step": "1", "language": "en", "next": "/"},
    "invite": {"username": "somebody", "password": "a long enough phrase", "display_name": "n"},
    "members_add": {"names": "somebody", "role": "annotator"},
    "members_invite": {"role": "annotator", "days": "1", "uses": "1"},
    "members_invite_revoke": {},
    "member_role": {"role": "reviewer"},
    "member_remove": {},
    "member_password": {},
    "keys": {"name": "n", "scope": "all", "role": "annotator", "expires_days": "9"},
    "key_rotate": {},
    "key_revoke": {},
    "chat_erase": {},
    "people_export": {"way": "key", "name": "patient-7"},
    "people_erase": {"way": "key", "name": "patient-7"},
    "job_cancel": {},
    "checklist_close": {},
    "guidelines_seen": {"number": "1"},
    "bench_preview": {"text": "t"},
    "bench_keys": {"keys": '{"off": false, "keys": {"submit": "K"}}'},
    "import": {"saved": "1", "file": "x"},
    "import_check": {
        "action": "trial",
        "encoding": "utf-8",
        "delimiter": "",
        "model": "m",
        "join": "",
        "column_0": "prompt",
        "save_as": "s",
    },
    "project_new": JOINS
    | {"slug": "new-one", "description": "d", "pay_per_item": "1.5", "guidelines": "g", "names": "somebody"},
    "project_clone": {"title": "T", "slug": "new-two", "members": "on"},
    "project_settings": JOINS | {"description": "d", "pay_per_item": "1.5", "archived": "on"},
    "project_criteria": {
        "criteria-TOTAL_FORMS": "1",
        "criteria-INITIAL_FORMS": "0",
        "criteria-MIN_NUM_FORMS": "0",
        "criteria-MAX_NUM_FORMS": "9",
        "criteria-0-key": "k",
        "criteria-0-en": "K",
        "criteria-0-zh": "K",
    },
    "guidelines": {"text": "t"},
    "guidelines_preview": {"text": "t"},
    "item_hide": {"comment": "c"},
    "item_decide": {"decision": "restore"},
    "item_tags": {"tags": "t"},
    "promotion_new": PROMOTES | {"name": "another"},
    "promotion_rule": PROMOTES,
    "promotion_send": {"message": "1", "back": "/", "sure": "1"},
    "inbox_look": {"message": "1", "back": "/", "quiet": "1"},
    "inbox_answer": {"text": "t", "corrected": "c"},
    "inbox_take_back": {},
    "promotion_run": {"rule": ""},
    "promotion_switch": {"active": "0"},
    "promotion_remove": {},
    "review_agreeing": {"least": "0.8", "upto": "9"},
    "review_accept_item": {"versions": "VERSION", "next": "1"},
    "review_rule": {
        "ranking": "A > B > C",
        "verdict": "",
        "reasons": "unclear",
        "text": "t",
        "comment": "c",
        "next": "1",
    },
    "review_accept": {"version": "", "next": "1"},
    "review_return": {"comment": "c", "next": "1"},
    "review_settle": {"version": "VERSION", "comment": "c", "next": "1"},
    "review_unsettle": {"comment": "c"},
    "review_reveal": {},
    "chat_join": {"consent": "1"},
    "chat_leave": {},
    "chat_settings": {
        "enabled": "on",
        "welcome": "w",
        "system": "s",
        "assign": "turn",
        "turns_per_minute": "20",
        "drafts": "never",
        "draft_share": "20",
        "draft_count": "2",
        "draft_from_arms": "on",
        "keep": "content",
        "keep_days": "90",
        "masking": "off",
        "mask_kinds": "mobile",
        "origins": "https://a.example",
        "arms-TOTAL_FORMS": "1",
        "arms-INITIAL_FORMS": "1",
        "arms-MIN_NUM_FORMS": "0",
        "arms-MAX_NUM_FORMS": "9",
        "arms-0-endpoint": "ENDPOINT",
        "arms-0-active": "on",
        "arms-0-weight": "1",
        "up-TOTAL_FORMS": "1",
        "up-INITIAL_FORMS": "0",
        "up-0-key": "k",
        "up-0-en": "K",
        "up-0-zh": "K",
        "down-TOTAL_FORMS": "1",
        "down-INITIAL_FORMS": "0",
        "down-0-key": "d",
        "down-0-en": "D",
        "down-0-zh": "D",
        "consent": "c",
    },
    "chat_link": {"label": "l", "days": "7"},
    "chat_link_revoke": {},
    "endpoints": {
        "name": "n",
        "base_url": "http://127.0.0.1:9/v1",
        "model_name": "m",
        "version": "v",
        "key": "k",
        "secret_variable": "",
        "parameters": "{}",
        "first_token_seconds": "1",
        "idle_seconds": "1",
        "total_seconds": "1",
        "retries": "0",
        "max_characters": "1000",
        "active": "on",
    },
    "endpoint": {
        "name": "n",
        "base_url": "http://127.0.0.1:9/v1",
        "model_name": "m",
        "version": "v",
        "key": "k",
        "remove_key": "on",
        "secret_variable": "",
        "parameters": "{}",
        "first_token_seconds": "1",
        "idle_seconds": "1",
        "total_seconds": "1",
        "retries": "0",
        "max_characters": "1000",
    },
    "endpoint_probe": {},
    "endpoint_remove": {},
    "exports": {
        "format": "jsonl",
        "annotators": "each",
        "pairs": "all",
        "split": "80,10,10",
        "split_by": "prompt",
        "margin": "none",
        "max_pairs": "1",
        "seed": "1",
        "correction_beats": "original",
        "system": "keep",
        "sources": "omit",
        "sft_top": "on",
        "name": "n",
    },
}
JUDGEMENT = {
    "ranking": [["A"], ["B", "C"]],
    "strength": [2],
    "rest": "worse",
    "acceptable": 1,
    "ratings": {"A": {"overall": 3}},
    "answer_flags": {"B": ["harmful"]},
    "spans": [{"answer": "A", "start": 0, "end": 2, "label": "l", "comment": "c"}],
    "comment": "c",
    "flags": ["nonsense"],
    "not_read": ["C"],
    "evidence": "e",
    "corrections": [
        {"target": "response", "answer": "A", "text": "t", "wording_only": False, "evidence": "e"}
    ],
    "schema": 1,
}
OF_OTHER_KINDS = {
    "demonstration": "d",
    "verdict": "fix",
    "reasons": ["unsupported"],
    "claims": [{"text": "t", "state": "supported", "sentence": 1}],
}
JSON_FORMS: dict[str, dict] = {
    "api_widget_tokens": {"user": "u", "origin": "https://example.org", "ttl": 60},
    "api_widget_setup": {},
    "api_widget_feedback": {"target": "t", "kind": "thumb", "value": 1, "reasons": [], "text": ""},
    "proxy_chat": {"model": "m", "messages": []},
    "proxy_models": {},
    "proxy_model": {},
    "proxy_unknown": {},
    "proxy_root": {},
    "proxy_without_v1": {},
    # with ids of real rows in tests/feedback/chat/test_hostile.py
    "chat_api_branch": {},
    "chat_api_delete": {},
    "chat_api_score": {},
    "chat_api_turn": {},
    "chat_api_regenerate": {},
    "chat_api_choose": {},
    "chat_api_consent": {},
    "chat_api_seen": {},
    "chat_api_stop": {},
    "chat_api_react": {},
    "chat_api_signal": {},
    "api_feedback": {},  # by key alone: tests/feedback/ingest/test_ingest_hostile.py
    "api_next": {"html": True, "reserve": False},
    "api_heartbeat": {"active_ms": 5},
    "api_draft": {"document": {"a": 1}, "revision": 1, "active_ms": 5},
    "api_submit": {"document": JUDGEMENT, "client_key": "k2", "active_ms": 5},
    "api_skip": {"reason": "unclear", "comment": "c"},
    "api_release": {},
    "api_undo": {},
    "api_report": {"reason": "other", "comment": "c"},
    "api_job_cancel": {},
    "api_recipes": {"name": "r", "document": {"kinds": ["sft"]}},
    "api_snapshots": {"recipe": "every-row", "version": 1, "as_of": 1},
    "api_snapshot_sign_off": {"note": "n"},
    "api_snapshot_withdraw": {"why": "w"},
    "api_bundles": {"snapshot": 2, "format": "jsonl", "options": {"system": "keep"}},
    "api_exports": {
        "format": "jsonl",
        "pairs": "all",
        "annotators": "each",
        "margin": "none",
        "alpha": 0.1,
        "split": [8, 1, 1],
        "split_by": "prompt",
        "seed": 1,
        "max_pairs": 3,
        "as_of": 1,
        "sft_top": True,
        "correction_beats": "original",
        "system": "keep",
        "sources": "omit",
        "name": "n",
    },
}
API_IMPORT = {
    "mapping": '{"prompt": "prompt"}',
    "model": "m",
    "join": "prompt",
    "encoding": "utf-8",
    "delimiter": ",",
    "dry_run": "true",
}
# What stands in the address of a page: the fields of its forms, and what it reads beside them.
ASKED = {
    "items": [*FilterForm.base_fields, "after"],
    "results": [*ScopeForm.base_fields, "format", "table"],
    "review": [*ReviewFilter.base_fields, "at"],
    "review_item": [*ReviewFilter.base_fields],
    "review_agreeing": [*AgreeingForm.base_fields],
    "export_rows": ["file", "at"],
    "promotion": ["outcome", "rule", "before"],
    "promotion_new": ["kind"],
    "promotion_rule": ["preview"],
    "feedback": ["start", "end", "model", "format"],
    "inbox": [*InboxFilter.base_fields, "before"],
    "people_data": ["way", "name"],
    "work": ["start", "end", "format"],
    "guidelines": ["version", "edit"],
    "login": ["next"],
    "bench": ["assignment"],
    "mine": ["state", "q", "before"],
    "chat_api_conversations": ["q", "before"],
    "job": ["part"],
    "api_assignment": ["html"],
    "schema": ["format", "lang", "version"],
}
OWN = (
    "chat_api_branch",
    "chat_api_delete",
    "chat_api_score",
    "chat_api_stop",
    "chat_api_react",
    "chat_api_signal",
    "api_assignment",
    "api_heartbeat",
    "api_draft",
    "api_submit",
    "api_skip",
    "api_release",
    "api_undo",
    "api_report",
    "api_next",
)


@pytest.fixture
def ask(house):  # noqa: F811
    """ask(name, send) → status of `send(client, url)` for the person who may, undone again."""
    clients = {}
    for who in ("annotator", "manager"):
        clients[who] = Client(raise_request_exception=False)
        clients[who].force_login(User.objects.get(pk=house[1][who].pk))
    clients["anonymous"] = Client(raise_request_exception=False)
    params = dict(patterns())

    def one(name, send, url=None):
        client = clients[
            "annotator"
            if name in OWN
            else "anonymous"
            if name in ("login", "invite", "schema")
            else "manager"
        ]
        if name in ("login", "invite", "logout", "password"):
            client = Client(raise_request_exception=False)
            if name in ("logout", "password"):
                client.force_login(house[1]["manager"])
        with transaction.atomic():
            response = send(client, url or url_of(name, params[name], house))
            page = b"" if response.streaming else response.content
            response.close()
            transaction.set_rollback(True)
        assert b"Traceback" not in page
        return response.status_code

    return one


# Pages that look only at GET but do not refuse POST.
LOOKED_AT = {"home", "bench", "bench_guidelines", "mine", "project", "schema", "api_docs"}


def test_every_url_that_takes_a_post_is_named(ask):
    known = set(FORMS) | set(JSON_FORMS) | {"api_import"}
    taking = {name for name, _params in patterns() if ask(name, lambda client, url: client.post(url)) != 405}
    assert taking - known <= LOOKED_AT, taking - known


def endpoint() -> str:
    return str(Endpoint.objects.values_list("pk", flat=True).first())


def test_forms(ask):
    version = str(AnnotationVersion.objects.get().pk)
    wrong = [(name, *found) for name in FORMS for found in _form_failures(ask, name, version)]
    assert wrong == [], "\n".join(map(str, wrong))


def _form_failures(ask, name, version):
    """(field, value, status) of every hostile value that crashed the form `name`."""
    good = {
        field: quote(value.replace("VERSION", version).replace("ENDPOINT", endpoint()))
        for field, value in FORMS[name].items()
    }

    def post(fields):
        body = "&".join(f"{field}={value}" for field, value in fields)
        return ask(
            name, lambda client, url: client.post(url, body, content_type="application/x-www-form-urlencoded")
        )

    for field in good:
        # Two of the dear ones once per form are enough: the fields of a form share their code.
        values = {
            k: v
            for k, v in FORM_VALUES.items()
            if k not in ("long", "beyond int") or field == next(iter(good))
        }
        for label, value in values.items():
            if (status := post((good | {field: value}).items())) >= 500:
                yield field, label, status
        for label, fields in (
            ("missing", [e for e in good.items() if e[0] != field]),
            ("twice", [*good.items(), (field, "9"), (field, "%00")]),
        ):
            if (status := post(fields)) >= 500:
                yield field, label, status


def mutated(value, depth=0):
    """JSON texts: `value` with each of its parts, at any depth, replaced by each of JSON_VALUES (deep down,
    by some), and left out."""
    yield from JSON_VALUES if depth < 2 else DEEP_VALUES
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        for new in mutated(part, depth + 1):
            if isinstance(value, dict):
                yield (
                    "{"
                    + ", ".join(
                        f"{json.dumps(k)}: {new if k == key else json.dumps(v)}" for k, v in value.items()
                    )
                    + "}"
                )
            else:
                yield "[" + ", ".join(new if i == key else json.dumps(v) for i, v in enumerate(value)) + "]"
        if isinstance(value, dict):
            yield json.dumps({k: v for k, v in value.items() if k != key})


RAW = [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b'"\x00"', b"[" * 100_000, b"9" * 5000]


def test_json(ask):
    wrong = []
    for name, good in JSON_FORMS.items():
        more = list(mutated(good | {"document": JUDGEMENT | OF_OTHER_KINDS})) if name == "api_submit" else []
        for body in [*mutated(good), *more, *(RAW if name in ("api_next", "api_submit") else [])]:
            status = ask(
                name, lambda client, url, body=body: client.post(url, body, content_type="application/json")
            )
            if status >= 500:
                wrong.append((name, body[:300], status))
    assert wrong == [], "\n".join(map(str, wrong))


def test_uploads(ask):
    wrong = []
    values = {
        "nul": "a\0b",
        "superscript": "²",
        "huge": "9" * 40,
        "long": LONG,
        "json": '{"prompt": 1e400}',
        "list": "[]",
        "deep": "[" * 3000,
        "null": "null",
    }
    for field in [*API_IMPORT, "file"]:
        for label, value in values.items():
            given = (
                API_IMPORT
                | {"file": SimpleUploadedFile("a\0..\\..\\b\n.csv", b"prompt,b\nx,y\n")}
                | {field: value}
            )
            if (status := ask("api_import", lambda client, url, given=given: client.post(url, given))) >= 500:
                wrong.append((field, label, status))
    assert wrong == []


@pytest.mark.parametrize("name", ["api_import", "import"])
def test_files(ask, name):
    files = [
        b"\0" * 99,
        b"\xff\xfe",
        b"PK\x03\x04",
        b"PAR1PAR1",
        b"\x1f\x8b\x08\x00",
        b"[" * 99_999,
        b"9" * 9999,
        b"{" * 9 + b"\n",
    ]
    for content in files:
        assert (
            ask(
                name,
                lambda client, url, content=content: client.post(
                    url, {"file": SimpleUploadedFile("a", content)}
                ),
            )
            < 500
        ), content[:20]
    for saved in ("²", "a\0b", "9" * 40, "-1"):
        given = {"file": SimpleUploadedFile("a.csv", b"prompt,b\nx,y\n"), "saved": saved}
        assert ask(name, lambda client, url, given=given: client.post(url, given)) < 500, saved


def test_query_strings(ask):
    wrong = []
    for name, field in ((url, asked) for url, all_asked in ASKED.items() for asked in all_asked):
        for label, value in FORM_VALUES.items():
            if label == "long" or (name == "schema" and label == "beyond int"):
                continue
            if (
                status := ask(
                    name,
                    lambda client, url, q=f"{field}={value[:4000]}": client.get(
                        f"{url}{'&' if '?' in url else '?'}{q}"
                    ),
                )
            ) >= 500:
                wrong.append((name, field, label, status))
    assert wrong == []


def test_parts_of_addresses(ask):
    """Numbers beyond the database, NUL, encoded slashes, climbing paths, endless names."""
    hostile = {
        "int": ["0", "9" * 18, "9" * 19, "9" * 40, "9" * 5000],
        "slug": ["-", "_" * 3000],
        "other": [
            "%00",
            "a%00b",
            "%ED%A0%80",
            "..%2F..%2F..%2Fetc%2Fpasswd",
            "%2e%2e",
            "%2Fetc%2Fpasswd",
            "x" * 3000,
            "%0d%0aX:y",
            "²",
        ],
    }
    wrong = []
    for name, params in patterns():
        for param in params:
            kind = (
                "int"
                if param in ("pk", "annotation_pk", "number")
                else "slug"
                if param == "slug"
                else "other"
            )
            for value in hostile[kind]:

                def send(client, url, params=params, param=param, value=value, name=name):
                    url = url_with(name, params, param, value)
                    body = json.dumps(JSON_FORMS.get(name, {}))
                    client.get(url)
                    return (
                        client.post(url, body, content_type="application/json")
                        if name.startswith("api_")
                        else client.post(url)
                    )

                if (status := ask(name, send)) >= 500:
                    wrong.append((name, param, value[:50], status))
    assert wrong == []


def url_with(name, params, param, value) -> str:
    """The address of `name` with `value`, percent-encoded already, for `param`."""
    from django.urls import get_resolver

    possibilities = get_resolver().reverse_dict.getlist(name)
    pattern = possibilities[0][0][0][0]
    return "/" + pattern % {p: value if p == param else "clinic" if p == "slug" else "1" for p in params}


def test_headers(ask):
    for key in (
        "tsk_",
        "tsk__",
        "tsk_\x00_a",
        "tsk_" + "9" * 5000 + "_x",
        "tsk_\xe9_\xff",
        "tsk_a_b c",
        "\xff",
    ):
        assert (
            ask(
                "api_next",
                lambda client, url, key=key: Client(raise_request_exception=False).post(
                    url, headers={"Authorization": f"Bearer {key}"}
                ),
            )
            == 401
        )
    for host in ("evil.example", "a b", "[", "x" * 5000, "\x00"):
        assert ask("login", lambda client, url, host=host: client.get(url, headers={"Host": host})) == 400
    for name, value in {
        "Accept-Language": "x" * 9999,
        "Cookie": "sessionid=a\x00b; csrftoken=\x00; django_language=../..; theme=<x>; text_size=9e9",
        "HX-Request": "\x00",
        "Content-Type": "multipart/form-data; boundary=",
        "X-Forwarded-For": "\x00",
        "Accept": "application/json;q=x",
        "Range": "bytes=9-1",
        "Content-Length": "x",
    }.items():
        assert (
            ask("login", lambda client, url, name=name, value=value: client.get(url, headers={name: value}))
            < 500
        )


def test_a_staged_upload_is_its_senders_own(house):  # noqa: F811
    project, people, _ids, given = house
    assert uploads.staged(given["upload"], project=project, user=people["manager"]) is not None
    assert uploads.staged(given["upload"], project=project, user=people["reviewer"]) is None
    for token in ("", "..", "../../x" * 4, "a" * 15, given["upload"] + "\n", "\0" * 20):
        assert uploads.staged(token, project=project, user=people["manager"]) is None


def test_a_form_may_not_be_endless(ask):
    body = urlencode({f"f{i}": "" for i in range(2000)})
    assert (
        ask(
            "login",
            lambda client, url: client.post(url, body, content_type="application/x-www-form-urlencoded"),
        )
        == 400
    )


def test_what_is_called_good_is_taken(ask):
    """Else the hostile value of one field would never be reached behind the refusal of another."""
    version = str(AnnotationVersion.objects.get().pk)
    refused = {}
    for name, good in FORMS.items():
        body = urlencode(
            {k: v.replace("VERSION", version).replace("ENDPOINT", endpoint()) for k, v in good.items()}
        )
        refused[name] = ask(
            name,
            lambda client, url, body=body: client.post(
                url, body, content_type="application/x-www-form-urlencoded"
            ),
        )
    for name, good in JSON_FORMS.items():
        refused[name] = ask(
            name,
            lambda client, url, good=good: client.post(
                url, json.dumps(good), content_type="application/json"
            ),
        )
    given = API_IMPORT | {"file": SimpleUploadedFile("a.csv", b"prompt,b\nx,y\n")}
    refused["api_import"] = ask("api_import", lambda client, url: client.post(url, given))
    # A password that is wrong, a file that is missing, and what is over already.
    # a session opens nothing there
    expected = {
        name: 401 for name in JSON_FORMS if name.startswith(("proxy_", "api_widget_", "api_feedback"))
    }
    expected |= {
        "proxy_without_v1": 404,
        "login": 400,
        "import": 400,
        "api_skip": 409,
        "api_job_cancel": 409,
        "review_unsettle": 409,
    }
    # What the chat is asked has good values with the ids of real talks, in a test of its own.
    assert {
        name: status for name, status in refused.items() if status >= 400 and not name.startswith("chat_api_")
    } == expected


def test_an_escape_spelled_out_is_text():
    """The six characters of an escaped NUL are what a programmer may well write in an answer; the character
    itself cannot be stored."""
    assert strict_loads(rb'{"text": "in C, \\u0000 ends a string; so does \\ud800 not"}') == {
        "text": r"in C, \u0000 ends a string; so does \ud800 not"
    }
    for bad in (rb'{"a": "\u0000"}', rb'{"\u0000": 1}', rb'["\ud800"]', rb'{"a": {"b": ["\udc00\ud800"]}}'):
        with pytest.raises(ValueError):
            strict_loads(bad)
    assert strict_loads(rb'["\ud83d\ude00"]') == ["\U0001f600"]


def test_static_files_carry_a_policy_and_no_invitation(client):
    response = client.get("/static/core/mark.svg")
    assert response.status_code == 200 and "default-src 'none'" in response["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in response and response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/login/", "/account/", "/api/v1/projects/p/next/"])
def test_only_an_import_may_send_a_large_file(path):
    """Refused by its stated length, before a byte of it is read: this one has none."""
    client = Client(enforce_csrf_checks=True)
    for length, status in ((9_000_000, 413), (10**30, 413)):
        response = client.generic(
            "POST", path, b"", content_type="multipart/form-data; boundary=B", CONTENT_LENGTH=str(length)
        )
        assert response.status_code == status
    assert (
        client.generic(
            "POST",
            "/p/p/import/",
            b"",
            content_type="multipart/form-data; boundary=B",
            CONTENT_LENGTH="9000000",
        ).status_code
        == 302
    )
