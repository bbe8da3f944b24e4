"""Nobody makes an account whose name is taken for another's."""

import pytest

from core.accounts import actions as people
from core.accounts.lookalikes import alike
from core.errors import Conflict
from core.models import User


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("manager", "Manager"),
        ("anna", "\u0430nn\u0430"),  # Cyrillic a
        ("paul", "pau1"),
        ("paul", "pauI"),
        ("bob", "b0b"),
        ("ann", "\uff41\uff4e\uff4e"),  # fullwidth
        ("pho", "\u03c1h\u03bf"),  # Greek
    ],
)
def test_these_are_taken_for_each_other(one, other):
    assert alike(one, other) and alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("anna", "anne"), ("王芳", "王方"), ("Ivan", "lvan2"), ("user1", "user2"), ("li", "ll")],
)
def test_these_are_not(one, other):
    assert not alike(one, other)


@pytest.mark.django_db
def test_a_name_like_another_is_refused_with_the_reason():
    people.create_user(username="manager", password="correct horse battery")
    people.create_user(username="manager2", password="correct horse battery")
    with pytest.raises(Conflict) as refused:
        people.create_user(username="m\u0430nager", password="correct horse battery")
    assert refused.value.field == "username" and "manager" in refused.value.message
    assert User.objects.count() == 2
