#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# compare.sh -- models side by side: the numbers are those of the files, of eval and of
# show, changes are against the first, and requirements are judged.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

before='session load work'

lathe -q --seed 1 --db none -c 'data d gpe n=8 grid=32 starts=2; split d
model m unet-phase levels=3 channels=4 size=32
quantize m data=d as=q; prune m amount=0.9 as=p
save m m.safetensors; save q q.safetensors; save p p.safetensors
session save work' >/dev/null

lathe -q --format json --db none -c 'session load work
compare m q p data=d seconds=0.3 size=-30% latency=+900% confidence=0 seed=2
eval m q p d confidence=0 seed=2
compare m p seconds=0.2; compare m q seconds=0.2 size=1KiB latency=1e-9' >out
check_json out 5

number=0
for model in m q p; do
    number=$((number + 1))
    expect "bytes of $model" "$(row out compare 1 $number bytes)" "$(bytes $model.safetensors)"
    for key in masked_mse mse parameters nonzero bits; do
        expect "$key of $model" "$(row out compare 1 $number $key)" \
            "$(row out eval 1 $number $key)"
    done
    for key in median_ms p10_ms p90_ms peak_bytes; do
        row out compare 1 $number $key | grep -Eq '^[0-9.e+-]+$' ||
            expect "$key of $model" "$(row out compare 1 $number $key)" number
    done
done
expect "change of the first" "$(row out compare 1 1 size_change)" null
awk -v is="$(row out compare 1 2 size_change)" -v now="$(bytes q.safetensors)" \
    -v was="$(bytes m.safetensors)" \
    'BEGIN { d = is - (now / was - 1); exit !(d < 1e-12 && d > -1e-12) }' ||
    expect "change of size" "$(row out compare 1 2 size_change)" other
awk -v is="$(row out compare 1 3 masked_mse_change)" \
    -v now="$(row out eval 1 3 masked_mse)" -v was="$(row out eval 1 1 masked_mse)" \
    'BEGIN { d = is - (now / was - 1); exit !(d < 1e-9 && d > -1e-9) }' ||
    expect "change of the metric" "$(row out compare 1 3 masked_mse_change)" other

expect "m is as large as it is" "$(row out compare 1 1 met)" false
lines out compare | sed -n 1p | grep -q '"missed": "size is [0-9]* bytes, size=-30% wants ' ||
    expect "what m misses" "$(row out compare 1 1 missed)" size
expect "q is small enough" "$(row out compare 1 2 met)" true
expect "what q misses" "$(row out compare 1 2 missed)" null
lines out compare | sed -n 2p | grep -Eq '"(met|masked_mse)"' &&
    expect "columns nobody asked for" some none
lines out compare | sed -n 3p | grep -q 'size=1KiB wants 1024 bytes; time is .* ms, time=1e-9 wants' ||
    expect "two are missed" "$(row out compare 3 2 missed)" both

refuses 'compare' 'models'
refuses 'compare nobody' "no model 'nobody'"
refuses 'compare m data=nothing' "no dataset 'nothing'"
refuses 'compare m metric=-5pt' 'metric= wants data='
refuses 'compare m size=small' 'small'

finish
