"""Which estimator to trust: strategies judged on fully trained samples, and what each costs.

samples, Prices --rank_strategies--> Ranking: tau, interval, seconds; the top group, ties told
Ranking --economics--> seconds of a search by each, beside the published ones
Prices, budget, Ranking --advise--> what to do, in three sentences
"""

from hwprof.search.selection._advice import (
    EXHAUSTIVE,
    SAMPLED,
    SAMPLES,
    Advice,
    advise,
    require_budget,
)
from hwprof.search.selection._agreement import Interval, Ranks, interval
from hwprof.search.selection._artefact import (
    FittedEstimator,
    FittedOn,
    best_portable,
    load_estimator,
)
from hwprof.search.selection._confidence_set import confidence_set
from hwprof.search.selection._economics import (
    FULL_TRAINING,
    PUBLISHED,
    PUBLISHED_NOTE,
    PUBLISHED_SOURCE,
    CostRow,
    Origin,
    economics,
    full_training,
)
from hwprof.search.selection._folds import fewest_samples, out_of_fold, require_samples
from hwprof.search.selection._prices import Prices, is_portable
from hwprof.search.selection._ranking import (
    Query,
    Ranking,
    Sample,
    Scored,
    Unscored,
    rank_strategies,
)
from hwprof.search.selection._short_list import SIZE_RULE, short_list, short_list_size

__all__ = [
    "EXHAUSTIVE",
    "FULL_TRAINING",
    "PUBLISHED",
    "PUBLISHED_NOTE",
    "PUBLISHED_SOURCE",
    "SAMPLED",
    "SAMPLES",
    "SIZE_RULE",
    "Advice",
    "CostRow",
    "FittedEstimator",
    "FittedOn",
    "Interval",
    "Origin",
    "Prices",
    "Query",
    "Ranking",
    "Ranks",
    "Sample",
    "Scored",
    "Unscored",
    "advise",
    "best_portable",
    "confidence_set",
    "economics",
    "fewest_samples",
    "full_training",
    "interval",
    "is_portable",
    "load_estimator",
    "out_of_fold",
    "rank_strategies",
    "require_budget",
    "require_samples",
    "short_list",
    "short_list_size",
]
