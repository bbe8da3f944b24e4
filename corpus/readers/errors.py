"""How the parts of a reader refuse one record. (A whole file is refused by records.FileRefused.)"""


class RowRefused(Exception):
    """This record cannot be taken: `field` names the column, `code` is stable, str() is the sentence."""

    def __init__(self, field: str, code: str, reason: str):
        super().__init__(reason)
        self.field, self.code = field, code
