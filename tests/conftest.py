"""For all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# machines are busy: how long an example takes proves nothing
settings.register_profile("dxr", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dxr")
