#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# plots.sh -- figures as a user draws them: every kind in every format, the same bytes
# again, names that would like to be commands, and a machine without gnuplot.
set -u
. "$srcdir/tests/cli/answers.sh"
command -v gnuplot >/dev/null || {
    echo "no gnuplot here"
    exit 77
}

export TMPDIR=$folder/temporary
mkdir "$TMPDIR"

cat >make.lathe <<'END'
data d gpe n=6 grid=32 starts=2 seed=3
split d by=group seed=3
model m unet-phase size=32 levels=3 channels=8 seed=3
train m d epochs=2 batch=2 seed=3 monitor=valid_mae
prune m amount=0.9 as=m90
sweep s prune m amount=0.5,0.8 scope=global,layer data=d
sweep seeds prune m amount=0.5,0.8 criterion=random seed=1,2,3 data=d
sweep times bench m m90 rounds=2
sweep steps plan m90 rounds=2
data b puncture n=2 levels=1 base=2 seed=1
model a swae-mlp latent=4 seed=1
train a b epochs=1 seed=1
session save kept
END
lathe make.lathe >/dev/null

# figures ENDING: a script that draws all of them.
figures()
{
    cat <<END
session load kept
plot training m > training.$1
plot weights m90 before=m > weights.$1
plot weights m90 layer=inc.0 bins=20 log=no > layer.$1
plot curve s > curve.$1
plot curve s x=bytes y=valid_mse by=scope log=xy baseline=0.1 > bytes.$1
plot phase m d index=0 split=test > phase.$1
plot phase d index=1 > data.$1
plot circulation m d split=all index=2 > circulation.$1
plot curve seeds spread=deviation style=screen > spread.$1
plot pareto s seeds x=bytes label=amount > pareto.$1
plot latency times limit=0.1,5 style=slides > latency.$1
plot layers m90 before=m show=parameters,sparsity,bits,time times=steps > layers.$1
plot filmstrip m m90 d index=0,1 split=test > filmstrip.$1
plot slices a b index=3 style=screen > slices.$1
END
}
kinds="training weights layer curve bytes phase data circulation spread pareto latency \
    layers filmstrip slices"

echo "# every figure in every format, and the same bytes again"
for ending in png svg pdf tex txt gif; do
    figures $ending >draw.lathe
    lathe --format json --threads 1 draw.lathe >rows.json
    expect "rows of $ending" "$(lines rows.json plot | wc -l | tr -d ' ')" 14
    mkdir -p first
    which=0
    for kind in $kinds; do
        which=$((which + 1))
        expect "bytes of $kind.$ending" "$(get rows.json plot $which bytes)" \
            "$(bytes $kind.$ending)"
        mv $kind.$ending first/
    done
    lathe --threads 2 draw.lathe >/dev/null
    for kind in $kinds; do
        expect "$kind.$ending again" "$(cmp $kind.$ending first/$kind.$ending && echo same)" same
    done
done
for kind in $kinds; do
    expect "$kind.png" "$(head -c 8 $kind.png | od -An -tx1 | tr -d ' ')" 89504e470d0a1a0a
    expect "$kind.gif" "$(head -c 3 $kind.gif)" GIF
    expect "$kind.pdf" "$(head -c 5 $kind.pdf)" "%PDF-"
    expect "$kind.txt" "$(LC_ALL=C tr -d '\t\n -~\200-\377' <$kind.txt | wc -c | tr -d ' ')" 0
done
expect "panels of phase" "$(grep -c '<image ' phase.svg)" 11
expect "layers of weights" "$(grep -c ' zero</text>' weights.svg)" 15
python=$(python_with xml.dom.minidom) &&
    for kind in $kinds; do
        "$python" -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' $kind.svg ||
            failed=1
    done

echo "# LaTeX takes them, alone and within a document"
if command -v pdflatex >/dev/null; then
    mkdir alone
    for kind in $kinds; do
        pdflatex -interaction=nonstopmode -halt-on-error -output-directory alone $kind.tex \
            >alone/$kind.out || {
            tail -20 alone/$kind.out
            failed=1
        }
    done
    cat >paper.tex <<'END'
\documentclass{article}
\usepackage{graphicx,color}
\begin{document}
\input{training}
\input{phase}
\end{document}
END
    pdflatex -interaction=nonstopmode -halt-on-error paper.tex >paper.out || {
        tail -20 paper.out
        failed=1
    }
fi

echo "# in the terminal"
lathe -c "session load kept; plot curve s" >picture
expect "axis in the picture" "$(grep -c 'amount pruned' picture)" 1
expect "no escapes" "$(grep -c $'[\033\f\r]' picture)" 0
lathe --format json -c "session load kept; plot training m" >picture.json
check_json picture.json 2

