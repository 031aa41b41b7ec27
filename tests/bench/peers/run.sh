#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh -- lathe beside its peers on this machine: ONNX Runtime and PyTorch run the same
# networks in alternation with it, for several rounds.  Prints the table of medians and
# keeps it in tests/bench/RESULTS.md; skips, in a sentence, what has no peer here.
# usage: LATHE=./lathe [THREADS=2] [ROUNDS=5] [PATIENCE=20] run.sh
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
threads=${THREADS:-2}
rounds=${ROUNDS:-5}
patience=${PATIENCE:-20}
measured=0 disturbed=0
peers=$srcdir/tests/bench/peers
results=$srcdir/tests/bench/RESULTS.md
network=unet-phase
export PYTHONDONTWRITEBYTECODE=1

find_python()
{
    local python
    for python in /usr/bin/python3 python3; do
        "$python" -c 'import numpy, onnx, torch' 2>/dev/null && echo "$python" && return
    done
    return 1
}

python=$(find_python) || {
    echo "no Python with torch and onnx here: peers are skipped (see $peers/README.md)"
    exit 0
}
ort=$(cd "$peers" && node -p "require('onnxruntime-node/package.json').version" 2>/dev/null) ||
    echo "no node with onnxruntime-node here: inference is skipped (see $peers/README.md)"

folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
records=$folder/records
load=$(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null)

# A measurement that fails ends it all: half a table would be a wrong one.
attempt()
{
    "$@" 2>"$folder/messages" || {
        echo "run.sh: failed: $*" >&2
        cat "$folder/messages" >&2
        exit 1
    }
}

# Idle and all ticks of the processors since the machine began.
ticks()
{
    awk '/^cpu / { print $5 + $6, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' /proc/stat 2>/dev/null
}

# Waits for a second in which the cores are idle for nine tenths, PATIENCE times at most.
quiet()
{
    local idle all idle_now all_now i
    measured=$((measured + 1))
    for ((i = 0; i < patience; i++)); do
        read -r idle all < <(ticks) || return
        sleep 1
        read -r idle_now all_now < <(ticks)
        test $((10 * (idle_now - idle))) -ge $((9 * (all_now - all))) && return
    done
    disturbed=$((disturbed + 1))
}

# bench WORK COMMANDS: lathe's answer to the bench in COMMANDS, as a record.
bench()
{
    quiet
    attempt "$LATHE" -q --threads "$threads" --format json -c "$2" >"$folder/answer"
    attempt "$python" -c 'import json, sys
answer = [json.loads(line) for line in sys.stdin][-1]
print(json.dumps({**answer["rows"][0], "work": sys.argv[1], "by": "lathe"}))' "$1" \
        <"$folder/answer" >>"$records"
}

inference()
{
    local model=$folder/$network
    quiet
    attempt node "$peers/ort_bench.js" "$threads" "$network f32" "$model.onnx" >>"$records"
    bench "$network f32" "load m $model.safetensors; bench m seconds=2"
    quiet
    attempt node "$peers/ort_bench.js" "$threads" "$network int8" "$model.int8.onnx" \
        >>"$records"
    bench "$network int8" "load q $model.int8.safetensors; bench q seconds=2"
}

training()
{
    quiet
    attempt "$python" "$peers/torch_bench.py" "$threads" "$network train" "$network" \
        >>"$records"
    bench "$network train" \
        "load m $folder/$network.safetensors; bench m train=yes batch=8 rounds=5"
}

attempt "$python" "$peers/export_onnx.py" "$folder" "$network" >/dev/null
attempt "$LATHE" -q -c "data d npz $folder/$network.npz mask=none; split d
model m $network transform=none; save m $folder/$network.safetensors
quantize m data=d as=q; save q $folder/$network.int8.safetensors" >/dev/null
for ((round = 1; round <= rounds; round++)); do
    echo "round $round of $rounds" >&2
    test -n "$ort" && inference
    training
done

processor()
{
    sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1
    grep -m 1 '^flags' /proc/cpuinfo 2>/dev/null | tr ' ' '\n' |
        grep -E '^(avx2|avx512f|avx512_vnni|avx512_bf16|amx_int8|amx_bf16)$' | tr '\n' ' '
}

{
    echo '# lathe beside its peers'
    echo
    echo "Written by \`tests/bench/peers/run.sh\` (\`make bench\`) on $(date -u '+%Y-%m-%d %H:%M UTC')."
    echo
    echo "- Processor: $(processor | tr '\n' ' ' | sed 's/ *$//'); $(getconf _NPROCESSORS_ONLN) cores, $threads threads for each."
    echo "- $("$LATHE" --version | head -n 1)$(git -C "$srcdir" rev-parse --short HEAD 2>/dev/null | sed 's/^/, commit /');" \
        "${ort:+ONNX Runtime $ort (node); }PyTorch $("$python" -c 'import torch; print(torch.__version__)')."
    echo "- Rounds: $rounds; peer and lathe in turns, each in a process of its own. A time is" \
        "the median over rounds of the medians; lathe / peer is the median of the rounds'" \
        "ratios, with the least and the most beside it; best / best compares the least" \
        "times of both, which other programs disturb least."
    test -n "$load" && echo "- Load of the machine (1, 5, 15 minutes) at the beginning:" \
        "$load. Each measurement waited for the cores to be idle, $patience seconds at most;" \
        "$disturbed of $measured began although other programs were at work."
    echo
    attempt "$python" "$peers/report.py" "$records"
} >"$folder/RESULTS.md" || exit 1
sed -n '/^|/,$p' "$folder/RESULTS.md"
test -n "$ort" || exit 0 # a part does not replace the whole
if test -w "$results" || { ! test -e "$results" && test -w "$(dirname "$results")"; }; then
    cp "$folder/RESULTS.md" "$results"
fi
