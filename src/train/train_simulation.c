/* SPDX-License-Identifier: GPL-3.0-or-later
   train_simulation.c -- when a training begins to see the model as it will be deployed.
   How that is done is the simulation's. */
#include "train/trainer_parts.h"

bool train_simulates(const train_state *s, const train_settings *t)
{
    return t->simulation && s->epoch + 1 >= t->simulation->from;
}

bool train_enters(const train_state *s, const train_settings *t)
{
    return t->simulation && s->epoch + 1 == t->simulation->from;
}

/* Other parameters want an optimizer that begins anew. */
static status enter(train_state *s, const train_simulation *to, error *e)
{
    model *trained = model_copy(s->last, e);
    status code = trained ? to->enter(to->self, trained, e) : E_MEMORY;
    tensor ***slots = code ? NULL : slots_new(trained->graph, s->slot_count, NULL, e);
    if (!slots) {
        model_free(trained);
        return code ? code : E_MEMORY;
    }
    slots_free(s->slots, s->last->graph->parameter_count, s->slot_count);
    model_free(s->last);
    s->last = trained;
    s->slots = slots;
    s->slot_step = s->step;
    s->stale = 0;
    return E_OK;
}

status train_begin_simulation(train_state *s, const train_settings *t, const dataset *d,
                              const task *watch, error *e)
{
    if (!train_simulates(s, t))
        return E_OK;
    if (t->regularizer) {
        fail(e, E_USAGE,
             "train: a latent value cannot be regularized while integers are "
             "simulated");
        return fail_hint(e, "leave out regularizer, or qat");
    }
    if (train_enters(s, t))
        TRY(enter(s, t->simulation, e));
    /* Plans are of the epoch before. */
    train_cache_free(s->cache);
    s->cache = NULL;
    return t->simulation->begin(t->simulation->self, s->last, d, watch, e);
}
