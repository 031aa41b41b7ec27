/* SPDX-License-Identifier: GPL-3.0-or-later
   prune_parts.h -- what the two files of the command `prune` share.  Nobody else includes
   it. */
#ifndef LATHE_UI_COMMAND_PRUNE_PARTS_H
#define LATHE_UI_COMMAND_PRUNE_PARTS_H

#include "compress/channel.h"
#include "compress/prune.h"
#include "ui/command/fit.h"
#include "ui/command/rows.h"

/* One run of the command. */
typedef struct prune_job {
    const char *name; /* of the result */
    double amounts[OPTION_LIST_MAX];
    int64_t count; /* of amounts */
    const criterion_row *criterion;
    prune_scope scope;
    prune_targets targets;
    const char *kind;
    bool channels; /* kind=channel: the four below */
    channel_settings cut;
    int64_t had, left; /* channels at the beginning and now */
    double difference; /* of the last cut, from the graph that only does not read them */
    prune_pattern pattern;
    sample_set on;
    train_settings training; /* its epochs are 0 where nothing is trained */
    model *pruned, *control; /* as far as they are; control may be NULL */
} prune_job;

/* Do the options fit kind=channel, or its absence? */
status prune_channel_options(const call *c, const prune_job *j, error *e);

/* Fills j->cut but for the amount; after amounts and data are read. */
status prune_channel_read(const call *c, prune_job *j, error *e);

/* Cuts j->pruned so that AMOUNT of the channels that J began with are gone. */
status prune_channel_to(const call *c, prune_job *j, double amount, error *e);

/* The plan for the first amount as rows; nothing is changed. */
status prune_channel_show(call *c, const prune_job *j, error *e);

#endif
