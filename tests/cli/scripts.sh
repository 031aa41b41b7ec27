#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts.sh -- the command language: errors with their place, variables, continued lines,
# scripts within scripts, answers in files, undo, and a history that does it again.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

# run SCRIPT...: a script from standard input as s.lathe.
run()
{
    cat >s.lathe
    "$LATHE" "$@" s.lathe >out 2>err
    code=$?
}

says()
{
    grep -Eq -- "$2" "$1" && return
    echo "FAIL: $1 does not say '$2':"
    cat "$1"
    failed=1
}

silent()
{
    ! grep -Eq -- "$2" "$1" && return
    echo "FAIL: $1 says '$2':"
    cat "$1"
    failed=1
}

# ---- what is only so where nothing says otherwise ----

echo 'let from = script' >other.lathe
run <<'END'
let a ?= 1
let a ?= 2
source other.lathe when=missing.bin
let
source other.lathe unless=missing.bin; let
END
expect "status of conditions" $code 0
says out '^a +1$'
says err '^s\.lathe:3: note: source: other\.lathe is left out: missing\.bin is missing$'
expect "runs of the other script" "$(grep -c '^from' out)" 1
expect "lines of notes" "$(wc -l <err | tr -d ' ')" 1

run <<'END'
let full ?= no
source other.lathe when=$full
source other.lathe unless=yes
let
let full = yes
source other.lathe unless=no
let from = changed
source other.lathe when=$full; let
END
expect "status of words as conditions" $code 0
expect "runs of the other script on a word" "$(grep -c '^from  *script' out)" 1
says err '^s\.lathe:2: note: source: other\.lathe is left out: when=no$'
says err '^s\.lathe:3: note: source: other\.lathe is left out: unless=yes$'
expect "lines of other notes" "$(wc -l <err | tr -d ' ')" 2

# ---- errors ----

run <<'END'
# a comment, and an empty line

let a = 1
show nothing   # fails
let b = 2
END
expect "status of a failing script" $code 1
says err "^s\.lathe:4: show: no model 'nothing'"
expect "lines of the message" "$(wc -l <err | tr -d ' ')" 1

run -k <<'END'
show nothing
let b = 2; let
drop x y; let c = 3; let
END
expect "status with --keep-going" $code 1
says out '^b +2$'
says out '^c +3$'
says err '^s\.lathe:3: '

# every mistake is one line: where, who, what was found, what was wanted
while IFS='|' read -r line wanted; do
    run <<<"$line"
    expect "status of '$line'" $code 1
    says err "^s\.lathe:1: .*$wanted"
    expect "lines on '$line'" "$(wc -l <err | tr -d ' ')" 1
    test ! -s out || expect "output of '$line'" "$(cat out)" nothing
done <<'END'
tarin m d|did you mean 'train'\?
trai m d|did you mean 'train'\?
hel|did you mean 'help'\?
train m|train: data is missing; usage: train MODEL DATA
train m d epohcs=3|train: no option 'epohcs'; did you mean 'epochs'\?
train m d epochs=0|train: epochs=0: .*1\.\.
train m d optimizer=adma|did you mean 'adam'\?
train m d epochs = 3|write epochs=VALUE
train m d lr=1 lr=2|lr is given twice
model m unet-phas|did you mean 'unet-phase'\?
data d gpee|did you mean 'gpe'\?
set format=jsn|did you mean 'json'\?
set colour=perhaps|yes
undo|there is nothing to undo
undo x|whole number
redo|there is nothing to redo
let x|want NAME = VALUE
let 3x = 1|variable '3x'
list "open|a quote " is opened and never closed
list $nope|no variable 'nope'; set it with let nope = VALUE
list >|'>' wants the name of a file
list >> f|'>>'
list > a b|'b' stands behind '> a'
set > s.lathe/f.csv|s\.lathe
help nonsensical-word|nothing speaks of
help train nothing|no option 'nothing'
save x f.safetensors|no model or dataset 'x'
load x nowhere|nowhere: cannot be opened
load x s.lathe|neither a \.safetensors file nor an \.npz
load 3 s.lathe|name
source nowhere|nowhere: cannot be opened
session load nowhere|nowhere
END

# what cannot be text is said to be none
printf 'list\n\0\n' >s.lathe
"$LATHE" s.lathe 2>err && expect "status of a NUL" 0 1
says err 's\.lathe: line 2 holds a NUL byte'
head -c 3000000 /dev/zero | tr '\0' x >s.lathe
"$LATHE" s.lathe 2>err && expect "status of a long line" 0 1
says err 'line 1 is longer than'

# ---- the language ----

run < <(printf '\357\273\277let a = 1\r\nlet b = "x y"; let\r\n')
expect "status of a script with a mark and other line ends" $code 0
says out '^b +x y$'

