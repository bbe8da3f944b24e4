"""What has happened in the demo before its first visitor comes: three weeks of experts', end users' and leads'
work, done through the product's own verbs by people who were drawn with a seed."""

from config.demo_history.weeks import DAYS, SEED, live_through

__all__ = ["DAYS", "SEED", "live_through"]
