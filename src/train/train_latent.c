/* SPDX-License-Identifier: GPL-3.0-or-later
   train_latent.c -- what a regularizer needs of the trainer: a runner that keeps the
   latent value, and room to work in.  The regularizers are in regularizer.c. */
#include "base/memory.h"
#include "train/trainer_parts.h"

runner *train_runner(const model *m, const train_settings *t, int64_t batch, shape in,
                     error *e)
{
    runner *r = runner_new(m, batch, in, e);
    if (r && t->regularizer && runner_keep(r, (int)t->latent, e) != E_OK) {
        runner_free(r);
        r = NULL;
    }
    return r;
}

void train_room_clear(train_room *r)
{
    memory_free(r->block);
    *r = (train_room){0};
}

static status make_room(train_room *r, size_t bytes, error *e)
{
    if (bytes <= r->bytes)
        return E_OK;
    train_room_clear(r);
    r->block = memory_new_raw((int64_t)bytes, 1, e);
    r->bytes = r->block ? bytes : 0;
    return r->block ? E_OK : E_MEMORY;
}

status train_regularize(train_room *room, const train_settings *t, const float *latent,
                        int64_t n, int64_t features, random_stream draw, float *gradient,
                        double *value, error *e)
{
    TRY(make_room(room, t->regularizer->room(n, features), e));
    *value = t->regularizer->value(latent, n, features, draw, t->lambda, room->block,
                                   gradient);
    return E_OK;
}
