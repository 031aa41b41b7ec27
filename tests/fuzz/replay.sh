#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# replay.sh -- the fuzz programs on what is here: lines they make themselves, kept and
# freshly written files, and these files cut short or with a byte changed.  The same
# damage every time; a failure is a crash, a report of a sanitizer, or a hang.
set -u
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
failed=0

# damage FILE SPACING: copies of it in $folder/damaged, damaged at every SPACING-th byte.
damage()
{
    local file=$1 spacing=$2 length at name
    name=${file##*/}
    length=$(wc -c <"$file")
    for ((at = 0; at < length; at += spacing)); do
        head -c "$at" "$file" >"$folder/damaged/$name-cut-$at"
        cp "$file" "$folder/damaged/$name-changed-$at"
        # Digits stay digits, so that a header still reads and says something wrong.
        printf '9' | dd of="$folder/damaged/$name-changed-$at" bs=1 seek="$at" \
            conv=notrunc status=none
    done
}

# replay PROGRAM FILE...
replay()
{
    local program=$builddir/tests/fuzz/$1
    shift
    timeout 120 "$program" "$@" || {
        echo "FAIL: ${program##*/}: status $?"
        failed=1
    }
}

replay fuzz_line

mkdir "$folder/damaged"
for file in "$srcdir"/tests/fuzz/npz/*; do
    damage "$file" 17
done
replay fuzz_npz "$srcdir"/tests/fuzz/npz/* "$folder"/damaged/*

rm -r "$folder/damaged"
mkdir "$folder/damaged"
for file in "$srcdir"/tests/fuzz/reports/*; do
    damage "$file" 11
done
replay fuzz_report "$srcdir"/tests/fuzz/reports/* "$folder"/damaged/*

rm -r "$folder/damaged"
mkdir "$folder/damaged"
for file in "$srcdir"/tests/fuzz/sources/*; do
    # Files of CIFAR are all alike, those of HDF5 take a process each here.
    case $file in
    *.cifar*) damage "$file" 1021 ;;
    *.h5) damage "$file" 997 ;;
    *) damage "$file" 7 ;;
    esac
done
replay fuzz_sources "$srcdir"/tests/fuzz/sources/* "$folder"/damaged/*

rm -r "$folder/damaged"
mkdir "$folder/damaged"
for file in "$srcdir"/tests/fuzz/sources/*.h5; do
    damage "$file" 23
done
replay fuzz_hdf5 "$srcdir"/tests/fuzz/sources/*.h5 "$folder"/damaged/*
replay fuzz_hdf5 --search 2 1 "$srcdir"/tests/fuzz/sources/*.h5

rm -r "$folder/damaged"
mkdir "$folder/damaged"
(cd "$folder" && "$LATHE" --seed 1 -c '
    model m unet-phase size=8 levels=1 channels=1
    save m dense.safetensors
    prune m amount=0.9; save m packed.safetensors
    quantize m scheme=weight bits=4; save m codes.safetensors') || failed=1
for file in "$folder"/*.safetensors; do
    damage "$file" 97
done
replay fuzz_safetensors "$folder"/*.safetensors "$folder"/damaged/*
exit $failed
