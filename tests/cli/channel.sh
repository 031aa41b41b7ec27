#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# channel.sh -- channels cut out of networks: what the plan says is what comes of it, and a
# narrower network goes through every other command as the whole one does; and masks that
# change in the course of a training.
set -u
. "$srcdir/tests/cli/answers.sh"

cat >cut.lathe <<'END'
data d gpe n=12 grid=32 starts=2 seed=3
split d by=group seed=3
model m unet-phase size=32 levels=3 channels=8 seed=3
train m d epochs=1 batch=4 seed=3
prune m kind=channel amount=0.5 scope=layer dry=yes
prune m kind=channel amount=0.5 scope=layer data=d as=half
model four unet-phase size=32 levels=3 channels=4
prune m kind=channel steps=0.25,0.5 scope=layer retrain=1 batch=4 precision=bf16 data=d control=yes as=slow seed=3
prune m kind=channel amount=0.3 criterion=taylor data=d batch=4 round=4 skip=first,u.* as=some seed=3
prune m kind=channel amount=0.3 criterion=activation data=d batch=4 as=seen
train half d epochs=1 batch=4 seed=3
quantize half data=d as=q
eval half q d
bench half rounds=3
show half layers=yes
export d d.npz
save half half.safetensors
load back half.safetensors
eval back d
prune half amount=0.5 kind=4x1 as=blocks
prune blocks kind=channel amount=0.5 as=both
END
lathe --format json cut.lathe >cut.json
check_json cut.json 21

echo "# the plan, and what comes of it"
last=$(lines cut.json prune | sed -n 1p | grep -o '"layers": ' | wc -l)
expect "parameters as planned" "$(get cut.json prune 2 parameters)" \
    "$(row cut.json prune 1 "$last" parameters_left)"
expect "multiply-adds as planned" "$(get cut.json prune 2 multiply_adds)" \
    "$(row cut.json prune 1 "$last" multiply_adds_left)"
expect "parameters of the network of half the width" \
    "$(get cut.json prune 2 parameters)" "$(get cut.json model 2 parameters)"
expect "multiply-adds of that" "$(get cut.json prune 2 multiply_adds)" \
    "$(get cut.json model 2 multiply_adds)"
less "the file of half the width" "$(get cut.json prune 2 bytes)" 35 \
    "$(get cut.json model 1 bytes)"

lathe --format json -c "list criteria" >criteria.json
expect "criteria of channels" "$(grep -o '"kind": "channel"' criteria.json | wc -l)" 7

echo "# several steps are a total"
expect "channels" "$(row cut.json prune 3 3 channels_left)" \
    "$(($(row cut.json prune 3 3 channels) / 2))"
expect "rows with a control" \
    "$(lines cut.json prune | sed -n 3p | grep -o '"kind": "[a-z]*"' | tr -d '\n')" \
    '"kind": "pruned""kind": "control""kind": "pruned""kind": "control"'

echo "# files hold it"
expect "bytes" "$(bytes half.safetensors)" "$(get cut.json save 1 bytes)"
expect "masked_mse" "$(get cut.json eval 2 masked_mse)" "$(get cut.json eval 1 masked_mse)"

echo "# dry changes nothing, undo takes back"
lathe --format json -c "load m half.safetensors; show m
    prune m kind=channel amount=0.5 dry=yes; show m
    prune m kind=channel amount=0.5; undo; show m" >undo.json
expect "after dry=yes" "$(get undo.json show 2 nonzero)" "$(get undo.json show 1 nonzero)"
expect "after undo" "$(get undo.json show 3 nonzero)" "$(get undo.json show 1 nonzero)"

