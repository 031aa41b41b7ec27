#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# report.sh -- reports in every format from a small study: `report check` holds them against
# the database, one changed digit fails; the same runs give the same bytes; templates that
# are wrong leave what there was; LaTeX is found, waited for, or missed with words.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"
unset SOURCE_DATE_EPOCH

cat >study.lathe <<'END'
data d gpe n=6 grid=32 starts=1 seed=1; split d
model m unet-phase levels=1 channels=4 size=32
train m d epochs=2 batch=2
prune m amount=0.5 data=d as=m50
quantize m data=d as=m8
sweep s prune m amount=0.3,0.6 data=d
eval m m50 m8 d
bench m m8 seconds=0.1
compare m m8 data=d size=-30% seconds=0.1
save m8 m8.safetensors
END
cat >paper.csv <<'END'
section,row,key,published,where,note
Error,dense,masked_mse,7.8e-4,command = eval and model = m,"table 1, of 1680 samples"
Error,on a GPU,median_ms,8.83,,there is none here
END
cat >study.report <<'END'
# The study of ${title}

@let base command = eval and model = m
The dense network errs by {{masked_mse | $base | e2}}, in integers by
{{masked_mse | command = eval and model = m8 | change $base}} more.

## Published
@published paper.csv
## All
@table where="command = eval" columns=model,masked_mse,bytes against="$base"
@replay
END

echo "# every format"
figures=no
if command -v gnuplot >/dev/null; then
    figures=yes
    echo 'plot training m > figures/training.svg; plot training m > figures/training.pdf' >>study.lathe
    printf '@plot weights m bins=20 caption="Weights"\n' >plot.report
    echo 'report plot.md template=plot.report; report plot.html template=plot.report' >>study.lathe
    printf '%s\n' '@figure figures/training caption="How it *learnt*"' >>study.report
fi
lathe study.lathe -c 'let title=a < b; report full.html; report full.md; report full.tex' \
    -c 'report in/study.html template=study.report; report in/study.md template=study.report' \
    -c 'report in/study.tex template=study.report' >/dev/null
expect "notes" "$(grep -c '1 published number was not measured' messages)" 3
for file in full.html full.md full.tex in/study.html in/study.md in/study.tex; do
    lathe -q --format json -c "report check $file" >out
    expect "faults of $file" "$(get out report 1 wrong)" 0
    expect "$file is as it was written" "$(get out report 1 untouched)" true
    test "$(get out report 1 numbers)" -gt 8 || expect "numbers of $file" "$(cat out)" many
done
expect "figures" "$(lathe -q --format json -c 'report check in/study.md' >out; get out report 1 figures)" \
    "$(test $figures = yes && echo 1 || echo 0)"
