"""How long what people and programs send may be, through whichever door. Pure."""

MAX_KEY = 300  # characters of a person's id
MAX_COMMENT, MAX_CORRECTION = 20_000, 200_000  # characters
MAX_TAGS, MAX_TAG = 20, 60  # how many, and characters of one
