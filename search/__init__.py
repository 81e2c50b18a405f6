"""Search spaces, strategies and estimators; asks a latency estimator, never a device.

A ``Problem`` joins a space with a task estimator and a latency estimator; a ``Strategy`` walks
it; ``run_search`` keeps the trials in Optuna's storage, and ``exhaustive_front`` is the check.
"""
