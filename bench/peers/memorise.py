"""Networks that gradient descent made fit flipped labels.

memorise.py TABLE OUT: takes one of the tables below, gives 5 % of its rows
another label at random, trains a network with PyTorch until it fits every row,
and writes OUT.csv (inputs, then the label) and OUT.pt (its state dict). Prints
one line of JSON.

A table is "digits" (scikit-learn's 1,797 images of 8 x 8, 10 classes), or the
folder of MNIST's files, of which the first 4,000 images are taken.
"""

import gzip
import json
import sys

import numpy as np
import torch

SHARE = 0.05


def table(name):
    if name == "digits":
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        return x / 16, y, (128, 64)
    n = 4000
    with gzip.open(name + "/train-images-idx3-ubyte.gz") as f:
        x = np.frombuffer(f.read(16 + 784 * n), np.uint8, offset=16).reshape(n, 784) / 255
    with gzip.open(name + "/train-labels-idx1-ubyte.gz") as f:
        y = np.frombuffer(f.read(8 + n), np.uint8, offset=8).astype(int)
    return x, y, (256, 128)


def main():
    name, out = sys.argv[1:3]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    x, y, (first, second) = table(name)
    x, y = x.astype(np.float32), y.copy()
    classes = int(y.max()) + 1
    rng = np.random.default_rng(1 + seed)
    flipped = np.sort(rng.choice(len(y), round(SHARE * len(y)), replace=False))
    y[flipped] = (y[flipped] + rng.integers(1, classes, len(flipped))) % classes
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # small products: threads cost more than they give
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], first), torch.nn.ReLU(),
        torch.nn.Linear(first, second), torch.nn.ReLU(),
        torch.nn.Linear(second, classes))
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    step = torch.optim.Adam(net.parameters(), lr=3e-3)
    epochs, errors = 0, len(y)
    while errors and epochs < 600:
        for batch in torch.randperm(len(y)).split(128):
            step.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[batch]), labels[batch]).backward()
            step.step()
        epochs += 1
        with torch.no_grad():
            errors = int((net(inputs).argmax(1) != labels).sum())
        if epochs == 150:
            for group in step.param_groups:
                group["lr"] = 5e-4
    torch.save(net.state_dict(), out + ".pt")
    np.savetxt(out + ".csv", np.column_stack([x, y]), delimiter=",", fmt=["%.9g"] * x.shape[1] + ["%d"],
               header=",".join([f"x{j}" for j in range(x.shape[1])] + ["label"]), comments="")
    print(json.dumps({"rows": len(y), "inputs": x.shape[1], "classes": classes, "units": first + second, "epochs": epochs, "errors": errors,
                      "layers": f"{x.shape[1]}-{first}-relu-{second}-relu-{classes}", "flipped": (flipped + 1).tolist()}))


if __name__ == "__main__":
    main()
