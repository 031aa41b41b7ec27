#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tune.sh -- methods measured and kept: for a model, through its file and undo; the kernel
# lab; this machine, whose limits plan then knows; and what is refused.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"
export XDG_CACHE_HOME=$folder/cache

before='session load work'

# rows FILE COMMAND WHICH: how many rows the WHICH-th answer has.
rows()
{
    lines "$1" "$2" | sed -n "$3p" | grep -o '"node": ' | wc -l | tr -d ' '
}

lathe -q --seed 1 -c 'data d gpe n=6 grid=32 starts=2; split d
model m unet-phase levels=3 channels=4 size=32
quantize m data=d as=q
session save work' >/dev/null

# ---- a model ----

lathe -q --format json -c 'session load work
tune m budget=0.5s data=d as=t; show m; show t; save t t.safetensors; load u t.safetensors
plan t rounds=1; plan u rounds=1; run m d index=0 > m.npy; run t d index=0 > t.npy
tune q budget=0.5; tune m budget=0.5 lab=yes data=d samples=2' >out
check_json out 12
for key in node method_before method before_ms after_ms speedup largest_difference \
    rejected; do
    lines out tune | sed -n 1p | grep -q "\"$key\": " || expect "key $key" missing there
done
lines out tune | sed -n 1p | grep -q '"node": "the whole model"' ||
    expect "row of the whole" missing there
lines out tune | sed -n 1,2p | grep -q '"rejected": "' && expect "rejected" some none
expect "weights after tune" "$(get out show 2 nonzero)" "$(get out show 1 nonzero)"

# What was tuned is what runs, also from the file.
kernels()
{
    lines out plan | sed -n "$1p" | grep -o '"kernel": "[^"]*"'
}
expect "kernels from the file" "$(kernels 2)" "$(kernels 1)"
if lines out tune | sed -n 1p | grep -q '"method": "tuned"'; then
    for i in 1 2 3; do
        method=$(row out tune 1 $i method | tr -d '"')
        node=$(row out tune 1 $i node)
        lines out plan | sed -n 1p | grep -q "\"node\": $node, \"kernel\": \"[^\"]* f32 $method[ \"]" ||
            expect "kernel of $node" other "$method"
    done
fi

# ---- the lab ----

for kernel in direct im2col hand tuned; do
    for key in ms difference; do
        lines out tune | sed -n 3p | grep -q "\"${kernel}_$key\": [0-9]" ||
            expect "key ${kernel}_$key" missing there
    done
    lines out tune | sed -n 3p |
        grep -q "\"node\": \"the whole model\".*\"${kernel}_[a-z_]*m[sa]e\": [0-9]" ||
        expect "metric of $kernel" missing there
done
expect "layers of the lab" "$(rows out tune 3)" "$(rows out tune 1)"

# ---- undo ----

# as= keeps what was measured also where the whole is no faster: there is always one step.
lathe -q --format json -c 'session load work; tune m budget=1 as=m; list; undo; list' >out
expect "models after undo" "$(lines out list | sed -n 2p | grep -c '"m"')" \
    "$(lines out list | sed -n 1p | grep -c '"m"')"

# ---- methods that nobody knows ----

lathe -q -c 'session load work; tune m budget=0.3 as=t; save t known.safetensors' >/dev/null
if grep -aqE 'method\\?":\\?"(gather|direct|im2col)' known.safetensors; then
    LC_ALL=C sed -E 's/(method\\?":\\?")(gather|direct|im2col)/\1future/' known.safetensors >future.safetensors
    "$LATHE" -c 'load f future.safetensors; plan f rounds=1' >out 2>err
    expect "status of an unknown method" $? 0
    grep -q 'methods that this lathe does not have.*future' err ||
        expect "note on an unknown method" "$(cat err)" 'methods that ...'
fi

# ---- the machine ----

lathe -q --format json -c 'session load work; plan m rounds=3; tune machine budget=1.5
plan m rounds=3; plan q rounds=3' >out
lines out plan | sed -n 1p | grep -q '"limit": null' || expect "limit before" other null
for i in 2 3; do
    lines out plan | sed -n "${i}p" | grep -q '"limit": [0-9]' ||
        expect "limit after" "$(lines out plan | sed -n "${i}p")" numbers
    lines out plan | sed -n "${i}p" | grep -q '"gflop": [0-9]' || expect "gflop" none some
    lines out plan | sed -n "${i}p" | grep -q '"megabytes": [0-9]' ||
        expect "megabytes" none some
done
for key in method type task shapes best_gflops limit_gflops share; do
    lines out tune | grep -q "\"$key\": " || expect "key $key" missing there
done
expect "files of calibration" "$(find cache -name 'calibration-*.json' | wc -l | tr -d ' ')" 1
file=$(find cache -name 'calibration-*.json')
"$LATHE" -c 'session load work; plan m rounds=1' >/dev/null 2>err
grep -q "tune machine" err && expect "note where there is a calibration" "$(cat err)" none
echo '{"lathe_calibration": 99}' >"$file"
"$LATHE" -c 'session load work; plan m rounds=1' >/dev/null 2>err
expect "status with a newer calibration" $? 0
grep -q "not used: .*version 99" err || expect "note on it" "$(cat err)" 'version 99'

# Answers have the same bits at any number of threads, also with a calibration.
lathe -q -c 'tune machine budget=1' >/dev/null
for threads in 1 2; do
    lathe -q --threads $threads -c "session load work; run m d index=0 > $threads.npy" >/dev/null
done
cmp 1.npy 2.npy || failed=1

refuses 'tune' 'model'
refuses 'tune nobody' "no model 'nobody'"
refuses 'tune d' "'d'"
refuses 'tune m budget=0' 'budget=0'
refuses 'tune m batch=0' 'batch=0'
refuses 'tune m data=nothing' "no dataset 'nothing'"
refuses 'tune machine lab=yes' 'lab= is of a model'
refuses 'tune m batch=9999999999999' 'batch'

finish
