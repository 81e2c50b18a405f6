"""A latency-aware search in plain Python: the most MACs that fit a latency budget."""

import random

from hwprof import person_detector, predict_latency
from hwprof.networks.person_detector import legal_sizes

BUDGET_US = 100_000
chance = random.Random(1)
candidates = []
for _ in range(500):
    size = chance.choice(legal_sizes())
    k, g, c = chance.choice([2, 3, 4, 5]), chance.choice([1, 2, 4, 8]), chance.randrange(24, 97, 8)
    candidates.append(person_detector(k=k, g=g, c=c, width=size.width, aspect=size.aspect))
latencies_us = predict_latency(candidates).latency_us
fitting = [pair for pair in zip(candidates, latencies_us, strict=True) if pair[1] <= BUDGET_US]
best, latency_us = max(fitting, key=lambda pair: pair[0].macs)
print(f"{len(fitting)} of {len(candidates)} meet {BUDGET_US / 1000:.0f} ms (predicted)")
print(f"{best.name}: {best.macs:,} MACs, {latency_us / 1000:.1f} ms predicted")
