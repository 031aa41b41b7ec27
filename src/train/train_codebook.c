/* SPDX-License-Identifier: GPL-3.0-or-later
   train_codebook.c -- weights that are entries of a codebook are trained as the few numbers
   they are: which weight has which entry stays.  It makes no codebook. */
#include "train/train_update.h"

/* Entries of the largest codebook. */
#define ENTRIES 256

static int entry_of(const parameter *p, int64_t i)
{
    return ((const int8_t *)tensor_data(p->codes))[i] + (1 << (p->quantizer->bits - 1));
}

bool codebook_is_trained(const parameter *p)
{
    return p->quantizer && p->quantizer->codebook;
}

void codebook_share_gradient(const parameter *p, float *gradient)
{
    double sum[ENTRIES] = {0};
    int64_t n = tensor_count(p->data);
    for (int64_t i = 0; i < n; i++)
        sum[entry_of(p, i)] += (double)gradient[i];
    /* What is masked is 0, and so is the entry that it has. */
    if (p->mask)
        sum[p->quantizer->zero_point[0] + (1 << (p->quantizer->bits - 1))] = 0;
    for (int64_t i = 0; i < n; i++)
        gradient[i] = (float)sum[entry_of(p, i)];
}

void codebook_follow(parameter *p)
{
    const float *data = tensor_f32(p->data);
    for (int64_t i = 0; i < tensor_count(p->data); i++)
        p->quantizer->codebook[entry_of(p, i)] = data[i];
}
