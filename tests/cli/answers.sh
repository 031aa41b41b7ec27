# SPDX-License-Identifier: GPL-3.0-or-later
# answers.sh -- for the scripts beside it: a folder of their own, the program, and how to
# read its answers in JSON, one object a line, without any other tool.

failed=0 before=
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 99
export XDG_STATE_HOME=$folder/state

# Runs the program; a failure counts.
lathe()
{
    "$LATHE" "$@" 2>messages || {
        echo "FAIL: lathe $*: status $?"
        cat messages
        failed=1
    }
}

# expect WHAT IS WANTED
expect()
{
    test -n "$2" && test "$2" = "$3" && return
    echo "FAIL: $1: is '$2', wanted '$3'"
    failed=1
}

# less WHAT A PERCENT B: is A under PERCENT of B?
less()
{
    test $(($2 * 100)) -lt $(($3 * $4)) && return
    echo "FAIL: $1: $2 bytes are not under $3 % of $4"
    failed=1
}

bytes()
{
    wc -c <"$1" | tr -d ' '
}

# lines FILE COMMAND: the answers of that command.
lines()
{
    grep "^{\"command\": \"$2\"," "$1"
}

# row FILE COMMAND WHICH ROW KEY: the value in a row of the WHICH-th answer.
row()
{
    lines "$1" "$2" | sed -n "$3p" | sed 's/^.*"rows": \[//; s/}, {/}\n{/g' |
        sed -n "$4p" | sed -n "s/.*\"$5\": \([^,}]*\).*/\1/p"
}

# get FILE COMMAND WHICH KEY: the value in the first row.
get()
{
    row "$1" "$2" "$3" 1 "$4"
}

# python_with MODULE: a Python that has it.
python_with()
{
    local python
    for python in /usr/bin/python3 python3; do
        "$python" -c "import $1" 2>/dev/null && echo "$python" && return
    done
    return 1
}

# check_json FILE COUNT: as many lines, each an object.
check_json()
{
    expect "lines of $1" "$(wc -l <"$1" | tr -d ' ')" "$2"
    expect "objects of $1" "$(grep -c '^{"command": ".*}$' "$1")" "$2"
    local python
    python=$(python_with json) || return
    "$python" -c 'import json, sys
for line in open(sys.argv[1]):
    json.loads(line, parse_constant=lambda word: sys.exit("not JSON: " + word))' "$1" ||
        failed=1
}

# refuses COMMANDS PATTERN: they fail, where need be behind $before, and the message says so.
refuses()
{
    "$LATHE" -q ${before:+-c "$before"} -c "$1" >out 2>err
    expect "status of '$1'" $? 1
    grep -Eq -- "$2" err && return
    echo "FAIL: '$1' says $(cat err)"
    failed=1
}

finish()
{
    test $failed = 0 && echo "all well"
    exit $failed
}
