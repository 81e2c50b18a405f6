"""The same search with Optuna: latency down, MACs (a training-free proxy) up."""

import optuna

from hwprof import person_detector, predict_latency


def objective(trial: optuna.Trial) -> tuple[float, float]:
    """Predicted microseconds and MACs of one detection head at 256 x 320."""
    k = trial.suggest_categorical("k", [2, 3, 4, 5])
    g = trial.suggest_categorical("g", [1, 2, 4, 8])
    c = trial.suggest_int("c", 24, 96, step=8)
    arch = person_detector(k=k, g=g, c=c, width=320, aspect=0.8)
    return predict_latency(arch).latency_us, arch.macs


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    directions=["minimize", "maximize"], sampler=optuna.samplers.TPESampler(seed=1)
)
study.optimize(objective, n_trials=60)
for trial in sorted(study.best_trials, key=lambda trial: trial.values):
    latency_us, macs = trial.values
    print(f"{latency_us / 1000:6.1f} ms predicted  {macs / 1e6:5.1f} M MACs  {trial.params}")
