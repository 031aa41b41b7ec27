#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# published.sh -- every published number of the samples says where it is measured, or why it
# is not, and every table is one of six columns that a report shows.
cd "${srcdir:-.}" || exit 99
for file in samples/published/*.csv; do
    name=$(basename "$file" .csv)
    awk -v file="$file" '
    # Fields of a line of RFC 4180 into F; their number.
    function fields(line, F,    n, c, i, quoted, word) {
        n = 0
        word = ""
        quoted = 0
        for (i = 1; i <= length(line) + 1; i++) {
            c = substr(line, i, 1)
            if (quoted && c == "\"" && substr(line, i + 1, 1) == "\"") {
                word = word c
                i++
            } else if (c == "\"")
                quoted = !quoted
            else if (c == "" || (c == "," && !quoted)) {
                F[++n] = word
                word = ""
            } else
                word = word c
        }
        return n
    }
    function bad(what) {
        print file ":" NR ": " what
        wrong++
    }
    NR == 1 && $0 != "section,row,key,published,where,note" { bad("is no head of a table") }
    NR == 1 || /^#/ { next }
    {
        rows++
        if (fields($0, F) != 6) {
            bad("has not six columns")
            next
        }
        if (F[1] == "" || F[2] == "" || F[3] == "")
            bad("has no section, row or key")
        if (F[4] !~ /^-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?$/)
            bad("publishes " F[4] ", which is no number")
        if (F[5] == "" && F[6] == "")
            bad("says neither where it is measured nor why it is not")
        if (seen[F[1], F[2], F[3]]++)
            bad("is there twice")
    }
    END {
        print file ": " rows + 0 " rows, " wrong + 0 " wrong"
        exit wrong > 0 || rows == 0
    }' "$file" || failed=1
    for other in "samples/$name.lathe" "samples/$name-published.lathe" \
        "samples/reports/$name.report"; do
        test -f "$other" || { echo "$file: $other is missing"; failed=1; }
    done
    # What a table has a section of, a report shows.
    while IFS= read -r section; do
        grep -Fq "section=\"$section\"" "samples/reports/$name.report" && continue
        echo "samples/reports/$name.report: shows no section '$section'"
        failed=1
    done < <(sed '1d; /^#/d; s/,.*//' "$file" | sort -u)
done
test -z "${failed:-}"
