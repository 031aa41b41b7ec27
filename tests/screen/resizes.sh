#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# resizes.sh -- the size changes a thousand times while a model trains, keys are pressed
# between, and at the end nothing is left of all that.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 99

{
    cat <<'END'
type :data d gpe n=4 grid=32 starts=1 seed=1; split d; model m unet-phase levels=2 channels=2 size=32
keys Enter
wait
keys 2 j
save before.screen
type :train m d epochs=1000000 batch=2
keys Enter
wait epoch 2
END
    awk 'BEGIN {
        srand(7)
        split("j k Tab z ? Esc 1 2 3 4 + - b B / Esc G g PageDown m c v V n N", keys, " ")
        for (i = 0; i < 1000; i++) {
            print "size", 1 + int(200 * rand() * rand()), 1 + int(70 * rand() * rand())
            if (i % 3 == 0)
                print "keys", keys[1 + int(25 * rand())], keys[1 + int(25 * rand())]
        }
    }'
    cat <<'END'
size 80 24
keys Esc Esc Esc Esc Esc Ctrl-C
wait
type :undo
keys Enter
wait
save after.screen
END
} >sizes.keys
env TERM=xterm LC_ALL=C.UTF-8 LINES=24 COLUMNS=80 HOME="$folder" \
    XDG_STATE_HOME="$folder/state" timeout 300 "$LATHE" --db none --keys sizes.keys \
    </dev/null >out 2>&1 || {
    echo "FAIL: ended with $?"
    cat out
    exit 1
}
grep -q '^ lathe   1 model, 1 dataset ' after.screen &&
    grep -q 'u undoes: model m' after.screen || {
    echo "FAIL: another screen after a thousand sizes:"
    cat after.screen
    exit 1
}
echo "all well"
