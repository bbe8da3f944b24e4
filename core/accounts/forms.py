"""Forms of core: they check shape; the verbs beside them do the rest."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.models import ApiKey, Role, User


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("Name"),
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )
    # Never stripped: a password is what was typed.
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def focus_what_is_missing(self) -> None:
        """After a refusal: the name still stands there, what has to be typed anew is the password."""
        if self.data.get("username"):
            del self.fields["username"].widget.attrs["autofocus"]
            self.fields["password"].widget.attrs["autofocus"] = True


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["first_name", "language", "theme", "text_size"]
        labels = {
            "first_name": _("Display name"),
            "language": _("Language"),
            "theme": _("Colours"),
            "text_size": _("Text size"),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["language"] = forms.ChoiceField(
            label=_("Language"),
            required=False,
            choices=[("", _("Same as the browser")), ("en", "English"), ("zh-hans", "简体中文")],
        )
        self.fields["theme"] = forms.ChoiceField(
            label=_("Colours"),
            required=False,
            choices=[("", _("Same as the system")), ("light", _("Light")), ("dark", _("Dark"))],
        )
        sizes = [(-1, _("Small")), (0, _("Normal")), (1, _("Larger")), (2, _("Large")), (3, _("Very large"))]
        self.fields["text_size"] = forms.TypedChoiceField(label=_("Text size"), coerce=int, choices=sizes)
        self.fields["first_name"].help_text = _("Reviewers see a pseudonym, not this name.")


class PasswordForm(forms.Form):
    old_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=4096,
        help_text=_("At least 8 characters; not a common one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("New password again"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old_password(self):
        if not self.user.check_password(self.cleaned_data["old_password"]):
            raise forms.ValidationError(_("This is not your current password."))
        return self.cleaned_data["old_password"]

    def clean(self):
        data = super().clean()
        if data.get("new_password") and data.get("again") and data["new_password"] != data["again"]:
            self.add_error("again", _("The two new passwords differ."))
        if data.get("new_password") and data.get("new_password") == data.get("old_password"):
            self.add_error("new_password", _("Choose a password other than the current one."))
        return data


class JoinForm(forms.Form):
    username = forms.CharField(
        label=_("Sign-in name"),
        max_length=150,
        help_text=_("Letters (Chinese too), digits and @ . + - _"),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    display_name = forms.CharField(label=_("Display name (optional)"), max_length=150, required=False)
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        help_text=_("At least 8 characters; not a common one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class PreferencesForm(forms.Form):
    """One small choice at a time, from the top bar."""

    language = forms.ChoiceField(required=False, choices=settings.LANGUAGES)
    theme = forms.ChoiceField(required=False, choices=[("light", ""), ("dark", ""), ("toggle", "")])
    step = forms.ChoiceField(required=False, choices=[("-1", ""), ("1", "")])


class InviteForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)
    days = forms.IntegerField(label=_("Valid for (days)"), min_value=1, max_value=90, initial=7)
    uses = forms.IntegerField(label=_("How many people"), min_value=1, max_value=500, initial=1)


class PeopleForm(forms.Form):
    names = forms.CharField(
        label=_("Sign-in names, one on each line"),
        max_length=100_000,
        help_text=_("Accounts are made for names that have none; their one-time passwords are shown once."),
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class ApiKeyForm(forms.Form):
    name = forms.CharField(label=_("What it is for"), max_length=80, required=False)
    scope = forms.ChoiceField(
        label=_("What it allows"), choices=ApiKey.Scope.choices, initial=ApiKey.Scope.ALL
    )
    role = forms.ChoiceField(
        label=_("Highest role"),
        choices=Role.choices,
        initial=Role.ANNOTATOR,
        help_text=_("Has no effect on a key that is for feedback only or the proxy only."),
    )
    expires_days = forms.IntegerField(
        label=_("Ends after (days)"),
        min_value=1,
        max_value=3650,
        required=False,
        help_text=_("Empty: it works until it is revoked."),
    )
