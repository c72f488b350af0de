"""Losses, schedules and the fit loop."""
