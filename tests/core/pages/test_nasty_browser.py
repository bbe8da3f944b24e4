"""Every nasty text on a page of its own in real Chromium, with the application's own
Content-Security-Policy."""

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import Context, Template

from core.rendering import markdown, mathml
from tests.core.pages.nasty_texts import NASTY

pytestmark = pytest.mark.browser
HOME = "http://touchstone.test"
PAGE = """{% load rendering %}<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Nasty</title>
<link rel="stylesheet" href="/core/touchstone.css"><link rel="stylesheet" href="/core/rendering.css"></head><body><main id="main">
<div class="markdown" dir="auto" data-text="{{ text }}">{{ text|markdown }}</div><p class="markdown">{{ text|markdown_inline }}</p>
<div class="markdown">{{ short|plain }}</div>{% diff short changed %}<textarea>
{{ short }}</textarea>{{ short|json_script:"data" }}<p>{{ short }}</p></main><p id="after">after</p></body></html>"""  # noqa: E501
ALLOWED = sorted(markdown.TAGS | {"ins", "del", "textarea", "script"})


def policy() -> str:
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    return "; ".join(f"{name} {' '.join(str(v) for v in values)}" for name, values in directives.items())


@pytest.fixture(scope="module")
def opened(chromium):
    """A page and the list of what went wrong on it."""
    context = chromium.new_context()
    wrong: list[str] = []
    pages: dict[str, str] = {}

    def serve(route):
        url = route.request.url
        path = url.removeprefix(HOME)
        if url.startswith(HOME) and path.startswith("/core/"):
            with open(finders.find(path[1:]), encoding="utf-8") as f:
                return route.fulfill(body=f.read(), content_type="text/css")
        if url.startswith(HOME) and path in pages:
            return route.fulfill(
                body=pages[path],
                content_type="text/html; charset=utf-8",
                headers={"Content-Security-Policy": policy()},
            )
        if not path.startswith("/favicon"):
            wrong.append(f"request {url}")
        return route.abort()

    context.route("**/*", serve)
    context.add_init_script(
        "for (const n of ['alert','confirm','prompt']) window[n] = (x) => console.error('CALLED ' + n);"
        "document.addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + "
        "e.violatedDirective + ' ' + e.blockedURI));"
    )
    page = context.new_page()
    page.on("dialog", lambda d: (wrong.append(f"dialog {d.message}"), d.dismiss()))
    page.on(
        "console",
        lambda m: (
            wrong.append(f"console {m.text}") if m.type == "error" and "favicon" not in m.text else None
        ),
    )
    page.on("pageerror", lambda e: wrong.append(f"error {e}"))
    context.on("page", lambda p: wrong.append("a window was opened") if p is not page else None)
    yield page, pages, wrong
    context.close()


@pytest.mark.parametrize("name", NASTY)
def test_no_script_from_data_runs(opened, name):
    page, pages, wrong = opened
    wrong.clear()
    text = NASTY[name].encode("utf-8", "replace").decode()
    short = text[:3000].replace("\x00", "")
    changed = short[: len(short) // 2] + "<script>alert(2)</script>" + short[len(short) // 2 + 1 :]
    pages[f"/{name}"] = Template(PAGE).render(
        Context({"text": text.replace("\x00", ""), "short": short, "changed": changed})
    )
    page.goto(f"{HOME}/{name}", wait_until="load")
    found = page.evaluate(
        """([allowed, math]) => {
          const bad = [];
          for (const e of document.querySelectorAll('#main *')) {
            if (!allowed.includes(e.localName)) bad.push(e.localName);
            for (const a of e.attributes)
              if (/^on|^style$|^src|^xlink|^action|^id$|^title$/.test(a.name) && e.id !== 'data') bad.push(e.localName + '@' + a.name);
            if (e.localName === 'a' && !['http:', 'https:', 'mailto:'].includes(e.protocol)) bad.push(e.href);
            if (math.includes(e.localName) && e.namespaceURI !== 'http://www.w3.org/1998/Math/MathML') bad.push('outside of math: ' + e.localName);
          }
          const after = document.getElementById('after');
          if (!after || after.parentElement !== document.body || document.querySelectorAll('main').length !== 1) bad.push('broke out');
          return [bad, document.querySelector('textarea').value, JSON.parse(document.getElementById('data').textContent)];
        }""",  # noqa: E501
        [ALLOWED, sorted(mathml.ELEMENTS)],
    )
    page.mouse.move(200, 60)
    page.mouse.move(300, 90)
    assert found[0] == []
    assert found[1] == short.replace("\r\n", "\n").replace("\r", "\n")
    assert found[2] == short
    assert wrong == []


def test_the_watch_is_awake(opened):
    """The same page with the text put in raw is noticed: the tests above can fail."""
    page, pages, wrong = opened
    for text in (
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<img src="https://evil.example/pixel.png">',
        "<p style='color:red'>x</p>",
    ):
        wrong.clear()
        pages["/raw"] = f"<!doctype html><main>{text}</main>"
        page.goto(f"{HOME}/raw", wait_until="load")
        assert wrong, text
