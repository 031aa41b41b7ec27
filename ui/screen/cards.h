/* SPDX-License-Identifier: GPL-3.0-or-later
   cards.h -- what the screen tells of a session: a card for every name, made by the thread
   that owns the session, read by the one that draws.  A card never changes; what stays the
   same is shared with the cards before. */
#ifndef LATHE_UI_SCREEN_CARDS_H
#define LATHE_UI_SCREEN_CARDS_H

#include "session/session.h"

#define CARD_WORDS 64
#define CARD_BINS  64

typedef struct layer_card {
    char name[CARD_WORDS], kind[24], output[40];
    int64_t parameters, nonzero; /* trained elements, and those that are not 0 */
    int64_t weights, kept; /* elements of its weight, and those not masked; 0: none */
    int64_t channels;      /* of the output of its weight */
    int bits;              /* of its weight; 0: it has none */
    double share;          /* of the model's multiply-adds */
    double
        largest; /* of the kept weights, without their signs; those have so many in each
                       of CARD_BINS equal parts from 0 to it: */
    int64_t bins[CARD_BINS];
    bool layer; /* conv or linear: can be quantized by itself */
    int number; /* as quantize_layers counts them; -1: it does not */
} layer_card;

typedef struct step_card {
    char *command, *summary;
    uint64_t hash;
} step_card;

typedef struct epoch_card {
    double train_loss, val_loss;
} epoch_card;

/* A version of a model, as a name of the session holds it. */
typedef struct model_card {
    int64_t references;
    int64_t serial;   /* of the session's object: no other has the same */
    uint64_t hash;    /* of its last step; 0: none */
    uint64_t weights; /* graph_hash */
    char *architecture, *input;
    int64_t parameters, nonzero, bytes,
        multiply_adds; /* bytes of its file; -1: unknown */
    int bits;          /* the fewest of a weight */
    layer_card *layers;
    int64_t layer_count;
    layer_card whole; /* weights, kept, largest and bins of all layers together */
    step_card *steps;
    int64_t step_count;
    epoch_card *epochs;
    int64_t epoch_count;
} model_card;

typedef struct name_card {
    char *name;
    object_kind kind;
    int64_t serial;     /* of the session's object */
    int depth;          /* of a model below the one that it was made from */
    bool last;          /* it is the last of its parent's */
    const char *parent; /* a name of the cards, or NULL */
    model_card *model;  /* NULL for others */
    char *words;        /* what others are, in a line */
    char *input;        /* of a dataset: the shape of a sample */
} name_card;

typedef struct cards {
    session *names;   /* for completion */
    name_card *items; /* models as a tree, then datasets, then tables */
    int64_t count;
    int64_t undo_count;
    char *undo; /* the command that undo would take back; NULL: none */
} cards;

/* BEFORE (which may be NULL) lends what has not changed. */
cards *cards_new(const session *s, const cards *before, error *e);
void cards_free(cards *c); /* NULL is fine; by the thread that made them */

/* The item of that name, or NULL. */
const name_card *cards_find(const cards *c, const char *name);

/* The data that the model N was last trained or measured with, as its steps tell; else
   the first whose samples have its input's shape; else the first.  NULL: there are none. */
const name_card *cards_data(const cards *c, const name_card *n);

/* The layers and weights of M alone, as it is on its way; free it with card_free. */
model_card *card_of_weights(const model *m, error *e);
void card_free(model_card *m);

/* Bytes of a weight of COUNT elements, KEPT of them not masked, in a file: plain, or a
   bitmap and what is kept, whichever is less; and the scales of CHANNELS. */
int64_t cards_weight_bytes(int64_t count, int64_t kept, int bits, int64_t channels);

#endif
