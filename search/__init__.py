"""Search spaces, strategies and estimators; asks a latency estimator, never a device."""
