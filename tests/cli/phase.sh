#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# phase.sh -- the phase system from simulation to compressed models, very small: the keys
# and sizes that are promised, the same numbers with one thread and with two, and models
# that are the same in a new process.
set -u
. "$srcdir/tests/cli/answers.sh"

cat >tiny.lathe <<'END'
data d gpe n=12 grid=32 starts=2 seed=3
split d by=group seed=3
model m unet-phase size=32 levels=5 channels=8 seed=3
train m d epochs=2 batch=4 seed=3
eval m d
prune m amount=0.9 data=d as=m90
prune m steps=0.5,0.9 retrain=1 batch=4 control=yes data=d as=iterated seed=3
quantize m granularity=model data=d as=q-model
quantize m granularity=channel data=d as=q-channel
quantize m granularity=tensor keep=first2,last2 data=d as=q-mixed
fuse m as=fused
sweep s prune m amount=0.5,0.8 scope=global,layer data=d
eval m m90 iterated q-model q-channel q-mixed fused d
export d d.npz
save m m.safetensors
save m90 m90.safetensors
save q-channel q8.safetensors
model b unet-phase size=32 levels=5 channels=8 seed=3
train b d epochs=2 batch=4 seed=3 precision=bf16
END

# One object a line, whatever is asked.
lathe --format json --threads 1 tiny.lathe >one.json
lathe --format json --threads 2 tiny.lathe >two.json
check_json one.json 19

echo "# the same numbers for any number of threads"
for file in one two; do
    grep -o '"\(masked_mse\|train_loss\|val_loss\|nonzero\|change\)": [^,}]*' $file.json \
        >$file.numbers
done
expect "numbers" "$(test -s one.numbers && cmp one.numbers two.numbers && echo same)" same

echo "# bf16 trains nearly as f32 does, and not the same"
expect "precision" "$(get one.json train 1 precision) $(get one.json train 2 precision)" \
    '"f32" "bf16"'
echo "$(get one.json train 1 val_loss) $(get one.json train 2 val_loss)" |
    awk '{ exit !($1 > 0 && $1 != $2 && $2 < 1.05 * $1 && $2 > 0.95 * $1) }' ||
    expect "val_loss in bf16" "$(get one.json train 2 val_loss)" \
        "nearly $(get one.json train 1 val_loss)"

echo "# rows carry what is promised"
for command in train eval prune quantize; do
    for key in model parameters nonzero sparsity bits bytes multiply_adds masked_mse; do
        expect "$command has $key" "$(lines one.json $command | grep -c "\"$key\": ")" \
            "$(lines one.json $command | wc -l)"
    done
done
expect "points of the sweep" "$(lines one.json sweep | grep -o '"amount": ' | wc -l)" 4
expect "sparsity of 0.9" "$(get one.json prune 1 sparsity | cut -c1-4)" 0.89
expect "steps beside their control" \
    "$(lines one.json prune | sed -n 2p | grep -o '"kind": "[a-z]*"' | tr -d '\n')" \
    '"kind": "pruned""kind": "control""kind": "pruned""kind": "control"'

echo "# bytes are those of the file"
expect "m" "$(get two.json train 1 bytes)" "$(bytes m.safetensors)"
expect "m90" "$(get two.json prune 1 bytes)" "$(bytes m90.safetensors)"
expect "int8" "$(get two.json quantize 2 bytes)" "$(bytes q8.safetensors)"
less "90 % pruned" "$(bytes m90.safetensors)" 20 "$(bytes m.safetensors)"
less "int8" "$(bytes q8.safetensors)" 27 "$(bytes m.safetensors)"

echo "# the same in a new process"
lathe --format json -c "data d npz d.npz; split d by=group seed=3
    load m m.safetensors; load m90 m90.safetensors; load q8 q8.safetensors
    eval m m90 q8 d" >again.json
for k in 1 2 3; do
    line=$((k == 1 ? 1 : k == 2 ? 2 : 5))
    expect "masked_mse of model $k" "$(row again.json eval 1 $k masked_mse)" \
        "$(row one.json eval 2 $line masked_mse)"
done

echo "# weights that go together"
lathe --format json -c "load m m.safetensors; prune m kind=2:4 as=half
    prune m kind=4x1 amount=0.75 as=blocks" >kinds.json
expect "sparsity of 2:4" "$(get kinds.json prune 1 sparsity | cut -c1-4)" 0.49
expect "sparsity of 4x1" "$(get kinds.json prune 2 sparsity | cut -c1-4)" 0.74
"$LATHE" -c "load m m.safetensors; prune m kind=2:4 amount=0.9" >/dev/null 2>messages
expect "another amount" "$(grep -c 'prunes to 0.5, not to' messages)" 1

echo "# what replaces a model is taken back by undo"
lathe --format json -c "load m m.safetensors; show m; prune m amount=0.9
    undo; show m; redo; show m" >undo.json
expect "undo" "$(get undo.json show 2 nonzero)" "$(get undo.json show 1 nonzero)"
expect "redo" "$(get undo.json show 3 nonzero)" "$(get undo.json prune 1 nonzero)"

echo "# the published network"
lathe --format json -c "model m unet-phase; show m; save m full.safetensors" >full.json
expect "parameters" "$(get full.json show 1 parameters)" 17314578
expect "bytes" "$(get full.json show 1 bytes)" "$(bytes full.safetensors)"

echo "# columns of a table, and files that are not lathe's"
lathe --format csv -c "load m m.safetensors; show m columns=bytes,parameters" >columns.csv
expect "columns" "$(tail -n 2 columns.csv | head -n 1)" "bytes,parameters"
echo mine >mine.npz
"$LATHE" -c "data d npz d.npz; export d mine.npz" >/dev/null 2>messages && failed=1
expect "a file of somebody" "$(cat mine.npz)" mine

echo "# a model applied to a file"
lathe -c "load m m.safetensors; data d npz d.npz
    run m d index=1 > a.npy" >/dev/null
if python=$(python_with numpy); then
    "$python" - <<'END' || failed=1
import numpy as np
d = np.load("d.npz")
assert d["densities"].shape == (12, 32, 32)
assert d["phase_gradients"].shape == (12, 2, 32, 32)
np.save("one.npy", d["densities"][1])
d["densities"][1].astype("<f4").tofile("one.raw")
END
    lathe -c "load m m.safetensors
        run m one.npy > b.npy; run m one.raw > c.npy" >/dev/null
    expect "from .npy and raw" "$(cmp a.npy b.npy && cmp a.npy c.npy && echo same)" same
fi

finish
