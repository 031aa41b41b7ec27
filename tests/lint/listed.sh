#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# listed.sh -- every file of the tree is named in Makefile.am, so that it is built, run and
# packed.  (That every name is a file, make itself says.)
cd "${srcdir:-.}" || exit 99
find src plots ui tests samples man -type f \( -name '*.[ch17]' -o -name '*.inc' -o -name '*.sh' \
    -o -name '*.py' -o -name '*.lathe' -o -name '*.out' -o -name '*.json' \
    -o -name '*.np[yz]' -o -name '*.recipe' -o -name '*.report' -o -path 'samples/*.csv' \
    -o -path 'samples/*.safetensors' \) ! -name '.*' | LC_ALL=C sort | awk '
FILENAME == "Makefile.am" {
    for (i = 1; i <= NF; i++)
        listed[$i] = 1
    next
}
{
    files++
    name = $0
    program = name
    # A program of the tests is listed without its ending.
    if (name ~ /^tests\//)
        sub(/\.c$/, "", program)
    if (!(name in listed) && !(program in listed)) {
        print name ": not in Makefile.am"
        bad++
    }
}
END {
    print files + 0 " files, " bad + 0 " not in Makefile.am"
    exit bad > 0 || files == 0
}' Makefile.am -
