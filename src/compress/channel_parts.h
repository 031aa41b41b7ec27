/* SPDX-License-Identifier: GPL-3.0-or-later
   channel_parts.h -- what the files of channel pruning share.  Nobody else includes it. */
#ifndef LATHE_COMPRESS_CHANNEL_PARTS_H
#define LATHE_COMPRESS_CHANNEL_PARTS_H

#include "compress/channel.h"

/* The weight of a convolution or linear layer, or NULL: no such node. */
const parameter *channel_weight(const graph *g, int node);

/* The batch norm that reads the output of NODE, or -1. */
int channel_norm_behind(const graph *g, int node);

/* Fills P's units, members and groups. */
status channel_groups_find(const graph *g, channel_plan *p, error *e);

/* Fills V as the criterion of S wants it. */
status channel_evidence_gather(const model *m, const channel_settings *s,
                               const task *watch, channel_evidence *v, error *e);
void channel_evidence_clear(channel_evidence *v);

#endif
