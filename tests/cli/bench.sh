#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# bench.sh -- times of models and of their steps: the keys of the rows, integer kernels
# after quantize, one number of threads for all, and what is refused.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

before='session load work'

# sum FILE COMMAND WHICH KEY: over all rows of the WHICH-th answer.
sum()
{
    lines "$1" "$2" | sed -n "$3p" | grep -o "\"$4\": [0-9]*" | awk '{ n += $2 } END { print n }'
}

# ascending WHAT NUMBER...
ascending()
{
    printf '%s\n' "${@:2}" | LC_ALL=C sort -gc 2>/dev/null && return
    echo "FAIL: $1: ${*:2} do not ascend"
    failed=1
}

lathe -q --seed 1 -c 'data d gpe n=6 grid=32 starts=2; split d
model m unet-phase levels=3 channels=4 size=32
quantize m data=d as=q; quantize m data=d keep=first1 as=x; save d d.npz
session save work' >/dev/null

# Data without targets calibrate as well, but judge nothing.
lathe -q --format json -c 'session load work; data u npz d.npz target=none mask=none; split u
quantize m data=d as=a; quantize m data=u as=b; bench b rounds=1' >out
lines out quantize | sed -n 1p | grep -q '"change": ' || expect "change" missing there
lines out quantize | sed -n 2p | grep -q '"change": ' && expect "change" there missing
expect "precision without targets" "$(get out bench 1 precision)" '"s8"'

lathe -q --format json -c 'session load work; show m
bench m q x rounds=3 threads=2; bench m batch=4 train=yes rounds=2 optimizer=sgd threads=1
bench q seconds=0.05; plan m rounds=2; plan q rounds=2 batch=3; plan m rounds=1 train=yes
set' >out
check_json out 9
for key in model precision batch threads rounds median_ms p10_ms p90_ms samples_per_second \
    energy_mj arena_bytes peak_bytes resident_bytes kernels; do
    lines out bench | sed -n 1p | grep -q "\"$key\": " || expect "key $key" missing there
done
for key in node kernel shape multiply_adds bytes median_ms gflops share; do
    lines out plan | sed -n 1p | grep -q "\"$key\": " || expect "key $key" missing there
done

expect "models" "$(row out bench 1 1 model) $(row out bench 1 2 model)" '"m" "q"'
expect "precision of m" "$(row out bench 1 1 precision)" '"f32"'
expect "precision of q" "$(row out bench 1 2 precision)" '"s8"'
expect "precision of x" "$(row out bench 1 3 precision)" '"mixed"'
expect "threads" "$(row out bench 1 3 threads) $(get out bench 2 threads)" '2 1'
expect "rounds" "$(row out bench 1 3 rounds) $(get out bench 2 rounds)" '3 2'
expect "batch of training" "$(get out bench 2 batch)" 4
test "$(get out bench 3 rounds)" -ge 5 || expect "rounds in a time" "$(get out bench 3 rounds)" 5
for i in 1 2 3; do
    ascending "times of model $i" 0 "$(row out bench 1 $i p10_ms)" \
        "$(row out bench 1 $i median_ms)" "$(row out bench 1 $i p90_ms)"
done
lines out bench | sed -n 1p | grep -q '"kernels": "[^"]*f32[^"]*"' ||
    expect "kernels of m" "$(lines out bench | head -n 1)" f32
row out bench 1 2 kernels | grep -Eq '^"[^"]*s8( [a-z0-9]*)?"$' ||
    expect "kernels of q" "$(row out bench 1 2 kernels)" s8
row out bench 1 2 kernels | grep -q f32 && expect "kernels of q" f32 'integers alone'
less "memory in integers" "$(row out bench 1 2 arena_bytes)" 60 "$(row out bench 1 1 arena_bytes)"
ascending "memory" "$(row out bench 1 1 arena_bytes)" "$(row out bench 1 1 peak_bytes)" \
    "$(row out bench 1 1 resident_bytes)"

# a plan does the model's products, and nothing but integers after quantize
products=$(get out show 1 multiply_adds)
expect "products of the plan" "$(sum out plan 1 multiply_adds)" "$products"
expect "products of a batch in integers" "$(sum out plan 2 multiply_adds)" $((3 * products))
expect "products of a plan of training" "$(sum out plan 3 multiply_adds)" "$products"
expect "steps in f32 after quantize" \
    "$(lines out plan | sed -n 2p | grep -c '"kernel": "[^"]*f32')" 0
lines out plan | sed -n 1p | grep -o '"share": [-0-9.e]*' | awk '{ s += $2 }
    END { exit !(s > 0.999 && s < 1.001) }' || expect "shares" other 1
"$LATHE" -c 'session load work; plan m rounds=1' >/dev/null 2>err
grep -Eq 'arena [0-9]+ bytes .*largest live set [0-9]+ bytes' err ||
    expect "note of the plan" "$(cat err)" 'arena and largest live set'

# bf16 is said where it runs, and refused where nothing can
lathe -q --format json -c 'session load work; bench m precision=bf16 rounds=1
bench m precision=bf16 train=yes batch=2 rounds=1; plan m precision=bf16 rounds=1
plan m precision=bf16 train=yes rounds=1' >out
expect "precision in bf16" "$(get out bench 1 precision) $(get out bench 2 precision)" \
    '"bf16" "bf16"'
for i in 1 2; do
    kernels=$(lines out bench | sed -n ${i}p | sed 's/.*"kernels": "\([^"]*\)".*/\1/')
    printf '%s\n' "$kernels" | tr , '\n' | grep -vq '^ *conv2d bf16' &&
        expect "kernels in bf16" "$kernels" 'conv2d bf16'
    expect "convolutions of plan $i in f32" \
        "$(lines out plan | sed -n ${i}p | grep -c '"kernel": "conv2d f32')" 0
done

# threads= is for one call
expect "threads afterwards" \
    "$(lathe -q --threads 2 --format csv -c 'session load work; bench m threads=1 rounds=1
set' | grep '^threads')" threads,2

refuses 'bench m threads=1,2 rounds=1' 'one number.*not comparable'
refuses 'bench m threads=0' 'threads=0'
refuses 'bench m batch=0' 'batch=0'
refuses 'bench m rounds=0' 'rounds=0'
refuses 'bench m seconds=0' 'seconds=0'
refuses 'bench m nobody' "no model 'nobody'"
refuses 'bench' 'models'
refuses 'bench m optimizer=sgd' 'train=yes'
refuses 'bench m train=yes optimizer=newton' 'newton'
refuses 'bench q train=yes rounds=1' 'integers cannot be trained'
refuses 'bench q precision=bf16 rounds=1' 'no layer.*bf16'
refuses 'bench m precision=f16' 'precision=f16'
refuses 'plan d' "'d'"
refuses 'plan m rounds=0' 'rounds=0'
refuses 'bench m batch=99999999 rounds=1' 'smaller batch'

finish
