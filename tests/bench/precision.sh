#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# precision.sh -- trains the sample (samples/phase.lathe) in f32 and in bf16 from the same
# seed, and prints the validation errors of both and their ratio; of several seeds also
# that of the means, which should be within 3 % of 1: from one seed to the next the error
# of f32 alone differs by a fifth.
# usage: precision.sh [EPOCHS [GRID [SAMPLES [SEED...]]]]; defaults 40 100 120 1..6.
# A measuring program: run it by hand, LATHE=PROGRAM says which.
set -eu
LATHE=$(realpath "${LATHE:-./lathe}")
epochs=${1:-40} grid=${2:-100} samples=${3:-120}
shift $(($# < 3 ? $# : 3))
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export XDG_STATE_HOME=$folder

"$LATHE" -q -c "data d gpe n=$samples grid=$grid g=50:500 omega=0.45:0.85 starts=4 seed=1
export d d.npz" >/dev/null 2>&1
if [ $# = 0 ]; then
    set -- 1 2 3 4 5 6
fi
for seed in "$@"; do
    for precision in f32 bf16; do
        "$LATHE" -q --format json -c "data d npz d.npz
split d train=0.6 val=0.2 test=0.2 by=group seed=1
model m unet-phase size=$grid levels=5 channels=8 seed=$seed
train m d epochs=$epochs batch=8 lr=0.002 schedule=cosine seed=$seed precision=$precision" \
            2>/dev/null | grep '^{"command": "train"' >$precision.json
    done
    for key in val_loss masked_mse valid_mae circulation_error seconds; do
        for precision in f32 bf16; do
            sed -n "s/.*\"$key\": \([^,}]*\).*/\1/p" $precision.json
        done | tr '\n' ' ' | awk -v s="$seed" -v k="$key" \
            '{ printf "seed %s  %-18s f32 %-10s bf16 %-10s ratio %.4f\n", s, k, $1, $2, $2 / $1 }'
    done
done | awk '{ print } { f[$3] += $5; b[$3] += $7; n[$3]++; if (n[$3] == 1) key[++keys] = $3 }
END {
    for (i = 1; i <= keys && n[key[1]] > 1; i++)
        printf "means   %-18s f32 %-10.6g bf16 %-10.6g ratio %.4f\n", key[i],
            f[key[i]] / n[key[i]], b[key[i]] / n[key[i]], b[key[i]] / f[key[i]]
}'
