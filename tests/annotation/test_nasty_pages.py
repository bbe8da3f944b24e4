"""The pages that show data, each with every nasty text in every place a text can stand, in real Chromium on
the real server."""

import pytest

from annotation.models import Annotation, GuidelineVersion
from annotation.work import queue, submit
from tests.cast import make_item, make_member, make_project, make_prompt
from tests.core.pages.nasty_texts import NASTY

pytestmark = pytest.mark.browser
GROUPS = 4
ALARM = """
for (const n of ['alert', 'confirm', 'prompt', 'print', 'open']) window[n] = (x) => console.error('CALLED ' + n);
document.addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI));
"""  # noqa: E501
# Whatever of the page's own frame this finds was there before any data.
LOOK = """() => {
  const bad = [];
  for (const e of document.querySelectorAll('main *')) {
    if (['script', 'iframe', 'object', 'embed', 'base', 'meta', 'link', 'style', 'video', 'audio', 'img', 'marquee', 'annotation-xml'].includes(e.localName)
        && !(e.localName === 'script' && e.type === 'application/json')) bad.push(e.outerHTML.slice(0, 120));
    for (const a of e.attributes) if (/^on|^style$|^srcdoc$|^formaction$|^xlink/.test(a.name)) bad.push(e.localName + ' ' + a.name);
    if (e.localName === 'a' && !['http:', 'https:', 'mailto:'].includes(e.protocol) && e.hasAttribute('href')) bad.push(e.href);
  }
  if (document.querySelectorAll('main').length !== 1) bad.push('broke out');
  return bad;
}"""  # noqa: E501


def storable(text: str) -> str:
    """The text as the door would let it in: neither NUL nor half characters, cut to a readable size."""
    return text.encode("utf-8", "ignore").decode().replace("\x00", "")[:2500]


def watched(page, site) -> list[str]:
    """What the page did that no text may make it do."""
    wrong: list[str] = []
    page.context.add_init_script(ALARM)
    page.on("dialog", lambda d: (wrong.append(f"dialog {d.message}"), d.dismiss()))
    page.on(
        "request",
        lambda r: (
            None if r.url.startswith((site.url, "data:", "blob:")) else wrong.append(f"request {r.url}")
        ),
    )
    page.context.on("page", lambda p: wrong.append("a window was opened") if p is not page else None)
    return wrong


@pytest.mark.parametrize("group", range(GROUPS))
def test_no_text_becomes_more_than_text(live_site, open_page, group):
    project = make_project("nasty", kind="ranking", overlap=2, lease_seconds=3600)
    manager, first, second = (make_member(project, role) for role in ("manager", "annotator", "annotator"))
    names = list(NASTY)[group::GROUPS]
    items = {}
    for position, name in enumerate(names):
        text = storable(NASTY[name])
        messages = [{"role": role, "content": text} for role in ("system", "user", "assistant", "user")]
        sources = [{"title": text[:150], "text": text, "url": "javascript:alert(1)"}]
        prompt = make_prompt(project, messages=messages, sources=sources, metadata={"x": text[:500]})
        items[name] = make_item(project, [text, text + " b", "c"], prompt=prompt, position=position)
    for item in items.values():
        held = queue.claim(project=project, user=first)
        text = item.prompt.messages[0]["content"]
        given = {
            "ranking": [["A"], ["B"]],
            "acceptable": 1,
            "comment": text,
            "corrections": [
                {"target": "response", "answer": "B", "text": text + " corrected", "evidence": text[:500]}
            ],
        }
        submit.submit(user=first, pk=held.pk, given=given, client_key=f"k{item.pk}", active_ms=1000)
    lead, expert = open_page(manager), open_page(second)
    wrong = {"lead": watched(lead, live_site), "expert": watched(expert, live_site)}
    bad = []
    for name, item in items.items():
        GuidelineVersion.objects.filter(project=project).delete()
        project.bench.guideline = GuidelineVersion.objects.create(
            project=project, number=item.position + 1, text=item.prompt.messages[0]["content"]
        )
        project.bench.save()
        for path in (f"items/{item.pk}/", f"review/{item.pk}/", "guidelines/"):
            lead.goto(f"{live_site.url}/p/nasty/{path}", wait_until="load")
            bad += [f"{name} {path}: {found}" for found in lead.evaluate(LOOK)]
        expert.goto(f"{live_site.url}/p/nasty/bench/", wait_until="load")
        expert.wait_for_selector("#desk > *")
        bad += [f"{name} bench: {found}" for found in expert.evaluate(LOOK)]
        held = queue.claim(project=project, user=second)
        assert held.item_id == item.pk, name
        queue.skip(user=second, pk=held.pk, reason="other", comment="next")
        bad += [f"{name}: {what}" for seen in wrong.values() for what in seen]
        for seen in wrong.values():
            seen.clear()
    for path in ("items/", "review/", "mine/"):
        lead.goto(f"{live_site.url}/p/nasty/{path}", wait_until="load")
        bad += [f"list {path}: {found}" for found in lead.evaluate(LOOK)]
    assert not bad, "\n".join(bad)
    assert Annotation.objects.count() == len(items)


def test_no_text_becomes_more_than_text_on_the_qa_page(live_site, open_page):
    project = make_project("qa", kind="qa", lease_seconds=3600)
    expert = make_member(project, "annotator")
    items = {}
    for position, name in enumerate(list(NASTY)[::3]):
        text = storable(NASTY[name])
        prompt = make_prompt(
            project,
            text,
            sources=[{"title": text[:150], "text": text + "\n" + text, "url": "https://ok.example/"}],
        )
        items[name] = make_item(project, [text], prompt=prompt, position=position)
    page = open_page(expert)
    wrong, bad = watched(page, live_site), []
    for name, item in items.items():
        page.goto(f"{live_site.url}/p/qa/bench/", wait_until="load")
        page.wait_for_selector("#desk > *")
        bad += [f"{name}: {found}" for found in [*page.evaluate(LOOK), *wrong]]
        wrong.clear()
        held = queue.claim(project=project, user=expert)
        assert held.item_id == item.pk, name
        queue.skip(user=expert, pk=held.pk, reason="other", comment="next")
    assert not bad, "\n".join(bad)
