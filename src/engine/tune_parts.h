/* SPDX-License-Identifier: GPL-3.0-or-later
   tune_parts.h -- what the files of tune share.  Nobody else reads it. */
#ifndef LATHE_ENGINE_TUNE_PARTS_H
#define LATHE_ENGINE_TUNE_PARTS_H

#include "engine/plan_parts.h"
#include "engine/tune.h"

/* All ways to run S, whose input lies where it reads it, timed in turns for about SECONDS
   and compared.  Its output is overwritten. */
status tune_step(const step *s, const tune_settings *t, double seconds, const task *watch,
                 tune_layer *out, error *e);

#endif
