/* SPDX-License-Identifier: GPL-3.0-or-later
   tune.h -- what the files of the command `tune` share.  Nobody else reads it. */
#ifndef LATHE_UI_COMMAND_TUNE_H
#define LATHE_UI_COMMAND_TUNE_H

#include "engine/tune.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"

/* One model's settings, with an input of samples or random numbers. */
typedef struct tune_job {
    const char *name; /* of the model */
    const model *model;
    tune_settings settings;
    float *input;  /* owned: what settings.input points to */
    sample_set on; /* data NULL: none given */
} tune_job;

/* The answer of tune_graph on G, a row a node and one for the whole. */
void tune_put(call *c, const graph *g, const tuning *t);

/* The kernel lab: four kernels for each layer of J's model, and for the whole. */
status tune_lab(call *c, const tune_job *j, error *e);

/* tune machine */
status tune_machine(call *c, error *e);

#endif
