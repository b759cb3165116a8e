"""Times what an analysis of a network cannot do without, and prints one line of
JSON: one float32 forward pass of all rows in PyTorch, and the Gram matrices
[H 1]^T [H 1] of the inputs and of every hidden layer, in float64 by numpy's
BLAS. The weights are PyTorch's initial ones: time does not depend on them.

usage: analyze.py products IMAGES WIDTH,WIDTH,...
"""
import gzip
import json
import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import numpy as np
import torch

RUNS = 3  # the best of them counts


def best(f):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        result = f()
        times.append(time.perf_counter() - start)
    return min(times), result


def main():
    images = gzip.open(sys.argv[2]).read()
    widths = [int(w) for w in sys.argv[3].split(",")]
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, widths[0]).astype(np.float32) / 255
    torch.manual_seed(1)
    torch.set_num_threads(os.cpu_count())
    torch.set_grad_enabled(False)
    layers = []
    for before, after in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    net, rows = torch.nn.Sequential(*layers[:-1]), torch.from_numpy(x)
    net(rows)
    forward, _ = best(lambda: net(rows))
    gram, h = 0.0, rows
    for k in range(len(widths) - 1):
        b = np.hstack([h.numpy().astype(np.float64), np.ones((len(x), 1))])
        gram += best(lambda: b.T @ b)[0]  # numpy takes the symmetric product: half of the multiplications
        if k + 2 < len(widths):
            h = torch.relu(layers[2 * k](h))
    print(json.dumps({"forward": forward, "gram": gram, "rows": len(x)}))


main()
