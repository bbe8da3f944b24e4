"""The scripts that bench, chat and every other page share: requests, what is kept in the browser, strings,
keys. Each is loaded into a real page and asked directly."""

import re
from pathlib import Path

import pytest

from core import scripts

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT / "core" / "static" / "core"
# What only one file may do, and which; the widget stands alone on other people's pages.
ONCE = {
    r"(?<!\w)fetch\(": {"http.js", "widget.js"},
    r"\b(local|session)Storage\b": {"store.js"},
    r"\bisComposing\b|\bkeyCode\b": {"keys.js", "frame.js", "widget.js"},
    r"%\\\(": {"strings.js"},
    r"login-dialog": {"sign_in.js"},
}
# `load("http")` is a module of core/static/core, as the page itself would import it.
LOAD = """
const load = (name) => {
  const frame = document.querySelector("script[src*='core/frame']").src;
  return import(new URL(`./${name}.js`, frame).href);
};
"""


def run(page, body: str, given=None):
    """What the body of an async function returns in the page; `given` is its argument."""
    return page.evaluate(f"async (given) => {{ {LOAD} {body} }}", given)


@pytest.fixture
def page(live_site, open_page):
    page = open_page()
    page.goto("/login/")
    return page


def answer(page, path: str, *answers: dict) -> list:
    """Answer requests to `path` with `answers`, the last of them for ever; the bodies that came."""
    came = []

    def fulfil(route):
        came.append(route.request.post_data)
        route.fulfill(**answers[min(len(came), len(answers)) - 1])

    page.route(f"**/{path}", fulfil)
    return came


def refusal(status: int, code: str = "x", message: str = "") -> dict:
    return {"status": status, "json": {"error": {"code": code, "message": message}}}


def test_one_file_speaks_to_the_server_one_to_the_store_one_knows_keys():
    for pattern, files in ONCE.items():
        found = {
            path.name
            for path in ROOT.glob("*/static/**/*.js")
            if re.search(pattern, path.read_text(encoding="utf-8"))
        }
        assert found <= files, (pattern, found - files)


def test_the_shared_scripts_have_their_strings():
    text = "".join(path.read_text(encoding="utf-8") for path in SHARED.glob("*.js"))
    assert set(re.findall(r"\bt\(\"(\w+)\"", text)) == set(scripts.strings())


@pytest.mark.browser
@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (refusal(400, "invalid", "No."), "refused", "No."),
        (refusal(401, "not_authenticated", "Sign in."), "login", ""),
        (refusal(403, "csrf", "Too old."), "login", ""),
        (refusal(403, "permission_denied", "Not yours."), "refused", "Not yours."),
        (refusal(429, "throttled", "Wait."), "offline", "Wait."),
        (refusal(503, "busy", "Busy."), "offline", "Busy."),
        ({"status": 502, "body": "<h1>Bad gateway</h1>"}, "offline", ""),
        ({"status": 200, "body": "<h1>Hotel network</h1>"}, "offline", ""),
    ],
)
def test_an_error_says_what_may_be_done(page, given, kind, said):
    page.expect_errors(f"status of {given['status']}")
    answer(page, "there/", given)
    told = run(
        page,
        """
        const { Http, HttpError } = await load("http");
        const http = new Http("/", async () => false);
        const error = await http.get("there/").catch((failure) => failure);
        return [error instanceof HttpError, error.kind, error.status, error.said];
        """,
    )
    assert told == [True, kind, given["status"], said]


