"""The parts of the chat that need no browser: blocks of growing Markdown, shares and draws of arms, the tree
of a talk and its hashes."""

import random
import time
from collections import Counter

import pytest

from core.rendering import markdown
from feedback.chat import arms, branches
from feedback.chat.markdown_blocks import Blocks
from feedback.conversations import end_users
from feedback.conversations import tree as talk
from feedback.models import ChatSettings, Conversation
from tests.feedback.talks import make_arm, make_chat, make_choice, make_end_user, make_message, make_talk

DOCUMENT = """# Title

A paragraph with **bold** words
on two lines.

1. first

   ```python
   x = 1

   y = 2
   ```

2. second

After the list.

```js
let a

let b
```

| a | b |
|---|---|
| 1 | 2 |

$$
x = 1
$$

> quoted

> again

- x
- y

* z

    indented code

    more of it

中文段落。

~~~
``` not the end

~~~
Setext
======

---

end"""


def fed(text: str, size) -> tuple[str, int]:
    blocks, html, at = Blocks(), "", 0
    while at < len(text):
        n = size()
        done = blocks.feed(text[at : at + n])
        html += "".join(made for made, _upto in done)
        at += n
        assert all(upto <= blocks.upto <= at for _made, upto in done)
    return html, blocks.upto


@pytest.mark.parametrize("seed", range(12))
def test_blocks_are_what_the_whole_text_gives(seed):
    rng = random.Random(seed)
    parts = DOCUMENT.split("\n\n")
    text = DOCUMENT if seed == 0 else "\n\n".join(rng.sample(parts, len(parts)))
    html, upto = fed(text, lambda: rng.choice((1, 2, 7, 40)))
    assert markdown.render(text).startswith(html)
    assert upto > len(text) // 3 or seed, "hardly anything was found to be finished"


@pytest.mark.parametrize(
    "text",
    [
        "- a\n\n- b\n\n- c\n",
        "1. a\n\n2. b\n",
        "```\na\n\nb\n\nc\n",
        "~~~\na\n\n```\n\nb\n",
        "- ```\n  a\n\n  b\n",
        "- a\n\n      code\n\n      more\n",
        "a\n\n    \n\n    code\n\n    code\n",
        "> ```\n> a\n>\n> b\n",
        "a\rb\r\rc\r\r\rd",
        "$$\na\n$$\n",
    ],
)
def test_what_belongs_together_is_not_cut(text):
    html, _upto = fed(text + "\n", lambda: 3)
    assert markdown.render(text + "\nEnd.").startswith(html)
    assert html.count("<ul>") + html.count("<ol>") + html.count("<pre") <= 1


def test_a_block_is_finished_when_the_next_begins():
    blocks = Blocks()
    assert blocks.feed("One.\n\n") == []
    assert blocks.feed("T") == [("<p>One.</p>\n", 6)]
    assert blocks.feed("wo.\n\n- a\n\n") and blocks.feed("-") == [] and blocks.feed("--\n") != []


@pytest.mark.parametrize(
    "text",
    [
        "- an entry of a list\n\n" * 20_000,
        "token " * 80_000,
        "```\n" + "code\n\n" * 60_000,
        "1. a\n\n   b\n\n" * 20_000,
    ],
)
def test_what_never_ends_costs_no_more_than_its_length(text):
    begun = time.process_time()
    fed(text, lambda: 6)
    assert time.process_time() - begun < 4


# Arms.


@pytest.fixture
def project(db):
    return make_chat("clinic", models=())


def test_shares_of_people_follow_the_weights_and_stay(project):
    for weight in (1, 3):
        make_arm(project, weight=weight)
    one, three = arms.able(project)
    chat = project.chat
    people = [end_users.EndUser(pk=i, project=project) for i in range(4000)]
    first = {p.pk: arms.one(chat, p, [one, three]).pk for p in people}
    share = Counter(first.values())[three.pk] / 4000
    assert 0.72 < share < 0.78
    assert first == {p.pk: arms.one(chat, p, [three, one]).pk for p in people}
    new = make_arm(project, weight=1)
    moved = [p.pk for p in people if arms.one(chat, p, [one, three, new]).pk != first[p.pk]]
    assert 0.16 < len(moved) / 4000 < 0.24  # only those whom the new arm takes over
    assert all(arms.one(chat, p, [one, three, new]) == new for p in people if p.pk in moved)


