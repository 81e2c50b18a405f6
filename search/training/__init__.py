"""Trains detectors of the search space; needs PyTorch, the extra ``hwprof[train]``.

    read_pictures --PictureBatches | FeatureBatches--> Trainer(GraphModule) --folded--> Graph

A network is trained as the graph that hwprof lowers, so what was trained is what is measured.
Nothing else in hwprof imports torch; ``recipe``, ``requirement`` and ``parts`` do not either, so
that others may import them without it (docs/TRAINING.md).
"""