run <<'END'
let x = 0.9; let name = "m" # a list is a text too
let list = 0.5,0.7
let copy = $x,${list}
let quoted = "$x; #" ; let single = '$x'
let long = a \
    b \
    c
let
END
expect "status of variables" $code 0
says out '^copy +0\.9,0\.5,0\.7$'
says out '^quoted +0\.9; #$'
says out '^single +\$x$'
says out '^long +a b c$'

run -x <<'END'
let x = 1 # one

let \
y = $x
END
expect "echoed lines" "$(grep -c '^+ ' err)" 2
says err '^\+ let x = 1 # one$'
says err '^\+ let y = \$x$'
expect "echo on standard output" "$(wc -c <out | tr -d ' ')" 0

# scripts within scripts
cat >inner.lathe <<'END'
let from = inner
show nothing
END
run <<'END'
let from = outer
source inner.lathe
let
END
expect "status of a failing inner script" $code 1
says err '^inner\.lathe:2: '
expect "messages of a failing inner script" "$(wc -l <err | tr -d ' ')" 1
silent out inner
echo 'source loop.lathe' >loop.lathe
"$LATHE" loop.lathe 2>err
expect "status of a script in itself" $? 1
says err '^loop\.lathe:1: loop\.lathe: scripts stand within scripts more than'

# beside the script that names it, but first from here
mkdir beside
echo 'source near.lathe; source inner.lathe' >beside/s.lathe
echo 'let near = yes; let' >beside/near.lathe
"$LATHE" beside/s.lathe >out 2>err
expect "status of scripts side by side" $? 1
says out 'near.*yes'
says err '^inner\.lathe:2: '

"$LATHE" -c 'model m unet-phase levels=2 channels=2 size=16; save m beside/m.safetensors' \
    >out 2>err
echo 'load n m.safetensors; load o nowhere.safetensors' >beside/s.lathe
"$LATHE" beside/s.lathe >out 2>err
expect "status of a model side by side" $? 1
says out '^n +unet-phase'
says err '^beside/s\.lathe:1: load: nowhere\.safetensors: cannot be opened'

# ---- test samples that a source names ----
if "$LATHE" -c 'data d fashion-mnist limit=20' >out 2>err; then
    "$LATHE" -c 'data d fashion-mnist limit=20; split d train=.8 val=.2 test=0' >out 2>err
    says err 'split: samples that fashion-mnist keeps for testing are now divided'
    "$LATHE" -c 'data d gpe n=4 grid=32 starts=1; split d' >out 2>err
    silent err 'keeps for testing'
else
    says err 'fashion'
fi

# ---- answers in files ----

run <<'END'
let x = 1
set > t.csv
set > t.md
set > t.tex
set > t.json
set > t.txt
set > "with blank"
help list > h.txt
END
expect "status of answers in files" $code 0
expect "output beside the files" "$(wc -c <out | tr -d ' ')" 0
says t.csv '^setting,value$'
says t.csv '^timer,no$'
says t.md '^\| timer \| no \|$'
says t.tex '^timer & no \\\\$'
if command -v pdflatex >/dev/null; then
    printf '\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{t}\\end{document}' >doc.tex
    pdflatex -interaction=nonstopmode -halt-on-error doc.tex >doc.out ||
        expect "LaTeX" "$(tail -n 5 doc.out)" "a table"
fi
says t.json '^\{"command": "set", "rows": \['
says t.txt '^timer +no$'
says "with blank" '^timer +no$'
says h.txt '^list: '
expect "parts left behind" "$(find . -name '*.part' | wc -l | tr -d ' ')" 0

# ---- the session ----

run <<'END'
model m unet-phase levels=2 channels=2 size=16 seed=3
copy m n
drop m
undo
show m n
list
history
redo
list models
undo 2
undo list=yes
history > again.lathe
list > first.csv
show m > m.csv
END
expect "status of a session" $code 0
says out '^undone'
says out '^drop m$'
says out '^redone'
sed -i '/^list\|^show/d' again.lathe
echo 'list > second.csv' >>again.lathe
"$LATHE" again.lathe >out 2>err
expect "status of the history run again" $? 0
expect "session made by the history" "$(cat second.csv)" "$(cat first.csv)"

# what fails changes nothing
run -k <<'END'
model m unet-phase levels=2 channels=2 size=16
list > before.csv
copy m 3x
rename m m/n
drop m nothing
copy m n > s.lathe/f.csv
train m d
undo list=yes
list > after.csv
END
expect "session after failures" "$(cat after.csv)" "$(cat before.csv)"
says out '^ *1 +model m unet-phase'
silent out 'copy|drop m|rename'

finish