echo "# and as pixels, where they are asked for"
# in FORM [OPTION...]: what is written for the terminal.
in_form()
{
    COLORTERM=truecolor lathe "${@:2}" -c "session load kept; set picture=$1; plot phase m d index=0" >"shown.$1"
}
in_form sixel
expect "one sixel image" "$(grep -ac $'^\033P0;1;0q"1;1;[0-9]*;[0-9]*#0;2;' shown.sixel)" 1
expect "its end" "$(tail -c 3 shown.sixel | od -An -tx1 | tr -d ' ')" 1b5c0a
in_form kitty
grep -a "_G" shown.kitty | sed "s/\x1b_G[^;]*;//g; s/\x1b\\\\//g" | base64 -d >shown.png
expect "kitty gets a PNG" "$(head -c 8 shown.png | od -An -tx1 | tr -d ' ')" 89504e470d0a1a0a
in_form blocks
expect "rows of blocks" "$(test "$(grep -c '▀' shown.blocks)" -ge 10 && echo some)" some
in_form off
expect "nothing" "$(grep -c '^phase' shown.off)" 1
in_form sixel --format json
expect "no pixels among JSON" "$(LC_ALL=C grep -c $'\033' shown.sixel)" 0
lathe -c "session load kept; set picture=sixel; plot phase m d index=0 > filed.png" >row
expect "no pixels where it goes to a file" "$(LC_ALL=C grep -c $'\033' row)" 0

echo "# data and script stay, and make the figure again"
lathe -c "session load kept; plot circulation m d split=all data=yes > again.svg" >/dev/null
mv again.svg kept.svg
(cd / && gnuplot "$folder/again.gp") || failed=1
expect "from its script" "$(cmp again.svg kept.svg && echo same)" same

echo "# the history of a model moves"
lathe -c "session load kept; prune m amount=0.3; prune m amount=0.6
plot weights m history=yes delay=0.5 > moves.gif" >/dev/null
expect "frames" "$(LC_ALL=C grep -aoc NETSCAPE2.0 moves.gif)" 1
"$LATHE" -c "session load kept; plot weights m m90 > none.png" >/dev/null 2>messages
expect "frames in a still picture" $? 1
mkdir without
cat >without/gnuplot <<'END'
#!/bin/sh
echo '"figure.gp" line 2: unknown or ambiguous terminal type' >&2
exit 1
END
chmod +x without/gnuplot
PATH=$PWD/without:$PATH "$LATHE" -c "session load kept; plot training m > none.gif" \
    >/dev/null 2>messages
expect "gnuplot without gif" $? 1
expect "what to do" "$(grep -c 'built without libgd' messages)" 1

echo "# the front of a table"
lathe --format json -c "session load kept; pareto s x=bytes y=masked_mse" >front.json
expect "rows of the front" "$(test "$(get front.json pareto 1 amount)" = 0.8 && echo few)" few
"$LATHE" -c "session load kept; pareto seeds x=seed" >/dev/null 2>messages
expect "a direction nobody knows" "$(grep -c 'better=lower,higher' messages)" 1

echo "# words are never commands"
lathe -c 'session load kept
plot curve s ylabel="`touch canary` $(touch canary) %n {x} it'"'"'s" xlabel="a\\" data=yes > "it'"'"'s `touch canary` {x} %d | < $(y).svg"
plot curve s ylabel="\\immediate\\write18{touch canary} `x` [y] #1" > hostile.tex' >/dev/null
expect "the words" \
    "$(grep -c '<text>`touch canary` $(touch canary) %n {x} it'"'"'s</text>' it*.svg)" 1
(cd / && gnuplot "$folder"/it*.gp) || failed=1
if command -v pdflatex >/dev/null; then
    pdflatex -interaction=nonstopmode -halt-on-error -shell-escape hostile.tex >hostile.out || {
        tail -20 hostile.out
        failed=1
    }
fi
expect "canary" "$(ls canary 2>/dev/null || echo none)" none

# refused WHAT WORDS: the last command failed with 1 and these words.
refused()
{
    expect "$1: status" $? 1
    grep -q -- "$2" messages || {
        echo "FAIL: $1: $(cat messages)"
        failed=1
    }
}

echo "# errors"
"$LATHE" -c "session load kept; plot curve s > x.bmp" >/dev/null 2>messages
refused "an ending" "wanted .png"
"$LATHE" -c "session load kept; plot phaze d" >/dev/null 2>messages
refused "a kind" "did you mean 'phase'"
"$LATHE" -c "session load kept; plot phase d data=yes" >/dev/null 2>messages
refused "data without a file" "add '> FILE'"
"$LATHE" -c "session load kept; plot training m90 > none.svg; plot training nobody" \
    >/dev/null 2>messages
refused "a name" "nobody"
PATH=/nonexistent "$LATHE" -c "session load kept; plot training m > bare.svg" \
    >/dev/null 2>messages
refused "no gnuplot" "plot training: gnuplot: not found in PATH; .*'bare.dat'"
expect "data without gnuplot" "$(grep -c '^# epoch' bare.dat)" 1
expect "no figure" "$(ls bare.svg 2>/dev/null || echo none)" none
expect "temporary files" "$(ls "$TMPDIR" | grep . || echo none)" none

finish
