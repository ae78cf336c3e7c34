"""What holds for every test."""

import hypothesis

# How long an example takes says how busy the machine is, and nothing of what is tested.
hypothesis.settings.register_profile("tether", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tether")
