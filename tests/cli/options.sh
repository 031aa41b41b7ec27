#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# options.sh -- the program's options, its exit status, and what goes to which stream.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

# status WANTED ARGUMENT...: runs it; out and err hold what it said.
status()
{
    local wanted=$1
    shift
    "$LATHE" "$@" >out 2>err </dev/null
    expect "status of lathe $*" $? "$wanted"
}

says()
{
    grep -Eq -- "$2" "$1" && return
    echo "FAIL: $1 does not say '$2':"
    cat "$1"
    failed=1
}

empty()
{
    test ! -s "$1" && return
    echo "FAIL: $1 is not empty:"
    cat "$1"
    failed=1
}

# What a person asks of the program itself.
status 0 --help
says out '^Usage: lathe '
empty err
status 0 --version
says out '^lathe [0-9]+\.[0-9]'
empty err
for wrong in --nonesuch --format=xml --color=maybe --seed=x --seed=-1 --threads=1000 \
    --print-commands=pdf -c -Cnowhere; do
    status 2 $wrong
    empty out
    says err "^Try 'lathe --help' for more information\.$"
done

# Commands and files, in their order.
echo 'let x = from-a-file' >file.lathe
status 0 -c 'let x = 1' -c 'let y = $x' file.lathe -c let
says out '^x +from-a-file$'
says out '^y +1$'
status 0 -- file.lathe
status 1 nowhere.lathe
says err '^lathe: nowhere\.lathe: cannot be opened: No such file'
status 1 .
status 1 help
says err "lathe -c"
mkdir below
status 0 -C below -c 'let > list.csv'
test -f below/list.csv || expect "file in the folder of -C" none below/list.csv

# From standard input, as a file or as nothing else.
expect "status of a pipe" "$(echo 'let z = 3; let' | "$LATHE" | grep -c '^z ')" 1
expect "status of -" "$(echo 'let z = 3; let' | "$LATHE" - | grep -c '^z ')" 1
printf 'list\ntarin\n' | "$LATHE" >out 2>err
expect "status of a failing pipe" $? 1
says err "^stdin:2: no command 'tarin'; did you mean 'train'\?$"
status 0 # nothing to do
empty out

# Failures, and leaving.
status 1 -c 'tarin'
says err "^-c:1: no command 'tarin'; did you mean 'train'\?$"
status 1 -c 'drop nothing' -c 'let x = 1'
status 1 -k -c 'drop nothing; let x = 1' -c let
says out '^x '
status 0 -c 'quit; drop nothing'
status 7 -c 'quit 7' -c 'drop nothing'
status 1 -c 'quit 256'

# Settings.
status 0 --seed 7 --threads 1 --format csv -c set
says out '^seed,7$'
says out '^threads,1$'
says out '^format,csv$'
status 0 --seed 7 -c 'history'
says out 'set seed=7'
LATHE_CPU=nonsense "$LATHE" -c list >out 2>err
expect "status with a wrong LATHE_CPU" $? 1
says err '^lathe: '

# Notes can be silenced; they never stand among the results.
status 0 -c list
empty out
says err 'note: nothing has a name'
status 0 -q -c list
empty out
empty err

# One object a line, and nothing else on standard output.
status 0 --format json -c 'list; let x = 1' -c 'help list; set; let'
check_json out 5
says out '^\{"command": "let", "rows": \[\{"variable": "x", "value": "1"\}\], "seconds": '
status 1 --format json -c 'let x = 1; drop x; let'
check_json out 1

# A disk that is full, an output that is closed.
if test -w /dev/full; then
    for command in set help 'history; list; set'; do
        "$LATHE" -c "$command" >/dev/full 2>err
        expect "status on a full disk" $? 1
        says err 'standard output cannot be written: No space left'
    done
    "$LATHE" --help >/dev/full 2>err
    expect "status of --help on a full disk" $? 1
    status 1 -c 'set > /dev/full'
fi
"$LATHE" -c set >&- 2>err
expect "status with a closed output" $? 1
# A reader that leaves early is no reason to complain.
"$LATHE" -c 'set; set; set; set' 2>err | true
empty err

# What a shell's completion asks.
expect "completion of a verb" "$("$LATHE" --complete 'tr')" train
expect "completion of a key" "$("$LATHE" --complete 'train m d ep')" epochs=
expect "completion of a value" "$("$LATHE" --complete 'train m d optimizer=a' | tr '\n' ' ')" \
    'adam adamw adadelta '
expect "completion of an architecture" "$("$LATHE" --complete 'model m unet-ph')" unet-phase
expect "completion within a sweep" "$("$LATHE" --complete 'sweep s prune m amo')" amount=

# Pages fit a screen, also where an option has many choices.
for command in $("$LATHE" --complete ''); do
    "$LATHE" -q -c "help $command" >out
    expect "lines of help $command that are too wide" "$(grep -c '.\{81\}' out)" 0
done

# A name of another kind is refused before anything is done; words of files are told.
status 1 -k -c 'model m cnn-mnist; data d gpe n=2 grid=16; fuse m as=d; copy m d; stage a; list datasets'
says err "fuse: 'd' is a dataset, a model cannot take its place"
says err "copy: 'd' is a dataset"
says err "stages stand in the file of a recipe"
says out '^d +dataset|^d .*gpe'

# The manual in other forms.
python=$(python_with json) && "$LATHE" --print-commands=json | "$python" -c '
import json, sys
commands = json.load(sys.stdin)
names = [c["name"] for c in commands]
assert names == sorted(names) and "train" in names
assert all(c["example"].split()[0] == c["name"] for c in commands)' || test -z "$python" ||
    failed=1

finish
