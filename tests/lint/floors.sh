#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# floors.sh -- an include never points up: a folder stands on those named before it.
cd "${srcdir:-.}" || exit 99
find src plots ui \( -name '*.[ch]' -o -name '*.inc' \) | LC_ALL=C sort | xargs awk '
BEGIN {
    n = split("base tensor kernel data graph engine zoo train measure format compress " \
              "ledger report session plots ui", names, " ")
    for (i = 1; i <= n; i++)
        floor[names[i]] = i
}
FNR == 1 {
    files++
    split(FILENAME, part, "/")
    mine = part[1] == "src" ? part[2] : part[1]
    if (!(mine in floor)) {
        print FILENAME ": its folder is no floor"
        bad++
    }
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    if (quoted[2] !~ /\//) {
        print FILENAME ":" FNR ": \"" quoted[2] "\" does not begin at a root"
        bad++
        next
    }
    split(quoted[2], part, "/")
    if (!(part[1] in floor) || floor[part[1]] > floor[mine]) {
        print FILENAME ":" FNR ": \"" quoted[2] "\" is above " mine
        bad++
    }
}
END {
    print files + 0 " files, " bad + 0 " includes that point up"
    exit bad > 0 || files == 0
}'
