"""General rows beside those of the domain, in a stated proportion."""

import pytest

from core.errors import DomainError
from tests.training_export.steps.rows_made import asked, label, pair, run, sft
from training_export.curate.examples import PromptOnly
from training_export.steps import STEPS, Means, Row


def general_means(seed: int = 0, **sets) -> Means:
    return Means(seed=seed, sets=lambda name: sets[name])


def answers(rows: list) -> list[str]:
    return [row.example.target.text for row in rows]


DOMAIN = [sft(f"d{n}", f"domain {n}") for n in range(20)]
CHAT = [
    sft(f"g{n}", f"general {n}", provenance={"origins": [{"file": "chat.jsonl", "line": n}]})
    for n in range(50)
]


@pytest.mark.parametrize(
    ("ratio", "wanted"), [("1:1", 20), ("2:1", 10), ("1:2", 40), ("3:1", 7), ([20, 1], 1)]
)
def test_the_proportion_of_rows(ratio, wanted):
    kept, report = run("mix", DOMAIN, general_means(chat=CHAT), sets="chat", ratio=ratio)
    assert kept[:20] == DOMAIN and len(kept) == 20 + wanted and not report.notes
    assert len(set(answers(kept))) == len(kept)
    assert report.figures == {
        "mix": {"measure": "rows", "domain": 20, "general": wanted},
        "sets": {"chat": {"rows": 50, "drawn": wanted}},
    }


def test_what_is_general_says_so_and_where_it_came_from():
    kept, _report = run("mix", DOMAIN[:1], general_means(chat=CHAT), sets="chat")
    line = int(kept[1].example.target.text.split()[1])
    assert kept[1].example.provenance == {
        "origins": [{"file": "chat.jsonl", "line": line}], "set": "chat", "general": True,
    }  # fmt: skip
    assert "general" not in kept[0].example.provenance and "set" not in CHAT[line].example.provenance
    assert kept[1].keys == {"prompt": [f"g{line}"]}


def test_the_draw_is_by_seed_and_content_alone():
    def drawn(n: int, sets: dict, seed: int = 0, names: str = "chat") -> list[str]:
        return answers(run("mix", DOMAIN[:n], general_means(seed, **sets), sets=names)[0][n:])

    few, more = drawn(5, {"chat": CHAT}), drawn(15, {"chat": CHAT})
    assert set(few) < set(more) and len(more) == 15  # where the domain grows, none goes
    assert more == [text for text in answers(CHAT) if text in more]  # in the order of their set
    assert drawn(5, {"chat": CHAT[::-1]}) == few[::-1]
    assert set(drawn(5, {"chat": CHAT[:25], "code": CHAT[25:]}, names="chat,code")) == set(few)
    assert set(drawn(5, {"chat": CHAT, "code": CHAT}, names="code,chat")) == set(few)  # no row twice
    assert drawn(5, {"chat": CHAT}, seed=1) != few


def test_a_set_that_is_too_small_gives_all_it_has_and_that_is_said():
    kept, report = run("mix", DOMAIN, general_means(chat=CHAT[:3], none=[]), sets="chat,none")
    assert len(kept) == 23 and report.notes == [("general_too_small", "3 / 20")]
    assert run("mix", [], general_means(chat=CHAT), sets="chat")[0] == []


def test_the_proportion_of_characters():
    domain = [sft("q" * 10, "a" * 90)] * 3  # 300 characters
    chat = [sft("g" * 10, f"{n:02}" + "b" * 38) for n in range(30)]  # 50 each
    kept, report = run(
        "mix", domain, general_means(chat=chat), sets="chat", measure="characters", ratio="3:2"
    )
    assert len(kept) == 3 + 4 and report.figures["mix"] == {
        "measure": "characters",
        "domain": 300,
        "general": 200,
    }
    kept, report = run(
        "mix", domain, general_means(chat=chat), sets="chat", measure="characters", ratio="12:5"
    )
    assert report.figures["mix"]["general"] == 150  # of 125 asked for, 150 is as near as 100
    _kept, report = run(
        "mix", domain, general_means(chat=chat), sets="chat", measure="characters", ratio="30:11"
    )
    assert report.figures["mix"]["general"] == 100  # of 110


def test_kinds_are_those_of_the_domain_unless_all_are_asked_for():
    bare = Row(PromptOnly(asked("g"), "g"))
    chat = [pair("g", "a", "b"), label("g", "a", True), sft("g", "a"), pair("h", "a", "b"), bare]
    domain = [pair("d", "a", "b"), pair("d", "a", "c"), pair("d", "b", "c")]
    kept, report = run("mix", domain, general_means(chat=chat), sets="chat")
    assert [row.keys for row in kept[3:]] == [chat[0].keys, chat[3].keys]
    assert report.notes == [("general_too_small", "2 / 3")]
    assert len(run("mix", domain, general_means(chat=chat), sets="chat", kinds="all", ratio="3:5")[0]) == 7
    other = Row(PromptOnly(asked("d"), "d"))
    assert len(run("mix", [other], general_means(chat=chat), sets="chat", ratio="1:5")[0]) == 2
    assert len(run("mix", [bare], general_means(chat=chat), sets="chat", ratio="1:5")[0]) == 1  # it is there


@pytest.mark.parametrize(
    "given", [{}, {"sets": "chat", "ratio": "1:0"}, {"sets": "chat", "measure": "tokens"}]
)
def test_parameters_are_checked(given):
    with pytest.raises(DomainError) as refused:
        STEPS["mix"].parameters_of(given)
    assert refused.value.field == (list(given) or ["sets"])[-1]
