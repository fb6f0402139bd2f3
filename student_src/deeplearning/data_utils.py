"""The CIFAR-10 images, or a small stand-in where they are not there."""

import os
import pickle

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "datasets", "cifar-10-batches-py")

_source = "nothing loaded yet"


def data_source():
    """What `get_CIFAR10_data` gave last: "CIFAR-10" or "synthetic stand-in"."""
    return _source


def load_CIFAR_batch(filename):
    """One of the six batch files. Returns: X (10000, 3, 32, 32) float64 in 0 ... 255, y (10000,) int64."""
    with open(filename, "rb") as f:
        batch = pickle.load(f, encoding="latin1")
    X = np.asarray(batch["data"]).reshape(-1, 3, 32, 32).astype(np.float64)
    return X, np.asarray(batch["labels"], dtype=np.int64)


def load_CIFAR10(folder):
    """All of CIFAR-10. Returns: X_train (50000, 3, 32, 32), y_train, X_test (10000, 3, 32, 32), y_test."""
    images, labels = [], []
    for i in range(1, 6):
        filename = os.path.join(folder, "data_batch_%d" % i)
        print(filename)
        X, y = load_CIFAR_batch(filename)
        images.append(X)
        labels.append(y)
    X_test, y_test = load_CIFAR_batch(os.path.join(folder, "test_batch"))
    return np.concatenate(images), np.concatenate(labels), X_test, y_test


def get_CIFAR10_data(num_training=49000, num_validation=1000, num_test=1000, folder=FOLDER):
    """Training, validation and test images with the mean training image subtracted.

    Where the batch files are missing, a synthetic stand-in is made on the spot, smaller by default (6000 training images; the
    environment variable STANDIN_TRAIN asks for another number). Results on the stand-in are for trying things out only.

    Returns: dict with X_train, X_val, X_test (n, 3, 32, 32) float64 and y_train, y_val, y_test (n,) int64.
    """
    global _source
    if os.path.isfile(os.path.join(folder, "data_batch_1")):
        X, y, X_test, y_test = load_CIFAR10(folder)
        _source = "CIFAR-10"
    else:
        num_training = min(num_training, int(os.environ.get("STANDIN_TRAIN", "6000")))
        X, y = synthetic_images(num_training + num_validation + num_test)
        X_test, y_test = X[num_training + num_validation :], y[num_training + num_validation :]
        _source = "synthetic stand-in"
        print("*" * 78)
        print("* NOT CIFAR-10: no batch files in")
        print("*   %s" % folder)
        print("* A SYNTHETIC STAND-IN of %d training images is used instead." % num_training)
        print("* It is good for trying your code; hand in logs made on CIFAR-10.")
        print("*" * 78)

    data = {
        "X_train": X[:num_training],
        "y_train": y[:num_training],
        "X_val": X[num_training : num_training + num_validation],
        "y_val": y[num_training : num_training + num_validation],
        "X_test": X_test[:num_test],
        "y_test": y_test[:num_test],
    }
    mean_image = np.mean(data["X_train"], axis=0)
    return {name: part - mean_image if name.startswith("X") else part for name, part in data.items()}


def synthetic_images(n, num_classes=10, seed=10):
    """Smooth random images, two fifths of them with a random label, so that some 0.6 is the best accuracy there is.

    The generator is its own: NumPy's global random state is left alone. The first images do not depend on how many are asked.

    Returns: X (n, 3, 32, 32) float64 in 0 ... 255, y (n,) int64.
    """
    shapes = np.random.RandomState(seed)
    at = (np.arange(32) + 0.5) / 32
    waves, sizes = [], []
    for fy in range(6):
        for fx in range(6):
            waves.append(np.outer(np.cos(np.pi * fy * at), np.cos(np.pi * fx * at)).ravel())
            sizes.append(1.0 / (1.0 + fy + fx))
    basis = np.repeat(np.array(waves), 3, axis=0)
    size = np.repeat(np.array(sizes), 3)
    colour = np.tile(np.arange(3), len(waves))
    centres = 0.5 * shapes.normal(size=(num_classes, size.size))

    draw = np.random.RandomState(seed + 1)
    X = np.empty((n, 3, 1024))
    y = np.empty(n, dtype=np.int64)
    for start in range(0, n, 1000):
        count = 1000
        labels = draw.randint(num_classes, size=count)
        named = np.where(draw.uniform(size=count) < 0.4, draw.randint(num_classes, size=count), labels)
        weights = (centres[labels] + draw.normal(size=(count, size.size))) * size
        images = np.empty((count, 3, 1024))
        for channel in range(3):
            mine = colour == channel
            images[:, channel] = weights[:, mine].dot(basis[mine])
        images = 120.0 + 40.0 * images + 12.0 * draw.normal(size=images.shape)
        keep = min(count, n - start)
        X[start : start + keep] = np.clip(np.rint(images[:keep]), 0, 255)
        y[start : start + keep] = named[:keep]
    return X.reshape(n, 3, 32, 32), y
