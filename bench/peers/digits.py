"""Trains one peer on IDX images until it makes no training error (or its time
is up) and prints one line of JSON.

usage: digits.py PEER IMAGES LABELS TEST_IMAGES TEST_LABELS
"""
import gzip
import json
import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import numpy as np

LIMIT = 120  # seconds of training at most


def read(path):
    data = gzip.open(path).read()
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(dims)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def torch_adam(x, y, q, units=256):
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(os.cpu_count())
    xt, yt = torch.tensor(x), torch.tensor(y.astype(np.int64))
    net = torch.nn.Sequential(torch.nn.Linear(x.shape[1], units), torch.nn.ReLU(), torch.nn.Linear(units, 10))
    opt = torch.optim.Adam(net.parameters(), 1e-3)
    start, errors = time.perf_counter(), len(x)
    while errors and time.perf_counter() - start < LIMIT:
        for part in torch.randperm(len(x)).split(128):
            opt.zero_grad()
            torch.nn.functional.cross_entropy(net(xt[part]), yt[part]).backward()
            opt.step()
        with torch.no_grad():
            errors = int((net(xt).argmax(1) != yt).sum())
    with torch.no_grad():
        return units, errors, net(torch.tensor(q)).argmax(1).numpy()


def sklearn_adam(x, y, q, units=256):
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier((units,), batch_size=128, warm_start=True, max_iter=1, random_state=1)
    start, errors = time.perf_counter(), len(x)
    import warnings

    warnings.simplefilter("ignore")
    while errors and time.perf_counter() - start < LIMIT:
        net.fit(x, y)
        errors = int((net.predict(x) != y).sum())
    return units, errors, net.predict(q)


PEERS = {"pytorch-adam": torch_adam, "sklearn-adam": sklearn_adam}


def main():
    name = sys.argv[1]
    x, y, q, wanted = [read(path) for path in sys.argv[2:]]
    flat = lambda images: (images.reshape(len(images), -1) / np.float32(255)).astype(np.float32)
    start = time.perf_counter()
    units, errors, got = PEERS[name](flat(x), y, flat(q))
    print(json.dumps({
        "fit_seconds": time.perf_counter() - start,
        "units": units,
        "errors": errors,
        "test_accuracy": float((got == wanted).mean()),
    }))


main()
