/* SPDX-License-Identifier: GPL-3.0-or-later
   channel.h -- pruning of whole channels: groups of layers whose channels are coupled, the
   importance of each channel, and which of them go.  The cutting is graph/channel's. */
#ifndef LATHE_COMPRESS_CHANNEL_H
#define LATHE_COMPRESS_CHANNEL_H

#include "base/task.h"
#include "base/text.h"
#include "compress/prune.h"
#include "data/dataset.h"
#include "graph/channel.h"
#include "graph/model.h"
#include "train/loss.h"

/* What a criterion has to see of the network at work. */
typedef enum channel_evidence_kind {
    EVIDENCE_NONE,
    EVIDENCE_ACTIVATIONS, /* mean |x| of each channel of each value */
    EVIDENCE_GRADIENTS    /* mean squared effect of each channel of a layer on the loss */
} channel_evidence_kind;

typedef struct channel_evidence {
    const graph *graph;
    uint64_t seed;
    double **seen; /* [value][channel]; NULL where nothing was seen */
} channel_evidence;

typedef struct channel_criterion {
    const char *name, *summary, *source;
    channel_evidence_kind evidence;
    bool comparable; /* between layers as they are; else divided by the layer's mean */
    /* Importance of each output channel of the layer NODE, SCORE [channels], larger is more
       worth keeping; false where the criterion has nothing to say of it. */
    bool (*score)(const channel_evidence *v, int node, double *score);
} channel_criterion;

const channel_criterion *channel_criterion_find(const char *name);
const channel_criterion *channel_criterion_at(int i);

/* How the importances of coupled channels make one. */
typedef enum channel_joining { JOIN_SUM, JOIN_MAX, JOIN_MEAN } channel_joining;

typedef struct channel_settings {
    const channel_criterion *criterion;
    channel_joining joining;
    prune_scope scope;
    double amount;      /* share of the channels there are that goes */
    double least, most; /* share of each group that goes at least, and at most */
    int64_t round;      /* widths are a multiple of it */
    char *const *skip;  /* firstN, lastN groups, or patterns of names of layers */
    int64_t skip_count;
    uint64_t seed;
    /* For criteria with evidence: SAMPLES of split train, BATCH at a time. */
    const dataset *data;
    const loss_row *loss;
    loss_settings terms;
    int64_t samples, batch;
} channel_settings;

/* Layers whose channels go together. */
typedef struct channel_group {
    uint64_t layers;   /* a hash of which */
    int first;         /* the first of them, a node */
    int64_t units;     /* of channels */
    int64_t width;     /* channels of the first layer in a unit */
    int64_t narrowest; /* channels of a unit in the value that has fewest */
    int64_t going;     /* units */
    bool skipped;      /* by the settings, or as the latent value */
    bool latent;       /* it holds the latent value of an autoencoder */
    bool unscored;     /* the criterion has nothing to say of it */
} channel_group;

/* What goes. */
typedef struct channel_plan {
    channel_units units;
    int64_t *member; /* [units + 1] where the channels of each unit begin in `place` */
    int64_t *place;  /* channels, as in units.unit */
    int *value_of;   /* [places] the value of each channel */
    int *group_of;   /* [units], -1: no layer makes it, and it stays */
    double *score;   /* [units] */
    uint8_t *goes;   /* [units] */
    channel_group *groups;
    int group_count;
} channel_plan;

/* Plans for M, which is not changed.  Each group keeps one channel or more, and so does
   every value; the latent value of an autoencoder stays as it is.  E_USAGE where there is nothing that may go, or something is quantized. */
status channel_plan_make(const model *m, const channel_settings *s, const task *watch,
                         channel_plan *p, error *e);
void channel_plan_clear(channel_plan *p);

/* The names of the layers of G that make the channels of GROUP, and of those that read
   them, with commas. */
void channel_group_names(const graph *g, const channel_plan *p, int group,
                         text *producers, text *consumers);

/* Cuts M.  DIFFERENCE: the largest difference between the outputs of what is left and of
   the whole graph with these channels unread, on random samples, in units of the largest
   output; E_NUMERIC where it is more than 1e-4, and M is then unchanged. */
status channel_plan_apply(model *m, const channel_plan *p, uint64_t seed,
                          double *difference, error *e);

#endif
