"""JSON as the house reads it: no NaN, no duplicate keys, nothing that cannot be stored (core.storable),
bounded depth."""

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from core import storable

MAX_DEPTH = 64


def strict_loads(raw: bytes):
    """Parse UTF-8 JSON; ValueError with a plain reason on anything the database or a trainer would choke on
    later."""
    return storable.loads(raw, MAX_DEPTH)


def loads_of_any_depth(raw: bytes):
    """As strict_loads, for callers that look at depth and numbers of the parts themselves; RecursionError for
    what nests by the thousands."""
    value = storable.decoded(raw.decode("utf-8"), finite=False)
    if storable.may_hold_unstorable_text(raw) and (code := storable.fault(value)):
        raise storable.NotStorable(code)
    return value


class StrictJSONParser(JSONParser):
    def parse(self, stream, media_type=None, parser_context=None):
        try:
            return strict_loads(stream.read())
        except ValueError as exc:
            raise ParseError(_("The request is not valid JSON: %(reason)s") % {"reason": exc}) from exc