@pytest.mark.browser
def test_calls_that_found_nobody_signed_in_ask_once_and_are_sent_again(page):
    came = answer(page, "there/", refusal(401), refusal(401), refusal(401), {"json": {"n": 1}})
    told = run(
        page,
        """
        const { Http } = await load("http");
        let asked = 0;
        let signed;
        const http = new Http("/", () => (asked++, new Promise((done) => (signed = done))));
        const calls = [http.post("there/", { n: 1 }), http.post("there/", { n: 2 })];
        const quiet = await http.get("there/", { quiet: true }).catch((error) => error.kind);
        while (!signed) await new Promise((done) => setTimeout(done));
        signed(true);
        return [asked, quiet, await Promise.all(calls)];
        """,
    )
    assert told == [1, "login", [{"n": 1}, {"n": 1}]]
    assert sorted(body for body in came if body) == ['{"n":1}', '{"n":1}', '{"n":2}', '{"n":2}']


@pytest.mark.browser
def test_signed_out_twice_is_an_error_and_no_circle(page):
    came = answer(page, "there/", refusal(401))
    told = run(
        page,
        """
        const { Http } = await load("http");
        return new Http("/", async () => true).post("there/").catch((error) => error.kind);
        """,
    )
    assert (told, len(came)) == ("login", 2)


@pytest.mark.browser
def test_a_call_without_an_answer_ends_and_a_long_parting_is_not_sent(page):
    page.route("**/never/", lambda route: None)
    came = answer(page, "there/", {"status": 204})
    told = run(
        page,
        """
        const { Http } = await load("http");
        const http = new Http("/", async () => false);
        const error = await http.get("never/", { deadline: 1 }).catch((failure) => failure);
        http.parting("there/", { text: "x".repeat(30000) });
        return [error.kind, error.status, await http.post("there/", { last: true })];
        """,
    )
    assert told == ["offline", 0, None] and came == ['{"last":true}']


@pytest.mark.browser
def test_what_finds_no_room_is_remembered_and_the_newest_is_read(page):
    told = run(
        page,
        """
        const { Store } = await load("store");
        const write = Storage.prototype.setItem;
        const store = new Store("7");
        const out = [store.write("a", { n: 1 })];
        Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
        out.push(store.write("a", { n: 2 }), store.write("b", 3), store.full, store.read("a"), store.names());
        Storage.prototype.setItem = write;
        out.push(store.write("a", { n: 4 }), store.full, store.drop("b"), store.full);
        return [...out, store.read("a"), new Store("7").all("a")];
        """,
    )
    room, no_room, freed = [True], [False, False, True, {"n": 2}, ["a", "b"]], [True, True, None, False]
    assert told == [*room, *no_room, *freed, {"n": 4}, [{"n": 4}]]


@pytest.mark.browser
def test_the_store_is_one_persons_and_does_without_a_browsers(page):
    told = run(
        page,
        """
        const { Store, forgetAll, unsentHere } = await load("store");
        new Store("7").write("draft:1", "theirs");
        new Store("7", { tab: true }).write("seen:1", "theirs");
        const next = new Store("8");
        const out = [unsentHere(), next.names(), new Store("8", { tab: true }).names()];
        next.write("draft:2", "mine");
        out.push(unsentHere());
        forgetAll();
        out.push(unsentHere(), next.read("draft:2"));
        const refused = () => { throw new DOMException("off", "SecurityError"); };
        Object.defineProperty(window, "localStorage", { get: refused });
        const off = new Store("8");
        out.push(off.write("a", 1), off.read("a"), off.names(), unsentHere(), off.drop("a"), off.read("a"));
        return out;
        """,
    )
    assert told[:6] == [False, [], [], True, False, None]
    assert told[6:] == [False, 1, ["a"], False, None, None]


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "one", "many"),
    [("en", "1 character", "1,200 characters"), ("zh", "1 个字符", "1,200 个字符")],
)
def test_strings_have_places_forms_and_the_languages_numbers(live_site, open_page, language, one, many):
    from django.utils import translation
    from django.utils.translation import ngettext

    page = open_page(language=language)
    page.goto("/login/")
    with translation.override("zh-hans" if language == "zh" else "en"):
        form = scripts.plural(lambda n: ngettext("%(n)s character", "%(n)s characters", n))
    told = run(
        page,
        """
        const config = { strings: { length: given, plain: "%(a)s, %(b)s and %(none)s" } };
        const script = document.createElement("script");
        Object.assign(script, { type: "application/json", id: "page-config" });
        script.textContent = JSON.stringify(config);
        document.body.append(script);
        const { t } = await load("strings");
        const plain = t("plain", { a: "%(b)s", b: 0 });
        return [t("length", { n: 1 }), t("length", { n: 1200 }), plain, t("unknown")];
        """,
        form,
    )
    assert told == [one, many, "%(b)s, 0 and %(none)s", "unknown"]


