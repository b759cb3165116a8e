"""Corrects the rows that a network gets wrong as one would without hinge: Adam
on those rows until all are right. Prints one line of JSON: how many decisions of
the other rows changed on the way.

usage: finetune.py WEIGHTS SIZES RATE IMAGES LABELS TEST_IMAGES TEST_LABELS
WEIGHTS holds the float32 numbers of every layer, weights and then biases.
"""
import gzip
import json
import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import numpy as np
import torch

STEPS = 5000


def read(path):
    data = gzip.open(path).read()
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(dims)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def load(path, sizes):
    numbers = np.fromfile(path, np.float32)
    layers, at = [], 0
    for i, o in zip(sizes, sizes[1:]):
        layer = torch.nn.Linear(i, o)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(numbers[at : at + i * o].reshape(o, i)))
            layer.bias.copy_(torch.tensor(numbers[at + i * o : at + i * o + o]))
        at += i * o + o
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def main():
    sizes = [int(s) for s in sys.argv[2].split(",")]
    net = load(sys.argv[1], sizes)
    x, y, q, wanted = [read(path) for path in sys.argv[4:]]
    flat = lambda images: torch.tensor((images.reshape(len(images), -1) / np.float32(255)).astype(np.float32))
    x, y, q, wanted = flat(x), torch.tensor(y.astype(np.int64)), flat(q), torch.tensor(wanted.astype(np.int64))
    torch.set_num_threads(os.cpu_count())
    decide = lambda rows: net(rows).argmax(1)
    with torch.no_grad():
        before = decide(x)
        accuracy = (decide(q) == wanted).float().mean().item()
    wrong = before != y
    opt = torch.optim.Adam(net.parameters(), float(sys.argv[3]))
    start, left, steps = time.perf_counter(), int(wrong.sum()), 0
    fixed = left
    while left and steps < STEPS:
        opt.zero_grad()
        out = net(x[wrong])
        left = int((out.argmax(1) != y[wrong]).sum())
        torch.nn.functional.cross_entropy(out, y[wrong]).backward()
        opt.step()
        steps += 1
    with torch.no_grad():
        after = decide(x)
        print(json.dumps({
            "fixed": fixed,
            "left": int((after[wrong] != y[wrong]).sum()),
            "steps": steps,
            "seconds": time.perf_counter() - start,
            "broken": int((after[~wrong] != before[~wrong]).sum()),
            "accuracy_before": accuracy,
            "accuracy_after": (decide(q) == wanted).float().mean().item(),
        }))


main()
