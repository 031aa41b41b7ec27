/* SPDX-License-Identifier: GPL-3.0-or-later
   hdf5_parts.h -- what the process that reads an HDF5 file and the one that waits for it
   tell each other.  Nobody else needs it. */
#ifndef LATHE_DATA_HDF5_PARTS_H
#define LATHE_DATA_HDF5_PARTS_H

#include "data/hdf5_file.h"

/* The question, which the child has from its parent's memory. */
typedef struct hdf5_question {
    const char *file, *path;
    int rank;
    const hdf5_box *box;
    int pipe;    /* answers go here */
    size_t room; /* bytes that reading may take in the child */
    size_t most; /* bytes of numbers that may be answered */
} hdf5_question;

enum { HDF5_PIECE = 1 << 20 };

/* The answer: this, and where WHY is E_OK the numbers of SHAPE as f32, in pieces: as many
   whole rows of the first dimension that has more than one place as fit into HDF5_PIECE
   numbers, at least one, each piece behind a status of 32 bits. */
typedef struct hdf5_answer {
    error why;
    shape shape;
} hdf5_answer;

/* In the child: answers, and returns when everything was said. */
void hdf5_answer_question(const hdf5_question *q);

#endif
