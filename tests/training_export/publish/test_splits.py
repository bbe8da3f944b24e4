"""Sides of a split: stable, by key, in the asked shares. Without a database."""

from collections import Counter

from training_export.curate.splits import Splitter, keys_of


def user(text):
    return [{"role": "user", "content": text}]


def test_shares_are_kept_and_seeds_differ():
    keys = [frozenset([f"prompt {n}"]) for n in range(4000)]
    sides = Counter(Splitter((80, 15, 5), 1).side(k) for k in keys)
    assert (
        abs(sides["train"] / 4000 - 0.8) < 0.03
        and abs(sides["validation"] / 4000 - 0.15) < 0.03
        and abs(sides["test"] / 4000 - 0.05) < 0.02
    )
    assert [Splitter((50, 50, 0), 1).side(k) for k in keys] != [
        Splitter((50, 50, 0), 2).side(k) for k in keys
    ]


def test_a_side_is_known_for_ever():
    """Written down from one run: if these change, every data set split before changes sides."""
    sides = [Splitter((60, 20, 20), 7).side(frozenset([f"prompt question {n}"])) for n in range(8)]
    assert sides == ["train", "train", "train", "validation", "train", "train", "test", "train"]


def test_more_training_data_takes_only_from_the_others():
    for n in range(500):
        key = frozenset([f"prompt {n}"])
        if Splitter((70, 30, 0)).side(key) == "train":
            assert Splitter((80, 20, 0)).side(key) == "train"


def test_sides_without_a_share_do_not_exist():
    assert Splitter((1, 0, 1)).names == ("train", "test")
    assert {Splitter((0, 0, 3)).side(frozenset([str(n)])) for n in range(50)} == {"test"}


def test_keys_on_two_sides_have_none():
    splitter = Splitter((50, 50, 0))
    side_of = {splitter.side(frozenset([str(n)])): str(n) for n in range(50)}
    assert splitter.side(frozenset(side_of.values())) is None


def test_prompts_are_keyed_by_their_first_user_turn_folded():
    first = keys_of("prompt", messages=user("What  is\nＡ?"), sources=[])
    assert first == keys_of(
        "prompt",
        messages=[
            {"role": "system", "content": "S"},
            *user("what is a?"),
            {"role": "assistant", "content": "x"},
        ],
        sources=[],
    )
    assert first != keys_of("prompt", messages=user("What is B?"), sources=[])


def test_sources_are_keyed_by_address_then_title_then_text():
    def keys(**source):
        return keys_of("source", messages=user("q"), sources=[source])

    assert keys(url="http://a/1", title="One", text="x") == keys(url="http://a/1", title="Other", text="y")
    assert keys(title="One", text="x") == keys(title="One", text="y") != keys(title="Two", text="x")
    assert keys_of("source", messages=user("q"), sources=[]) == keys_of(
        "prompt", messages=user("q"), sources=[]
    )


def test_users_are_keyed_by_name_and_prompts_without_one_by_the_prompt():
    one = keys_of("user", messages=user("a"), sources=[], user="u1")
    assert (
        one
        == keys_of("user", messages=user("b"), sources=[], user="u1")
        != keys_of("user", messages=user("a"), sources=[], user="u2")
    )
    assert keys_of("user", messages=user("a"), sources=[]) == keys_of(
        "prompt", messages=user("a"), sources=[]
    )
