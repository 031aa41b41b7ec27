#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# examples.sh -- the example of every command, as help prints it, does what it says: run
# in a session that has what the examples speak of.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

# m: a trained model, a and b: pruned and quantized; d: a dataset; s: a table of a sweep.
cat >setup.lathe <<'END'
data d gpe n=6 grid=32 starts=2 seed=1
split d
model m unet-phase levels=3 channels=4 size=32
train m d epochs=1 batch=2
prune m amount=0.5 as=a
quantize m data=d as=b
sweep s prune m amount=0.5,0.9 data=d
save m m.safetensors
export d data.npz
END
echo 'let sourced = yes' >script.lathe
printf 'require size=-10%%\nstage half\nprune $model amount=0.5\n' >steps.recipe
lathe -q setup.lathe -c 'session save base' >/dev/null

# What must have happened before, beside the setup.
before()
{
    case $1 in
    undo) echo 'copy m other' ;;
    redo) echo 'copy m other; undo' ;;
    report) echo 'eval m d' ;;
    verify) echo 'quantize m data=d as=m8' ;;
    *) echo 'let nothing = needed' ;;
    esac
}

# A table of the programs' own, one example a line.
"$LATHE" --print-commands=json |
    sed -n 's/^ *"example": "\(.*\)",\{0,1\}$/\1/p' | sed 's/\\"/"/g; s/\\\\/\\/g' >examples
test "$(wc -l <examples)" -ge 30 || expect "examples" "$(wc -l <examples)" 30
while IFS= read -r example; do
    verb=${example%% *}
    case $verb in # they want a terminal: tests/screen runs them
    edit | screen | save-screen) continue ;;
    esac
    "$LATHE" -q --format json -c 'session load base' -c "$(before "$verb")" \
        -c "$example" >out 2>err </dev/null
    result=$?
    expect "status of the example '$example' ($(tail -n 1 err))" $result 0
    expect "answer to '$example'" "$(tail -n 1 out | cut -d, -f1)" "{\"command\": \"$verb\""
done <examples

finish
