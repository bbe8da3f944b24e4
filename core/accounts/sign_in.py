"""Checking a password. It is slow on purpose, so it must not hold what others wait for."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import PBKDF2PasswordHasher, get_hasher, make_password
from django.db import connection

from core.models import User

# For passwords that were drawn at random (59 bits): guessing them is hopeless at any count, and a list of 500
# people must not take minutes. Their first sign-in, which also asks for a password of one's own, hashes anew
# at the full count.
ONE_TIME_ITERATIONS = 20_000


class PasswordBackend(ModelBackend):
    """Django's own, but with the database connection given back to the pool while the password is hashed: a
    ward that signs in at eight o'clock would otherwise take every connection from those who work already."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if username is None or password is None:
            return None
        user = User.objects.filter(username=username).first()
        if connection.vendor == "postgresql" and not connection.in_atomic_block:
            connection.close()
        if user is None:
            User().set_password(password)  # takes as long as a name that exists
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None


def one_time_hash(password: str) -> str:
    """The stored form of a random one-time password."""
    hasher = get_hasher("default")
    if not isinstance(hasher, PBKDF2PasswordHasher):
        return make_password(password)
    return hasher.encode(password, hasher.salt(), iterations=ONE_TIME_ITERATIONS)
