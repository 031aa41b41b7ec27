/* SPDX-License-Identifier: GPL-3.0-or-later
   calibration_file.h -- what was measured on this machine, as a JSON file under the cache
   folder, one for each processor, instruction set and number of threads. */
#ifndef LATHE_FORMAT_CALIBRATION_FILE_H
#define LATHE_FORMAT_CALIBRATION_FILE_H

#include "engine/calibration.h"

/* Where the calibration of this machine for THREADS is, or would be; the caller frees. */
char *calibration_path(int threads, error *e);

status calibration_write(const calibration *c, const char *path, error *e); /* atomic */
/* Checks everything; E_FORMAT for another version or another machine. */
calibration *calibration_read(const char *path, error *e);

/* A calibration_finder: NULL where there is no file, or one of no use, of which NOTE
   tells. */
calibration *calibration_find(int threads, error *note);

#endif
