"""Grows a random forest of 100 full trees and writes it for hinge, with the rows
and the forest's own predictions; prints one line of JSON.

usage: forest.py KIND HOUSING FOREST ROWS        KIND: regressor or classifier
"""
import csv
import json
import sys
import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor


def dump(model, path):
    trees = [t.tree_ for t in getattr(model, "estimators_", [model])]
    json.dump({"n_features": int(model.n_features_in_),
        "feature_names": [str(n) for n in getattr(model, "feature_names_in_", [])],
        "classes": [str(c) for c in model.classes_] if hasattr(model, "classes_") else None,
        "trees": [{"children_left": t.children_left.tolist(), "children_right": t.children_right.tolist(),
            "feature": t.feature.tolist(), "threshold": t.threshold.tolist(),
            "value": t.value.ravel().tolist()} for t in trees]}, open(path, "w"))


def main():
    kind, housing, forest, rows = sys.argv[1:]
    table = list(csv.reader(open(housing)))
    target = table[0].index("median_house_value")
    inputs = [j for j, name in enumerate(table[0]) if name not in ("median_house_value", "ocean_proximity")]
    full = [r for r in table[1:] if all(r[j] for j in inputs + [target])]
    x = np.array([[float(r[j]) for j in inputs] for r in full])
    y = np.array([float(r[target]) for r in full])
    if kind == "classifier":
        y = np.array(["low", "mid", "high", "top"])[np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75]))]
    model = (RandomForestRegressor if kind == "regressor" else RandomForestClassifier)(100, random_state=0, n_jobs=2)
    start = time.perf_counter()
    model.fit(x, y)
    seconds = time.perf_counter() - start
    dump(model, forest)
    model.set_params(n_jobs=1)  # sums in the order of the trees
    predictions = model.predict(x).tolist()
    with open(rows, "w") as f:
        out = csv.writer(f)
        out.writerow([table[0][j] for j in inputs] + ["prediction"])
        for r, p in zip(x.tolist(), predictions):
            out.writerow([repr(v) for v in r] + [p if isinstance(p, str) else repr(p)])
    print(json.dumps({"leaves": int(sum(t.tree_.n_leaves for t in model.estimators_)), "fit_seconds": seconds}))


main()
