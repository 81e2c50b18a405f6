"""Trains detectors of the search space; needs PyTorch, the extra ``hwprof[train]``.

    pictures --DetectionSet--> Trainer(GraphModule) --folded--> Graph with float weights

A network is trained as the graph that hwprof lowers, so what was trained is what is measured.
Modules here import torch; nothing else in hwprof does, and neither do ``recipe`` and
``requirement``, which others may import without it.
"""
