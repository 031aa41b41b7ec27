/* SPDX-License-Identifier: GPL-3.0-or-later
   edits.h -- what a person has set for single layers of a model and not applied yet: how
   much of each is to be pruned, and how many bits its weights get.  It changes no model:
   it writes the command that does, and predicts the bytes. */
#ifndef LATHE_UI_SCREEN_EDITS_H
#define LATHE_UI_SCREEN_EDITS_H

#include "base/text.h"
#include "ui/screen/cards.h"

typedef struct layer_edit {
    double amount; /* share of its weights that is to be zero in all; NaN: as it is */
    int bits;      /* 0: as they are */
    char name[CARD_WORDS];     /* the layer, and what it was when it was set: it is the */
    int64_t weights, channels; /* same layer in another version while these are */
} layer_edit;

typedef struct edits {
    char *model;            /* the name they are of; NULL: there are none */
    int64_t of;             /* the serial of its version */
    layer_edit *layers;     /* [count] */
    int64_t count, changed; /* layers; those that are to change */
    char told[240];         /* what was dropped, and why; the reader empties it */
} edits;

void edits_clear(edits *e);
/* Goes with the model that they are of: a new version that was trained keeps what is set
   for every layer that it still has in the same shape; what a version has already, or can
   have no more, is dropped.  Other models may be looked at meanwhile. */
void edits_follow(edits *e, const cards *c);

/* Step the layer I of CHOSEN by so many twentieths, or so many bits (of 2, 3, 4, 5, 6, 7,
   8, 16).  Why it cannot be is put into NOTE. */
status edits_step_amount(edits *e, const name_card *chosen, int64_t i, int steps,
                         error *note);
status edits_step_bits(edits *e, const name_card *chosen, int64_t i, int steps,
                       error *note);

/* What layer I is to be; of CHOSEN as it is where nothing was set. */
double edits_amount(const edits *e, const name_card *chosen, int64_t i);
int edits_bits(const edits *e, const name_card *chosen, int64_t i);
int64_t edits_changed(const edits *e, const name_card *chosen); /* layers */
bool edits_changes(const edits *e, const name_card *chosen, int64_t i);
/* Is anything set for CHOSEN, of amounts, of bits? */
bool edits_sets_amounts(const edits *e, const name_card *chosen);
bool edits_sets_bits(const edits *e, const name_card *chosen);

/* Bytes of the file with all of it applied, by the rules of the file; -1: unknown. */
int64_t edits_bytes(const edits *e, const name_card *chosen);
/* " layers=a:0.5,b:0.7", of the amounts that are set. */
void edits_amounts(const edits *e, text *out);
/* "prune m layers=a:0.5,b:0.7; quantize m scheme=weight layers=c:4" */
void edits_command(const edits *e, const name_card *chosen, text *out);

#endif
