#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh -- lathe beside its peers on this machine: finds a Python that has PyTorch and
# starts run.py with it; skips, in a sentence, where there is none.
# usage: LATHE=./lathe MAKE_NETWORKS=./tests/bench/make_networks LIMITS=./tests/bench/limits
#        [THREADS=2] [ROUNDS=5] [PATIENCE=10] [WORKS='vgg*'] run.sh
set -u
peers=$(dirname "$(realpath "$0")")
export PYTHONDONTWRITEBYTECODE=1

for program in "${LATHE:-./lathe}" "${MAKE_NETWORKS:-./tests/bench/make_networks}" \
    "${LIMITS:-./tests/bench/limits}"; do
    test -x "$program" || {
        echo "run.sh: there is no program $program: 'make bench' builds what is measured" >&2
        exit 1
    }
done

for python in /usr/bin/python3 python3; do
    "$python" -c 'import numpy, onnx, torch' 2>/dev/null && exec "$python" "$peers/run.py"
done
echo "no Python with torch and onnx here: peers are skipped (see $peers/README.md)"
