/* SPDX-License-Identifier: GPL-3.0-or-later
   rows.h -- the columns that many commands share, filled in one place: what a model is
   and how good it is, measured on the file that holds it.  It never prints and changes no
   name but the one it is told to. */
#ifndef LATHE_UI_COMMAND_ROWS_H
#define LATHE_UI_COMMAND_ROWS_H

#include "measure/evaluate.h"
#include "ui/command/command.h"

/* A model as its file holds it: written, read back, and the bytes of that file. */
typedef struct artefact {
    model *model; /* owned */
    int64_t bytes;
} artefact;

status artefact_make(const model *m, artefact *a, error *e);
void artefact_clear(artefact *a);

/* In T's current row: architecture parameters nonzero sparsity bits bytes multiply_adds.
   Sparsity is the share of trained elements that are 0. */
status rows_put_model(table *t, const artefact *a, error *e);

/* A shape without its batch, as files have it: channels first ("1x64x64"). */
char *rows_shape(char buffer[128], shape s);

/* In T's current row: data source samples input target valid groups train val test
   bytes; shapes are C,H,W as in files, valid is the share of values not masked. */
void rows_put_dataset(table *t, const char *name, const dataset *d);

/* The samples that models are measured on: a split of a dataset. */
typedef struct sample_set {
    const char *name; /* of the dataset */
    const dataset *data;
    split_kind split;
    int64_t batch; /* samples of one run; 0: as many as suit */
} sample_set;

/* The dataset of the option data= and the split of the option split=.  E_RANGE with the
   cure where it has no such samples. */
status rows_sample_set(const call *c, const char *who, sample_set *on, error *e);

/* Evaluates A; in the current row: data split samples and one column for each metric,
   with its interval unless HOW is NULL.  V (which may be NULL) receives the numbers. */
status rows_put_metrics(const call *c, const artefact *a, const sample_set *on,
                        const certainty *how, evaluation *v, error *e);

/* Records the step in M, fills the current row with its metrics (unless ON is NULL) and
   what it is, and gives it to the session as NAME.  Takes M, also on failure.  E_STOPPED
   where the user stopped the measuring: the session has the model all the same. */
status rows_keep(call *c, const char *name, model *m, const char *summary,
                 const sample_set *on, evaluation *v, error *e);

/* A number, or an empty cell where it is not finite. */
void rows_put_real(table *t, const char *column, double value);

/* E_NAME: "there is no WHAT 'WORD'", with the nearest of what NAME_AT gives, or all of
   it, as hint. */
status rows_unknown(const char *what, const char *word, const char *(*name_at)(int i),
                    error *e);

/* E_USAGE where the user wrote one of the options NAMES, a list that NULL ends: WHERE says
   why they mean nothing, as "without qat=". */
status rows_unused(const call *c, const char *who, const char *const *names,
                   const char *where, error *e);

/* The column digest: the hash of the bytes of the file PATH, by which it is known again. */
status rows_put_digest(table *t, const char *path, error *e);

/* A sentence for the reader, one a line. */
void rows_note(call *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A note on methods that M was tuned to and this program does not have. */
void rows_note_methods(call *c, const char *name, const model *m);

/* The option seed=, else the session's. */
uint64_t rows_seed(const call *c);

/* The name the result gets: as=NAME, else that of the model itself. */
const char *rows_target(const call *c);

#endif
