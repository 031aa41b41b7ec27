/* SPDX-License-Identifier: GPL-3.0-or-later
   worker.h -- the thread that runs commands while the screen answers.  From worker_new to
   worker_free it alone touches the interpreter and the session; the screen sees copies and
   cards, taken by it under a lock. */
#ifndef LATHE_UI_SCREEN_WORKER_H
#define LATHE_UI_SCREEN_WORKER_H

#include "ui/interpreter.h"
#include "ui/output/progress.h"
#include "ui/screen/cards.h"
#include "ui/screen/curve.h"
#include "ui/screen/evidence.h"

typedef struct worker worker;

/* What a command wants of the screen, and waits for. */
typedef enum worker_wish {
    WISH_NONE,
    WISH_SAVE, /* the screen in a file */
    WISH_EDIT  /* the editor on a file, or where it is "" on the last line */
} worker_wish;

/* What it is doing. */
typedef struct worker_view {
    bool busy, stopping, quit;
    bool mouse;      /* the setting */
    bool looks;      /* an inquiry waits, or is being answered */
    int64_t waiting; /* blocks behind the one that runs */
    int64_t done;    /* blocks that have come to their end */
    bool reads;      /* the last answer was text for people, as help is */
    char line[256];  /* that runs */
    double began;    /* clock */
    bool told;       /* the four below are of the command that runs */
    progress last;   /* its stage and unit are those of STAGE and UNIT */
    char stage[64], unit[32];
    progress_view line_view;
    char question[256]; /* to be answered; "" for none */
    int64_t news;       /* changes with the cards */
    picture event;      /* that there is news for since the last command began */
    int64_t events;     /* changes with it */
    worker_wish wish;
    char *path; /* of the wish; lent */
    bool save_colour;
} worker_view;

/* Runs I's commands from now on and tells of news by a byte in WAKE, which does not block.
   COLUMNS is the width of tables. */
worker *worker_new(interpreter *i, int wake, int columns, error *e);

/* Queues BLOCK, whose lines run one by one up to the first error. */
status worker_submit(worker *w, const char *block, error *e);
/* Asks the command that runs to stop.  Asked again within two seconds it also drops what
   waits; how many blocks that was. */
int64_t worker_stop(worker *w);
void worker_answer(worker *w, bool yes);
/* Its wish was granted, or could not be. */
void worker_grant(worker *w, status result, const error *e);
void worker_set_columns(worker *w, int columns);

/* What it does now; V's texts are good until the next look. */
void worker_look(worker *w, worker_view *v);
void worker_losses_held(worker *w, curve *c); /* while the cards are borrowed */
/* What was measured; lent while the cards are borrowed. */
const evidence *worker_evidence_held(const worker *w);
/* Wants something for a picture, unless that was asked for before; what an earlier inquiry
   of the kind was for is not wanted any more.  Is anything to come?  While the cards are
   borrowed. */
bool worker_ask_held(worker *w, const inquiry *wanted);
/* The cards, lent until they are given back, which is soon: the worker waits for them. */
const cards *worker_borrow(worker *w);
void worker_give_back(worker *w);

/* Asks it to end; it has ended when worker_ended says so. */
void worker_end(worker *w);
bool worker_ended(worker *w);
void worker_free(worker *w); /* after its end; NULL is fine */

#endif