KEYS = """
const { onKeys } = await load("keys");
document.body.innerHTML =
  "<input id=field><button id=button></button><dialog id=dialog><p id=within tabindex=0></p></dialog>";
const dialog = document.getElementById("dialog");
const acted = [];
const log = (event, key) => void acted.push(key);
const press = (id, key, props = {}) => {
  acted.length = 0;
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...props });
  (document.getElementById(id) || document.body).dispatchEvent(event);
  return [acted.join(), event.defaultPrevented];
};
"""


@pytest.mark.browser
def test_keys_act_where_they_are_meant(page):
    told = run(
        page,
        KEYS
        + """
        const off = onKeys(document, {
          Enter: log, Escape: log, "Mod+Enter": log, K: { when: (event) => !event.shiftKey, run: log },
          "*": { held: ["ArrowUp"], run: (event, key) => (log(event, key), key !== "Q") },
        });
        const out = {
          plain: press("", "a"), none: press("", "q"), place: press("", "ф", { code: "KeyA" }),
          altered: press("", "a", { ctrlKey: true }), when: press("", "K", { shiftKey: true }),
          field: press("field", "a"), fieldEnter: press("field", "Enter"), leave: press("field", "Escape"),
          send: press("field", "Enter", { metaKey: true }),
          sendHeld: press("field", "Enter", { ctrlKey: true, repeat: true }),
          composing: press("", "Enter", { isComposing: true }),
          escComposing: press("field", "Escape", { isComposing: true }),
          ime: press("field", "Enter", { keyCode: 229, ctrlKey: true }),
          process: press("", "Process", { code: "KeyA" }),
          held: press("", "Enter", { repeat: true }), heldArrow: press("", "ArrowUp", { repeat: true }),
          heldLetter: press("", "a", { repeat: true }),
        };
        dialog.showModal();
        out.underDialog = press("", "a");
        out.inDialog = press("within", "Enter");
        dialog.close();
        dialog.className = "panel";
        dialog.show();
        out.besidePanel = press("", "a");
        off();
        return { ...out, off: press("", "a") };
        """,
    )
    acts = {name: key for name, (key, prevented) in told.items() if prevented}
    assert acts == {
        "plain": "A",
        "place": "A",
        "leave": "Escape",
        "send": "Enter",
        "sendHeld": "",
        "heldArrow": "ArrowUp",
        "besidePanel": "A",
    }
    assert {name: key for name, (key, prevented) in told.items() if key and not prevented} == {"none": "Q"}


@pytest.mark.browser
def test_a_fields_own_keys_act_in_it_and_stop_there(page):
    told = run(
        page,
        KEYS
        + """
        onKeys(document, { Escape: () => acted.push("page") && undefined });
        const input = document.getElementById("field");
        const Enter = { when: (event) => !event.shiftKey, run: log };
        onKeys(input, { Enter, Escape: log }, { fields: true });
        const also = (name) => press("field", "Enter", { [name]: true });
        const others = ["shiftKey", "repeat", "isComposing"].map(also);
        return [press("field", "Enter"), ...others, press("field", "Escape"), press("button", "Escape")];
        """,
    )
    sent, line, held = ["Enter", True], ["", False], ["", True]
    assert told == [sent, line, held, ["", False], ["Escape", True], ["page", True]]
