/* SPDX-License-Identifier: GPL-3.0-or-later
   inquiry.h -- what pictures want of the session beside commands: a sample through a model,
   the front of what was measured.  The thread that owns the session answers inquiries between
   commands; they change nothing and leave no line in any log. */
#ifndef LATHE_UI_SCREEN_INQUIRY_H
#define LATHE_UI_SCREEN_INQUIRY_H

#include "ui/interpreter.h"
#include "ui/screen/cards.h"
#include "ui/screen/specimen.h"

typedef enum inquiry_kind { INQUIRY_SPECIMEN, INQUIRY_FRONT, INQUIRY_KINDS } inquiry_kind;

typedef struct inquiry {
    inquiry_kind kind;
    char model[CARD_WORDS], data[CARD_WORDS]; /* names; of the front: none */
    int64_t model_serial, data_serial;
    int64_t turn; /* the sample; of the front: 0 by error, 1 by time */
    int64_t done; /* of the front: how many blocks of commands had run */
} inquiry;

bool inquiry_equal(const inquiry *a, const inquiry *b);

/* What `pareto` says of this session's runs. */
typedef struct front_answer {
    table *rows;        /* NULL: none */
    inquiry of;         /* what was asked */
    char y[CARD_WORDS]; /* the column beside bytes */
    char data[CARD_WORDS],
        split[16]; /* that all rows are of; "" where they are of none */
    bool recorded; /* are runs recorded at all? */
} front_answer;

/* NULL without memory; the caller frees. */
specimen *inquiry_specimen(interpreter *i, const inquiry *w);
/* The caller frees out->rows. */
void inquiry_front(interpreter *i, const inquiry *w, front_answer *out);

#endif
