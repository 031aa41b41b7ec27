/* SPDX-License-Identifier: GPL-3.0-or-later
   interpreter.h -- runs command lines: splits them, puts variables in, finds the command,
   checks its options, brackets it for undo, runs it, prints its rows.  The prompt,
   scripts, -c and commands that run commands all come through here. */
#ifndef LATHE_UI_INTERPRETER_H
#define LATHE_UI_INTERPRETER_H

#include <stdbool.h>
#include "base/error.h"
#include "base/table.h"
#include "base/task.h"
#include "base/text.h"
#include "ledger/ledger.h"
#include "session/session.h"
#include "ui/autosave.h"
#include "ui/output/graphics.h"
#include "ui/output/output.h"
#include "ui/transcript.h"

typedef struct interpreter interpreter;

/* The settings of `set`; main fills them from options and the environment. */
typedef struct settings {
    output_format format;
    bool interactive; /* a person at a terminal: abbreviations, bars, confirmation */
    bool echo;        /* print each script line as "+ LINE" */
    bool keep_going;  /* scripts go on after an error */
    bool colour, unicode;
    bool autosave;         /* at the prompt, the session is kept */
    graphics_form picture; /* how `plot` shows figures at the terminal */
    bool pager;            /* at the prompt, long answers go through one */
    bool mouse;            /* on the screen, wheel and clicks are ours */
    bool timer;            /* print the time of every command */
    int columns;           /* terminal width, 0 where there is none */
    bool quiet;            /* no notes, no progress */
    int prompt_columns; /* width of the prompt before the line that runs; 0: no caret */
} settings;

interpreter *interpreter_new(session *s, const settings *initial, error *e);
void interpreter_free(interpreter *i);
settings *interpreter_settings(interpreter *i);
session *interpreter_session(interpreter *i);

/* Runs one line (several commands with ";"), prints rows, notes and the error, which is
   prefixed "FILE:NUMBER: " where FILE is not NULL.  The first failure's status. */
status interpreter_line(interpreter *i, const char *line, const char *file,
                        int64_t number);

/* Runs a script ("-": standard input); stops at the first error unless keep_going. */
status interpreter_file(interpreter *i, const char *path);
/* The lines of WORDS as a script; NAME stands for it in messages. */
status interpreter_words(interpreter *i, const char *words, const char *name);
/* The same for a command: what stands in the script's lines is reported as it happens;
   E then has a code without a sentence, but says why a script cannot be read at all. */
status interpreter_source(interpreter *i, const char *path, error *e);

/* Where the file PATH is: from here, or else beside the script that names it. */
status interpreter_find(const interpreter *i, const char *path, text *found, error *e);

/* Runs one command in silence for another command that is running: rows are appended to
   ROWS, notes to NOTES, pictures to its own; no journal; names it changes are part of the caller's step. */
status interpreter_capture(interpreter *i, const char *line, const task *watch,
                           table *rows, text *notes, error *e);

/* Who shows commands at work and asks questions in place of the terminal itself: the
   screen.  All of it is called by the thread that runs commands. */
typedef struct front {
    void *context;
    const task *watch; /* the progress of commands goes here */
    bool (*confirm)(void *context, const char *question);
    /* What the command NAME, that was done for nobody else, has answered; C is lent. */
    void (*answered)(void *context, const char *name, const call *c);
    /* The answer of the command NAME has one row more, while it runs; C is lent. */
    void (*row)(void *context, const char *name, const call *c);
    /* The weights of what will be the model NAME have changed: a step or an epoch of the
       command that runs is done; M is lent. */
    void (*weights)(void *context, const char *name, const model *m);
    /* Writes what stands on the screen to the file PATH. */
    status (*save)(void *context, const char *path, bool colour, error *e);
    /* Opens the editor (edit.h) on PATH, or where it is "" on the last line, which is then
       run. */
    status (*edit)(void *context, const char *path, error *e);
} front;

/* F is lent, NULL for the terminal itself. */
void interpreter_set_front(interpreter *i, const front *f);
const front *interpreter_front(const interpreter *i);
/* For commands at work: they tell of a row, of weights; I may be NULL. */
void interpreter_tell_row(const interpreter *i, const call *c);
void interpreter_tell_weights(const interpreter *i, const char *name, const model *m);

/* `screen` was asked for: whoever reads lines opens it, and the wish is gone. */
void interpreter_wish_screen(interpreter *i);
bool interpreter_takes_screen(interpreter *i);

/* LINES are to be run as if they had been typed, by whoever reads lines; the caller of the
   second one clears them. */
status interpreter_wish_lines(interpreter *i, const char *lines, error *e);
bool interpreter_takes_lines(interpreter *i, text *lines);

/* Does a person look at what is printed, at the prompt of a terminal? */
bool interpreter_is_watched(const interpreter *i);
/* What the terminal says of itself; it is asked once, where a person is there.  Lent.  What
   was typed meanwhile is for whoever reads lines, who clears it. */
const graphics_terminal *interpreter_graphics(interpreter *i);
bool interpreter_takes_typed(interpreter *i, text *typed);

/* Is a person there who can be asked?  Not in scripts, nor within another command. */
bool interpreter_can_ask(const interpreter *i);
/* Asks a question that yes or no answers; "no" where nobody can be asked. */
bool interpreter_confirm(interpreter *i, const char *question);

/* Receipts of runs go to the database WORDS from now on: a file, "none" for none, NULL for
   the user's own, $XDG_STATE_HOME/lathe/runs.db.  NOW: it is opened at once, and where it
   cannot be nothing changes; else with the first receipt.  A new interpreter has none. */
status interpreter_set_database(interpreter *i, const char *words, bool now, error *e);
const char *interpreter_database(const interpreter *i); /* its file, or "none" */
/* The word that all receipts of this program have. */
const char *interpreter_session_word(const interpreter *i);
/* The database, lent; NULL with an error where there is none. */
ledger *interpreter_ledger(interpreter *i, error *e);

/* By what the database knows the dataset NAME of the session. */
uint64_t interpreter_data_digest(interpreter *i, const char *name);

/* Whether commands leave receipts from now on; what it was before. */
bool interpreter_record(interpreter *i, bool on);

/* The number of the receipt of the command that runs, which gets one now; 0 where it
   leaves none.  Runs of another process name it as the one that ran them. */
int64_t interpreter_run_number(interpreter *i);
void interpreter_set_outer_run(interpreter *i, int64_t number);

/* The transcript that is written, lent; NULL: none.  A new one takes the place of the one
   before. */
transcript *interpreter_transcript(interpreter *i);
status interpreter_begin_transcript(interpreter *i, const char *path, error *e);
void interpreter_end_transcript(interpreter *i);

/* Keeps the session from now on (autosave.h); false with an error where it cannot.  The
   keeper is lent; NULL where none was begun: in scripts. */
bool interpreter_begin_autosave(interpreter *i, error *e);
autosave *interpreter_autosave(interpreter *i);

bool interpreter_wants_quit(const interpreter *i, int *exit_code);
void interpreter_quit(interpreter *i, int exit_code);

/* The flag that Ctrl-C sets; the task given to commands asks it. */
extern volatile sig_atomic_t interpreter_interrupted;

#endif
