/* SPDX-License-Identifier: GPL-3.0-or-later
   command.h -- what a command is: one struct.  Dispatch, abbreviations, completion,
   checks, help and the manual are all read from it.  A command never reads keys and never
   prints results: it fills a table (and may add notes). */
#ifndef LATHE_UI_COMMAND_H
#define LATHE_UI_COMMAND_H

#include "base/error.h"
#include "base/option.h"
#include "base/table.h"
#include "base/task.h"
#include "session/session.h"

typedef struct interpreter interpreter;

/* What a command runs with.  All of it is lent for the call. */
typedef struct call {
    session *session;
    option_set options;       /* every declared option, checked */
    const char *line;         /* the command as written, variables put in, "> FILE" too */
    const char *output_file;  /* after ">", or NULL */
    const task *task;         /* report and ask for cancellation here */
    table *rows;              /* the answer */
    text notes;               /* sentences for the reader, one a line: warnings, hints */
    interpreter *interpreter; /* for commands that run others: source, sweep, undo */
    text picture;             /* drawn in characters: stands before the rows where the
                                answer is text, and nowhere else */
    bool pixels;              /* the picture is not of characters alone */
} call;

typedef enum command_flags {
    COMMAND_CHANGES = 1, /* it changes names: one step of undo, one journal line */
    COMMAND_LONG = 2,    /* shows progress */
    COMMAND_FILE = 4,    /* takes "> FILE" itself (figures); else the table goes there */
    COMMAND_REST = 8,    /* its last argument is the raw rest of the line (let, sweep) */
    COMMAND_TEXT = 16,   /* its answer is text for people: notes are the answer */
    COMMAND_WHOLE = 32,  /* it works on the session as a whole (undo, source, quit): not
                            inside another command */
    COMMAND_RECORDED = 64, /* it leaves a receipt in the database of runs */
    COMMAND_DRAWS = 128,   /* it leaves one where it writes a file */
    COMMAND_JUDGES = 256   /* where it fails, its rows say what is wrong: they are told */
} command_flags;

/* Options that depend on a positional word: an architecture's, a source's, a figure's. */
typedef struct extra {
    const option *options; /* positional ones first; NULL where there are none */
    int arguments, required;
    const char *summary, *source, *example; /* of the word, for help; NULL */
} extra;

/* Positional arguments are options too: the first ARGUMENTS rows of OPTIONS (then the
   first ones of the extra table) are given without their key, in order; KEY=VALUE works
   for them as well.  At most one of them is a list (OPTION_WORDS): it takes all words
   that those behind it do not need, so that "eval m1 m2 d" gives models=m1,m2 data=d. */
typedef struct command {
    const char *name, *group, *summary;
    const option *options;   /* positional ones first */
    int arguments, required; /* how many are positional; how many must be there */
    /* The extra options for the positional word MORE_ARGUMENT; false (with E_NAME and
       "did you mean") for an unknown word.  NULL: none. */
    bool (*more)(const char *word, extra *out, error *e);
    int more_argument;
    unsigned flags;
    object_kind makes;   /* what a name that its option as= gives will be of, where that
                               is known before it runs; else OBJECT_NONE */
    const char *example; /* run by the tests */
    const char *details; /* a paragraph for help; NULL */
    const char *see, *source; /* NULL */
    status (*run)(call *c, error *e);
    /* The I-th word that MORE knows ("unet-phase", "gpe"), NULL beyond the last: for
       completion and help.  NULL where MORE is. */
    const char *(*more_word)(int i);
} command;

const command *command_find(const char *name);
const command *command_at(int i); /* sorted by name; NULL beyond the end */

/* One file a family; table.c lists them. */
extern const command command_data, command_split, command_export, command_model,
    command_train, command_goal, command_recipe, command_separate, command_lowrank,
    command_distill, command_eval, command_run, command_prune, command_quantize,
    command_fuse, command_sweep, command_plot, command_list, command_show, command_copy,
    command_rename, command_drop, command_undo, command_redo, command_save, command_load,
    command_session, command_set, command_let, command_source, command_history,
    command_help, command_quit, command_bench, command_compare, command_plan,
    command_tune, command_input, command_verify, command_sensitivity, command_runs,
    command_screen, command_save_screen, command_why, command_diff, command_doctor,
    command_bisect, command_pareto, command_log, command_report, command_tour,
    command_edit;

#endif
