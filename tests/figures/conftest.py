"""Machines that run tests are busy: how long one example takes there says nothing."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("figures", deadline=None)
settings.load_profile("figures")
