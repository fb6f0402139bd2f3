#!/bin/sh
# Fetches CIFAR-10 (170 MB) into this folder.
set -eu
cd -- "$(dirname -- "$0")"
curl -fLO https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz
tar -xzf cifar-10-python.tar.gz
rm cifar-10-python.tar.gz
