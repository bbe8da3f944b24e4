"""This room's part of the page of API keys."""
