#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# recipes.sh -- recipes: stages that are measured, one step of undo each, saved and taken
# again; requirements that are met, missed, out of reach; recipes of what was done.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

before='session load work'

lathe -q --seed 1 -c 'data d gpe n=6 grid=32 starts=2; split d
model m unet-phase levels=3 channels=8 size=32; train m d epochs=2 batch=2
session save work' >/dev/null

cat >good.recipe <<'END'
# Half of the channels, training, integers.
require size=-30% masked_mse=+900%; stage narrow
require parameters=-40%
prune $model kind=channel amount=0.5 # half
stage tuned
train ${model} $data epochs=2 \
    batch=2
stage integers
quantize $model data=$data granularity=tensor
END

echo "# stages, undo, history"
lathe -q --format json -c 'session load work; recipe good.recipe m d as=s seconds=0.05
show s; undo; show s; undo; undo; undo; history' >out
expect "rows" "$(lines out recipe | grep -o '"stage"' | wc -l | tr -d ' ')" 4
expect "base" "$(row out recipe 1 1 stage) $(row out recipe 1 1 met)" '"base" false'
for stage in 2 3 4; do
    expect "met in row $stage" "$(row out recipe 1 $stage met)" true
done
expect "bytes of the last stage" "$(row out recipe 1 4 bytes)" "$(get out show 1 bytes)"
expect "bits of the last stage" "$(get out show 1 bits)" 8
expect "after an undo" "$(get out show 2 bits) $(get out show 2 bytes)" "32 $(row out recipe 1 3 bytes)"
expect "lines of the history" "$(lines out history | grep -o '"command": "[a-z]*' | sed -n '7,11p' | sed 's/.*"//' | tr '\n' ' ')" \
    'copy prune train quantize undo '
expect "files left behind" "$(find state -path '*recipes*' -name '*.safetensors' | wc -l | tr -d ' ')" 0

echo "# the same again from the files of its stages"
lathe -q --format json -c 'session load work; recipe good.recipe m d as=s seconds=0.05 folder=stages
show s' >first
lathe -q --format json -c 'session load work
recipe good.recipe m d as=s seconds=0.05 folder=stages resume=yes; show s' >second
expect "files" "$(ls stages | wc -l | tr -d ' ')" 3
expect "taken from files" "$(row second recipe 1 2 saved) $(row second recipe 1 4 saved)" "true true"
expect "metric of both" "$(row first recipe 1 4 masked_mse)" "$(row second recipe 1 4 masked_mse)"
expect "nothing taken at first" "$(row first recipe 1 2 saved)" false
rm stages/03-*
sed 's/granularity=tensor/granularity=channel/' good.recipe >other.recipe
lathe -q --format json -c 'session load work
recipe other.recipe m d as=s seconds=0.05 folder=stages resume=yes' >out
expect "the changed stage runs" "$(row out recipe 1 3 saved) $(row out recipe 1 4 saved)" "true false"

echo "# what cannot be met any more"
printf 'require size=-99%%\nstage a\nfuse $model\nstage b\ntrain $model $data\n' >late.recipe
"$LATHE" --format json -c 'session load work; recipe late.recipe m d as=s seconds=0.05' >out 2>notes
expect "rows until there" "$(lines out recipe | grep -o '"stage"' | wc -l | tr -d ' ')" 2
grep -q 'stopped behind stage a: size.*no stage that is left' notes || expect "reason" missing there
printf 'stage a\nrequire size=-50%%\nfuse $model\nstage b\ntrain $model $data\n' >stage.recipe
"$LATHE" --format json -c 'session load work; recipe stage.recipe m d as=s seconds=0.05' >out 2>notes
grep -q 'stopped behind stage a: size.*which the stage requires' notes || expect "reason" missing there
expect "missed" "$(row out recipe 1 2 met)" false

echo "# recipes of what was done"
lathe -q --format json -c 'session load work; prune m amount=0.3; undo; copy m t; fuse m as=f
lowrank f target=0.8 as=l; distill l t d epochs=1 batch=2; quantize l data=d as=q
recipe record q made.recipe' >out
expect "commands recorded" "$(lines out recipe | grep -o '"command"' | wc -l | tr -d ' ')" 5
cat >wanted <<'END'
stage fuse
fuse $model

stage lowrank
lowrank $model target=0.8

stage distill
distill $model $base $data epochs=1 batch=2

stage quantize
quantize $model data=$data
END
expect "the recipe" "$(sed '1,/^$/d' made.recipe | diff - wanted && echo same)" same
lathe -q --format json -c 'session load work; recipe made.recipe m d as=s seconds=0.05' >out
expect "stages played" "$(lines out recipe | grep -o '"stage"' | wc -l | tr -d ' ')" 5

echo "# what is no recipe"
refuses 'recipe nothing.recipe m d' 'cannot be opened'
for line in 'fuse $model:before the first stage' 'stage:stage NAME' 'stage a; stage a:already' \
    'stage a; require size:want KEY=AMOUNT|no requirement' 'stage a; require size=much:no amount' \
    'stage a; require beauty=1:nothing that is measured' 'stage a; undo:cannot stand' \
    'stage a; fuze $model:no command' '# nothing:no stage' 'require size=-5pt:no amount'; do
    echo "${line%%:*}" >bad.recipe
    refuses 'recipe bad.recipe m d' "${line#*:}"
done
echo 'stage a; prune $model amount=2' >bad.recipe
refuses 'recipe bad.recipe m d' 'stage a.*bad.recipe:1'
refuses 'recipe good.recipe m d as=m' 'place of the base'
for command in 'prune $base amount=0.5' 'prune m amount=0.5' 'fuse m' 'drop m'; do
    echo "stage a; $command" >bad.recipe
    refuses 'recipe bad.recipe m d' 'changes m, the base'
done
refuses 'recipe record m x.recipe' 'nothing in the history'
finish
