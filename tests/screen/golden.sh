#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# golden.sh -- keys are played on the screen, and what stands there then is what it should
# be: in three sizes, with colours and without, in UTF-8 and without; so are its pictures.
# No terminal is needed.  GOLDEN=new writes the screens anew.
set -u
. "${srcdir:-.}/tests/screen/played.sh"
golden=$played/golden

# Keys that make a small network, and a pruned one of it.
two_models()
{
    cat <<'END'
type :model m unet-phase levels=2 channels=4 size=32
keys Enter
wait
type :prune m amount=0.9 scope=layer targets=weights as=m90
keys Enter
wait
END
}

# play NAME WIDTHxHEIGHT [VARIABLE=VALUE]... <KEYS: what is saved as NAME is compared.
play()
{
    local name=$1 size=$2
    shift 2
    {
        two_models
        cat <<'END'
type :quantize m90 scheme=weight bits=4 as=small
keys Enter
wait
type :model other lenet-5 classes=10
keys Enter
wait
END
        cat
        echo "save $name.screen ${colour:-}"
    } >"$name.keys"
    env -u NO_COLOR TERM=xterm-256color LC_ALL=C.UTF-8 LINES="${size#*x}" \
        COLUMNS="${size%x*}" HOME="$folder" XDG_STATE_HOME="$folder/state" "$@" \
        timeout 60 "$LATHE" --db none ${colour:+--color=always} --keys "$name.keys" \
        </dev/null >"$name.out" 2>&1
    local status=$?
    if test $status != 0; then
        echo "FAIL: $name ended with $status"
        cat "$name.out"
        failed=1
    elif test "${GOLDEN:-}" = new; then
        cp "$name.screen" "$golden/"
    elif ! diff -u "$golden/$name.screen" "$name.screen"; then
        echo "FAIL: $name is another screen"
        failed=1
    fi
}

layers='keys 1 k 2 j j j'
for size in 40x10 80x24 120x40; do
    colour=colour play "$size-colour" $size <<<"$layers"
    colour=colour play "$size-colour-ascii" $size LC_ALL=C <<<"$layers"
    play "$size" $size <<<"$layers"
    play "$size-ascii" $size LC_ALL=C <<<"$layers"
done
colour=colour play vt100 80x24 TERM=vt100 <<<"$layers"
colour=colour play no-color 80x24 NO_COLOR=1 <<<"$layers" # --color=always is more than it

# the keys that are valid in each pane
for pane in 1 2 3 4; do
    play "keys-$pane" 80x24 <<<"keys $pane ?"
done
play keys-small 40x10 <<<'keys 2 ? Down Down'

# a filter, steps, changes of layers with what they would save, two models side by side
play filter 80x24 <<'END'
keys 2 /
type conv
keys Enter
END
play steps 80x24 <<<'keys 1 k Space'
play changes 80x24 <<<'keys 1 k k k 2 j j j + + + j j j j + b b'
play pair 80x24 <<<'keys 1 k k k m j 2 c'
play refused 80x24 <<<'keys 1 k 2 j j j +'
# help is read from its begin
play help 80x24 <<'END'
type :help undo
keys Enter
wait
END
# where there is room for one pane, it is that of the answer
play answer 40x10 <<'END'
keys 1
type :show other columns=model,bytes
keys Enter
wait
END
play offers 80x24 <<'END'
type :prune m am
keys Tab
type 0.5 sc
keys Tab Tab Tab
END
play too-small 80x24 <<<'size 20 5'
# back from there nothing is left of it
play back 80x24 <<'END'
keys 1 k 2 j j j
size 20 5
size 200 60
size 40 10
size 80 24
END
test "${GOLDEN:-}" = new || diff "$golden/80x24.screen" back.screen || {
    echo "FAIL: another screen after other sizes"
    failed=1
}

# What pictures show was measured before; nothing that they say depends on time, and the
# log, which does, is filtered.
# album SUFFIX [VARIABLE=VALUE]...: every picture in its sizes, as PICTURE-SIZE-SUFFIX.
album()
{
    local suffix=$1 sizes="80x24 120x40" home
    shift
    test "$suffix" || sizes="$sizes 40x10"
    home=$folder/home$suffix
    mkdir "$home"
    {
        cat <<'END'
type :data d gpe n=12 grid=32 starts=1 seed=1; split d
keys Enter
wait
END
        two_models
        cat <<'END'
type :prune m amount=0.5 scope=layer targets=weights as=m50
keys Enter
wait
type :quantize m scheme=weight bits=2 as=m2
keys Enter
wait
type :eval m m50 m90 m2 d split=val confidence=0 > eval.csv
keys Enter
wait
keys 4 /
type nothing
keys Enter 1 g
END
        # samples through the last and the first model
        for step in "sample keys n n" "front keys v" "cost keys s" \
            "meter keys 2 g j j j j j j j + + + + + + + + + + b b s" \
            "measured keys 2 a" "again keys 2 e V V"; do
            echo "${step#* }"
            echo wait
            for size in $sizes; do
                echo "size ${size/x/ }"
                # where there is room for one pane, it is that of the picture
                case ${step%% *}-$size in
                    meter-40x10 | measured-40x10) ;;
                    *-40x10) echo "keys 3" ;;
                esac
                echo "save ${step%% *}-$size$suffix.screen ${colour:-}"
            done
            echo "keys 1"
            echo "size 80 24"
        done
    } >"album$suffix.keys"
    env -u NO_COLOR TERM=xterm-256color LC_ALL=C.UTF-8 LINES=24 COLUMNS=80 \
        HOME="$home" XDG_STATE_HOME="$home/state" XDG_CACHE_HOME="$home/cache" "$@" \
        timeout 120 "$LATHE" --db "$home/runs.db" ${colour:+--color=always} \
        --keys "album$suffix.keys" </dev/null >"album$suffix.out" 2>&1 || {
        echo "FAIL: the album$suffix ended with $?"
        cat "album$suffix.out"
        failed=1
        return
    }
    for picture in sample front cost meter measured again; do
        for size in $sizes; do
            local file=$picture-$size$suffix.screen
            if test "${GOLDEN:-}" = new; then
                cp "$file" "$golden/"
            elif ! diff -u "$golden/$file" "$file"; then
                echo "FAIL: $file is another screen"
                failed=1
            fi
        done
    done
}
album ""
album -ascii LC_ALL=C
colour=colour album -colour
colour=colour album -colour-ascii LC_ALL=C
test $failed = 0 && echo "all well"
exit $failed
