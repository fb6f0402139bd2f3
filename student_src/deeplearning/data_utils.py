"""The CIFAR-10 images, or a synthetic stand-in where they are not there."""

import os
import pickle
import warnings

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "datasets", "cifar-10-batches-py")
TRAIN_BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5")
TEST_BATCH = "test_batch"
STANDIN_TRAIN = 6000  # training images in the stand-in; the environment variable STANDIN_TRAIN asks for another number

SEPARATION = 0.6  # how far apart the classes of the stand-in are
RANDOM_LABELS = 0.45  # which part of its labels says nothing

_source = "nothing loaded yet"


def data_source():
    """What `get_CIFAR10_data` gave last: "CIFAR-10" or "synthetic stand-in"."""
    return _source


def imread(path, *args, **kwargs):
    """The image in a file, as an array; needs imageio."""
    from imageio import imread as read

    return read(path, *args, **kwargs)


def load_CIFAR_batch(filename):
    """One of the six batch files. Returns: X (10000, 32, 32, 3) float64, y (10000,) int64."""
    print(filename)
    X, y = _batch(filename)
    return X.transpose(0, 2, 3, 1).astype(np.float64), y


def load_CIFAR10(ROOT):
    """All of CIFAR-10.

    Returns: X_train (50000, 32, 32, 3), y_train (50000,), X_test (10000, 32, 32, 3), y_test (10000,); X float64, y int64.
    """
    batches = [load_CIFAR_batch(os.path.join(ROOT, name)) for name in TRAIN_BATCHES]
    X_test, y_test = load_CIFAR_batch(os.path.join(ROOT, TEST_BATCH))
    return np.concatenate([X for X, _ in batches]), np.concatenate([y for _, y in batches]), X_test, y_test


def load_tiny_imagenet(path, dtype=np.float32):
    """Tiny ImageNet in the folder `path`, as it is unpacked; needs imageio.

    Returns: class_names (a list of lists), X_train (n, 3, 64, 64), y_train, X_val, y_val, X_test, y_test (None where the
    folder has no labels for the test images).
    """
    with open(os.path.join(path, "wnids.txt")) as file:
        wnids = file.read().split()
    with open(os.path.join(path, "words.txt")) as file:
        words = dict(line.rstrip("\n").split("\t", 1) for line in file if "\t" in line)
    label = {wnid: number for number, wnid in enumerate(wnids)}
    class_names = [[word.strip() for word in words.get(wnid, wnid).split(",")] for wnid in wnids]

    def images(files):
        pictures = [np.asarray(imread(file), dtype=dtype) for file in files]
        coloured = [np.stack([p] * 3, axis=-1) if p.ndim == 2 else p for p in pictures]
        return np.array([p.transpose(2, 0, 1) for p in coloured], dtype=dtype).reshape(-1, 3, 64, 64)

    def listed(folder):
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]

    train = [(file, label[wnid]) for wnid in wnids for file in listed(os.path.join(path, "train", wnid, "images"))]
    with open(os.path.join(path, "val", "val_annotations.txt")) as file:
        rows = [line.split("\t")[:2] for line in file if line.strip()]
    val = [(os.path.join(path, "val", "images", name), label[wnid]) for name, wnid in rows]
    X_train, y_train = images([file for file, _ in train]), np.array([y for _, y in train])
    X_val, y_val = images([file for file, _ in val]), np.array([y for _, y in val])
    X_test = images(listed(os.path.join(path, "test", "images")))
    return class_names, X_train, y_train, X_val, y_val, X_test, None


def load_models(models_dir):
    """The models that were pickled into a folder, each file a dict with "model". Returns: dict from file name to model."""
    models = {}
    for name in sorted(os.listdir(models_dir)):
        with open(os.path.join(models_dir, name), "rb") as file:
            try:
                models[name] = pickle.load(file)["model"]
            except (pickle.UnpicklingError, EOFError, KeyError, TypeError):
                continue
    return models


