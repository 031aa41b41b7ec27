#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ways.sh -- fuse, distill, lowrank and separate at the prompt's level: what is counted,
# what a plan says of it, undo, files, integers behind it; a student that goes on from its
# checkpoint.
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
# A student learns from a float and from an integer teacher; goes on to the same bits.
lathe -q --seed 1 -c 'data d gpe n=6 grid=32 starts=2; split d
model t unet-phase levels=3 channels=8 size=32; train t d epochs=2 batch=2
quantize t data=d as=t8; model s unet-phase levels=3 channels=4 size=32; train s d batch=2 epochs=1
prune s amount=0.5; session save work' >/dev/null
student='distill s t d batch=2 alpha=0.7 features=d.0.5:d.1.5 beta=0.1'
lathe -q --format json -c "session load work; $student epochs=3 checkpoint=no; show s
undo; show s" >whole
lathe -q --format json -c "session load work; $student epochs=2 checkpoint=half" >half.json
lathe -q --format json -c "session load work; $student epochs=3 checkpoint=half resume=yes
distill s t8 d epochs=1 batch=2" >out
expect "resumed" "$(get out distill 1 resumed)" 2
expect "loss of the resumed student" "$(get out distill 1 val_loss)" "$(get whole distill 1 val_loss)"
expect "parameters of the student" "$(get whole show 1 parameters)" "$(get whole show 2 parameters)"
expect "masks" "$(get whole show 1 nonzero)" "$(get whole show 2 nonzero)"
expect "epochs towards integers" "$(get out distill 2 epochs)" 1
before='session load work'
refuses 'train s d epochs=4 checkpoint=half resume=yes' 'with a teacher'
refuses 'distill s t d epochs=3 alpha=0.2 features=d.0.5:d.1.5 checkpoint=half resume=yes' 'alpha=0.7'
refuses 'distill s t d features=nothing' 'no node'
refuses 'model v vgg; distill s v d' 'puts out|built for'

# Layers of low rank: files, undo, a dry run, and what does not fit.
lathe -q --format json -c 'session load work; lowrank t target=0.5 data=d as=l; save l l.safetensors
load k l.safetensors; eval l k d; separate t skip=first,last as=x; bench t l x rounds=1
lowrank t kind=spatial energy=0.8 dry=yes; lowrank t rank=4; undo; show t' >out
expect "half of the parameters" "$(($(get out lowrank 1 parameters) * 2 <= $(get out show 1 parameters)))" 1
expect "read back" "$(row out eval 1 1 masked_mse)" "$(row out eval 1 2 masked_mse)"
expect "layers of a dry run" "$(lines out lowrank | sed -n 2p | grep -o '"layer"' | wc -l | tr -d ' ')" 14
refuses 'lowrank t' 'how much'
refuses 'lowrank t rank=2 energy=0.5' 'exclude'
refuses 'lowrank t target=0.001' 'rank 1'
refuses 'lowrank t8 rank=2' 'quantized'
refuses 'separate t layers=nothing' 'no layer'
finish
