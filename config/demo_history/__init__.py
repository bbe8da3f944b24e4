"""What has happened in the demo before its first visitor comes: three weeks of work of experts, end users and
leads, done through the product's own verbs by people who are drawn with a seed."""

from config.demo_history.weeks import DAYS, SEED, live_through

__all__ = ["DAYS", "SEED", "live_through"]
