"""Fits one peer to a regression table and prints one line of JSON.

usage: regression.py PEER TRAIN.npz TEST.npz

TRAIN and TEST hold X (n x d) and y (n). Seconds are those of fit alone, the
process's own wall time and memory are measured by the caller.
"""
import json
import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import numpy as np


def standardise(x, mean, std):
    return (x - mean) / std


def scipy_rbf(x, y):
    from scipy.interpolate import RBFInterpolator

    f = RBFInterpolator(x, y, kernel="linear")
    return lambda q: np.concatenate([f(part) for part in np.array_split(q, max(1, len(q) // 1000))])


def knn(x, y):
    from sklearn.neighbors import KNeighborsRegressor

    return KNeighborsRegressor(5, weights="distance").fit(x, y).predict


def sklearn_mlp(x, y):
    from sklearn.neural_network import MLPRegressor

    low, high = y.min(), y.max()
    model = MLPRegressor((256, 256), max_iter=60, random_state=1).fit(x, (y - low) / (high - low))
    return lambda q: model.predict(q) * (high - low) + low


PEERS = {"scipy-rbf": scipy_rbf, "knn-5": knn, "sklearn-mlp": sklearn_mlp}


def main():
    name, train, test = sys.argv[1:]
    train, test = np.load(train), np.load(test)
    mean, std = train["X"].mean(0), train["X"].std(0)
    std[std == 0] = 1
    x, q = standardise(train["X"], mean, std), standardise(test["X"], mean, std)
    start = time.perf_counter()
    predict = PEERS[name](x, train["y"])
    seconds = time.perf_counter() - start
    sample = np.random.default_rng(0).permutation(len(x))[:2000]
    residual = np.abs(predict(x[sample]) - train["y"][sample]).max() / np.ptp(train["y"])
    error = predict(q) - test["y"]
    r2 = 1 - (error**2).sum() / ((test["y"] - test["y"].mean()) ** 2).sum()
    print(json.dumps({"fit_seconds": seconds, "train_error": residual, "test_r2": r2}))


main()
