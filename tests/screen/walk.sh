#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# walk.sh -- a recorded walk: a model is trained, pruned by hand on the pane of its layers,
# quantized, compared with what it was, and the last step taken back.  The log of what was
# done does the same again as a script.
set -u
. "${srcdir:-.}/tests/screen/played.sh"
export HOME=$folder XDG_STATE_HOME=$folder/state LC_ALL=C.UTF-8 TERM=xterm
export LINES=40 COLUMNS=120

timeout 120 "$LATHE" --keys "$played/walk.keys" </dev/null >out 2>&1 || {
    echo "FAIL: the walk ended with $?"
    cat out
    failed=1
}
has trained.screen '3 picture  loss: m'
has timed.screen 'share +ms$'
has timed.screen 'd\.0\.3 +conv2d .* 0\.[0-9]{4}$'
has sampled.screen '3 picture  cost: m prune'
has sampled.screen '55/55: % of masked_mse'
has sample.screen '3 picture  sample: 1 of [0-9]'
has changed.screen 'd\.0\.0 .* 0\.00>0\.30'
has changed.screen '[12] changed +now +predicted'
has predicted.screen 'ms +[0-9.]+ +[0-9.]+ '
has predicted.screen 'masked_mse +0\.[0-9]+ +0\.[0-9]+ '
has pruned.screen 'applied +predicted +measured'
has pruned.screen 'masked_mse +0\.[0-9]+ +e measures it'
has measured.screen 'ms +[0-9.]+ +[0-9.]+ '
has measured.screen 'masked_mse +0\.[0-9]+ +0\.[0-9]+ '
has pruned.screen 'd\.0\.0 .* 0\.30 '
has pruned.screen 'u undoes: prune m layers=d\.0\.0:0\.3'
# the error of one layer is met as it was sampled, within what a line between levels gives
sed -n 's/.*masked_mse \+\(0\.[0-9]*\) \+\(0\.[0-9]*\) .*/\1 \2/p' measured.screen |
    awk '{ n++; if ($1 > 1.05 * $2 || $2 > 1.05 * $1) exit 1 } END { exit n != 1 }' || {
    echo "FAIL: the error was predicted otherwise:"
    cat measured.screen
    failed=1
}
has compared.screen 'least bits +32 +8'
has undone.screen ' 2 models'

# the same by its script: the same models, to the last bit
"$LATHE" --db none -b -c 'source done.lathe; save m again.safetensors' >out 2>&1 || {
    echo "FAIL: the script of the walk ended with $?"
    cat out done.lathe
    failed=1
}
cmp m.safetensors again.safetensors || failed=1
test $failed = 0 && echo "all well"
exit $failed
