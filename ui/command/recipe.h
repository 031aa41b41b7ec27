/* SPDX-License-Identifier: GPL-3.0-or-later
   recipe.h -- recipes as files: stages of commands with requirements, in the words of
   scripts.

     require size=-30% time=-40% accuracy=-5pt     before the first stage: of the result
     stage NAME
     require accuracy=-10pt                        of what this stage leaves
     prune $model amount=0.5 ...                   commands: $model is what is compressed,
                                                   $base what it came from, $data the data

   It runs nothing. */
#ifndef LATHE_UI_COMMAND_RECIPE_H
#define LATHE_UI_COMMAND_RECIPE_H

#include "compress/requirement.h"
#include "ui/command/command.h"

#define STAGES_MAX   64
#define COMMANDS_MAX 64 /* of a stage */

/* What commands can make better. */
typedef enum recipe_help { HELPS_METRIC = 1, HELPS_SIZE = 2, HELPS_TIME = 4 } recipe_help;

typedef struct recipe_stage {
    char *name;
    char *commands[COMMANDS_MAX]; /* as written */
    int64_t lines[COMMANDS_MAX];  /* where they stand */
    int count;
    requirement required[REQUIREMENTS_MAX];
    int required_count;
    unsigned helps; /* recipe_help */
} recipe_stage;

typedef struct recipe {
    requirement required[REQUIREMENTS_MAX];
    int required_count;
    recipe_stage *stages;
    int count;
} recipe;

/* E_USAGE, with the line, for what no recipe can hold.  Clear with recipe_clear, also
   after a failure. */
status recipe_read(recipe *r, const char *path, error *e);
void recipe_clear(recipe *r);

/* COMMAND with $model, $base and $data replaced by these names. */
status recipe_command(const char *command, const char *model, const char *base,
                      const char *data, text *out, error *e);

/* Adds LINES, each one a line of its own, to the history of S. */
status recipe_journal(session *s, const char *lines, error *e);

/* What R's stages from FIRST on can make better. */
unsigned recipe_helps(const recipe *r, int first);

/* The answer of `recipe record`: what was done to the option model=, as a recipe in the
   file that stands in place of data=. */
status recipe_record(call *c, error *e);

#endif
