"""Fields that several forms have."""

from django import forms


class Verbatim(forms.CharField):
    """A text that is kept as it was typed, but for the line ends that a form makes of it."""

    def __init__(self, *, max_length: int, rows: int = 3, **kwargs):
        area = forms.Textarea(attrs={"rows": rows, **kwargs.pop("attrs", {})})
        super().__init__(required=False, strip=False, max_length=max_length, widget=area, **kwargs)

    def clean(self, value):
        return super().clean(value).replace("\r\n", "\n")
