"""Which estimator to trust: strategies judged on fully trained samples, and what each costs.

samples --rank_strategies--> Ranking: tau, interval, seconds; the top group, ties told
Ranking --economics--> seconds of a search by each, beside the published ones
space, price of a training, budget --advise--> what to do, in three sentences
"""

from hwprof.search.selection._advice import Advice, advise
from hwprof.search.selection._agreement import Interval, Ranks, interval
from hwprof.search.selection._artefact import (
    FittedEstimator,
    FittedOn,
    best_portable,
    is_portable,
    load_estimator,
)
from hwprof.search.selection._economics import (
    PUBLISHED,
    PUBLISHED_NOTE,
    PUBLISHED_SOURCE,
    CostRow,
    Origin,
    economics,
)
from hwprof.search.selection._folds import fewest_samples, out_of_fold
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
    "PUBLISHED",
    "PUBLISHED_NOTE",
    "PUBLISHED_SOURCE",
    "SIZE_RULE",
    "Advice",
    "CostRow",
    "FittedEstimator",
    "FittedOn",
    "Interval",
    "Origin",
    "Query",
    "Ranking",
    "Ranks",
    "Sample",
    "Scored",
    "Unscored",
    "advise",
    "best_portable",
    "economics",
    "fewest_samples",
    "interval",
    "is_portable",
    "load_estimator",
    "out_of_fold",
    "rank_strategies",
    "short_list",
    "short_list_size",
]
