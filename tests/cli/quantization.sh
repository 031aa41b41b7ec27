#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# quantization.sh -- models in integers from training to files: what is kept is what was
# validated, for any number of threads; layers beside their parents; sensitivities that are
# measured once; and what no kernel runs, refused.
set -u
. "$srcdir/tests/cli/answers.sh"
export XDG_CACHE_HOME=$folder/cache

cat >small.lathe <<'END'
data d gpe n=12 grid=32 starts=2 seed=3
split d by=group seed=3
model m unet-phase size=32 levels=3 channels=8 seed=3
train m d epochs=2 batch=4 seed=3
copy m q
train q d epochs=2 batch=4 qat=2 bits=6 seed=3
eval q d split=val
save q q.safetensors
load back q.safetensors
eval back d split=val
quantize m data=d bits=4 activations=8 as=m4
quantize m data=d bits=4 activations=8 correct=round,bias as=m4c
verify m4 m d
verify m4c m d
sensitivity m d levels=8,3 samples=4 calibrate=4 metric=mse
sensitivity m d levels=8,3 samples=4 calibrate=4 metric=mse
quantize m data=d mixed=auto target_metric=-5% as=mixed
quantize m scheme=codebook bits=4 as=book
train book d epochs=1 batch=4 seed=3
list observers
list corrections
quantize m scheme=dynamic as=dynamic
eval dynamic m d split=val
save dynamic dynamic.safetensors
load again dynamic.safetensors
eval again d split=val batch=1
quantize m data=d activation_form=symmetric as=even
END
lathe --format json --threads 1 small.lathe >one.json
rm -r cache
lathe --format json --threads 2 small.lathe >two.json
check_json one.json 27

echo "# the same numbers for any number of threads"
for file in one two; do
    grep -o '"\(masked_mse\|val_loss\|snr_db\|change_low\|saturated\)": [^,}]*' \
        $file.json >$file.numbers
done
expect "numbers with two threads" "$(cksum <two.numbers)" "$(cksum <one.numbers)"

echo "# what is kept is what was validated"
# The loss is summed batch by batch, the metric sample by sample.
expect "its loss" "$(get one.json train 2 val_loss | cut -c1-10)" \
    "$(get one.json eval 1 masked_mse | cut -c1-10)"
expect "its file" "$(get one.json eval 2 masked_mse)" "$(get one.json eval 1 masked_mse)"
expect "its bits" "$(get one.json train 2 bits)" 6
less "the file" "$(bytes q.safetensors)" 40 "$(get one.json train 1 bytes)"

echo "# corrections gain at the output"
rows=$(lines one.json verify | sed -n 1p | grep -o '"layer": ' | wc -l)
plain=$(row one.json verify 1 "$rows" snr_db)
better=$(row one.json verify 2 "$rows" snr_db)
awk "BEGIN { exit !($better > $plain) }" ||
    expect "decibels" "$better" "more than $plain"

echo "# a sensitivity is measured once"
expect "measured" "$(lines one.json sensitivity | sed -n 1p | grep -c '"cached": true')" 0
expect "cached" "$(lines one.json sensitivity | sed -n 2p | grep -c '"cached": false')" 0
expect "change" "$(row one.json sensitivity 2 2 change)" \
    "$(row one.json sensitivity 1 2 change)"

echo "# a codebook: small, and trained as what it is"
expect "bits" "$(get one.json train 3 bits)" 4
less "its file" "$(get one.json quantize 4 bytes)" 40 "$(get one.json train 1 bytes)"

echo "# dynamic: the file and one sample at a time say the same"
expect "dynamic" "$(row one.json eval 4 1 masked_mse)" "$(row one.json eval 3 1 masked_mse)"
test "$(row one.json eval 3 1 masked_mse)" != "$(row one.json eval 3 2 masked_mse)" ||
    expect "a dynamic model" "that of f32" "rounded"
less "its file" "$(bytes dynamic.safetensors)" 40 "$(get one.json train 1 bytes)"

echo "# what no kernel runs is refused"
for words in "granularity=group" "form=affine" "bits=12"; do
    "$LATHE" -q -c "model m unet-phase size=32 levels=3 channels=8;
        data d gpe n=6 grid=32 starts=2; split d; quantize m data=d $words" \
        >out 2>messages && expect "status of $words" 0 1
    grep -q "integer kernel" messages || expect "$words" "$(cat messages)" "a reason"
done

echo "# what would change nothing is refused"
"$LATHE" -q -c "model m unet-phase size=32 levels=3 channels=8; data d gpe n=6 grid=32 starts=2
split d; session save work" >/dev/null
while IFS=: read -r command words; do
    "$LATHE" -q -c "session load work; $command" >out 2>messages &&
        expect "status of $command" 0 1
    grep -q "$words" messages || expect "$command" "$(cat messages)" "$words"
done <<'END'
quantize m scheme=weight observer=mse:observer= has no meaning without scheme=static
quantize m scheme=weight activations=4:activations= has no meaning
quantize m scheme=dynamic observer=mse:observer= has no meaning without scheme=static
quantize m scheme=weight activation_form=symmetric:activation_form= has no meaning
quantize m scheme=codebook form=affine:form= has no meaning with scheme=codebook
quantize m scheme=codebook granularity=group:granularity= has no meaning
quantize m scheme=weight group=8:group= has no meaning without granularity=group
quantize m data=d target_metric=-5%:target_metric= has no meaning without mixed=auto
train m d bits=4:train. bits= has no meaning without qat=
prune m amount=0.5 data=d lr=0.01:prune. lr= has no meaning without retrain=
train m d lambda=2:lambda= has no meaning without regularizer=
distill m m d keep=first:distill. keep= has no meaning without qat=
distill m m d beta=2:beta= has no meaning without features=
quantize m scheme=weight; prune m amount=0.5:prune. at 0.5. inc.* is quantized
END

finish
