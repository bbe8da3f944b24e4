"""Chinese is complete, and the catalogues compile without gettext on the machine."""

import shutil
from pathlib import Path

import pytest
from django.utils import translation

from core import catalogues

ROOT = Path(__file__).resolve().parents[2]


def test_the_chinese_catalogue_is_complete():
    found = catalogues.problems(ROOT)
    assert not found, (
        f"{len(found)} (manage.py catalogues --update brings the .po in line with the code)\n"
        + "\n".join(found[:60])
    )


def test_what_is_translated_is_a_literal():
    assert not catalogues.untranslatable(ROOT)


@pytest.fixture
def small(tmp_path):
    """A project of its own with one module and one template."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "views.py").write_text(
        "from django.utils.translation import gettext as _, ngettext, pgettext\n"
        "def f(n):\n    return _('Saved'), ngettext('%(n)d row', '%(n)d rows', n), pgettext('verb', "
        "'Open'), _(\n        'two '\n        'parts')\n"
    )
    (tmp_path / "templates" / "room").mkdir(parents=True)
    (tmp_path / "templates" / "room" / "page.html").write_text(
        "{% load i18n %}<div>\n    <p title=\"it's\">{% translate 'Hello' %}</p>\n  {# Translators: a "
        "greeting #}\n"
        "{% blocktranslate count n=n with who=user.name %}{{ who }} has {{ n }} item{% plural %}{{ "
        "who }} has {{ n }} items{% endblocktranslate %}\n"
        "{% translate 'Open' context 'adjective' as x %}{{ _('Filter') }}</div>"
    )
    return tmp_path


def test_extract_sees_python_and_templates_with_plurals_and_contexts(small):
    found = {(m.context, m.id) for m in catalogues.extract(small) if m.id}
    assert found == {
        (None, "Saved"),
        (None, ("%(n)d row", "%(n)d rows")),
        ("verb", "Open"),
        (None, "two parts"),
        (None, "Hello"),
        (None, ("%(who)s has %(n)s item", "%(who)s has %(n)s items")),
        ("adjective", "Open"),
        (None, "Filter"),
    }


def test_update_keeps_translations_and_check_names_what_is_wrong(small):
    assert catalogues.update(small)["new"] == 8
    path = catalogues.po_path(small / "locale")
    text = path.read_text()
    assert "nplurals=1" in text.replace(" ", "")
    text = text.replace('msgid "Saved"\nmsgstr ""', 'msgid "Saved"\nmsgstr "已保存"').replace(
        'msgid "Hello"\nmsgstr ""', '#, fuzzy\nmsgid "Hello"\nmsgstr "你好"'
    )
    text = text.replace(
        'msgid_plural "%(n)d rows"\nmsgstr[0] ""', 'msgid_plural "%(n)d rows"\nmsgstr[0] "%(m)d 行"'
    )
    path.write_text(text)
    (small / "room" / "more.py").write_text("_('Later')")
    assert catalogues.update(small) == {"messages": 9, "new": 1, "gone": 0, "missing": 8}
    assert 'msgstr "已保存"' in path.read_text()
    problems = "\n".join(catalogues.problems(small))
    assert (
        "Saved" not in problems
        and "fuzzy: 'Hello'" in problems
        and "missing: 'Later'" in problems
        and "placeholders differ: '%(n)d row'" in problems
    )
    (small / "room" / "more.py").unlink()
    assert "no longer used: 'Later'" in "\n".join(catalogues.problems(small))


def test_compile_writes_what_django_reads_and_only_when_stale(small, settings):
    catalogues.update(small)
    path = catalogues.po_path(small / "locale")
    path.write_text(path.read_text().replace('msgid "Saved"\nmsgstr ""', 'msgid "Saved"\nmsgstr "已保存"'))
    assert [p.name for p in catalogues.compile_stale(small / "locale")] == ["django.mo"]
    assert catalogues.compile_stale(small / "locale") == []
    settings.LOCALE_PATHS = [small / "locale"]
    with translation.override("zh-hans"):
        assert translation.gettext("Saved") == "已保存"
    shutil.rmtree(small / "locale")
    assert catalogues.compile_stale(small / "locale") == []


def test_an_f_string_in_gettext_is_found(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "x.py").write_text("_(f'Hello {name}')")
    assert catalogues.untranslatable(tmp_path) == ["room/x.py:1: gettext of an f-string"]
