/* SPDX-License-Identifier: GPL-3.0-or-later
   gather_parts.h -- what the files of gathered products share: one run, and the two ways
   that it can go.  Nobody else reads it. */
#ifndef LATHE_KERNEL_GATHER_PARTS_H
#define LATHE_KERNEL_GATHER_PARTS_H

#include "kernel/gather.h"
#include "kernel/panel.h"

enum {
    GATHER_CACHED_FLOATS = 1 << 18 /* of weights, that stay in the second-level cache */
};

/* One run of a mapping. */
typedef struct gather_job {
    const mapping *m;
    const float *source, *weight, *bias;
    const finish *tail;
    float *y;
    bool accumulate;
    panels panels;
    const float *prepared; /* all panels, packed before; or NULL */
    float *packed;   /* all panels, packed here; NULL where prepared, or where each task
                      packs its own */
    float *room;     /* of each thread */
    size_t apart;    /* from thread to thread */
    tiling tiles;    /* by rows */
    float *gathered; /* gathered: [tile of pixels][k], of all threads or of each */
    bool *at_hand;   /* of each thread, where it gathers for itself: has it? */
    int64_t step, first, last, chunk, chunks;
    int64_t columns;      /* gathered: tasks side by side, of a panel each or of all */
    float *sums;          /* gathered, where y is not dense: [tile of pixels][outputs] */
    const placing *place; /* gathered: where outputs lie, or NULL */
    const depthwise_call *before; /* by rows: what makes the source, or NULL */
    const depthwise_rows *made;
} gather_job;

/* Lays out what J needs in S, with room for panels where it PACKS them; and runs it. */
typedef struct gather_way {
    void (*prepare)(gather_job *j, bool packs, scratch *s);
    void (*run)(gather_job *j);
} gather_way;

extern const gather_way gather_by_rows, gather_by_pixels;

/* Packs all panels to j->packed. */
void gather_pack(gather_job *j);

/* Where panel I lies, packed; in OWN where that has to be done first. */
static inline const float *gather_panel(const gather_job *j, int64_t i, float *own)
{
    const float *all = j->prepared ? j->prepared : j->packed;
    if (all)
        return all + i * j->panels.floats;
    panels_pack(&j->panels, i, j->weight, own);
    return own;
}

static inline bool y_is_dense(const mapping *m)
{
    return m->y_row == m->out_w * m->y_pixel && m->y_image == m->out_h * m->y_row;
}

/* A single tap on every pixel: the source is the gathered matrix already. */
static inline bool source_is_gathered(const mapping *m)
{
    return m->rows.count == 1 && m->columns.count == 1 && m->rows.place[0] == 0 &&
           m->columns.place[0] == 0 && m->step_h == 1 && m->step_w == 1 &&
           m->out_h == m->h && m->out_w == m->w;
}

#endif
