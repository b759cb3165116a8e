"""Trains 784-H-...-10 on IDX images with Adam for a few epochs and prints one
line of JSON: the seconds of every epoch.

usage: train.py THREADS HIDDEN BATCH EPOCHS IMAGES LABELS
HIDDEN is like 256 or 256,256.
"""
import gzip
import json
import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import numpy as np
import torch


def read(path):
    data = gzip.open(path).read()
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(dims)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def main():
    threads, hidden, batch, epochs = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    x = read(sys.argv[5])
    x = torch.from_numpy((x.reshape(len(x), -1) / np.float32(255)).astype(np.float32))
    y = torch.from_numpy(read(sys.argv[6]).astype(np.int64))
    widths, parts = [x.shape[1]] + [int(h) for h in hidden.split(",")], []
    for a, b in zip(widths, widths[1:]):
        parts += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    net = torch.nn.Sequential(*parts, torch.nn.Linear(widths[-1], 10))
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    loss_of = torch.nn.CrossEntropyLoss()
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        for part in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad(set_to_none=True)
            loss_of(net(x[part]), y[part]).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds}))


main()
