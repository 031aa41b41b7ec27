#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ways.sh -- fuse at the prompt's level: what it counts, what a plan says of it, undo, files
# and integers behind it.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

# The published modules: 29, 21 with batch norm folded, 13 with ReLU in integer layers.
lathe -q --seed 1 -c 'data d gpe n=8 grid=32 starts=1; save d d.npz' >/dev/null
lathe -q --seed 1 --format json -c 'data d npz d.npz target=none mask=none; split d
model v vgg inputs=1; fuse v as=f; bench v f rounds=1; quantize f data=d as=q; fuse q as=z
save f f.safetensors; load g f.safetensors; fuse g; undo; fuse v; undo; show v' >out
expect "modules of vgg" "$(get out fuse 1 modules_before) $(get out fuse 1 modules)" "29 21"
expect "nodes of vgg" "$(get out fuse 1 nodes_before) $(get out fuse 1 nodes)" "31 23"
expect "folded" "$(get out fuse 1 folded)" 8
# Less two of the three inputs: 9,225,610 are of images in colour.
expect "parameters" "$(get out fuse 1 parameters)" $((9225610 - 2 * 64 * 9))
expect "rows of bench" "$(row out bench 1 1 model) $(row out bench 1 2 model)" '"v" "f"'
expect "integer modules" "$(get out fuse 2 modules)" 13
expect "modules read back" "$(get out fuse 3 modules_before) $(get out fuse 3 modules)" "21 21"
expect "fused in place" "$(get out fuse 4 modules)" 21
expect "parameters after undo" "$(get out show 1 parameters)" "$(get out model 1 parameters)"

# What the engine joins at run time is said beside what the graph holds.
"$LATHE" -c 'model v vgg levels=1; plan v rounds=1' >out 2>notes
grep -q 'holds 10 nodes; 2 batch norms and 2 functions' notes out || expect "joined" missing there
finish
