/* SPDX-License-Identifier: GPL-3.0-or-later
   evidence.h -- what commands have measured while the screen was there: sensitivities,
   times of layers, metrics, weights on their way, the front.  The thread that runs
   commands writes it, under the worker's lock; who draws reads it while it has borrowed
   the cards.  It measures nothing. */
#ifndef LATHE_UI_SCREEN_EVIDENCE_H
#define LATHE_UI_SCREEN_EVIDENCE_H

#include "ui/command/command.h"
#include "ui/screen/cards.h"
#include "ui/screen/pictures.h"
#include "ui/screen/sampled.h"
#include "ui/screen/inquiry.h"

/* How long a layer took with AMOUNT of its weights zero. */
typedef struct trial_time {
    char layer[CARD_WORDS];
    double amount, ms;
} trial_time;

/* A metric of a whole split, as `eval` told it. */
typedef struct measured_metric {
    int64_t serial;
    const metric_row *metric;
    double value;
} measured_metric;

enum { EVIDENCE_METRICS = 256 };

typedef struct evidence {
    sampled_list sampled;
    int64_t hashed; /* serial of the model whose hash is HASH */
    uint64_t hash;
    table *times;      /* what `plan` has answered last, or NULL */
    int64_t timed;     /* of the model with this serial */
    trial_time *tries; /* of the same model: layers pruned for the measurement alone */
    int64_t try_count, try_capacity;
    measured_metric metrics[EVIDENCE_METRICS]; /* a ring */
    int64_t metric_count;
    model_card *moving; /* weights of the model that a command makes; NULL: none does */
    char moving_name[CARD_WORDS];
    specimen *specimen; /* NULL: none was asked for */
    front_answer front;
} evidence;

void evidence_clear(evidence *v);

/* What was measured of these weights in earlier sessions, from the cache folder. */
void evidence_recall(evidence *v, uint64_t weights);

/* The command NAME has a row more; which picture that is news for. */
picture evidence_row(evidence *v, const char *name, const call *c);
void evidence_answer(evidence *v, const char *name, const call *c);
/* Takes M (NULL: no weights move any more). */
void evidence_weights(evidence *v, const char *name, model_card *m);

/* Take the answers of inquiries. */
void evidence_specimen(evidence *v, specimen *p);
void evidence_front(evidence *v, const front_answer *a);

/* Milliseconds of the layer NAME of the model with the serial OF; NaN where it was not
   timed, or runs within another. */
double evidence_ms(const evidence *v, int64_t of, const char *name);
/* The same with AMOUNT of its weights zero, where that was tried. */
double evidence_ms_at(const evidence *v, int64_t of, const char *name, double amount);
double evidence_total_ms(const evidence *v, int64_t of);
/* The metric of the model with the serial OF; NaN where it was not measured. */
double evidence_metric(const evidence *v, int64_t of, const metric_row *metric);

#endif
