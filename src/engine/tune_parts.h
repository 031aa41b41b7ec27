/* SPDX-License-Identifier: GPL-3.0-or-later
   tune_parts.h -- what the files of tune share.  Nobody else reads it. */
#ifndef LATHE_ENGINE_TUNE_PARTS_H
#define LATHE_ENGINE_TUNE_PARTS_H

#include "engine/plan_parts.h"
#include "engine/tune.h"

/* All ways to run one step of a plan. */
typedef struct contest contest;

/* Makes them ready, runs and compares each on the input that lies there, and leaves out
   those that are wrong or have no chance.  S must outlive it; its output is overwritten. */
contest *contest_new(const step *s, const tune_settings *t, error *e);
void contest_free(contest *c);

/* Scratch memory of the largest that is still in, and one block for it. */
size_t contest_scratch(const contest *c);
void contest_set_scratch(contest *c, void *block);

/* Runs the step by the one whose turn it is in ROUND, against the clock where TIMED. */
void contest_run(contest *c, int64_t round, bool timed);

/* What came of it.  The trials go to OUT. */
void contest_conclude(contest *c, tune_layer *out);

#endif
