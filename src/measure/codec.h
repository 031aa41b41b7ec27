/* SPDX-License-Identifier: GPL-3.0-or-later
   codec.h -- an autoencoder as what it is for: how much smaller its latent values are, with
   all that the way back needs, and how fast both ways are. */
#ifndef LATHE_MEASURE_CODEC_H
#define LATHE_MEASURE_CODEC_H

#include "base/task.h"
#include "graph/model.h"

typedef struct codec {
    int64_t latent; /* numbers of a sample */
    int64_t side;   /* numbers beside them that the way back needs: block-log's least */
    double ratio;   /* numbers of the input / (latent + side), all of them float32 */
    double compress, decompress; /* bytes of float32 input or output a second: medians
                                    over runs of a batch, transforms included */
} codec;

/* M, cut at value LATENT, on random samples in batches of BATCH. */
status codec_measure(const model *m, int latent, int64_t batch, uint64_t seed,
                     const task *watch, codec *out, error *e);

#endif
