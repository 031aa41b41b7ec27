/* SPDX-License-Identifier: GPL-3.0-or-later
   model.c -- making, copying and annotating models.  It never touches weights. */
#include "graph/model.h"

#include "base/memory.h"

model *model_new(graph *g, error *e)
{
    model *m = memory_new(1, sizeof *m, e);
    if (!m) {
        graph_free(g);
        return NULL;
    }
    m->graph = g;
    m->architecture = memory_text("", e);
    m->options = m->architecture ? memory_text("", e) : NULL;
    if (!m->options) {
        model_free(m);
        return NULL;
    }
    return m;
}

void model_free(model *m)
{
    if (!m)
        return;
    graph_free(m->graph);
    memory_free(m->architecture);
    memory_free(m->options);
    memory_free(m->epochs);
    for (int64_t i = 0; i < m->step_count; i++) {
        memory_free(m->steps[i].command);
        memory_free(m->steps[i].summary);
    }
    memory_free(m->steps);
    memory_free(m);
}

status model_add_epoch(model *m, epoch_row row, error *e)
{
    TRY(memory_grow((void **)&m->epochs, &m->epoch_capacity, m->epoch_count + 1,
                    sizeof *m->epochs, e));
    m->epochs[m->epoch_count++] = row;
    return E_OK;
}

static status add_step(model *m, const char *command, const char *summary, uint64_t hash,
                       error *e)
{
    TRY(memory_grow((void **)&m->steps, &m->step_capacity, m->step_count + 1,
                    sizeof *m->steps, e));
    step_row row = {.hash = hash, .command = memory_text(command, e)};
    row.summary = row.command ? memory_text(summary, e) : NULL;
    if (!row.summary) {
        memory_free(row.command);
        return E_MEMORY;
    }
    m->steps[m->step_count++] = row;
    return E_OK;
}

status model_add_step(model *m, const char *command, const char *summary, error *e)
{
    return add_step(m, command, summary, graph_hash(m->graph), e);
}

static status copy_annotations(model *to, const model *from, error *e)
{
    to->seed = from->seed;
    to->input_transform = from->input_transform;
    to->augment = from->augment;
    memory_free(to->architecture);
    memory_free(to->options);
    to->architecture = memory_text(from->architecture, e);
    to->options = memory_text(from->options, e);
    if (!to->architecture || !to->options)
        return E_MEMORY;
    for (int64_t i = 0; i < from->epoch_count; i++)
        TRY(model_add_epoch(to, from->epochs[i], e));
    for (int64_t i = 0; i < from->step_count; i++)
        TRY(add_step(to, from->steps[i].command, from->steps[i].summary,
                     from->steps[i].hash, e));
    return E_OK;
}

model *model_copy(const model *m, error *e)
{
    graph *g = graph_copy(m->graph, e);
    model *copy = g ? model_new(g, e) : NULL;
    if (copy && copy_annotations(copy, m, e)) {
        model_free(copy);
        return NULL;
    }
    return copy;
}
