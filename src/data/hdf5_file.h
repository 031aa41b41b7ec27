/* SPDX-License-Identifier: GPL-3.0-or-later
   hdf5_file.h -- numbers out of HDF5 files.  The library is run in a process of its own:
   files from strangers have made it crash and loop, and that must not end a session. */
#ifndef LATHE_DATA_HDF5_FILE_H
#define LATHE_DATA_HDF5_FILE_H

#include "base/task.h"
#include "data/array_feed.h"
#include "tensor/tensor.h"

/* A box of a dataset: START and COUNT of each dimension; COUNT 0 stands for all from
   START on, and at most LIMIT in dimension LIMITED (-1: none is). */
typedef struct hdf5_box {
    int64_t start[SHAPE_MAX], count[SHAPE_MAX];
    int limited;
    int64_t limit;
} hdf5_box;

/* The box of the dataset PATH (with slashes) in FILE, of RANK dimensions (0: any), as f32
   in the file's order.  A box of no extent for an axis is E_RANGE, another rank E_SHAPE;
   E_NAME lists the datasets there are.  E_STOPPED where WATCH asks for it. */
tensor *hdf5_read(const char *file, const char *path, int rank, const hdf5_box *box,
                  const task *watch, error *e);

/* The same as a feed, which keeps copies of FILE, PATH and BOX and borrows WATCH;
   array_feed_close ends it. */
status hdf5_feed(const char *file, const char *path, int rank, const hdf5_box *box,
                 const task *watch, array_feed *out, error *e);

#endif
