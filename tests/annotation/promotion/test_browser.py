"""From a thumb to the expert and back, in the browser; and the pages on the way in both languages, sizes and
colours."""

import uuid

import pytest

from annotation.models import Annotation, Item, Promotion, PromotionRule
from annotation.promotion import rules as promotion
from core import jobs
from core.models import Job
from feedback.models import Message
from feedback.reactions import actions as reactions
from tests.annotation.promotion.promoted_talks import (
    make_answer,
    make_chat,
    make_end_user,
    make_talk,
    score,
    thumb,
)
from tests.cast import make_member, make_project

pytestmark = pytest.mark.browser
WORDS = "Ten times too much! 写多了十倍"


@pytest.fixture
def clinic(transactional_db, settings):
    settings.JOB_SENDER = "tests.core.pages.test_role_matrix.nobody_listens"
    project = make_project("clinic", kind="ranking")
    make_chat(project)
    return project


def test_from_a_thumb_to_the_bench_and_back(clinic, open_page, live_site):
    answer = make_talk(clinic, ("What is it?", "A fever."), ("How much of it?", "Take **50 mg** an hour."))[1]
    Message.objects.filter(pk=answer.pk).update(sources=[{"title": "Leaflet", "text": "5 mg at most."}])
    thumb(answer, -1, WORDS, reasons=["wrong"])
    lead, expert = make_member(clinic, "manager"), make_member(clinic, "annotator")

    page = open_page(lead)
    page.goto("/p/clinic/promotion/")
    page.get_by_role("link", name="All thumbs down with a comment").click()
    kind, share = page.get_by_label("What it takes"), page.get_by_label("Share of answers (%)")
    kind.select_option("random")
    share.wait_for()
    kind.select_option("down_comment")
    share.wait_for(state="hidden")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("1 turn, within today's caps.").wait_for()
    assert page.get_by_text("How much of it?").is_visible() and page.get_by_text(WORDS).is_visible()
    assert not Promotion.objects.exists()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url("**/jobs/*/")
    jobs.run_now(Job.objects.get(kind="promotion"))
    page.reload()
    page.get_by_role("link", name="Show the result").click()
    item = Item.objects.get()
    page.locator("#log").get_by_role("link", name=str(item.pk), exact=True).wait_for()
    assert PromotionRule.objects.get().created_by == lead

    bench = open_page(expert)
    bench.goto("/p/clinic/bench/")
    bench.locator(".desk-qa").wait_for()
    assert (
        bench.get_by_text("50 mg").is_visible()
        and WORDS not in bench.content()
        and "Not correct" not in bench.content()
    )
    bench.locator("[data-verdict=drop]").click()
    bench.get_by_label("The answer is wrong").check()
    bench.click("#submit")
    bench.get_by_role("heading", name="Nothing left to do here for now").wait_for()
    assert Annotation.objects.get().head.document["verdict"] == "drop"

    bench.goto("/p/clinic/mine/")
    assert bench.get_by_text(WORDS).is_visible() and bench.get_by_text("Not correct").is_visible()
    bench.get_by_role("link", name="Reopen").click()
    bench.locator("#said").get_by_text(WORDS).wait_for()
    assert bench.locator("[data-verdict=drop][aria-pressed=true]").is_visible()

    page.goto("/p/clinic/feedback/")
    page.get_by_text("the expert agreed with the thumb.").wait_for()
    assert page.get_by_role("link", name="of 1 answer with a thumb").is_visible()


def filled(project):
    """Every section of the pages with something in it."""
    for i in range(24):
        answer = make_talk(project, (f"第 {i} 个问题？", f"Answer {i}"))[0]
        thumb(
            answer,
            -1 if i % 3 == 0 else 1,
            WORDS if i % 4 == 0 else "",
            reasons=["wrong", "unclear"] if i % 3 == 0 else [],
        )
        if i % 5 == 0:
            score(answer, 1 + i % 5)
    heavy = make_end_user(project, "heavy")
    for _i in range(22):
        thumb(make_talk(project, who=heavy)[0], -1)
    first = make_talk(project, ("Which dose? 13800138000", "one"))[0]
    group = uuid.uuid4()
    Message.objects.filter(pk=first.pk).update(draft_group=group)
    second = make_answer(
        first.parent,
        "two " * 80,
        draft_group=group,
        position=1,
        model="a-model-with-a-very-long-name/v2.1-chat-long",
    )
    shown = [{"message": m.pk, "seen": True} for m in (first, second)]
    reactions.choose(
        project=project,
        end_user=first.conversation.end_user,
        parent=first.parent,
        verdict="all_bad",
        shown=shown,
    )
    other = make_talk(project)[0]
    also = make_answer(other.parent, "more", draft_group=group, position=1)
    Message.objects.filter(pk=other.pk).update(draft_group=group)
    shown = [{"message": m.pk, "seen": True} for m in (other, also)]
    reactions.choose(
        project=project,
        end_user=other.conversation.end_user,
        parent=other.parent,
        verdict="better",
        chosen=also,
        shown=shown,
    )
    reactions.signal(project=project, end_user=heavy, message=other, name="copy")
    reactions.react(project=project, end_user=heavy, kind="thumb", value=1, target_external="later")
    rules = [
        promotion.create(project=project, actor=None, name=f"规则 {kind}", kind=kind, daily_cap=8)
        for kind in ("down", "all_bad")
    ]
    promotion.create(project=project, actor=None, name="5 %", kind="random", active=False)
    broken = make_talk(project)[0]
    thumb(broken)
    Message.objects.filter(pk=broken.pk).update(state="failed")
    promotion.run(project)
    return rules


@pytest.mark.parametrize(("phone", "dark", "language"), [(False, False, "en"), (True, True, "zh")])
def test_nothing_serious_for_axe_and_nothing_hangs_over_the_edge(
    clinic, open_page, live_site, phone, dark, language
):
    from axe_playwright_python.sync_playwright import Axe

    rules = filled(clinic)
    page = open_page(make_member(clinic, "manager"), phone=phone, dark=dark, language=language)
    found = []
    item = Item.objects.filter(kind="ranking").first()
    paths = [
        "promotion/",
        f"promotion/{rules[0].pk}/?preview",
        "promotion/new/?kind=random",
        "feedback/",
        f"items/{item.pk}/",
    ]
    for path in [f"/p/clinic/{path}" for path in paths]:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('details.fold').forEach(d => d.open = true)")
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            found.append(f"{path}: {over} px over the edge")
        for violation in (
            Axe()
            .run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
            .response["violations"]
        ):
            if violation["impact"] in ("serious", "critical"):
                found += [
                    f"{path}: {violation['id']} {node['html'][:160]} {node['failureSummary'][:300]}"
                    for node in violation["nodes"][:3]
                ]
    assert not found, "\n".join(found)