def test_a_share_of_turns_is_decided_by_the_turn(project):
    ChatSettings.objects.update(drafts="share", draft_share=20)
    project.refresh_from_db()
    chosen = [turn for turn in range(5000) if arms.wants_drafts(project.chat, turn)]
    assert 900 < len(chosen) < 1100 and chosen == [
        turn for turn in range(5000) if arms.wants_drafts(project.chat, turn)
    ]
    for setting, wanted in (("never", 0), ("always", 50), ("regenerate", 0)):
        project.chat.drafts = setting
        assert sum(arms.wants_drafts(project.chat, turn) for turn in range(50)) == wanted


def test_drafts_from_different_arms(project):
    for weight in (1, 1, 50):
        make_arm(project, weight=weight)
    able = arms.able(project)
    project.chat.draft_from_arms, project.chat.draft_count = True, 2
    person = make_end_user(project)
    drawn = [arms.for_drafts(project.chat, person, able) for _ in range(600)]
    assert all(len({a.pk for a in pair}) == 2 for pair in drawn)
    # drawn nearly always, first or second alike
    first = Counter(pair[0].pk for pair in drawn)[able[2].pk] / 600
    assert 0.4 < first < 0.6
    project.chat.draft_count = 4
    assert (
        len(arms.for_drafts(project.chat, person, able)) == 4
        and len({a.pk for a in arms.for_drafts(project.chat, person, able)}) == 3
    )


def test_only_what_is_switched_on_answers(project):
    a, b, c = (make_arm(project) for _ in range(3))
    project.arms.filter(pk=a.pk).update(active=False)
    project.endpoints.filter(pk=b.endpoint_id).update(active=False)
    assert arms.able(project) == [c]


# The tree.


def test_the_way_to_a_message_and_its_context(project):
    one, two, three, four = make_talk(project, "Q1", "A1", "Q2", "A2", system="S")
    side = make_message(one.conversation, "A1 again", parent=one)
    assert [m.pk for m in talk.path_of(four)] == [one.pk, two.pk, three.pk, four.pk] and talk.path_of(
        side
    ) == [one, side]
    assert [m["content"] for m in talk.context_of(three)] == ["S", "Q1", "A1", "Q2"]
    empty = make_message(one.conversation, "", parent=three, state="failed")
    after = make_message(one.conversation, "Q3", parent=empty, role="user")
    assert [m["content"] for m in talk.context_of(after)] == ["S", "Q1", "A1", "Q2", "Q3"]
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    used = make_message(one.conversation, "", parent=after, extra={"tool_calls": calls, "secret": 1})
    assert talk.context_of(used)[-1] == {"role": "assistant", "content": None, "tool_calls": calls}


def test_a_talk_hashes_as_what_it_says(project):
    plain = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "e\u0301\r\n"},
        {"role": "assistant", "content": "A"},
    ]
    written = [
        {"content": [{"type": "text", "text": "S"}], "role": "developer"},
        {"role": "user", "content": "é\n", "name": None},
        {"role": "assistant", "content": "A", "refusal": None, "tool_calls": []},
    ]
    whole, key = talk.context_hash(project, plain), bytes(project.hash_key)
    assert (
        whole == talk.context_hash(project, written) == talk.rolling(key, "", plain)[-1] and len(whole) == 64
    )
    assert talk.rolling(key, "", plain)[:2] == talk.rolling(key, "", plain[:2])
    other = make_chat("other")
    different = [
        talk.context_hash(other, plain),
        talk.context_hash(project, plain[1:]),
        talk.context_hash(project, [*plain[:2], plain[2] | {"name": "x"}]),
    ]
    assert len({whole, *different}) == 4 and talk.context_hash(project, []) == ""


def test_the_branch_on_screen(project):
    person = make_end_user(project)
    q, a = make_talk(project, "Q", "A", end_user=person)
    conversation = q.conversation

    def shown(through=None):
        conversation.refresh_from_db()
        found = branches.branch(conversation, person, through)
        return [m.pk for m in found.messages], [m.pk for m in found.waiting]

    assert shown() == ([q.pk, a.pk], [])
    group = "22222222-2222-4222-8222-222222222222"
    d1, d2 = (
        make_message(conversation, f"D{i}", parent=q, draft_group=group, position=1 - i) for i in (0, 1)
    )
    Conversation.objects.update(head=q)
    assert shown() == ([q.pk], [d2.pk, d1.pk])  # in their places on screen
    assert shown(a.pk) == ([q.pk, a.pk], [])
    make_choice(q, [d1, d2], d1)
    assert shown() == ([q.pk, d1.pk], [])
    more = make_message(conversation, "Q2", role="user", parent=d2)
    assert shown(more.pk) == ([q.pk, d2.pk, more.pk], [])
    Conversation.objects.update(head=None)
    assert shown()[0][0] == q.pk
