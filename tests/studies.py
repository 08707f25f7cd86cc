"""Folders of studies, written by hand: what each trial scored is known."""

import json

import numpy as np

from pushforward.space import Choice, LogUniform, as_json, draw

SPACE = {"learning_rate": LogUniform(1e-5, 1e-2), "n_critic": Choice((1, 5))}


def config(spaces, *, trials=30, restarts=10, **run):
    return {
        "run": {
            "data": "mine",
            "fingerprint": "0" * 16,
            "methods": list(spaces),
            "spaces": {method: as_json(space) for method, space in spaces.items()},
            "objective": "distance",
            "search": "random",
            "budget": None,
            "max_rounds": 500,
            "seed": 7,
            "real_rows": True,
            "also": None,
            "version": "0.1.0",
        }
        | run,
        "data": {
            "name": "mine",
            "rows": 160,
            "columns": 2,
            "names": [],
            "image_shape": None,
            "modes": None,
            "notes": [],
        },
        "versions": {"numpy": "2.0"},
        "machine": {"cores": 2, "gpu": False},
        "effort": {"trials": trials, "restarts": restarts},
    }


def score(name, value, direction="near", target=0.5, interval=None, bias=None):
    """A score as a line of results has it."""
    return {
        "name": name,
        "value": value,
        "direction": direction,
        "target": target,
        "interval": interval,
        "p_value": None,
        "expected_bias": bias,
        "sizes": {"real": 40, "fake": 40},
        "features": "standardised",
        "meaning": name,
    }


def row(method, number, distance, kind="search", *, frechet=None, options=None, **more):
    """A row whose 1-NN distance is known; by default a Fréchet distance ten times that."""
    half = 0.5 + distance
    return {
        "method": method,
        "repeat": number,
        "kind": kind,
        "seed": 1,
        "hash": f"{method}-{kind}-{number}",
        "options": options or {},
        "sizes": {"train": 100, "validation": 20, "test": 40, "yardstick": 40},
        "fresh_draws": False,
        "seconds": 2.0,
        "scores": {
            "frechet": score("frechet", distance * 10 if frechet is None else frechet, "lower"),
            "nn_real": score("nn_real", half, interval=[half - 0.01, half + 0.01]),
            "nn_fake": score("nn_fake", 0.5, interval=[0.49, 0.51]),
        },
        "status": "OK",
        "reason": "No sign of copying or collapse.",
        "notes": [],
        "diagnosis": [],
        "rounds": 500,
        "best_round": 400,
        "stopped_by": "max_rounds",
        "stores_training_rows": False,
    } | more


def searched(method, distances, *, space=SPACE, seed=0, **more):
    """Trials of a search whose options are drawn from a space; those of the first are its own."""
    rng = np.random.default_rng(seed)
    return [
        row(method, k, float(d), options=draw(space, rng) if k else {}, **more)
        for k, d in enumerate(distances)
    ]


def restarted(trials, distances):
    """Restarts of the best of some trials."""
    best = min(
        (t for t in trials if t["status"] == "OK"), key=lambda t: t["scores"]["nn_real"]["value"]
    )
    return [
        row(best["method"], k, float(d), "method", options=best["options"])
        for k, d in enumerate(distances)
    ]


def yardsticks(restarts, real=0.02, floor=0.45):
    return [
        row(name, k, d, "yardstick")
        for name, d in (("real rows", real), ("gaussian", floor))
        for k in range(restarts)
    ]


def write(folder, settings, rows):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder
