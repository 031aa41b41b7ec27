#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# zoo.sh -- what there is to build, counted; a model's layers and the drawing of its graph.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

# the counts that were published, to the unit
"$LATHE" --format json -c 'list architectures' >list.json
expect "architectures" "$(grep -o '"architecture":' list.json | wc -l | tr -d ' ')" 18
while read -r name parameters; do
    expect "parameters of $name" \
        "$(grep -o "\"$name\", \"parameters\": [0-9]*" list.json | grep -o '[0-9]*$')" \
        "$parameters"
done <<'END'
unet-phase 17314578
unet-sid 7760748
unet-light 4285676
unet-lighter 1513812
unet-fire 1343852
vgg 9228362
cnn-mnist 1199882
cnn-simple 268746
cnn-enhanced 2620938
mobilenetv3-small 1528106
mobilenet-tiny 41122
swae-mlp 145549
swae-gmlp 1125517
swae-conv 4743825
END
"$LATHE" --format csv -c 'list architectures variants=yes' >list.csv
expect "a variant" "$(grep 'resize=224' list.csv | cut -d, -f1-5)" \
    'mobilenetv3-small,resize=224,1528106,55496640,3x32x32'
expect "a list leaves the session alone" "$("$LATHE" -q --format csv -c 'list models' 2>/dev/null | wc -l)" 1

# layers add up to the model
"$LATHE" -q --format csv -c 'model m mobilenetv3-small' -c 'show m layers=yes columns=parameters,multiply_adds,share' |
    awk -F, '/^[0-9]/ { p += $1; a += $2; s += $3 } END { printf "%d %d %.6f\n", p, a, s }' >sums
expect "sums over layers" "$(tail -1 sums)" '1528106 2169792 1.000000'

# a skip runs beside what flows, until it is read
"$LATHE" -q --format csv -c 'model m unet-sid levels=2 channels=8 size=8' \
    -c 'show m graph=yes columns=graph,layer' | sed 1,3d >graph
LC_ALL=C "$LATHE" -q -c 'model m unet-sid levels=2 channels=8 size=8' \
    -c 'show m graph=yes columns=graph,layer' | sed -n '/^graph/,$p' | sed 's/ *$//' >plain
cat >wanted <<'END'
graph  layer
-----  -------
*      input
*      d.0.0
*      d.0.1
*      d.0.2
*-.    d.0.3
* |    pool.1
* |    d.1.0
* |    d.1.1
* |    d.1.2
* |    d.1.3
* |    t.0
*-'    join.0
*      u.0.0
*      u.0.1
*      u.0.2
*      u.0.3
*      out
*      shuffle
END
expect "a drawing" "$(cat plain)" "$(cat wanted)"
expect "a drawing by lines" "$(grep -c '●' graph)" 18

# arrays of rows are samples: of blocks too
head -c 1000 /dev/zero >zeros.raw
"$LATHE" -q --seed 3 -c 'model rows swae-mlp blocks=no' -c 'model blocks swae-mlp' \
    -c 'run rows zeros.raw > a.npy' -c 'run rows a.npy > b.npy' -c 'run blocks a.npy > c.npy' \
    >/dev/null
expect "bytes of two rows" "$(tail -c 1000 b.npy | wc -c | tr -d ' ')" 1000
expect "blocks from rows" "$(tail -c 1000 c.npy | cksum)" "$(tail -c 1000 b.npy | cksum)"
finish
