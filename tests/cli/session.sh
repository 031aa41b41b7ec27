#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# session.sh -- the folder of a session: a byte that is flipped anywhere is found and named
# and costs nothing, a lathe that is killed while it saves leaves the old one or the new one
# whole, and folders of the version before are read.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

# flip FILE AT: another byte there.
flip()
{
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\x$(printf %x $((byte ^ 4)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

lathe -q -c 'data d gpe n=6 grid=32 starts=1; split d
model m unet-phase levels=1 channels=2 size=32; train m d epochs=1
let x = 0.5,0.7
sweep s prune m amount=$x
session save work' >/dev/null

echo "# damage"
seed=1
for file in work/*; do
    length=$(bytes "$file")
    for k in 1 2 3 4 5 6; do
        seed=$(((seed * 1103515245 + 12345) % 2147483648))
        at=$((seed % length))
        cp "$file" whole
        flip "$file" "$at"
        "$LATHE" -q -k --db none -c 'model own unet-phase levels=1 channels=2 size=16
            session load work; list > list.csv; let > let.csv; set > set.csv' >out 2>err
        expect "status with byte $at of $file flipped" $? 1
        grep -q "$file: .*damaged" err ||
            expect "byte $at of $file" "$(cat err)" "$file: is damaged"
        expect "names" "$(sed 1d list.csv | cut -d, -f1 | tr '\n' ' ')" 'own '
        expect "variables" "$(wc -l <let.csv | tr -d ' ')" "0"
        expect "seed" "$(grep -c '^seed,1' set.csv)" 1
        cp whole "$file"
    done
done
lathe -q -c 'session load work; list > list.csv' >/dev/null
expect "names of the whole" "$(sed 1d list.csv | cut -d, -f1 | tr '\n' ' ')" 'd m s '

echo "# a folder of the version before"
cp -r work old
sed -i 's/"lathe_session": 2/"lathe_session": 1/; /"sum"\|"checksum"/d' old/manifest.json
sed -i -z 's/,\(\n *}\)/\1/g' old/manifest.json
lathe -q -c 'session load old; list > list.csv' >/dev/null
expect "its names" "$(sed 1d list.csv | cut -d, -f1 | tr '\n' ' ')" 'd m s '

echo "# killed while it saves"
cat >saves.lathe <<'END'
session load work
model many unet-phase levels=3 channels=16 size=32
END
for k in $(seq 200); do
    echo 'session save work' >>saves.lathe
done
for k in 1 2 3 4 5 6 7 8; do
    cp -r work before
    "$LATHE" -q --db none saves.lathe >out 2>err &
    process=$!
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    sleep 0.$((100 + seed % 400))
    kill -9 $process
    { wait $process; } 2>/dev/null
    lathe -q --db none -c 'session load work; list > list.csv' >/dev/null
    case "$(sed 1d list.csv | cut -d, -f1 | tr '\n' ' ')" in
        'd m s ' | 'd m many s ') ;;
        *) expect "names" "$(cat list.csv)" 'those before or after' ;;
    esac
    rm -rf work
    mv before work
done
lathe -q --db none -c 'session load work; session save work' >/dev/null
expect "what is left beside it" "$(find . -name 'work.*' | wc -l | tr -d ' ')" 0

finish
