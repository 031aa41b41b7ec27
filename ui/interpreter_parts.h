/* SPDX-License-Identifier: GPL-3.0-or-later
   interpreter_parts.h -- what the files of the interpreter share: its state, a command on
   its way, and what is printed of it.  Others use interpreter.h. */
#ifndef LATHE_UI_INTERPRETER_PARTS_H
#define LATHE_UI_INTERPRETER_PARTS_H

#include "ledger/ledger.h"
#include "ui/command/command.h"
#include "ui/interpreter.h"
#include "ui/lexer.h"

/* Where receipts go. */
typedef struct recorder {
    char *path;
    bool off;         /* by the user's wish, or after a failure */
    ledger *ledger;   /* opened with the first receipt */
    char session[17]; /* one word for all runs of this program */
    int64_t outer;    /* the run of another process that runs this program; 0: none */
} recorder;

/* Digests of datasets, by the serials of their objects. */
typedef struct digest_row {
    int64_t serial;
    uint64_t digest;
} digest_row;
typedef struct digests {
    digest_row *items;
    int64_t count, capacity;
} digests;

/* Datasets that a command read or made, for its receipt. */
typedef struct record_datum {
    ledger_data facts;
    char *name, *source, *origin; /* of the facts */
} record_datum;
typedef struct record_data {
    record_datum *items;
    int64_t count, capacity;
    int64_t newest; /* serial of the newest object before the command */
} record_data;

/* What is kept of a command for its receipt. */
typedef struct record record;

struct interpreter {
    session *session;
    settings settings;
    bool quit;
    int exit_code;
    int depth;          /* scripts within scripts */
    const char *script; /* the path of the innermost one; NULL: none */
    int captures;       /* commands run by commands */
    recorder recorder;
    digests digests;
    transcript *transcript; /* NULL: none */
    autosave *autosave;     /* NULL: none */
    uint64_t first_seed;    /* of the session when it began */
    struct run *running;    /* the innermost command that runs; NULL: none */
    bool lost;              /* standard output could not be written */
    const front *front;     /* NULL: the terminal */
    bool wants_screen;
    bool asked; /* the terminal what it can show */
    graphics_terminal graphics;
    text typed;  /* while it was asked */
    text wanted; /* lines that are to be run next */
};

/* Where a command stands. */
typedef struct place {
    const char *file; /* NULL: at the prompt */
    int64_t number;
    const char *line;
    size_t begin; /* of the command in the line */
} place;

/* One command on its way. */
typedef struct run {
    interpreter *i;
    const command *command;
    sentence words;
    text line;       /* as it can be written again */
    text transcript; /* as the transcript has it; "" where it does not */
    earlier_models before;
    bool kept; /* it was stopped, and the session keeps what it did */
    call call;
    bool abbreviate;
    int64_t blame; /* the word at fault, or -1 */
    double seconds;
    struct run *outer; /* the command that runs this one; NULL: none */
    record *record;    /* NULL: it leaves no receipt */
    int64_t number;    /* of its receipt; 0: it has none yet */
} run;

/* Points at bytes BEGIN to END of AT's line, where that stands on the screen above. */
void interpreter_print_caret(const interpreter *i, const place *at, size_t begin,
                             size_t end);

/* One line: where, the sentence, the hint.  Nothing for an error without a sentence: it
   was reported where it happened. */
void interpreter_print_error(const interpreter *i, const place *at, const error *e);

/* Rows and notes of a command that is done; E_FILE where standard output is lost. */
status interpreter_print_answer(const run *r, const place *at, error *e);
void interpreter_print_notes(const run *r, const place *at);

/* The answer into the file behind ">", in the format of its ending. */
status interpreter_write_answer(const run *r, error *e);

/* The same for the transcript; AT and BEGIN to END are where the command was written. */
void interpreter_log_begin(run *r);
void interpreter_log_end(run *r, const place *at, size_t end, status result,
                         const error *why);

/* Before and after the work of R; E is why it failed.  Failures of their own become a note
   of R. */
void record_begin(run *r);
void record_end(run *r, status result, const error *e);
void record_free(record *k); /* NULL is fine */
void recorder_clear(recorder *r);

/* The datasets that R is about to read, and those that it made. */
void record_data_inputs(run *r, record_data *to);
void record_data_outputs(run *r, record_data *to);
void record_data_clear(record_data *d);

#endif
