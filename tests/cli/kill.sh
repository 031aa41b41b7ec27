#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# kill.sh -- kill -9 at random moments in scripts that train, prune and sweep, and write files
# on the way: the database and every file are whole, and the same script run again ends with
# the bits of one that nobody killed.  KILLS=100 kills each of them so often,
# KINDS=sweep only sweeps.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"
kills=${KILLS:-4}
RANDOM=${SEED:-7} # moments depend on the machine all the same
python=$(python_with sqlite3)

lathe -q --seed 3 --db none -c 'data d gpe n=6 grid=32 starts=1; split d; save d d.npz
model m unet-phase levels=2 channels=4 size=32; train m d epochs=1
session save work' >/dev/null

# What is done, and again at its end: files of every kind.
files='save m m.safetensors; plot training m > m.svg; session save kept
plot weights m > m.png'
cat >train.lathe <<END
session load work
$files
train m d epochs=30 batch=2 optimizer=adam lr=0.002 resume=yes checkpoint=m.checkpoint
$files
show m columns=hash > hash.csv
END
cat >prune.lathe <<END
session load work
$files
prune m amount=0.9 gradual=cubic regrow=0.3 data=d retrain=20 batch=2 resume=yes checkpoint=m.checkpoint
$files
show m columns=hash > hash.csv
END
cat >sweep.lathe <<END
session load work
$files
sweep s train m d epochs=1,2,3,4 lr=0.01,0.001 batch=2 jobs=2
session save kept
show s columns=epochs,lr,train_loss,val_loss,masked_mse > hash.csv
END
mkdir start
cp -r work d.npz start/

# The files are whole, those that are there.
check_files()
{
    local file line=''
    for file in *.safetensors *.checkpoint; do
        test ! -e "$file" || line="$line; load x $file"
    done
    for file in work kept; do
        test ! -e "$file" || line="$line; session load $file"
    done
    lathe -q --db runs.db --format json \
        -c "runs where \"status = running\" > running.csv $line" >/dev/null
    expect "runs at work" "$(sed 1d running.csv | wc -l | tr -d ' ')" 0
    test ! -e m.svg || expect "end of a figure" "$(tr -d '\n' <m.svg | tail -c 6)" '</svg>'
    test ! -e m.png || expect "end of a picture" "$(tail -c 8 m.png | od -An -tx1 | tr -d ' \n')" \
        49454e44ae426082
    test ! -e hash.csv || cmp whole.csv hash.csv || failed=1
    test -z "$python" ||
        expect "the database" "$("$python" -c 'import sqlite3
print(sqlite3.connect("runs.db").execute("PRAGMA integrity_check").fetchone()[0])')" ok
}

again()
{
    rm -rf work kept m.* hash.csv state
    cp -r start/work .
}

total=0 resumed=0
for kind in ${KINDS:-train prune sweep}; do
    again
    begin=$(date +%s%N)
    lathe -q --db none $kind.lathe >/dev/null
    span=$((($(date +%s%N) - begin) / 1000000))
    cp hash.csv whole.csv
    killed=0
    for k in $(seq $((4 * kills))); do
        test $killed -lt "$kills" || break
        again
        "$LATHE" -q --db runs.db $kind.lathe >out 2>err &
        job=$!
        at=$((span * (RANDOM % 1000) / 1000))
        sleep "$((at / 1000)).$(printf %03d $((at % 1000)))"
        kill -9 $job 2>/dev/null
        { wait $job; } 2>/dev/null
        if test $? != 137; then # it was faster than the first one
            span=$((span * 3 / 4))
            continue
        fi
        killed=$((killed + 1))
        check_files
        test ! -e m.checkpoint -a ! -e state/lathe/sweeps || resumed=$((resumed + 1))
        lathe -q --db runs.db $kind.lathe >/dev/null
        cmp whole.csv hash.csv || {
            echo "FAIL: $kind killed after $at ms of $span ends with other bits"
            failed=1
        }
        expect "what is left of folders" "$(find . -name '*.part' -type d | wc -l | tr -d ' ')" 0
    done
    expect "killed in $kind" $killed "$kills"
    total=$((total + killed))
done
echo "# killed $total, of which $resumed went on from what was left"
finish
