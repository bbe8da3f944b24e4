"""Reads of the chat, with permission as part of the read: who asks is an EndUser, and nobody sees another's
talk."""

from django.db import models


class ConversationQuerySet(models.QuerySet):
    def visible_to(self, end_user):
        """The conversations of `end_user` (None, somebody not known yet, has none)."""
        return self.none() if end_user is None else self.filter(end_user=end_user)


class MessageQuerySet(models.QuerySet):
    def visible_to(self, end_user):
        """The messages of `end_user`'s conversations."""
        return self.none() if end_user is None else self.filter(conversation__end_user=end_user)
