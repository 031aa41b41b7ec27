#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# errors.sh -- whatever fails, the session is as before: every command of the table is given
# wrong options, wrong values and names that nobody has, and work that fails on its way;
# models, data, variables, settings and what can be undone stay.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

lathe -q -c 'data d gpe n=6 grid=32 starts=2 seed=1; split d
model m unet-phase levels=2 channels=4 size=32; train m d epochs=1 batch=2
prune m amount=0.5 as=a; sweep t prune m amount=0.5,0.9; let kept = yes; copy m b; drop b; undo
session save base' >/dev/null
head -c 3000 /dev/urandom >damaged.safetensors

# From the table of commands, one broken line for each thing that can be wrong: what stands
# for a value that is right, by its kind, is in right().
"$LATHE" --print-commands=json | awk '
function value(line) {
    sub(/^[^:]*: "?/, "", line)
    sub(/"?,?$/, "", line)
    return line
}
function right(values) {
    return values == "MODEL" ? "m" : values == "DATASET" ? "d" : values == "TABLE" ? "t" : \
           values == "NAME" ? "fresh" : values ~ /^MODEL/ ? "m" : ""
}
function wrong(values) {
    if (values == "MODEL" || values == "DATASET" || values == "TABLE")
        return "nobody"
    if (values == "INTEGER" || values == "NUMBER" || values == "yes|no")
        return "neither"
    if (values ~ /^-?[0-9.e+-]*\.\.[0-9.e+-]*$/)
        return values ~ /^-/ ? "neither" : "-1"
    if (values ~ /\|/)
        return "no-such-word"
    if (values ~ /^(INTEGER|NUMBER),/)
        return "neither,nor"
    return ""
}
function tell(line) {
    if (!(line in told))
        print line
    told[line] = 1
}
/^  "name": / {
    command = value($0)
    head = command
    if (command != "let")
        tell(command " no-such-option=1")
    tell(command " nobody nobody nobody no-such-option=2")
}
/^    "name": / { option = value($0) }
/^    "values": / { values = value($0) }
/^    "positional": / { positional = /true/ }
/^    "required": / {
    if (/true/)
        tell(command)
    if (wrong(values) != "" && command != "let")
        tell(head " " option "=" wrong(values))
    if (positional && /true/ && right(values) != "")
        head = head " " option "=" right(values)
}' >wrong.lathe
test "$(wc -l <wrong.lathe)" -ge 300 || expect "lines" "$(wc -l <wrong.lathe)" "300 or more"

# And what fails when it has begun.
cat >>wrong.lathe <<'END'
load damaged.safetensors as=fresh
load nowhere.safetensors
save m /dev/null/none.safetensors
export d /dev/null/none.npz
session load nowhere
session save /dev/null/none
data fresh arrays nowhere.npz
data fresh no-such-source
model fresh no-such-architecture
model fresh lenet-5 size=-3
train m d loss=no-such-loss
train m d epochs=1 batch=2 checkpoint=/dev/null/none
train a nobody
prune m amount=0.5 data=nobody retrain=1 as=fresh
prune m layers=nowhere:0.5 as=fresh
prune m amount=0.5 kind=channel layers=nowhere:0.5
quantize m data=nobody as=fresh
quantize m data=d keep=nowhere as=fresh
lowrank m layers=nowhere as=fresh
eval m d metrics=no-such-metric
recipe nowhere.recipe m d
sweep fresh prune m amount=0.5,7
sweep fresh no-such-command m
sweep m prune m amount=0.5
copy m d
copy nobody fresh
rename a d
drop m nobody
undo steps=0
redo
goal m d size=nothing budget=1s
compare m nobody
report /dev/null/none.html
source nowhere.lathe
plot training nobody > none.svg
plot no-such-figure m
plot training m > none.bmp
list > /dev/null/none.csv
let
set memory=-5
set threads=1000
set seed=1 threads=nobody
set db=/dev/null/none.db
log /dev/null/none.lathe
$nobody
"open
END
sed -i '/^let$/d' wrong.lathe # which lists them

# What there is, without times: names, hashes, variables, settings, steps back and forth.
look()
{
    sed 's/, "seconds": [^}]*}$/}/' <<<"$(lines "$1" "$2")"
}
state='list; show m; show m steps=yes; show a; show d; show t; let; set; undo list=yes; history'
"$LATHE" -k -q --db none --format json -c "session load base" -c "$state" wrong.lathe \
    -c "$state" >answers 2>messages </dev/null
expect "status" $? 1
for command in list show let set undo history; do
    look answers $command >all
    count=$(wc -l <all)
    test $((count % 2)) = 0 || expect "answers of $command" "$count" "as many before as after"
    head -n $((count / 2)) all >before
    tail -n $((count / 2)) all >after
    cmp before after || {
        diff before after | head -c 2000
        failed=1
    }
done
# each of them failed
number=0
while IFS= read -r line; do
    number=$((number + 1))
    grep -q "^wrong.lathe:$number: " messages || {
        echo "FAIL: this did not fail: $line"
        failed=1
    }
done <wrong.lathe
expect "files that nobody asked for" "$(ls | grep -c '^none\|fresh')" 0

finish