def _batch(filename):
    """One batch file as it is stored. Returns: X (10000, 3, 32, 32) uint8, y (10000,) int64."""
    with open(filename, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the files are older than the NumPy that reads them
        batch = pickle.load(file, encoding="latin1")
    return np.asarray(batch["data"]).reshape(-1, 3, 32, 32), np.asarray(batch["labels"], dtype=np.int64)


def get_CIFAR10_data(num_training=49000, num_validation=1000, num_test=1000, folder=FOLDER):
    """Training, validation and test images with the mean training image subtracted.

    Where the batch files are missing, `synthetic_CIFAR10_data` is used instead, with fewer training images: 6000, or as
    many as the environment variable STANDIN_TRAIN says, but never more than num_training. `data_source()` tells which.

    Returns: dict with X_train, X_val, X_test (n, 3, 32, 32) float64 and y_train, y_val, y_test (n,) int64.
    """
    global _source
    if not os.path.isfile(os.path.join(folder, "data_batch_1")):
        num_training = min(num_training, _standin_size())
        _source = "synthetic stand-in"
        _announce_standin(folder, num_training)
        return synthetic_CIFAR10_data(num_training, num_validation, num_test)

    files = [os.path.join(folder, name) for name in (*TRAIN_BATCHES, TEST_BATCH)]
    for name in files:
        print(name)
    *train, (X_test, y_test) = [_batch(name) for name in files]  # as they are stored: float64 takes eight times the room
    X, y = (np.concatenate(parts) for parts in zip(*train))
    if num_training + num_validation > len(y) or num_test > len(y_test):
        raise ValueError(f"there are {len(y)} images for training and validation and {len(y_test)} for the test")
    _source = "CIFAR-10"
    end = num_training + num_validation
    return _centred(
        {"train": X[:num_training], "val": X[num_training:end], "test": X_test[:num_test]},
        {"train": y[:num_training], "val": y[num_training:end], "test": y_test[:num_test]},
    )


def synthetic_CIFAR10_data(num_training=6000, num_validation=1000, num_test=1000, seed=10):
    """What `get_CIFAR10_data` returns, with synthetic images.

    The same arguments give the same data; the labels and unshifted pixels of the validation and test images do not even
    depend on num_training.

    Returns: dict with X_train, X_val, X_test (n, 3, 32, 32) float64 and y_train, y_val, y_test (n,) int64.
    """
    held_out = num_validation + num_test
    X, y = synthetic_images(held_out + num_training, seed=seed)
    return _centred(
        {"train": X[held_out:], "val": X[:num_validation], "test": X[num_validation:held_out]},
        {"train": y[held_out:], "val": y[:num_validation], "test": y[num_validation:held_out]},
    )


def synthetic_images(n, num_classes=10, seed=10):
    """Smooth random images around a centre for each class; a part of the labels is random, as no classifier is perfect.

    The generator is its own, so NumPy's global random state is left alone, and the first images do not depend on n.

    Returns: X (n, 3, 32, 32) uint8, y (n,) int64.
    """
    # An image is a sum of low-frequency cosine waves in three colours; slow waves are larger, as in photographs.
    position = (np.arange(32) + 0.5) / 32
    frequencies = [(fy, fx) for fy in range(6) for fx in range(6)]
    waves = np.array(
        [np.outer(np.cos(np.pi * fy * position), np.cos(np.pi * fx * position)).ravel() for fy, fx in frequencies]
    )
    size = np.array([1.0 / (1.0 + fy + fx) for fy, fx in frequencies])
    centres = SEPARATION * np.random.RandomState(seed).normal(size=(num_classes, 3, size.size))

    draw = np.random.RandomState(seed + 1)
    X = np.empty((n, 3, 32 * 32), dtype=np.uint8)
    y = np.empty(n, dtype=np.int64)
    block = 1000  # always drawn whole, so that a longer request begins like a shorter one
    for start in range(0, n, block):
        shown = draw.randint(num_classes, size=block, dtype=np.int64)
        other = draw.randint(num_classes, size=block, dtype=np.int64)
        labels = np.where(draw.uniform(size=block) < RANDOM_LABELS, other, shown)
        weights = (centres[shown] + draw.normal(size=(block, 3, size.size))) * size
        images = 120.0 + 40.0 * weights.dot(waves) + 12.0 * draw.normal(size=(block, 3, 32 * 32))
        part = slice(start, min(start + block, n))
        X[part] = np.clip(np.rint(images), 0, 255)[: part.stop - start]
        y[part] = labels[: part.stop - start]
    return X.reshape(n, 3, 32, 32), y


def _centred(images, labels):
    """The data dict from uint8 images and int64 labels by name of the part ("train", "val", "test")."""
    data = {}
    for part in ("train", "val", "test"):
        data["X_" + part] = images[part].astype(np.float64)
        data["y_" + part] = labels[part].astype(np.int64)
    mean_image = np.mean(data["X_train"], axis=0)
    for part in ("train", "val", "test"):
        data["X_" + part] -= mean_image
    return data


def _standin_size():
    """How many training images the stand-in is to have."""
    asked = os.environ.get("STANDIN_TRAIN", str(STANDIN_TRAIN))
    if not asked.isdigit() or int(asked) < 1:
        raise ValueError(f"the environment variable STANDIN_TRAIN is {asked!r}; it has to be a number of images")
    return int(asked)


def _announce_standin(folder, num_training):
    """Say it so that nobody overlooks it."""
    print("*" * 78)
    print("* NOT CIFAR-10: there are no batch files in")
    print(f"*   {folder}")
    print(f"* A SYNTHETIC STAND-IN with {num_training} training images is used instead. It is good for trying")
    print("* your code. Fetch the data (README.md tells how) before you make the logs you hand in.")
    print("*" * 78)