grep -q '<h1 id="s0">The study of a &lt; b</h1>' in/study.html || expect "title" "$(grep '<h1' in/study.html)" "a &lt; b"
expect "what HTML loads" "$(grep -cE '(src|href)="(http|/|\.)|url\(|@import|<link' full.html)" 0
if command -v xmllint >/dev/null; then
    xmllint --html --noout full.html 2>&1 | grep -E 'error' |
        grep -vE 'Tag (main|nav|figure|figcaption) invalid' >complaints
    expect "complaints" "$(wc -l <complaints | tr -d ' ') $(head -1 complaints)" "0 "
fi

echo "# one digit"
# edited FILE SED: the check of the edited file fails and tells the line.
edited()
{
    sed "$2" "$1" >"in/edited.${1##*.}"
    cmp -s "$1" "in/edited.${1##*.}" && expect "sed $2" "changed nothing" "a change"
    "$LATHE" -q -c "report check in/edited.${1##*.}" >out 2>err
    expect "status of '$2' in $1" $? 1
    grep -q "$3" out || expect "what is told of '$2'" "$(cat out)" "$3"
    grep -q 'are not those of' err || expect "error" "$(cat err)" "not those"
}
value=$(sed -n 's/^| dense .*\[\([0-9.e-]*\)\](#run-10 "10\/1\/masked_mse [a-z0-9]*").*/\1/p' in/study.md)
test -n "$value" || expect "the value of the study" "$value" "a number"
other=$(((${value:0:1} + 1) % 10))${value:1}
edited in/study.md "s/\[$value\](/[$other](/" "$value"
edited in/study.html "s/>$value</>$other</" "$value"
edited in/study.tex "s/{$value}/{$other}/" "$value"
edited in/study.md "s/\[$value\]([^)]*)/$value/" "no source"
edited in/study.md 's/7.800e-04<!--/7.900e-04<!--/' '7.800e-04'
edited in/study.md 's/epochs=2/epochs=3/' 'epochs=2'
edited in/study.html 's/"10\/1\/bytes/"8888\/1\/bytes/' 'no run 8888'
sed 's/^# .*/# Another title/' in/study.md >in/words.md
lathe -c 'report check in/words.md' >out
expect "words may change" "$(grep -c 'words are not byte for byte' messages)" 1
printf '# nothing\n' >none.md
refuses 'report check none.md' 'no number in it'
refuses 'report check none.txt' 'no ending'
refuses 'report check' 'file is missing'

echo "# the same runs, the same bytes"
session=$(lathe -q --format json -c 'runs last=0 columns=session' >out; row out runs 1 1 session | tr -d '"')
lathe -q -c "report again.html session=$session; report again.md session=$session" >/dev/null
cmp full.html again.html || failed=1
cmp full.md again.md || failed=1
SOURCE_DATE_EPOCH=0 lathe -q -c "report dated.md session=$session" >/dev/null
expect "date" "$(sed -n 3p dated.md)" 1970-01-01
refuses 'report r.md' 'no run of this session|t.report'
lathe -q -c 'report some.md where="command = eval"' >/dev/null
expect "another database" "$("$LATHE" -q --db other.db -c 'report check full.md' >out 2>&1; echo $?)" 1

lathe -q -c "report usual.report; report own.html session=$session template=usual.report" >/dev/null
cmp full.html own.html || failed=1
refuses 'report usual.report' 'exists already'

echo "# done again"
mkdir again
sed -n '/^```$/,/^```$/p' full.md | grep -v '^```' >again/study.lathe
(cd again && "$LATHE" -q --db again.db study.lathe >/dev/null) || failed=1
cmp m8.safetensors again/m8.safetensors || failed=1

echo "# wrong templates"
cp full.md kept.md
printf '# a\n\n{{nothing | model = m}}\n' >wrong.report
refuses "report kept.md template=wrong.report session=$session" "wrong.report:3: no run has 'nothing'"
cmp full.md kept.md || failed=1
printf '@tabel columns=a\n' >wrong.report
refuses "report kept.md template=wrong.report session=$session" "did you mean '@table'"
printf '# a\0b\n' >wrong.report
refuses "report kept.md template=wrong.report session=$session" 'zero byte'
refuses "report kept.md template=none.report" 'none.report'
refuses "report kept.doc" 'no ending'
refuses 'set db=none; report kept.md' 'no runs are recorded'

echo "# pdf"
mkdir bin temporary
export TMPDIR=$folder/temporary
PATH=$folder/bin "$LATHE" -q -c "report r.pdf session=$session" >out 2>err
expect "status without LaTeX" $? 1
grep -q 'pdflatex.*install' err || expect "what to install" "$(cat err)" pdflatex
cat >bin/pdflatex <<'END'
#!/bin/sh
for word; do
    case $word in
    -output-directory=*) folder=${word#*=} ;;
    esac
done
test -n "$REFUSE" && printf 'This is it\n! Undefined control sequence.\n' >"$folder/report.log" && exit 1
grep -c '\\measured' "$folder/report.tex" >"$folder/report.pdf"
echo "$SOURCE_DATE_EPOCH" >>"$folder/report.pdf"
END
chmod +x bin/pdflatex
PATH=$folder/bin:$PATH lathe -q -c "report r.pdf session=$session" >/dev/null
expect "numbers of the pdf" "$(head -1 r.pdf)" "$(lathe -q -c "report r.tex session=$session" >/dev/null; grep -c '\\measured' r.tex)"
expect "date of the pdf" "$(tail -1 r.pdf)" 0
REFUSE=1 PATH=$folder/bin:$PATH "$LATHE" -q -c "report r.pdf session=$session" >out 2>err
expect "status of a refusal" $? 1
grep -q 'Undefined control sequence' err || expect "the refusal" "$(cat err)" "Undefined"
expect "folders left behind" "$(ls temporary | wc -l | tr -d ' ')" 0

if test $figures = yes; then
    echo "# figures"
    lathe -q -c 'report check plot.md; report check plot.html' >/dev/null
    test -s plot-figures/1.svg || expect "the figure" "$(ls)" plot-figures/1.svg
    echo changed >>plot-figures/1.svg
    refuses 'report check plot.md' 'are not those of'
fi
finish
