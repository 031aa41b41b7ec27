#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# samples.sh -- the sample of each system from its first line to its last, as small as it
# goes: every figure is drawn, the report shows what was published beside what was measured,
# and what does not depend on the size of a study is what was published: parameters, weights
# that are left, nodes.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

if ! "$LATHE" -q -c 'data d fashion-mnist limit=20' >out 2>err; then
    echo "skipped: $(tail -n 1 err)"
    exit 77
fi

# measured DATABASE FILTER KEY: what a report would look up.
measured()
{
    "$LATHE" -q --db "$1" --format json -c "runs where \"$2\" columns=$3" 2>messages |
        grep -o "\"$3\": [^,}]*" | tail -n 1 | cut -d' ' -f2
}

# Counts are the published ones, whatever the data are.
check_counts()
{
    local name=$1 section row key published where count=0
    while IFS=, read -r section row key published where _; do
        expect "$name: $section, $row" "$(measured "$name.db" "$where" "$key")" "$published"
        count=$((count + 1))
    done < <(grep -E ',(parameters|nonzero|modules|modules_before),' \
        "$srcdir/samples/published/$name.csv")
    test $count -gt 0 || expect "counts of $name" $count more
}

# Every published number is a row of the report, measured wherever it says how; only what
# wants data of its own may be missing.
check_rows()
{
    local name=$1 table=$srcdir/samples/published/$1.csv wanted found
    wanted=$(sed '1d; /^#/d' "$table" | wc -l)
    found=$(grep -c '<!-- =' "$name-figures/report.md")
    expect "published rows in the report of $name" "$found" "$wanted"
    wanted=$(sed '1d; /^#/d; /,,"\{0,1\}[a-z]/d; /source = cifar100/d' "$table" | wc -l)
    found=$(grep '<!-- =' "$name-figures/report.md" | grep -vc '| not measured |')
    expect "measured rows in the report of $name" "$found" "$wanted"
}

# sample NAME LETS: runs it, with a database of its own.
sample()
{
    "$LATHE" -q --db "$1.db" -c "$2" "$srcdir/samples/$1.lathe" >out 2>err
    expect "status of $1 ($(tail -n 1 err))" $? 0
    local figure
    for figure in $(sed -n 's|.*> $out/\([a-z-]*\.png\)$|\1|p' "$srcdir/samples/$1.lathe"); do
        test -s "$1-figures/$figure" || expect "figure $figure of $1" missing there
    done
    check_counts "$1"
    # The script ends with a look over its own report.
    grep -Eq "^$1-figures/report\.html +[0-9]+ +[0-9]+ +[0-9]+ +0 +yes$" out ||
        expect "check of the report of $1" "$(tail -n 1 out)" "nothing wrong"
    check_rows "$1"
}

sample phase 'let n = 20; let grid = 48; let epochs = 1; let dense = 1; let retrain = 1
    let seeds = 1; let looks = 2; let rounds = 2'
expect "chemical potential of the Gaussian" \
    "$(measured phase.db 'data = state and g = 0 and omega = 0' mu | cut -c1-6)" 1.0000
sample household 'let limit = 100; let epochs = 1; let tuning = 1; let gradual = 2; let amounts = 0.3
    let temperatures = 2; let alphas = 0.3; let budget = 1s; let rounds = 2
    let seconds = 0.05'
sample lowlight 'let limit = 10; let size = 32; let packed = 16; let epochs = 1
    let towards = 1; let rounds = 2; let seconds = 0.05'
sample rtml 'let limit = 100; let digit_epochs = 1; let width = 4; let simple_epochs = 1
    let enhanced_epochs = 1; let vgg_epochs = 1; let looks = 2; let rounds = 2
    let search = 0.5'
expect "error at two bits" "$(measured rtml.db 'command = eval and model = matrix-2' mse |
    cut -c1-8)" 0.007951
sample blocks 'let snapshots = 5; let epochs = 1; let conv_epochs = 1; let tuning = 1
    let rounds = 1; let precision = f32'
"$LATHE" -q --db blocks.db -c 'runs where "command = bench and model = conv-static" columns=kernels' \
    >out 2>err
expect "kernel of integer transposed convolutions that overlap" \
    "$(grep -c 'conv_transpose3d s8 scalar' out)" 1
expect "true ratio" "$(measured blocks.db 'command = eval and model = mlp' ratio |
    cut -c1-5)" 7.352

finish