echo "# masks that tighten, move, and begin anew"
cat >course.lathe <<'END'
data d npz d.npz
split d by=group seed=3
model m unet-phase size=32 levels=3 channels=8 seed=3
copy m early
train m d epochs=1 batch=4 seed=3
prune m amount=0.9 retrain=3 gradual=cubic batch=4 data=d as=tightened seed=3
prune m amount=0.9 retrain=2 regrow=0.3 samples=8 batch=4 targets=weights data=d as=moved seed=3
prune m steps=0.5,0.9 retrain=1 rewind=early batch=4 data=d as=ticket seed=3
prune m amount=0.5 kind=4x1 retrain=2 gradual=linear until=2 batch=4 data=d as=blocks seed=3
END
lathe --format json course.lathe >course.json
for k in 1 2 4; do
    amount=$(get course.json prune $k amount)
    expect "sparsity of prune $k" "$(get course.json prune $k sparsity |
        awk -v amount="$amount" '{ print ($1 > amount - 0.02 && $1 < amount + 0.02) }')" 1
done
echo "# controls, and seeds"
cat >seeds.lathe <<'END'
load m half.safetensors
data d npz d.npz
split d by=group seed=3
prune m amount=0.8 retrain=1 batch=4 data=d as=p seed=3 control=dense,random,shuffled,reinitialised seeds=2
prune m amount=0.8 retrain=1 batch=4 data=d as=p seed=4
show p-random p-shuffled p-reinitialised
END
lathe --format json seeds.lathe >seeds.json
for k in 2 3 4; do
    expect "non-zeros of control $k" "$(row seeds.json show 1 $((k - 1)) nonzero | wc -c)" \
        "$(row seeds.json prune 1 1 nonzero | wc -c)"
done
echo "$(row seeds.json prune 1 1 masked_mse) $(get seeds.json prune 2 masked_mse)" \
    "$(row seeds.json prune 1 1 masked_mse_mean)" \
    "$(row seeds.json prune 1 2 masked_mse_mean)" \
    "$(row seeds.json prune 1 2 masked_mse_paired)" |
    awk '{ a = ($1 + $2) / 2 / $3 - 1; b = ($3 - $4) / $5 - 1
           exit !(a * a < 1e-18 && b * b < 1e-12) }' ||
    expect "means" "not those of the seeds" "as they should be"

expect "rows of the ticket" "$(row course.json prune 3 2 amount)" 0.9

echo "# what is swept keeps its column, also where the answer has one of that name"
lathe -q --format json -c "load m half.safetensors
sweep s prune m amount=0.2,0.5 kind=weight,channel" >swept.json
expect "kinds" "$(grep -o '"kind": "[a-z]*"' swept.json | tr -d '\n')" \
    '"kind": "weight""kind": "channel""kind": "weight""kind": "channel"'
expect "what was made" "$(grep -o '"answer_[a-z]*": "[a-z]*"' swept.json | sort | uniq -c |
    sed 's/^ *//')" '4 "answer_kind": "pruned"'

echo "# refusals"
refused()
{
    "$LATHE" -c "load m half.safetensors; $1" >/dev/null 2>messages
    expect "status of $1" "$?" 1
    expect "$1" "$(grep -c -- "$2" messages)" 1
}
refused "prune m amount=0.5 round=8" "round= has no meaning with kind=weight"
refused "prune m amount=0.5 kind=channel targets=all" "targets= has no meaning"
refused "prune m amount=0.5 kind=channel criterion=magnitude" "no criterion of channels"
refused "prune m amount=0.5 criterion=l1" "no criterion of weights"
refused "prune m amount=0.5 kind=channel criterion=taylor" "looks at data"
refused "prune m amount=0.5 kind=channel skip=nobody" "no layer that may lose channels"
refused "prune m amount=0.5 gradual=cubic" "retrain= says how long"
refused "prune m amount=0.5 kind=channel regrow=0.1" "regrow= has no meaning"
refused "prune m amount=0.5 seeds=2" "seeds need data"
refused "quantize m scheme=weight; prune m amount=0.5 kind=channel" "is quantized"
refused "model a swae-mlp; input a none resize=10" "resize= is of pictures"

finish
