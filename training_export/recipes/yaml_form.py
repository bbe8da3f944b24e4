"""A recipe as YAML: plain values, no aliases, no tags, no name twice. Pure."""

from typing import Any

from django.utils.translation import gettext as _

from core import storable
from core.errors import DomainError
from training_export.recipes.document import RecipeDocument

MOST_CHARACTERS = 100_000


def load(text: str) -> RecipeDocument:
    """The recipe in `text`; DomainError "invalid_yaml" with the line, or "invalid_recipe" with the field."""
    if len(text) > MOST_CHARACTERS:
        raise _invalid(_("The file is longer than %(n)s characters.") % {"n": MOST_CHARACTERS})
    import yaml

    class Plain(yaml.SafeLoader):
        """Neither aliases, by which a short text becomes a giant, nor names said twice."""

        def compose_node(self, parent, index):
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.MarkedYAMLError(
                    problem=_("aliases (*name)"), problem_mark=self.peek_event().start_mark
                )
            if getattr(self.peek_event(), "tag", None):
                mark = self.peek_event().start_mark
                raise yaml.MarkedYAMLError(problem=_("types (!name)"), problem_mark=mark)
            return super().compose_node(parent, index)

        def construct_mapping(self, node, deep=False):
            names: set = set()
            for key, _value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise yaml.MarkedYAMLError(problem=_("this is no name"), problem_mark=key.start_mark)
                if key.value in names:
                    said = _("“%(name)s” is said twice") % {"name": str(key.value)[:60]}
                    raise yaml.MarkedYAMLError(problem=said, problem_mark=key.start_mark)
                names.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        given: Any = yaml.load(text, Loader=Plain)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark else 1
        raise _invalid(
            _("Line %(line)s is no YAML of a recipe: %(problem)s.") % {"line": line, "problem": wrong.problem}
        ) from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as wrong:
        raise _invalid(_("This is no YAML: %(problem)s.") % {"problem": str(wrong)[:200]}) from None
    if fault := storable.fault(given):
        raise _invalid(_("The file holds what no text may hold (%(fault)s).") % {"fault": fault})
    return RecipeDocument.of(given)


def dump(document: RecipeDocument) -> str:
    """`document` with every value written down; `load` gives the same recipe of it."""
    import yaml

    return yaml.safe_dump(
        document.as_dict(), allow_unicode=True, sort_keys=False, default_flow_style=None, width=100
    )


def _invalid(message: str) -> DomainError:
    return DomainError("invalid_yaml", message, field="file")
